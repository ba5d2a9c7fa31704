"""A subscriber takes a break (cuti) and ends it, within what the operator allows."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol

from netbilld.billing.plan_parts import StopPolicy
from netbilld.billing.terms import Stop, StopKind
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.model.periods import local_date
from netbilld.services import pause_service
from netbilld.services.account_view import ServiceFile
from netbilld.services.find_service import find_service
from netbilld.services.own_terms import OwnTerms
from netbilld.services.pause_service import Paused, PauseService
from netbilld.services.stop_service import set_status

_YEAR: Final = timedelta(days=365)
_REASON: Final = "own break"
_AHEAD: Final = timedelta(days=90)  # that a break may be planned for


class Work(pause_service.Work, Protocol): ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class PauseChoice:
    """What may be done about a break.

    Attributes:
        current: the break that is on, or planned; None for none.
        first_on, last_on: the days on which a new one may begin; None where none may.
        most_days: how long it may be.
        left: how many more within twelve months.
        policy: what becomes of the fee.
    """

    current: Stop | None
    first_on: date | None
    last_on: date | None
    most_days: int
    left: int
    policy: StopPolicy


class OwnPause:
    """The breaks of one's own service."""

    def __init__(self, store: Store, pause: PauseService, allowed: OwnTerms) -> None:
        self._store, self._pause, self._allowed = store, pause, allowed

    async def choice(self, file: ServiceFile, now: datetime) -> PauseChoice:
        """Return what may be done about a break of a service."""
        today = local_date(now, file.timezone)
        async with self._store.read() as work:
            stops = (await work.terms.stops([file.service_id])).get(file.service_id, ())
        current = _current(stops, today, is_paused=file.status == "paused")
        begun = sum(1 for one in stops if one.kind is StopKind.PAUSED and one.from_on > today - _YEAR)
        left = max(0, self._allowed.pauses_a_year - begun) if self._allowed.pause_days else 0
        may = left > 0 and current is None and file.status == "active"
        recurring = file.plan.recurring
        return PauseChoice(
            current,
            today + timedelta(days=1) if may else None,
            today + _AHEAD if may else None,
            self._allowed.pause_days,
            left,
            recurring.when_paused if recurring is not None else StopPolicy.CREDIT,
        )

    async def begin(self, file: ServiceFile, from_on: date, days: int, actor: Actor, now: datetime) -> Paused:
        """Plan a break of whole days; the same one again is that one.

        Raises:
            RefusedError: the day, its length or one more is not allowed.
        """
        choice = await self.choice(file, now)
        until_on = from_on + timedelta(days=days)
        if choice.current is not None and (choice.current.from_on, choice.current.until_on) == (from_on, until_on):
            return Paused(from_on, until_on, waits=True)
        if choice.current is not None:
            raise RefusedError("there is a break already", code="paused_already")
        if file.status != "active":
            raise RefusedError("the service is not active", code="not_active")
        if not 1 <= days <= self._allowed.pause_days:
            raise RefusedError("too long", code="pause_days", values={"days": self._allowed.pause_days})
        if not choice.left:
            raise RefusedError("too many", code="pause_many", values={"most": self._allowed.pauses_a_year})
        if choice.first_on is None or choice.last_on is None or not choice.first_on <= from_on <= choice.last_on:
            raise RefusedError("not on that day", code="pause_day")
        return await self._pause.run(file.username, from_on, until_on, _REASON, actor, now)

    async def end(self, file: ServiceFile, actor: Actor, now: datetime) -> bool:
        """End a break, or take back one that is planned; False where there is none. What staff stopped stays so."""
        async with self._store.write() as work:
            found = await find_service(work.subscribers, file.username)
            service = found.service
            if service.id != file.service_id or service.status not in {"active", "paused"}:
                return False
            today = local_date(now, service.timezone)
            stops = (await work.terms.stops([service.id])).get(service.id, ())
            if _current(stops, today, is_paused=service.status == "paused") is None:
                return False
            await set_status(work, found, "active", None, "subscriber.resume", actor, now)
            await work.terms.end_stops(service.id, today)
        return True


def _current(stops: Sequence[Stop], today: date, *, is_paused: bool) -> Stop | None:
    """Return the break that is on or planned."""
    paused = [one for one in stops if one.kind is StopKind.PAUSED]
    coming = next((one for one in paused if one.until_on is None or one.until_on > today), None)
    return coming or (paused[-1] if is_paused and paused else None)
