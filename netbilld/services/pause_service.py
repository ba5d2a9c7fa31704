"""Pauses (cuti): at once or from a day on, until a day or until the subscriber is back."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID

from netbilld.billing.terms import Stop, StopKind
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.periods import local_date
from netbilld.services import stop_service
from netbilld.services.find_service import Subscribers, find_service
from netbilld.services.stop_service import ended_service, set_status
from netbilld.services.subscriber_fields import optional_text


class Stops(stop_service.Stops, Protocol):
    async def stops(self, service_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Stop]]: ...


class Work(stop_service.StatusWork, Protocol):
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def terms(self) -> Stops: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause: its first whole day, and the day the service runs again; `waits` where it is still to begin."""

    from_on: date
    until_on: date | None
    waits: bool


class PauseService:
    """Pauses one service."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(
        self,
        username: str,
        from_on: date | None,
        until_on: date | None,
        reason: str | None,
        actor: Actor,
        now: datetime,
    ) -> Paused:
        """Pause a service; `subscriber resume` ends it, or takes back what is planned.

        Args:
            username: any name the service logs in with.
            from_on: the first day; None, or today, is at once: the first whole day is then tomorrow.
            until_on: the day on which it runs again by itself; None for not known.
            reason: for people.
            actor: who.
            now: when.

        Raises:
            InvalidInputError: the days are over, or in the wrong order.
            RefusedError: the service has ended, is suspended, or has a pause already.
        """
        said = optional_text("reason", reason, 200)
        async with self._store.write() as work:
            found = await find_service(work.subscribers, username)
            service = found.service
            if service.status == "ended":
                raise ended_service(username)
            if service.status == "suspended":
                raise RefusedError(f"{username} is suspended by staff", hint="`subscriber resume` first")
            today = local_date(now, service.timezone)
            if from_on is not None and from_on < today:
                raise InvalidInputError(f"--from {from_on} is over", hint=f"allowed: {today} or later")
            at_once = from_on is None or from_on == today
            first = today + timedelta(days=1) if at_once or from_on is None else from_on
            if until_on is not None and until_on <= (today if at_once else first):
                raise InvalidInputError(f"--until {until_on} is not after the first day of the pause")
            for stop in (await work.terms.stops([service.id])).get(service.id, ()):
                if stop.kind is StopKind.PAUSED and (stop.until_on is None or stop.until_on > today):
                    raise RefusedError(
                        f"{username} has a pause from {stop.from_on} to {stop.until_on or 'an unknown day'}",
                        hint="`subscriber resume` ends it, or takes it back",
                    )
            await work.terms.add_stop(service.id, Stop(StopKind.PAUSED, first, until_on, said, actor.name), now)
            if at_once and service.status == "active":
                await set_status(work, found, "paused", said, "subscriber.pause", actor, now)
            else:
                details = {
                    "service_ids": [str(service.id)],
                    "username": found.credential.name,
                    "from": first.isoformat(),
                    "until": until_on.isoformat() if until_on else None,
                    "reason": said,
                }
                await work.changes.record(actor, now, "subscriber.pause", "subscriber", found.subscriber.id, details)
        return Paused(first, until_on, waits=not at_once)
