"""Every open session of every service, in memory: what the limit of sessions at once is counted by.

Fed from the store at the start, from the meter as it folds the journal, and from log-ins that were let in. What other
nodes meter comes from the store: at once where they tell of it, else a few seconds late.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from sys import intern
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.session import JOURNAL_BITS, Session
from netbilld.accounting.stale import SilencePolicy, overdue_after_seconds
from netbilld.enforcement.session_limit import Comer, HeldSession, expected_until
from netbilld.radius.location import normalise_port

# A Start may lie a little before our own note of the log-in: it tells when it happened by the NAS's clock.
_CLOCKS_APART: Final = timedelta(seconds=30)


class OpenSessions(Protocol):
    async def nas_ids(self) -> Sequence[UUID]: ...

    async def held_on(self, nas_id: UUID, but_journal: int | None) -> Sequence[HeldSession]: ...


class LiveWork(Protocol):
    @property
    def sessions(self) -> OpenSessions: ...


class LiveDatabase(Protocol):
    def read(self) -> AbstractAsyncContextManager[LiveWork]: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What a batch of the meter meant.

    Attributes:
        opened: sessions that began or spoke again.
        doomed: those of them whose place was given away between log-in and Start.
    """

    opened: tuple[HeldSession, ...] = ()
    doomed: tuple[HeldSession, ...] = ()


class LiveSessions:
    """Open sessions by service; `silence` tells when one that speaks had been given up."""

    def __init__(self, silence: SilencePolicy) -> None:
        self._silence = silence
        self._by_id: dict[int, HeldSession] = {}
        self._nas_ids: dict[UUID, UUID] = {}
        self._by_service: dict[UUID, list[HeldSession]] = {}
        self._expected: deque[HeldSession] = deque()  # log-ins in order, to forget those that nothing came of
        self._reading = asyncio.Lock()  # a start and the regular look may both want to read the store
        self._touched: set[int] | None = None  # while the store is read: what the meter has told meanwhile

    def __len__(self) -> int:
        return len(self._by_id)

    def of(self, service_id: UUID) -> Sequence[HeldSession]:
        """Return what holds a service's places; not to be changed."""
        return self._by_service.get(service_id, ())

    # -- log-ins -------------------------------------------------------------------------------------------------------

    def expect(self, service_id: UUID, comer: Comer, now: datetime, hearing_since: datetime) -> HeldSession:
        """Hold a place for a log-in that is let in, until its Start comes or a minute has passed.

        A log-in that is tried again takes the place it already had.
        """
        while self._expected and expected_until(self._expected[0], hearing_since) <= now:
            self._remove(self._expected.popleft())
        for held in [one for one in self.of(service_id) if one.id is None and comer.is_same(one)]:
            self._remove(held)
        held = HeldSession(None, service_id, comer.nas_id, comer.mac, comer.nas_port, now, now)
        self._by_service.setdefault(service_id, []).append(held)
        self._expected.append(held)
        return held

    def withdraw(self, held: HeldSession) -> None:
        """Give back the place of a log-in that was refused after all."""
        self._remove(held)

    # -- the meter -----------------------------------------------------------------------------------------------------

    def take(self, sessions: Iterable[Session], new: Collection[int]) -> Heard:
        """Take sessions in as they are now; those that are over are forgotten.

        Only those named as `new` take the place of a log-in: others began before it.
        """
        opened: list[HeldSession] = []
        doomed: list[HeldSession] = []
        never_late = timedelta(seconds=overdue_after_seconds(self._silence.interim_seconds))  # of whatever interval
        for session in sessions:
            if self._touched is not None:
                self._touched.add(session.id)
            held = self._by_id.get(session.id)
            if session.service_id is None:
                continue
            if held is None:
                fresh = _held(session, session.service_id)
                expected = self._expected_for(fresh) if session.id in new else None
                if expected is not None:
                    self._remove(expected)
                if session.stopped_at is None:
                    self._add(fresh)
                    opened.append(fresh)
                    if expected is not None and expected.ending_since is not None:
                        doomed.append(fresh)
            elif session.stopped_at is not None:
                self._remove(held)
            else:
                silent = session.updated_at - held.heard_at
                if silent >= never_late and silent >= timedelta(seconds=self._silence.late_after_seconds(held)):
                    opened.append(held)
                held.heard_at, held.interval_seconds = session.updated_at, session.interval_seconds
                held.mac, held.nas_port = session.mac, _port(session.nas_port_id)
        return Heard(tuple(opened), tuple(doomed))

    def drop(self, session_ids: Iterable[int]) -> None:
        """Forget sessions that are over: presumed dead, or unknown to their NAS."""
        for session_id in session_ids:
            if self._touched is not None:
                self._touched.add(session_id)
            if (held := self._by_id.get(session_id)) is not None:
                self._remove(held)

    # -- the store -----------------------------------------------------------------------------------------------------

    async def load(self, database: LiveDatabase, but_journal: int | None = None) -> tuple[HeldSession, ...]:
        """Bring memory to what the store says, except for what the meter tells meanwhile; return what was new to it.

        Args:
            database: the store.
            but_journal: the number of the journal whose sessions are left as they are, since its own meter tells of
                them; None looks at all.

        Raises:
            StoreUnavailableError: the database is away; memory stays as it is.
        """
        async with self._reading:
            return await self._load(database, but_journal)

    async def _load(self, database: LiveDatabase, but_journal: int | None) -> tuple[HeldSession, ...]:
        before = {number for number in self._by_id if but_journal is None or number >> JOURNAL_BITS != but_journal}
        self._touched = set()
        seen: set[int] = set()
        new: list[HeldSession] = []
        try:
            async with database.read() as work:
                nas_ids = await work.sessions.nas_ids()
            for nas_id in nas_ids:
                async with database.read() as work:  # one each, so that log-ins wait for no more than one
                    open_here = await work.sessions.held_on(nas_id, but_journal)
                for held in open_here:
                    assert held.id is not None  # noqa: S101 - what the store has, has a number
                    seen.add(held.id)
                    if held.id not in self._touched and self._merge(held):
                        new.append(held)
            for session_id in before - seen - self._touched:
                self._remove(self._by_id[session_id])
        finally:
            self._touched = None
        return tuple(new)

    def restore(self, sessions: Iterable[HeldSession]) -> None:
        """Take sessions that were open when the database was last asked."""
        for held in sessions:
            self._merge(held)

    def hear(
        self, session_ids: Collection[int], open_ones: Iterable[HeldSession], own_journal: int | None
    ) -> tuple[HeldSession, ...]:
        """Take in what the store says of sessions that another node has told of; return what was new to us.

        Those not among the open ones are over. What our own journal has opened our own meter tells of: here it can only
        end.
        """
        found = {held.id: held for held in open_ones}
        new: list[HeldSession] = []
        for session_id in session_ids:
            if self._touched is not None:
                self._touched.add(session_id)
            held, known = found.get(session_id), self._by_id.get(session_id)
            if held is None:
                if known is not None:
                    self._remove(known)
            elif known is None:
                if session_id >> JOURNAL_BITS != own_journal:
                    if (expected := self._expected_for(held)) is not None:  # it has logged in with us
                        self._remove(expected)
                    self._add(held)
                    new.append(held)
            else:
                self._merge(held)
        return tuple(new)

    def _merge(self, held: HeldSession) -> bool:
        """Take in what the store says of a session; return whether it was not known."""
        known = self._by_id.get(held.id or 0)
        if known is None:
            self._add(held)
            return True
        if held.heard_at > known.heard_at:
            known.heard_at, known.interval_seconds = held.heard_at, held.interval_seconds
        known.ending_since = held.ending_since or known.ending_since
        return False

    # -- within --------------------------------------------------------------------------------------------------------

    def _expected_for(self, session: HeldSession) -> HeldSession | None:
        """Return the log-in that a session began with: of the same station, else one on its NAS that may be the same.

        Where both say a MAC address and another, they are not.
        """
        comer = Comer(session.nas_id, session.mac, session.nas_port)
        here = [
            held
            for held in self.of(session.service_id)
            if held.id is None and held.nas_id == session.nas_id and session.began_at >= held.began_at - _CLOCKS_APART
        ]
        same = next((held for held in here if comer.is_same(held)), None)
        return same or next((held for held in here if held.mac is None or session.mac is None), None)

    def _add(self, held: HeldSession) -> None:
        assert held.id is not None  # noqa: S101 - the callers' own
        self._by_id[held.id] = held
        held.nas_id = self._nas_ids.setdefault(held.nas_id, held.nas_id)  # a few, for very many sessions
        self._by_service.setdefault(held.service_id, []).append(held)

    def _remove(self, held: HeldSession) -> None:
        if held.id is not None:
            self._by_id.pop(held.id, None)
        places = self._by_service.get(held.service_id)
        if places is None:
            return
        left = [one for one in places if one is not held]
        if left:
            self._by_service[held.service_id] = left
        else:
            del self._by_service[held.service_id]


def _held(session: Session, service_id: UUID) -> HeldSession:
    return HeldSession(
        session.id,
        service_id,
        session.nas_id,
        session.mac,
        _port(session.nas_port_id),
        session.started_at,
        session.updated_at,
        session.interval_seconds,
    )


@lru_cache(maxsize=32_768)
def _port(nas_port_id: str | None) -> str | None:
    return None if nas_port_id is None else intern(normalise_port(nas_port_id))
