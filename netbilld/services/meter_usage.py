"""MeterUsage: folds the journal into sessions, usage and wallet charges, each record exactly once."""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.entry import JournalBatch, JournalCursor
from netbilld.accounting.fold import FirstGrant, SessionFold
from netbilld.accounting.record import RecordKind
from netbilld.accounting.session import JOURNAL_BITS, Session, SessionChange
from netbilld.accounting.usage import PeriodTotals
from netbilld.model.errors import NetbilldError
from netbilld.ports.clock import Clock
from netbilld.services.batch_knowledge import BatchKnowledge
from netbilld.services.batch_knowledge import Sessions as ConcernedSessions
from netbilld.services.book_usage import Booked, BookUsage, Moved, RememberedServices
from netbilld.services.book_usage import Usage as BookUsageStore
from netbilld.services.book_usage import Work as BookWork
from netbilld.services.charge_wallets import PLAIN, WalletRules
from netbilld.services.faulty_records import FaultyRecords
from netbilld.services.heard_nas import HeardNas
from netbilld.services.heard_nas import Nases as HeardNases
from netbilld.services.note_doubts import Doubts as NotedDoubts
from netbilld.services.note_doubts import corrections, note_doubts
from netbilld.services.plain_reports import PlainReports, Records, in_order
from netbilld.services.raw_records import RawRecord, raw_records
from netbilld.services.read_journal import RECORDS_A_TURN, ReadJournal
from netbilld.services.read_journal import Journal as ReadableJournal

_log = logging.getLogger(__name__)

BATCH_RECORDS: Final = 2_048  # at most: as many as wait
_PORTS_AGAIN: Final = timedelta(seconds=30)  # how often it is asked what the ports of NAS can carry


class Journal(ReadableJournal, Protocol):
    identity: UUID


class Sessions(ConcernedSessions, Protocol):
    async def cursor(self, journal: UUID, now: datetime) -> tuple[int, JournalCursor]: ...
    async def advance(self, journal: UUID, cursor: JournalCursor, now: datetime) -> None: ...
    async def known_nas(self, nas_ids: Collection[UUID]) -> set[UUID]: ...
    async def hold(self, nas_ids: Collection[UUID]) -> None: ...
    async def insert(self, new: Sequence[Session]) -> None: ...
    async def update(self, changed: Sequence[tuple[Session, Session]]) -> None: ...
    async def move(
        self, stepped: Sequence[tuple[Session, Session]], advanced: Sequence[tuple[Session, Session]]
    ) -> bool: ...
    async def granted(self, grants: Iterable[FirstGrant]) -> None: ...


class Nases(HeardNases, Protocol):
    async def port_speeds(self) -> dict[UUID, int]: ...


class Doubts(NotedDoubts, Protocol):
    async def waiting(self) -> int: ...


class Usage(BookUsageStore, Protocol):
    async def add_records(self, records: Iterable[RawRecord]) -> None: ...


class Work(BookWork, Protocol):
    @property
    def usage(self) -> Usage: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def nas(self) -> Nases: ...
    @property
    def doubts(self) -> Doubts: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch did.

    Attributes:
        applied: journal records taken in.
        touched_service_ids: services with new usage, or a session that opened or ended.
        new_session_ids: sessions opened, also those that were over when first heard of.
        ended_session_ids: sessions that are over since.
        metered_session_ids: sessions with new usage.
        grants: what new sessions were given at log-in, as far as their first word said so.
        periods: what every billing period with new usage holds now.
        charged_service_ids: services whose wallet was charged.
        wallets: what is in the wallet of those, where that is known.
        crossed_service_ids: services that have passed a share of their allowance, and those that share it with them.
        sessions: every session that is new or changed, as it is now.
        restarted_at: NAS that said Accounting-On or -Off, and when.
        behind: more records wait.
    """

    applied: int = 0
    touched_service_ids: frozenset[UUID] = frozenset()
    new_session_ids: tuple[int, ...] = ()
    ended_session_ids: tuple[int, ...] = ()
    metered_session_ids: tuple[int, ...] = ()
    grants: tuple[FirstGrant, ...] = ()
    periods: tuple[PeriodTotals, ...] = ()
    charged_service_ids: frozenset[UUID] = frozenset()
    wallets: Mapping[UUID, int] = field(default_factory=dict)
    crossed_service_ids: frozenset[UUID] = frozenset()
    sessions: tuple[Session, ...] = ()
    restarted_at: Mapping[UUID, datetime] = field(default_factory=dict)
    behind: bool = False


class _OutdatedError(Exception):
    """The database holds a session otherwise than is known here: another has written it since."""


class _Fault(Exception):  # noqa: N818 - it never leaves this file
    """A batch failed by its records, not by a database that is away; the cause says how."""


@dataclass(frozen=True, slots=True)
class _Folded:
    """What a batch makes of its sessions.

    Attributes:
        fold: all of them.
        new: those that it opened.
        changed: those that are different now, as they were and as they are.
        changes: what was metered, or is to be noted.
        records: what was folded; reports that were not as plain as they seemed are among them.
        faulty: how many were left out; they are parked once this is stored, which may be given up and taken again.
    """

    fold: SessionFold
    new: Sequence[Session]
    changed: Sequence[tuple[Session, Session]]
    changes: Sequence[SessionChange]
    records: Records
    faulty: int


class MeterUsage:
    """Applies the journal to the database; only one `run_batch` at a time.

    Sessions, usage, charges and the cursor are one transaction, so a crash anywhere repeats a batch or does not.
    Counters: `applied` records, `unknown_nas` and `unreadable` ones passed over, `parked` ones on which our own rules
    failed; a parked record stays in the journal. `doubted` reports said more than their NAS's port can carry,
    `doubts_waiting` for a decision when it was last looked.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        clock: Clock,
        timezone: str,
        batch_records: int = BATCH_RECORDS,
        services: RememberedServices | None = None,
        *,
        keeps_records: bool = False,
        wallets: WalletRules = PLAIN,
    ) -> None:
        """Take what to work with.

        Args:
            store: where to.
            journal: where from.
            clock: tells the time.
            timezone: for usage that is nobody's, and for booking dates.
            batch_records: most records a transaction.
            keeps_records: whether each record is kept in the database as it was received, too.
            wallets: how they pay for usage.
            services: where services are remembered, for somebody who is told of their changes; None reads them anew.
        """
        self.applied = self.unknown_nas = self.doubted = self.doubts_waiting = 0
        self._store = store
        self._journal = journal
        self._clock = clock
        self._services = services
        self._book = BookUsage(timezone, services, wallets=wallets)
        self._keeps_records = keeps_records
        self._reader = ReadJournal(journal)
        self._faulty = FaultyRecords(clock, batch_records)
        self._heard = HeardNas()
        self._cursor: JournalCursor | None = None
        self._is_sure = False
        self._nas: set[UUID] = set()
        self._ports: dict[UUID, int] = {}
        self._ports_at: datetime | None = None

    @property
    def cursor(self) -> JournalCursor | None:
        """How far the journal is applied, as far as this process knows."""
        return self._cursor

    @property
    def unreadable(self) -> int:
        """Records passed over since the start because they are no RADIUS packets."""
        return self._reader.unreadable

    @property
    def parked(self) -> int:
        """Records passed over since the start because our own rules failed on them."""
        return self._faulty.parked

    async def run_batch(self) -> Batch:
        """Apply the next records; call again at once while the result says `behind`.

        A batch that fails by a fault of ours is taken again in ever smaller parts; the record that fails alone is
        parked: logged, counted and left in the journal, while everyone else's metering goes on.

        Raises:
            StoreUnavailableError: the database is away; nothing is applied, and a later call begins where this did.
            NetbilldError: the journal is older than the database, or records fail one after the other.
        """
        try:
            if not self._is_sure:
                async with self._store.write() as work:
                    _, self._cursor = await work.sessions.cursor(self._journal.identity, self._clock.now())
                self._is_sure = True
            assert self._cursor is not None  # noqa: S101 - just asked for
            read = self._reader.batch(self._cursor, self._faulty.most)
            if not read.entries:
                return Batch(behind=read.behind)
            batch = await self._run_batch(read)
        except _Fault as fault:
            self._doubt()
            return await self._after_fault(read, fault)
        except BaseException:
            self._doubt()
            raise
        self._faulty.none_failed()
        return batch

    def _doubt(self) -> None:
        """Whether a commit came through is not known: the database is asked before the next batch."""
        self._is_sure = False
        self._heard.forget()
        self._reader.forget()
        if self._services is not None:
            self._services.periods.forget()

    async def _after_fault(self, read: JournalBatch, fault: _Fault) -> Batch:
        if not self._faulty.failed(len(read.entries)):
            return Batch(behind=True)
        (entry,) = read.entries
        now = self._clock.now()
        self._faulty.may_park(1)
        async with self._store.write() as work:
            _, cursor = await work.sessions.cursor(self._journal.identity, now)
            if cursor != self._cursor:  # someone else has applied it further
                return Batch(behind=True)
            await work.sessions.advance(self._journal.identity, read.cursor, now)
        self._faulty.have_parked(1)
        self._faulty.none_failed()
        _log.error(
            "journal record %d of NAS %s could not be metered and is left in the journal",
            entry.sequence,
            entry.nas_id,
            exc_info=fault.__cause__,
        )
        return Batch(behind=True)

    async def _run_batch(self, read: JournalBatch) -> Batch:
        assert self._cursor is not None  # noqa: S101 - the caller read from it
        try:
            while True:
                try:
                    return await self._apply_batch(read, self._cursor)
                except _OutdatedError:
                    self._reader.believe_less()
        except NetbilldError:
            raise
        except Exception as error:
            raise _Fault from error

    async def _apply_batch(self, read: JournalBatch, expected: JournalCursor) -> Batch:
        records, plain = await self._reader.records(read, self._ports)
        now = self._clock.now()
        async with self._store.write() as work:
            number, cursor = await work.sessions.cursor(self._journal.identity, now)
            if cursor.sequence != expected.sequence:  # someone else has applied it further
                self._cursor = cursor
                self._reader.forget()
                return Batch(behind=True)
            records = await self._from_known_nas(work, records)
            await work.sessions.hold({record.nas_id for _, record in records} | plain.nas_ids())
            folded = await self._fold(work, records, plain, number << JOURNAL_BITS)
            batch = await self._write(work, read, folded, plain, now)
            if self._keeps_records:
                await work.usage.add_records(raw_records(read.entries))
            await work.sessions.advance(self._journal.identity, read.cursor, now)
        self._cursor = read.cursor
        self.applied += len(read.entries)
        self._faulty.have_parked(folded.faulty)
        await self._reader.learn(plain, folded.fold, folded.changed)
        return batch

    async def _from_known_nas(self, work: Work, records: Records) -> Records:
        unseen = {record.nas_id for _, record in records} - self._nas
        if unseen:
            self._nas |= await work.sessions.known_nas(unseen)
            for nas_id in unseen - self._nas:
                _log.error("the journal holds records of NAS %s, which the database does not know", nas_id)
        known = [(sequence, record) for sequence, record in records if record.nas_id in self._nas]
        self.unknown_nas += len(records) - len(known)
        return known

    async def _fold(self, work: Work, records: Records, plain: PlainReports, first_id: int) -> _Folded:
        """Fold records into sessions."""
        known = await BatchKnowledge.load(work, records)
        while left := plain.give_back([session.id for session in known.sessions]):
            records = in_order(records, left)
            known = await BatchKnowledge.load(work, records)
        ports = await self._port_speeds(work)
        while True:
            fold = SessionFold(known.sessions, known.service_of, ports)
            changes: list[SessionChange] = []
            faulty: list[int] = []
            for start in range(0, len(records), RECORDS_A_TURN):
                await asyncio.sleep(0)
                for sequence, record in records[start : start + RECORDS_A_TURN]:
                    try:
                        change = fold.apply(record, first_id + sequence)
                    except Exception:  # noqa: BLE001 - a rule of ours that fails on one record must not stop everyone's metering
                        faulty.append(sequence)
                        _log.exception("journal record %d could not be metered and is left in the journal", sequence)
                        continue
                    if change is not None and change.tells:
                        changes.append(change)
            if known.is_complete:
                if faulty:
                    self._faulty.may_park(len(faulty), len(records))
                return _Folded(fold, fold.new(), fold.changed(), changes, records, len(faulty))
            await known.complete(work)  # and once more

    async def _write(
        self, work: Work, read: JournalBatch, folded: _Folded, plain: PlainReports, now: datetime
    ) -> Batch:
        """Write what a batch means."""
        corrected = corrections(folded.changes)
        moved = [*_moved(folded.changes), *plain.moved, *corrected]
        owners = await self._book.owners(work, moved)
        moving = asyncio.get_running_loop().create_task(work.sessions.move(plain.stepped, plain.advanced))
        try:  # beside each other: one is the database's work, the other ours
            roll_up = await self._book.cut(moved, owners)
        finally:
            is_as_known = await moving
        if not is_as_known:
            plain.forget()
            raise _OutdatedError
        self._reader.look_ahead(read, plain, self._faulty.most, self._ports)
        await work.sessions.insert(folded.new)
        await work.sessions.update(folded.changed)
        await work.sessions.granted(folded.fold.grants)
        booked = await self._book.write(work, owners, roll_up, now)
        self.doubted += await note_doubts(work, folded.changes, corrected, now)
        await self._heard.note(work, [*(record for _, record in folded.records), *plain.last()])
        return _batch(read, folded, plain, booked)

    async def _port_speeds(self, work: Work) -> Mapping[UUID, int]:
        now = self._clock.now()
        if self._ports_at is None or not timedelta(0) <= now - self._ports_at < _PORTS_AGAIN:
            self._ports, self._ports_at = await work.nas.port_speeds(), now
            self.doubts_waiting = await work.doubts.waiting()
        return self._ports


def _batch(
    read: JournalBatch,
    folded: _Folded,
    plain: PlainReports,
    booked: Booked,
) -> Batch:
    fold, changes = folded.fold, folded.changes
    touched = {change.session.service_id for change in changes}
    touched.update([one.service_id for one in plain.moved])
    touched |= {fold.sessions[session_id].service_id for session_id in (*fold.opened, *fold.ended, *fold.reopened)}
    return Batch(
        applied=len(read.entries),
        touched_service_ids=frozenset([service_id for service_id in touched if service_id is not None]),
        new_session_ids=tuple(fold.opened),
        ended_session_ids=tuple(fold.ended),
        metered_session_ids=tuple(dict.fromkeys([*(change.session.id for change in changes), *plain.metered()])),
        grants=tuple(fold.grants),
        periods=tuple(booked.periods),
        charged_service_ids=frozenset(booked.wallets),
        wallets=booked.wallets,
        crossed_service_ids=booked.crossed,
        sessions=(*folded.new, *(session for _, session in folded.changed), *plain.sessions),
        restarted_at={
            record.nas_id: record.event_at
            for _, record in folded.records
            if record.kind is RecordKind.ON or record.kind is RecordKind.OFF
        },
        behind=read.behind,
    )


def _moved(changes: Iterable[SessionChange]) -> list[Moved]:
    return [
        Moved(
            session.service_id, session.id, None, source, from_at, to_at, upload_octets, download_octets, session.nas_id
        )
        for session, upload_octets, download_octets, from_at, to_at, _, source, _, _, _ in changes
        if from_at is not None and to_at is not None
    ]
