"""ReadJournal: the journal's records a batch at a time, and those of the next one while the database stores one.

Reports of sessions that are known from batches before are taken in as they are read. Memory is only believed as long as
nobody else writes these sessions: where another node meters them too, it is relied on less and less.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.entry import JournalBatch, JournalCursor, JournalEntry
from netbilld.accounting.fold import SessionFold
from netbilld.accounting.known_sessions import KnownSessions
from netbilld.accounting.record import AccountingRecord
from netbilld.accounting.session import Session
from netbilld.radius.errors import MalformedPacket
from netbilld.radius.packet import decode
from netbilld.services.plain_reports import PlainReports, Records, in_order

_log = logging.getLogger(__name__)

RECORDS_A_TURN: Final = 64  # RADIUS shares this loop, and its answers should not wait for a whole batch
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_OUTDATED: Final = 5  # in a row, after which memory is tried again every thirty-two batches


class Journal(Protocol):
    def read(self, cursor: JournalCursor, limit: int) -> JournalBatch: ...


@dataclass(frozen=True, slots=True)
class _Ahead:
    """The batch after the one that is being stored: `records` are what is to be folded of it, once it is read."""

    read: JournalBatch
    plain: PlainReports
    records: asyncio.Task[Records]


class ReadJournal:
    """Reads for one meter, which stores one batch at a time and tells how that went.

    `unreadable` records are no RADIUS packets, and are passed over.
    """

    def __init__(self, journal: Journal) -> None:
        self.unreadable = 0
        self._journal = journal
        self._known = KnownSessions()
        self._ahead: _Ahead | None = None
        self._outdated = 0  # batches in a row that had to be taken again, because others write these sessions too
        self._without = 0  # batches to come for which nothing is believed known

    def batch(self, cursor: JournalCursor, most: int) -> JournalBatch:
        """Return the entries after a place: those that were read ahead, else so many at most."""
        return self._journal.read(cursor, most) if self._ahead is None else self._ahead.read

    async def records(self, read: JournalBatch, port_bps: Mapping[UUID, int]) -> tuple[Records, PlainReports]:
        """Return what is to be folded of a batch, and its reports that are taken in already."""
        if (ahead := self._ahead) is not None:
            records = await ahead.records
            self._ahead = None
            return in_order(records, ahead.plain.take_up()), ahead.plain
        plain = PlainReports(self._known, port_bps)
        return await self._records(read.entries, None if self._without else plain), plain

    def look_ahead(self, read: JournalBatch, plain: PlainReports, most: int, port_bps: Mapping[UUID, int]) -> None:
        """Read on while the database is at work on a batch: its reports are those of sessions as that leaves them."""
        if not read.behind or self._without:
            return
        following = self._journal.read(read.cursor, most)
        if not following.entries:
            return
        plain = PlainReports(self._known, port_bps, plain)
        reading = asyncio.get_running_loop().create_task(self._records(following.entries, plain))
        self._ahead = _Ahead(following, plain, reading)

    def believe_less(self) -> None:
        """Take note that a batch must be taken again, because the database holds other sessions than are known here."""
        self._outdated = min(self._outdated + 1, _MOST_OUTDATED)
        self._without = 1 << self._outdated

    async def learn(self, plain: PlainReports, fold: SessionFold, changed: Iterable[tuple[Session, Session]]) -> None:
        """Take note that a batch is durable, and learn from it; nothing is awaited here that could fail."""
        plain.stored()
        for _, session in changed:
            self._known.stored(session)
        for number, (session_id, record) in enumerate(fold.told.items()):
            if number % RECORDS_A_TURN == 0:
                await asyncio.sleep(0)
            alike = fold.alike(session_id)
            if len(alike) == 1:
                self._known.learn(fold.sessions[session_id], record)
            else:
                self._known.forget(alike)
        if self._without:
            self._without -= 1
        elif len(plain):
            self._outdated = 0

    def forget(self) -> None:
        """Believe nothing known, and read again what was read ahead: what the database holds is not sure."""
        self._known.clear()
        if self._ahead is not None:
            self._ahead.records.cancel()
            self._ahead = None

    async def _records(self, entries: Sequence[JournalEntry], plain: PlainReports | None) -> Records:
        """Return the records that are to be folded; reports of known sessions are taken in right here."""
        records: Records = []
        from_packet = AccountingRecord.from_packet
        for start in range(0, len(entries), RECORDS_A_TURN):
            await asyncio.sleep(0)
            for entry in entries[start : start + RECORDS_A_TURN]:
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
        return records if plain is None else in_order(records, plain.give_back())
