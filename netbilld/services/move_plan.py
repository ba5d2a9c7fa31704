"""Moving running services from one version of a plan to another, and telling them of the price ahead."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.terms import plan_under
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.model.periods import local_midnight
from netbilld.model.subscriber import Service
from netbilld.ports.changes import Changes
from netbilld.ports.outbox import Message, MessageKind
from netbilld.services import change_terms
from netbilld.services.change_terms import TermsOfService, Version

CHUNK: Final = 200  # services in one transaction


class NumberedVersion(Version, Protocol):
    @property
    def version(self) -> int: ...


class Running(Protocol):
    @property
    def service_id(self) -> UUID: ...
    @property
    def subscriber_id(self) -> UUID: ...
    @property
    def subscriber_no(self) -> str: ...
    @property
    def subscriber_name(self) -> str: ...
    @property
    def username(self) -> str | None: ...


class Plans(change_terms.Plans, Protocol):
    async def history(self, code: str) -> Sequence[NumberedVersion]: ...

    async def running(self, version_ids: Collection[UUID]) -> Sequence[Running]: ...


class Services(change_terms.Services, Protocol):
    async def by_id(self, service_id: UUID, *, lock: bool = False) -> Service | None: ...


class Work(change_terms.Work, Protocol):
    @property
    def plans(self) -> Plans: ...
    @property
    def services(self) -> Services: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Moved:
    """A service that is moved, or would be; prices are those of its fee, by its own rule or override."""

    subscriber_no: str
    name: str
    username: str
    service_id: UUID
    from_version: int
    to_version: int
    old_minor: int
    new_minor: int
    from_on: date
    announce_at: datetime | None  # None: the price is the same


@dataclass(frozen=True, slots=True)
class Move:
    """Which services are moved, to what and from when.

    Attributes:
        code: of the plan.
        from_version, to_version: None for all the others, and for the newest.
        on: the first local day; None is each service's today.
        announce_days: how long before that day a change of price is told; at once where that is over.
    """

    code: str
    from_version: int | None = None
    to_version: int | None = None
    on: date | None = None
    announce_days: int = 14


class MovePlan:
    """Safe to repeat: who has been moved is not moved again, nor told again."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, move: Move, actor: Actor, now: datetime, *, dry_run: bool) -> list[Moved]:
        """Move them, or only tell whom it would concern.

        Raises:
            InvalidInputError: there is no such version, or the day is over.
            NotFoundError: there is no such plan.
        """
        async with self._store.read() as work:
            history = await work.plans.history(move.code)
            if not history:
                raise NotFoundError(f"no plan {move.code!r}", hint="`netbilld plan list` shows all")
            by_number = {one.version: one for one in history}
            to = _version(by_number, move.to_version or history[0].version, history[0].code)
            froms = {
                one.id: one.version
                for one in (
                    history if move.from_version is None else [_version(by_number, move.from_version, history[0].code)]
                )
                if one.id != to.id
            }
            running = await work.plans.running(froms) if froms else []
        moved: list[Moved] = []
        for start in range(0, len(running), CHUNK):
            some = running[start : start + CHUNK]
            async with self._store.read() if dry_run else self._store.write() as work:
                for one in some:
                    done = await self._move(work, one, froms, to, move, actor, now, dry_run=dry_run)
                    if done is not None:
                        moved.append(done)
        return moved

    async def _move(
        self,
        work: Work,
        one: Running,
        froms: dict[UUID, int],
        to: NumberedVersion,
        move: Move,
        actor: Actor,
        now: datetime,
        *,
        dry_run: bool,
    ) -> Moved | None:
        service = await work.services.by_id(one.service_id, lock=not dry_run)
        if service is None or service.status == "ended":
            return None
        terms = await TermsOfService.load(work, service)
        today = terms.today(now)
        day = max(move.on or today, terms.on(today).from_on)
        if move.on is not None and move.on < today:
            raise InvalidInputError(f"--on {move.on} is over", hint=f"allowed: {today} or later")
        before = terms.on(day)
        if before.plan_version_id not in froms:
            later = next((row for row in terms.planned(day) if row.plan_version_id in froms), None)
            if later is None:
                return None
            day, before = later.from_on, later
        old, new = terms.plan_on(day), plan_under(to.plan, before)
        old_minor = old.recurring.price_minor if old.recurring else 0
        new_minor = new.recurring.price_minor if new.recurring else 0
        announce_at = None
        if old_minor != new_minor:
            announce_at = max(local_midnight(day - timedelta(days=move.announce_days), service.timezone), now)
        moved = Moved(
            one.subscriber_no,
            one.subscriber_name,
            one.username or "",
            service.id,
            froms[before.plan_version_id],
            to.version,
            old_minor,
            new_minor,
            day,
            announce_at,
        )
        if dry_run:
            return moved
        await terms.move(day, froms, to, now, reason=f"version {to.version}", actor=actor.name)
        details = {
            "service_ids": [str(service.id)],
            "plan": to.code,
            "version": [moved.from_version, moved.to_version],
            "from": day.isoformat(),
        }
        await work.changes.record(actor, now, "plan.move", "service", service.id, details)
        if announce_at is not None:
            context = {
                "plan": new.name,
                "old_minor": old_minor,
                "new_minor": new_minor,
                "from_on": day.isoformat(),
            }
            key = f"price_changed:{service.id}:{to.id}:{day}"
            told = Message(MessageKind.PRICE_CHANGED, one.subscriber_id, context, key, not_before=announce_at)
            await work.outbox.add(told, now)
        return moved


def _version(by_number: dict[int, NumberedVersion], number: int, code: str) -> NumberedVersion:
    found = by_number.get(number)
    if found is None:
        raise InvalidInputError(f"plan {code} has no version {number}", hint=f"`netbilld plan show {code}` shows them")
    return found
