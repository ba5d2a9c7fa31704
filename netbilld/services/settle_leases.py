"""SettleLeases: what accounting says of addresses: seen with a session, over, suspect, or had by somebody else."""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.address_use import (
    HoldPolicy,
    NasSilence,
    SessionHold,
    Surroundings,
    Verdict,
    judge,
    silence_changes,
)
from netbilld.model.address_lease import AddressLease
from netbilld.model.address_pool import PoolKind
from netbilld.services.address_book import AddressBook, Place

_log = logging.getLogger("netbilld.addresses")

SERVICES_A_TRANSACTION: Final = 500
SERVICES_A_SWEEP: Final = 5_000
_SESSIONS_A_TURN: Final = 1_000
_BEFORE_LEASE: Final = timedelta(hours=1)  # a session's own times are the NAS's, and may be off


class ReportedSession(Protocol):
    """What accounting keeps of a session, as far as it matters here."""

    @property
    def id(self) -> int: ...

    @property
    def service_id(self) -> UUID | None: ...

    @property
    def framed_ip(self) -> str | None: ...

    @property
    def ipv6_prefix(self) -> str | None: ...

    @property
    def delegated_prefix(self) -> str | None: ...

    @property
    def stopped_at(self) -> datetime | None: ...


class Addresses(Protocol):
    async def live_of(self, service_ids: Collection[UUID]) -> list[AddressLease]: ...

    async def at(self, places: Collection[Place]) -> list[AddressLease]: ...

    async def take(self, wanted: Sequence[tuple[AddressLease, int]]) -> set[Place]: ...

    async def use(self, leases: Sequence[AddressLease]) -> None: ...

    async def release(self, leases: Sequence[AddressLease], at: datetime) -> None: ...

    async def unsettled(self, now: datetime, limit: int) -> set[UUID]: ...

    async def services_on(self, nas_id: UUID) -> set[UUID]: ...

    async def services_of(self, session_ids: Collection[int]) -> set[UUID]: ...

    async def sessions_of(self, service_ids: Collection[UUID], since: datetime) -> list[SessionHold]: ...

    async def open_sessions(self) -> list[SessionHold]: ...

    async def silences(self) -> list[NasSilence]: ...

    async def suspect(self, nas_id: UUID, since_at: datetime | None) -> None: ...


class Work(Protocol):
    @property
    def addresses(self) -> Addresses: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(slots=True)
class SettleCounters:
    """Since the start. A conflict is an address that a session was seen with although another service has it."""

    released: int = 0
    adopted: int = 0
    conflicts: int = 0


class SettleLeases:
    """Judges leases by sessions. `note` is told of sessions as they are metered; `run` and `sweep` do the work."""

    def __init__(self, store: Store, book: AddressBook, policy: HoldPolicy) -> None:
        self.counters: Final = SettleCounters()
        self.conflicts: dict[Place, UUID] = {}  # whose session was seen with an address that is another's
        self._store = store
        self._book = book
        self._policy = policy
        self._session_ids: set[int] = set()
        self._restarted_at: dict[UUID, datetime] = {}
        self._returned_at: dict[UUID, datetime] = {}
        self.wake: Final = asyncio.Event()

    def note(
        self, session_ids: Iterable[int], sessions: Iterable[ReportedSession], restarted_at: Mapping[UUID, datetime]
    ) -> None:
        """Remember, until `run`, what may concern a lease.

        Args:
            session_ids: sessions that began or ended.
            sessions: those of which something was reported: an address may only come with a later report.
            restarted_at: NAS that said Accounting-On or -Off, and when.
        """
        if not self._book.has_pools:
            return
        self._session_ids.update(session_ids)
        self._session_ids.update(session.id for session in sessions if self._is_strange(session))
        self._restarted_at.update(restarted_at)
        if self._session_ids or self._restarted_at:
            self.wake.set()

    def _is_strange(self, session: ReportedSession) -> bool:
        """Tell whether an open session has an address of ours that is not simply its own."""
        if session.stopped_at is not None or session.service_id is None:
            return False
        for _, place in self._places(session.framed_ip, session.ipv6_prefix, session.delegated_prefix):
            lease = self._book.lease_at(place)
            if lease is None or lease.service_id != session.service_id or lease.released_at or lease.held_until_at:
                return True
        return False

    async def run(self, now: datetime, hearing_since: datetime) -> None:
        """Judge the leases of whom `note` was told of.

        Raises:
            StoreUnavailableError: the database is away; nothing is forgotten.
        """
        session_ids, restarted = self._session_ids, self._restarted_at
        if not session_ids and not restarted:
            return
        self._session_ids, self._restarted_at = set(), {}
        try:
            async with self._store.read() as work:
                service_ids = await work.addresses.services_of(session_ids)
                for nas_id in restarted:
                    service_ids |= await work.addresses.services_on(nas_id)
            await self._settle(service_ids, now, hearing_since, restarted)
            for nas_id in restarted:  # what it had is over: nothing of it is suspect any more
                async with self._store.write() as work:
                    await work.addresses.suspect(nas_id, None)
        except BaseException:
            self._session_ids |= session_ids
            self._restarted_at = {**restarted, **self._restarted_at}
            raise

    async def sweep(self, now: datetime, hearing_since: datetime) -> None:
        """Judge holds that are over and leases that no session seems to use; mark NAS that fell silent.

        Raises:
            StoreUnavailableError: the database is away.
        """
        await self._mark_silent(now, hearing_since)
        if not self._book.has_pools:
            return
        await self._book.refresh()
        async with self._store.read() as work:
            service_ids = await work.addresses.unsettled(now, SERVICES_A_SWEEP)
        await self._settle(service_ids, now, hearing_since, {})

    async def check_all(self, now: datetime, hearing_since: datetime) -> None:
        """Look at every open session: one that has an address of ours without a lease gets it, or is a conflict.

        Raises:
            StoreUnavailableError: the database is away.
        """
        if not self._book.has_pools:
            return
        async with self._store.read() as work:
            sessions = await work.addresses.open_sessions()
        strange: set[UUID] = set()
        for count, session in enumerate(sessions, 1):
            if self._is_strange(session):
                strange.add(session.service_id)
            if count % _SESSIONS_A_TURN == 0:
                await asyncio.sleep(0)
        self.conflicts = {place: service_id for place, service_id in self.conflicts.items() if service_id in strange}
        await self._settle(strange, now, hearing_since, {})

    async def _mark_silent(self, now: datetime, hearing_since: datetime) -> None:
        async with self._store.read() as work:
            silences = await work.addresses.silences()
        changes = silence_changes(silences, self._returned_at, self._policy, now, hearing_since)
        if not changes:
            return
        async with self._store.write() as work:
            for nas_id, since_at in sorted(changes.items()):
                await work.addresses.suspect(nas_id, since_at)
        names = {silence.nas_id: silence.name for silence in silences}
        for nas_id, since_at in changes.items():
            if since_at is not None and self._book.has_pools:
                _log.warning(
                    "NAS %s is silent since %s: its sessions are suspect and keep their addresses",
                    names[nas_id],
                    since_at,
                    extra={"event": "nas_suspect", "nas": names[nas_id]},
                )

    async def _settle(
        self, service_ids: Collection[UUID], now: datetime, hearing_since: datetime, restarted: Mapping[UUID, datetime]
    ) -> None:
        ordered = sorted(service_ids)
        for start in range(0, len(ordered), SERVICES_A_TRANSACTION):
            some = ordered[start : start + SERVICES_A_TRANSACTION]
            async with self._store.write() as work:
                leases = await work.addresses.live_of(some)  # locked before anything else is read
                changed = await self._judge(work, some, leases, now, hearing_since, restarted)
            self._book.learn(changed)
            await asyncio.sleep(0)

    async def _judge(
        self,
        work: Work,
        service_ids: Sequence[UUID],
        leases: Sequence[AddressLease],
        now: datetime,
        hearing_since: datetime,
        restarted: Mapping[UUID, datetime],
    ) -> list[AddressLease]:
        since = min((lease.taken_at for lease in leases), default=now) - _BEFORE_LEASE
        of_service: dict[UUID, list[SessionHold]] = {}
        for session in await work.addresses.sessions_of(service_ids, since):
            of_service.setdefault(session.service_id, []).append(session)
        silences = {silence.nas_id: silence for silence in await work.addresses.silences()}
        used: list[AddressLease] = []
        over: list[AddressLease] = []
        for lease in leases:
            table = self._book.table(lease.pool_id)
            if table is None:
                continue
            around = Surroundings(now, hearing_since, silences.get(lease.nas_id), restarted.get(lease.nas_id))
            verdict = judge(lease, table.pool.kind, of_service.get(lease.service_id, ()), self._policy, around)
            if verdict is Verdict.USE:
                used.append(lease)
            elif verdict is Verdict.RELEASE:
                over.append(lease)
        await work.addresses.use(used)
        await work.addresses.release(over, now)
        self.counters.released += len(over)
        changed = [replace(lease, held_until_at=None) for lease in used]
        changed += [replace(lease, held_until_at=None, released_at=now) for lease in over]
        had = {(lease.pool_id, lease.address) for lease in leases if lease not in over}
        changed += await self._adopt(work, of_service, had, now)
        return changed

    async def _adopt(
        self, work: Work, of_service: Mapping[UUID, Sequence[SessionHold]], had: set[Place], now: datetime
    ) -> list[AddressLease]:
        """Take for open sessions what they have of our pools without a lease: given while we could not know of it."""
        wanted: dict[Place, tuple[AddressLease, int]] = {}
        for sessions in of_service.values():
            for session in sessions:
                if not session.is_open:
                    continue
                for revision, place in self._places(session.framed_ip, session.ipv6_prefix, session.delegated_prefix):
                    if place not in had:
                        lease = AddressLease(*place, session.service_id, session.nas_id, session.mac, now)
                        wanted.setdefault(place, (lease, revision))
        if not wanted:
            return []
        got = await work.addresses.take([wanted[place] for place in sorted(wanted)])
        self.counters.adopted += len(got)
        lost = await work.addresses.at([place for place in wanted if place not in got])
        for owner in lost:
            place = (owner.pool_id, owner.address)
            self._conflict(place, wanted[place][0], owner)
        return [wanted[place][0] for place in got] + lost

    def _conflict(self, place: Place, seen: AddressLease, owner: AddressLease) -> None:
        if owner.service_id == seen.service_id or self.conflicts.get(place) == seen.service_id:
            return
        self.conflicts[place] = seen.service_id
        self.counters.conflicts += 1
        _log.error(
            "service %s has %s, which was given to service %s",
            seen.service_id,
            seen.address,
            owner.service_id,
            extra={"event": "address_conflict"},
        )

    def _places(
        self, framed_ip: str | None, ipv6_prefix: str | None, delegated_prefix: str | None
    ) -> list[tuple[int, Place]]:
        """Return those of these addresses that are of our pools, with the revision of their pool."""
        found = []
        for kind, address in zip(PoolKind, (framed_ip, ipv6_prefix, delegated_prefix), strict=True):
            table = None if address is None else self._book.table_of(kind, address)
            if address is not None and table is not None:
                found.append((table.pool.revision, (table.pool.id, address)))
        return found
