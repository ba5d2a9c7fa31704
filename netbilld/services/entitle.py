"""Computes what services are due, keeps it on record, and refreshes who may log in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.standing import StandingPolicy
from netbilld.enforcement.brake import AHEAD, stays_open
from netbilld.enforcement.desired import DesiredService, renewed
from netbilld.enforcement.policy import ServiceFacts, closed_by_calendar, entitlement
from netbilld.enforcement.profile import Access, WalledGarden
from netbilld.services.access_directory import AccessDirectory, SealedCredential, SecretOpener

# Services read and written together, and decided on before other work gets its turn.
_SERVICES_A_TRANSACTION: Final = 250
_SERVICES_A_TURN: Final = 125
_OPEN: Final = frozenset((Access.ACTIVE, Access.THROTTLED))
# Causes that change neither name nor password.
_WITHOUT_CREDENTIALS: Final = frozenset(("start", "usage", "timer", "brake.hold", "brake.let_go", "brake.release"))
_UNDATED: Final[Mapping[UUID, datetime]] = MappingProxyType({})


class DueStore(Protocol):
    async def living_services(self) -> Sequence[UUID]: ...

    async def facts(
        self, service_ids: Iterable[UUID], policy: StandingPolicy, now: datetime
    ) -> Sequence[ServiceFacts]: ...

    def everyone(self, policy: StandingPolicy, now: datetime) -> AsyncIterator[Sequence[ServiceFacts]]: ...

    async def access_rows(self, service_ids: Iterable[UUID]) -> Sequence[SealedCredential]: ...

    def every_access_row(self) -> AsyncIterator[Sequence[SealedCredential]]: ...

    async def desired(self, service_ids: Iterable[UUID]) -> Mapping[UUID, DesiredService]: ...

    async def due_by_time(self, now: datetime) -> Sequence[UUID]: ...

    async def hold_due(self, service_ids: Collection[UUID]) -> bool: ...

    async def store_desired(self, wanted: Sequence[DesiredService]) -> None: ...


class Effects(Protocol):
    async def open(self, changed: Sequence[DesiredService]) -> None: ...


class DueWork(Protocol):
    @property
    def enforcement(self) -> DueStore: ...

    @property
    def effects(self) -> Effects: ...


class DueDatabase(Protocol):
    def read(self) -> AbstractAsyncContextManager[DueWork]: ...

    def write(self) -> AbstractAsyncContextManager[DueWork]: ...


class WeighsClosings(Protocol):
    """Asks a person before too many are closed for money at once."""

    async def weigh(self, closing: Collection[UUID], now: datetime) -> Collection[UUID]: ...

    async def let_go(self, paid: Collection[UUID], now: datetime) -> None: ...


class Entitle:
    """Looks at the facts of a part of the services at a time, so that an older look never overwrites a newer one."""

    def __init__(
        self,
        database: DueDatabase,
        directory: AccessDirectory,
        box: SecretOpener,
        policy: StandingPolicy,
        walled_garden: WalledGarden,
        *,
        record: bool = True,
        tell: Callable[[Sequence[UUID]], None] | None = None,
        brake: WeighsClosings | None = None,
    ) -> None:
        """Take what is decided by.

        Args:
            database: where facts are read.
            directory: what is kept fresh.
            box: opens passwords, when they are first asked for.
            policy: what counts as overdue.
            walled_garden: where walled services are.
            record: keep on record what is due; one process of several does.
            tell: called with services whose due state has changed, for other processes to look at too; not with what
                was so already when they were loaded.
            brake: says which of those open on record, whom money would close, are held open; None holds nobody.
        """
        self._database = database
        self._directory = directory
        self._box = box
        self._policy = policy
        self._walled_garden = walled_garden
        self._record = record
        self._tell = tell
        self._brake = brake if record else None
        self._is_weighed = False  # everybody, just now
        self._weighed_until: datetime | None = None  # what the calendar closes by then has been weighed
        self._turn = asyncio.Lock()
        self.on_changed: Callable[[Sequence[DesiredService]], None] | None = None  # told once it is on record

    async def load(self, now: datetime) -> None:
        """Take every service with its credentials into the empty directory; what is due is left to be decided.

        Raises:
            StoreUnavailableError: the database is away.
        """
        async with self._turn, self._database.read() as work:
            async for found in work.enforcement.everyone(self._policy, now):
                for facts in found:
                    self._directory.put(facts, now)
            async for sealed in work.enforcement.every_access_row():
                for credential in sealed:
                    self._directory.add_credential(credential.service_id, credential, self._box)
        await self._weigh_known(now)

    async def run(
        self,
        service_ids: Collection[UUID] | None,
        cause: str,
        now: datetime,
        caused_at: Mapping[UUID, datetime] = _UNDATED,
        follow: Callable[[Sequence[UUID]], None] | None = None,
    ) -> list[UUID]:
        """Decide on these services, on every one for None, and return those the reconciler is to look at.

        These are the services whose due state has changed, and unless usage, time or the start was the cause, all that
        were asked for: a command may concern the session itself.

        Args:
            service_ids: which; names and passwords are read again too, unless `cause` is `start`, `usage` or `timer`.
            cause: kept beside what has changed; `start` is of who has just called `load`.
            now: the moment to decide for.
            caused_at: when the cause came about, of services it is known of.
            follow: told of those whose due state has changed, a part at a time, while there are more to be decided on.

        Raises:
            StoreUnavailableError: the database is away; log-ins go on as they were.
        """
        with_credentials = cause not in _WITHOUT_CREDENTIALS
        wanted = list(service_ids) if service_ids is not None else await self._everyone()
        concerned: dict[UUID, None] = {}
        if self._brake is not None and len(wanted) > _SERVICES_A_TRANSACTION and not self._was_weighed(cause, now):
            await self.weigh(wanted, now)
        self._is_weighed = False
        for start in range(0, len(wanted), _SERVICES_A_TRANSACTION):
            part = wanted[start : start + _SERVICES_A_TRANSACTION]
            async with self._turn:  # not for all of them: a changed password doesn't wait for everybody else
                changed = await self._decide(part, cause, now, caused_at, with_credentials=with_credentials)
            concerned |= dict.fromkeys(changed)
            if follow is not None and changed:
                follow(changed)
        if service_ids is not None and with_credentials:
            concerned |= dict.fromkeys(service_ids)
        return list(concerned)

    def _was_weighed(self, cause: str, now: datetime) -> bool:
        """Tell whether the brake has looked at all of them together already."""
        ahead = cause == "timer" and self._weighed_until is not None and now <= self._weighed_until
        return ahead or self._is_weighed

    async def run_due(self, now: datetime, follow: Callable[[Sequence[UUID]], None] | None = None) -> list[UUID]:
        """Decide on the services that time alone may have changed; return those that have. See `run`."""
        async with self._database.read() as work:
            service_ids = await work.enforcement.due_by_time(now)
        return await self.run(service_ids, "timer", now, follow=follow) if service_ids else []

    async def weigh_ahead(self, now: datetime) -> None:
        """Weigh those whom time alone will close soon, so that log-ins at that very moment are answered alike.

        Raises:
            StoreUnavailableError: the database is away.
        """
        async with self._database.read() as work:
            service_ids = await work.enforcement.due_by_time(now + AHEAD)
        await self.weigh(service_ids, now, now + AHEAD)
        self._weighed_until = now + AHEAD

    async def weigh(self, service_ids: Sequence[UUID], now: datetime, at: datetime | None = None) -> None:
        """Have the brake look at all of them together who would be closed for money at that moment.

        Args:
            service_ids: those who may be.
            now: the moment.
            at: the moment to decide for, where it is not now.
        """
        if self._brake is None:
            return
        closing: list[UUID] = []
        for start in range(0, len(service_ids), _SERVICES_A_TRANSACTION):
            part = service_ids[start : start + _SERVICES_A_TRANSACTION]
            async with self._database.read() as work:
                found = await work.enforcement.facts(part, self._policy, at or now)
                closed = [facts.service_id for facts in found if _would_close(facts, at or now)]
                recorded = await work.enforcement.desired(closed) if closed else {}
            closing += _open_of(closed, recorded)
            await asyncio.sleep(0)
        await self._brake.weigh(closing, now)

    async def _weigh_known(self, now: datetime) -> None:
        """Weigh everybody, by what has just been read; whom the brake holds is held before anybody logs in."""
        if self._brake is None:
            return
        closed = []
        for service_id in self._directory.service_ids():
            facts = self._directory.facts(service_id)
            if facts is not None and _would_close(facts, now):
                closed.append(service_id)
        if closed:
            async with self._database.read() as work:
                recorded = await work.enforcement.desired(closed)
            self._hold(await self._brake.weigh(_open_of(closed, recorded), now), now)
        self._is_weighed = True

    def _hold(self, service_ids: Iterable[UUID], now: datetime) -> None:
        for service_id in service_ids:
            facts = self._directory.facts(service_id)
            if facts is not None:
                self._directory.put(replace(facts, is_held=True), now)

    async def _braked(
        self, found: Sequence[ServiceFacts], recorded: Mapping[UUID, DesiredService], now: datetime
    ) -> Sequence[ServiceFacts]:
        """Return the facts with those held whom the brake holds open, and without it those who have paid meanwhile."""
        if self._brake is None:
            return found
        closed = [facts.service_id for facts in found if _would_close(facts, now)]
        held = set(await self._brake.weigh(_open_of(closed, recorded), now)) if closed else set()
        paid = {facts.service_id for facts in found if facts.is_held and stays_open(facts, now)}
        if paid:
            await self._brake.let_go(paid, now)
        if not held and not paid:
            return found
        return [
            replace(facts, is_held=facts.service_id in held)
            if facts.service_id in held or facts.service_id in paid
            else facts
            for facts in found
        ]

    async def _everyone(self) -> list[UUID]:
        async with self._turn:
            async with self._database.read() as work:
                living = await work.enforcement.living_services()
            for service_id in self._directory.service_ids().difference(living):
                self._directory.remove(service_id)
        return list(living)

    async def _decide(
        self,
        service_ids: Collection[UUID],
        cause: str,
        now: datetime,
        caused_at: Mapping[UUID, datetime],
        *,
        with_credentials: bool,
    ) -> list[UUID]:
        """Decide on a part of the services, and return those whose due state has changed."""
        async with self._database.read() as work:
            found = await work.enforcement.facts(service_ids, self._policy, now)
            recorded = await work.enforcement.desired(service_ids) if self._record else {}
            sealed = await work.enforcement.access_rows(service_ids) if with_credentials else ()
        by_service = _by_service(sealed)
        found = await self._braked(found, recorded, now)
        changed: list[DesiredService] = []
        shifted: list[DesiredService] = []
        told: list[UUID] = []
        for count, facts in enumerate(found, 1):
            service_id = facts.service_id
            is_news = cause != "start" or facts != self._directory.facts(service_id)
            if is_news:
                self._directory.put(facts, now)
            if with_credentials:
                self._directory.set_credentials(service_id, by_service.get(service_id, ()), self._box)
            if self._record:
                previous = recorded.get(service_id)
                due = entitlement(facts, self._walled_garden, now)
                wanted = renewed(previous, service_id, due, cause, now)
                if previous is not None and wanted.same_as(previous):
                    if wanted is not previous:
                        shifted.append(wanted)
                else:
                    changed.append(_dated(wanted, previous, caused_at))
                    if is_news:
                        told.append(service_id)
            if count % _SERVICES_A_TURN == 0:
                await asyncio.sleep(0)
        known = {facts.service_id for facts in found}
        for service_id in service_ids:
            if service_id not in known:
                self._directory.remove(service_id)
        if changed or shifted:
            async with self._database.write() as work:
                wanted_now = changed + shifted
                if await work.enforcement.hold_due([service.service_id for service in wanted_now]):
                    wanted_now, changed = await self._again(work.enforcement, wanted_now, cause, now, caused_at)
                await work.enforcement.store_desired(wanted_now)
                if changed:
                    await work.effects.open(changed)
        if changed and self.on_changed is not None:
            self.on_changed(changed)
        if told and self._tell is not None:
            self._tell(told)
        return [service.service_id for service in changed]

    async def _again(
        self,
        store: DueStore,
        wanted: Sequence[DesiredService],
        cause: str,
        now: datetime,
        caused_at: Mapping[UUID, datetime],
    ) -> tuple[list[DesiredService], list[DesiredService]]:
        """Decide once more, now that no other node does; return what is to be kept, and what of it is another state.

        What another node has decided since by newer facts stays.
        """
        service_ids = [service.service_id for service in wanted]
        recorded = await store.desired(service_ids)
        kept, changed = [], []
        for facts in await store.facts(service_ids, self._policy, now):
            previous = recorded.get(facts.service_id)
            due = renewed(previous, facts.service_id, entitlement(facts, self._walled_garden, now), cause, now)
            if due is not previous:
                kept.append(due)
                if previous is None or not due.same_as(previous):
                    changed.append(_dated(due, previous, caused_at))
        return kept, changed


def _dated(
    wanted: DesiredService, previous: DesiredService | None, caused_at: Mapping[UUID, datetime]
) -> DesiredService:
    """Return what is due with when its cause came about: an edge in time was known before."""
    at = caused_at.get(wanted.service_id)
    if at is None and wanted.cause == "timer" and previous is not None:
        at = previous.until_at
    return wanted if at is None else replace(wanted, caused_at=min(at, wanted.since_at))


def _would_close(facts: ServiceFacts, now: datetime) -> bool:
    return not facts.is_held and closed_by_calendar(facts, now) is not None


def _open_of(closed: Iterable[UUID], recorded: Mapping[UUID, DesiredService]) -> list[UUID]:
    """Return those that are open on record: whoever is closed for another reason already loses nothing."""
    return [
        service_id
        for service_id in closed
        if (before := recorded.get(service_id)) is not None and before.access in _OPEN
    ]


def _by_service(sealed: Iterable[SealedCredential]) -> dict[UUID, list[SealedCredential]]:
    found: dict[UUID, list[SealedCredential]] = {}
    for credential in sealed:
        found.setdefault(credential.service_id, []).append(credential)
    return found
