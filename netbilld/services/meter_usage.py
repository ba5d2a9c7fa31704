"""MeterUsage: folds the journal into sessions, usage and wallet charges, each record exactly once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.counting import BY_US
from netbilld.accounting.entry import JournalBatch, JournalCursor, JournalEntry
from netbilld.accounting.fit import Fit, fit
from netbilld.accounting.fold import FirstGrant, SessionFold
from netbilld.accounting.known_sessions import KnownSessions
from netbilld.accounting.record import AccountingRecord, RecordKind
from netbilld.accounting.session import JOURNAL_BITS, Doubt, Session, SessionChange
from netbilld.accounting.usage import PeriodTotals
from netbilld.model.errors import NetbilldError
from netbilld.ports.clock import Clock
from netbilld.radius.errors import MalformedPacket
from netbilld.radius.packet import decode
from netbilld.services.batch_knowledge import BatchKnowledge
from netbilld.services.book_usage import BookUsage, Moved, RememberedServices
from netbilld.services.book_usage import Usage as BookUsageStore
from netbilld.services.book_usage import Work as BookWork
from netbilld.services.plain_reports import PlainReports
from netbilld.services.raw_records import RawRecord, raw_records

_log = logging.getLogger(__name__)

BATCH_RECORDS: Final = 2_048  # at most: as many as wait
_HEARD_AGAIN: Final = timedelta(seconds=5)  # how often "last heard" is written for a NAS that says nothing new
_CLOCK_AGAIN_SECONDS: Final = 60  # a NAS's clock that is off by as much more or less is news at once
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RECORDS_A_TURN: Final = 64  # RADIUS shares this loop, and its answers should not wait for a whole batch
_PARTS: Final = 8  # that a batch which fails is taken in
_PORTS_AGAIN: Final = timedelta(seconds=30)  # how often it is asked what the ports of NAS can carry
AHEAD_OF_NAS: Final = "ahead_of_nas"  # a reading of ours had counted what the NAS's last word does not
_MOST_OUTDATED: Final = 5  # in a row, after which memory is tried again every thirty-two batches
_MOST_PARKED: Final = 5  # a minute: more, and the fault is not in the records
_PARKED_WITHIN: Final = timedelta(minutes=1)
_TRIES: Final = 3  # of one record alone, before it is parked: a deadlock passes, a value no column holds does not


class Journal(Protocol):
    identity: UUID

    def read(self, cursor: JournalCursor, limit: int) -> JournalBatch: ...


class Sessions(Protocol):
    async def cursor(self, journal: UUID, now: datetime) -> tuple[int, JournalCursor]: ...
    async def advance(self, journal: UUID, cursor: JournalCursor, now: datetime) -> None: ...
    async def known_nas(self, nas_ids: Collection[UUID]) -> set[UUID]: ...
    async def hold(self, nas_ids: Collection[UUID]) -> None: ...
    async def with_identity(self, identities: Collection[tuple[UUID, str]], event_at: datetime) -> list[Session]: ...
    async def open_at(
        self, stations: Collection[tuple[UUID, str]], addresses: Collection[tuple[UUID, str]]
    ) -> list[Session]: ...
    async def open_on(self, nas_ids: Collection[UUID]) -> list[Session]: ...
    async def insert(self, new: Sequence[Session]) -> None: ...
    async def update(self, changed: Sequence[tuple[Session, Session]]) -> None: ...
    async def move(
        self, stepped: Sequence[tuple[Session, Session]], advanced: Sequence[tuple[Session, Session]]
    ) -> bool: ...
    async def granted(self, grants: Iterable[FirstGrant]) -> None: ...
    async def services_named(self, name_keys: Collection[str]) -> dict[str, UUID]: ...


class Nases(Protocol):
    async def port_speeds(self) -> dict[UUID, int]: ...
    async def heard(
        self,
        nas_id: UUID,
        at: datetime,
        *,
        reported_ip: str | None = None,
        identifier: str | None = None,
        clock_off_seconds: int | None = None,
    ) -> None: ...


class Doubts(Protocol):
    async def note(self, doubted: Iterable[tuple[SessionChange, Doubt, bool]], now: datetime) -> None: ...
    async def withdraw(self, session_ids: Collection[int], now: datetime) -> None: ...
    async def waiting(self) -> int: ...
    async def explain(self, corrections: Iterable[tuple[Moved, str]], now: datetime) -> None: ...


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
    sessions: tuple[Session, ...] = ()
    restarted_at: Mapping[UUID, datetime] = field(default_factory=dict)
    behind: bool = False


class _OutdatedError(Exception):
    """The database holds a session otherwise than is known here: another has written it since."""


class _Fault(Exception):  # noqa: N818 - it never leaves this file
    """A batch failed by its records, not by a database that is away; the cause says how."""


@dataclass(frozen=True, slots=True)
class _Ahead:
    """The batch after the one that is being stored: `records` are what is to be folded of it, once it is read."""

    read: JournalBatch
    plain: PlainReports
    records: asyncio.Task[list[tuple[int, AccountingRecord]]]


@dataclass(frozen=True, slots=True)
class _Heard:
    at: datetime
    reported_ip: str | None
    identifier: str | None
    clock_off_seconds: int | None

    def tells(self, later: "_Heard") -> bool:
        """Tell whether a later word says nothing that is worth a write."""
        same = (self.reported_ip, self.identifier) == (later.reported_ip, later.identifier)
        clock = (self.clock_off_seconds or 0) - (later.clock_off_seconds or 0)
        same = same and -_CLOCK_AGAIN_SECONDS < clock < _CLOCK_AGAIN_SECONDS
        return same and timedelta(0) <= later.at - self.at < _HEARD_AGAIN


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
    ) -> None:
        """Take what to work with.

        Args:
            store: where to.
            journal: where from.
            clock: tells the time.
            timezone: for usage that is nobody's, and for booking dates.
            batch_records: most records a transaction.
            keeps_records: whether each record is kept in the database as it was received, too.
            services: where services are remembered, for somebody who is told of their changes; None reads them anew.
        """
        self.applied = self.unknown_nas = self.unreadable = self.parked = self.doubted = self.doubts_waiting = 0
        self._store = store
        self._journal = journal
        self._clock = clock
        self._book = BookUsage(timezone, services)
        self._keeps_records = keeps_records
        self._batch_records = batch_records
        self._cursor: JournalCursor | None = None
        self._is_sure = False
        self._known = KnownSessions()
        self._ahead: _Ahead | None = None
        self._outdated = 0  # batches in a row that had to be taken again, because others write these sessions too
        self._without = 0  # batches to come for which nothing is believed known
        self._nas: set[UUID] = set()
        self._ports: dict[UUID, int] = {}
        self._ports_at: datetime | None = None
        self._heard: dict[UUID, _Heard] = {}
        self._most = batch_records  # records to take next: fewer and fewer where a batch fails, to find which one does
        self._parked_at: list[datetime] = []  # within the last minute
        self._failed = 0  # how often the next one has failed alone

    @property
    def cursor(self) -> JournalCursor | None:
        """How far the journal is applied, as far as this process knows."""
        return self._cursor

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
            read = self._journal.read(self._cursor, self._most) if self._ahead is None else self._ahead.read
            if not read.entries:
                return Batch(behind=read.behind)
            batch = await self._run_batch(read)
        except _Fault as fault:
            self._doubt()
            return await self._after_fault(read, fault)
        except BaseException:
            self._doubt()
            raise
        self._went_well()
        return batch

    def _went_well(self) -> None:
        self._most, self._failed = min(2 * self._most, self._batch_records), 0

    def _doubt(self) -> None:
        """Whether a commit came through is not known: the database is asked before the next batch."""
        self._is_sure = False
        self._heard.clear()
        self._known.clear()
        self._forget_ahead()

    def _look_ahead(self, read: JournalBatch, plain: PlainReports) -> None:
        """Read on while the database is at work on a batch: its reports are those of sessions as that leaves them."""
        if not read.behind or self._without:
            return
        following = self._journal.read(read.cursor, self._most)
        if not following.entries:
            return
        plain = PlainReports(self._known, self._ports, plain)
        reading = asyncio.get_running_loop().create_task(self._records(following.entries, plain))
        self._ahead = _Ahead(following, plain, reading)

    def _forget_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead.records.cancel()
            self._ahead = None

    async def _after_fault(self, read: JournalBatch, fault: _Fault) -> Batch:
        if len(read.entries) > 1:
            self._most = max(1, len(read.entries) // _PARTS)
            return Batch(behind=True)
        self._failed += 1
        if self._failed < _TRIES:
            return Batch(behind=True)
        (entry,) = read.entries
        now = self._clock.now()
        self._may_park(1)
        async with self._store.write() as work:
            _, cursor = await work.sessions.cursor(self._journal.identity, now)
            if cursor != self._cursor:  # someone else has applied it further
                return Batch(behind=True)
            await work.sessions.advance(self._journal.identity, read.cursor, now)
        self._have_parked(1)
        self._went_well()
        _log.error(
            "journal record %d of NAS %s could not be metered and is left in the journal",
            entry.sequence,
            entry.nas_id,
            exc_info=fault.__cause__,
        )
        return Batch(behind=True)

    def _may_park(self, count: int) -> None:
        """Make sure that no more records are passed over than a fault in a few of them can explain.

        Raises:
            NetbilldError: too many have failed within a minute; nothing is passed over, and a later call goes on.
        """
        now = self._clock.now()
        self._parked_at = [at for at in self._parked_at if timedelta(0) <= now - at < _PARKED_WITHIN]
        if len(self._parked_at) + count > _MOST_PARKED:
            raise NetbilldError(
                "accounting records fail one after the other by a fault of ours, and wait in the journal",
                hint="look for 'could not be metered' in the log; it is tried again by itself",
                code="metering_halted",
            )

    def _have_parked(self, count: int) -> None:
        self.parked += count
        self._parked_at += [self._clock.now()] * count

    async def _run_batch(self, read: JournalBatch) -> Batch:
        assert self._cursor is not None  # noqa: S101 - the caller read from it
        try:
            while True:
                try:
                    return await self._apply_batch(read, self._cursor)
                except _OutdatedError:
                    self._is_outdated()
        except NetbilldError:
            raise
        except Exception as error:
            raise _Fault from error

    def _is_outdated(self) -> None:
        """Rely on memory less and less where another node meters the same sessions."""
        self._outdated = min(self._outdated + 1, _MOST_OUTDATED)
        self._without = 1 << self._outdated

    async def _apply_batch(self, read: JournalBatch, expected: JournalCursor) -> Batch:
        if (ahead := self._ahead) is not None:
            plain, records = ahead.plain, await ahead.records
            self._ahead = None
            records = _in_order(records, plain.take_up())
        else:
            plain = PlainReports(self._known, self._ports)
            records = await self._records(read.entries, None if self._without else plain)
        now = self._clock.now()
        async with self._store.write() as work:
            number, cursor = await work.sessions.cursor(self._journal.identity, now)
            if cursor.sequence != expected.sequence:  # someone else has applied it further
                self._cursor = cursor
                self._known.clear()
                return Batch(behind=True)
            records = await self._from_known_nas(work, records)
            batch, remember = await self._apply(work, read, records, plain, number << JOURNAL_BITS, now)
            if self._keeps_records:
                await work.usage.add_records(raw_records(read.entries))
            await work.sessions.advance(self._journal.identity, read.cursor, now)
        self._cursor = read.cursor
        self.applied += len(read.entries)
        await remember()  # nothing is awaited there that could fail
        if self._without:
            self._without -= 1
        elif len(plain):
            self._outdated = 0
        return replace(batch, applied=len(read.entries), behind=read.behind)

    async def _records(
        self, entries: Sequence[JournalEntry], plain: PlainReports | None
    ) -> list[tuple[int, AccountingRecord]]:
        """Return the records that are to be folded; reports of known sessions are taken in right here."""
        records: list[tuple[int, AccountingRecord]] = []
        from_packet = AccountingRecord.from_packet
        for start in range(0, len(entries), _RECORDS_A_TURN):
            await asyncio.sleep(0)
            for entry in entries[start : start + _RECORDS_A_TURN]:
                if plain is not None and plain.take(entry):
                    continue
                sequence, received_us, nas_id, source, flags, datagram = entry
                try:
                    packet = decode(datagram)
                except MalformedPacket:  # it was read once before it was kept
                    self.unreadable += 1
                    _log.error("journal record %d is no RADIUS packet and is passed over", sequence)
                    continue
                received_at = _EPOCH + timedelta(microseconds=received_us)
                records.append((sequence, from_packet(packet, nas_id, flags, received_at, source)))
        return records if plain is None else _in_order(records, plain.give_back())

    async def _from_known_nas(
        self, work: Work, records: list[tuple[int, AccountingRecord]]
    ) -> list[tuple[int, AccountingRecord]]:
        unseen = {record.nas_id for _, record in records} - self._nas
        if unseen:
            self._nas |= await work.sessions.known_nas(unseen)
            for nas_id in unseen - self._nas:
                _log.error("the journal holds records of NAS %s, which the database does not know", nas_id)
        known = [(sequence, record) for sequence, record in records if record.nas_id in self._nas]
        self.unknown_nas += len(records) - len(known)
        return known

    async def _apply(
        self,
        work: Work,
        read: JournalBatch,
        records: list[tuple[int, AccountingRecord]],
        plain: PlainReports,
        first_id: int,
        now: datetime,
    ) -> tuple[Batch, Callable[[], Awaitable[None]]]:
        """Write what a batch means; return it, and what is to be called once it is durable."""
        if not records and not len(plain):
            return Batch(), _nothing
        await work.sessions.hold({record.nas_id for _, record in records} | plain.nas_ids())
        fold, changes, records, faulty = await self._fold(work, records, plain, first_id)
        new, changed = fold.new(), fold.changed()
        corrections = [_correction(change) for change in changes if change.taken_back is not None]
        moved = [*_moved(changes), *plain.moved, *corrections]
        owners = await self._book.owners(work, moved)
        moving = asyncio.get_running_loop().create_task(work.sessions.move(plain.stepped, plain.advanced))
        try:  # beside each other: one is the database's work, the other ours
            roll_up = await self._book.cut(moved, owners)
        finally:
            is_as_known = await moving
        if not is_as_known:
            plain.forget()
            raise _OutdatedError
        self._look_ahead(read, plain)
        await work.sessions.insert(new)
        await work.sessions.update(changed)
        await work.sessions.granted(fold.grants)
        periods, charged = await self._book.write(work, owners, roll_up, now)
        await self._note_doubts(work, changes, corrections, now)
        await self._note_nas(work, [*(record for _, record in records), *plain.last()])
        touched = {change.session.service_id for change in changes}
        touched.update([one.service_id for one in plain.moved])
        touched |= {fold.sessions[session_id].service_id for session_id in (*fold.opened, *fold.ended, *fold.reopened)}
        batch = Batch(
            touched_service_ids=frozenset([service_id for service_id in touched if service_id is not None]),
            new_session_ids=tuple(fold.opened),
            ended_session_ids=tuple(fold.ended),
            metered_session_ids=tuple(dict.fromkeys([*(change.session.id for change in changes), *plain.metered()])),
            grants=tuple(fold.grants),
            periods=tuple(periods),
            charged_service_ids=charged,
            sessions=(*new, *(session for _, session in changed), *plain.sessions),
            restarted_at={
                record.nas_id: record.event_at
                for _, record in records
                if record.kind is RecordKind.ON or record.kind is RecordKind.OFF
            },
        )

        async def remember() -> None:
            self._have_parked(faulty)
            plain.stored()
            for session in batch.sessions[: len(new) + len(changed)]:
                self._known.stored(session)
            for number, (session_id, record) in enumerate(fold.told.items()):
                if number % _RECORDS_A_TURN == 0:
                    await asyncio.sleep(0)
                alike = fold.alike(session_id)
                if len(alike) == 1:
                    self._known.learn(fold.sessions[session_id], record)
                else:
                    self._known.forget(alike)

        return batch, remember

    async def _fold(
        self, work: Work, records: list[tuple[int, AccountingRecord]], plain: PlainReports, first_id: int
    ) -> tuple[SessionFold, list[SessionChange], list[tuple[int, AccountingRecord]], int]:
        """Fold records into sessions; return also what they metered, which ones they were, and how many are left out.

        Those count as parked once the transaction is through: it may be given up and taken again.
        """
        known = await self._load(work, records)
        while left := plain.give_back([session.id for session in known.sessions]):
            records = _in_order(records, left)
            known = await self._load(work, records)
        ports = await self._port_speeds(work)
        while True:
            fold = SessionFold(known.sessions, known.service_of, ports)
            changes: list[SessionChange] = []
            faulty: list[int] = []
            for start in range(0, len(records), _RECORDS_A_TURN):
                await asyncio.sleep(0)
                for sequence, record in records[start : start + _RECORDS_A_TURN]:
                    try:
                        change = fold.apply(record, first_id + sequence)
                    except Exception:  # noqa: BLE001 - a rule of ours that fails on one record must not stop everyone's metering
                        faulty.append(sequence)
                        _log.exception("journal record %d could not be metered and is left in the journal", sequence)
                        continue
                    if change is not None and change.tells:
                        changes.append(change)
            if known.is_complete:
                if len(faulty) > _MOST_PARKED:  # in smaller parts there may be few enough in each
                    self._most = max(1, len(records) // _PARTS)
                if faulty:
                    self._may_park(len(faulty))
                return fold, changes, records, len(faulty)
            await known.complete(work)  # and once more

    async def _load(self, work: Work, records: list[tuple[int, AccountingRecord]]) -> BatchKnowledge:
        """Load all that the batch may concern, in a few queries."""
        identities: dict[tuple[UUID, str], None] = {}
        restarted: dict[UUID, None] = {}
        if not records:
            return BatchKnowledge([])
        earliest_at = records[0][1].event_at
        for _, record in records:
            earliest_at = min(earliest_at, record.event_at)
            kind = record.kind
            if kind is RecordKind.ON or kind is RecordKind.OFF:
                restarted[record.nas_id] = None
            elif kind is not RecordKind.OTHER:
                identities[record.nas_id, record.acct_session_key] = None
        await asyncio.sleep(0)
        sessions = await work.sessions.with_identity(identities, earliest_at) if identities else []
        alike: dict[tuple[UUID, str], list[Session]] = {}
        for session in sessions:
            alike.setdefault((session.nas_id, session.acct_session_key), []).append(session)
        await asyncio.sleep(0)
        known = BatchKnowledge(sessions)
        stations: dict[tuple[UUID, str], None] = {}
        addresses: dict[tuple[UUID, str], None] = {}
        for number, (_, record) in enumerate(records):
            if number % _RECORDS_A_TURN == 0:
                await asyncio.sleep(0)
            kind = record.kind
            if kind is RecordKind.START or kind is RecordKind.INTERIM or kind is RecordKind.STOP:
                same = next(
                    (
                        session
                        for session in alike.get((record.nas_id, record.acct_session_key), ())
                        if fit(session, record) is Fit.SAME
                    ),
                    None,
                )
                if same is None or same.service_id is None:
                    known.want(record)
                if same is None and kind is not RecordKind.STOP:
                    if record.mac is not None:
                        stations[record.nas_id, record.mac] = None
                    if record.framed_ip is not None:
                        addresses[record.nas_id, record.framed_ip] = None
        if stations or addresses:
            sessions += await work.sessions.open_at(stations, addresses)
        if restarted:
            sessions += await work.sessions.open_on(restarted)
        await known.complete(work)
        return known

    async def _port_speeds(self, work: Work) -> Mapping[UUID, int]:
        now = self._clock.now()
        if self._ports_at is None or not timedelta(0) <= now - self._ports_at < _PORTS_AGAIN:
            self._ports, self._ports_at = await work.nas.port_speeds(), now
            self.doubts_waiting = await work.doubts.waiting()
        return self._ports

    async def _note_doubts(
        self, work: Work, changes: Sequence[SessionChange], corrections: Sequence[Moved], now: datetime
    ) -> None:
        came_back = {change.session.id: number for number, change in enumerate(changes) if change.came_back}
        if came_back:
            await work.doubts.withdraw(came_back, now)
        doubted = [
            (change, change.doubt, number < came_back.get(change.session.id, 0))
            for number, change in enumerate(changes)
            if change.doubt is not None
        ]
        if doubted:
            await work.doubts.note(doubted, now)
            self.doubted += len(doubted)
        if corrections:
            await work.doubts.explain([(correction, AHEAD_OF_NAS) for correction in corrections], now)

    async def _note_nas(self, work: Work, records: Iterable[AccountingRecord]) -> None:
        last: dict[UUID, AccountingRecord] = {}
        for record in records:
            if record.flags & BY_US:
                continue
            before = last.get(record.nas_id)
            if before is None or before.received_at <= record.received_at:
                last[record.nas_id] = record
        for nas_id in sorted(last):
            record = last[nas_id]
            earlier = self._heard.get(nas_id)
            heard = _Heard(record.received_at, record.nas_ip, record.nas_identifier, record.clock_off_seconds)
            if earlier is not None and earlier.tells(heard):
                continue
            await work.nas.heard(
                nas_id,
                heard.at,
                reported_ip=heard.reported_ip,
                identifier=heard.identifier,
                clock_off_seconds=heard.clock_off_seconds,
            )
            self._heard[nas_id] = heard


def _moved(changes: Iterable[SessionChange]) -> list[Moved]:
    return [
        Moved(
            session.service_id, session.id, None, source, from_at, to_at, upload_octets, download_octets, session.nas_id
        )
        for session, upload_octets, download_octets, from_at, to_at, _, source, _, _, _ in changes
        if from_at is not None and to_at is not None
    ]


def _correction(change: SessionChange) -> Moved:
    """Return what takes back, when it was counted, what readings of ours were ahead of the NAS's last word."""
    session, taken = change.session, change.taken_back
    assert taken is not None  # noqa: S101 - who asks has looked
    return Moved(
        session.service_id,
        session.id,
        None,
        "correction",
        taken.at,
        taken.at,
        -taken.upload_octets,
        -taken.download_octets,
        session.nas_id,
    )


def _in_order(
    records: list[tuple[int, AccountingRecord]], more: list[tuple[int, AccountingRecord]]
) -> list[tuple[int, AccountingRecord]]:
    return sorted(records + more, key=itemgetter(0)) if more else records


async def _nothing() -> None:
    pass
