"""PlainReports: the reports of a batch whose sessions are known already; they ask nothing of the database.

Each is taken in as soon as it is read. Where one doesn't fit its session as a report must, or where another record of
the batch concerns that session too, all of the session's reports are given back, to be folded in order like any other.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Final, NamedTuple
from uuid import UUID

from netbilld.accounting.apply_record import apply
from netbilld.accounting.counting import SWAPPED
from netbilld.accounting.entry import JournalEntry
from netbilld.accounting.fit import Fit, fit
from netbilld.accounting.known_sessions import Known, KnownSessions, is_plain, report
from netbilld.accounting.plain_report import moved_on
from netbilld.accounting.record import MAX_COUNTER_OCTETS, MAX_SESSION_SECONDS, AccountingRecord, event_time
from netbilld.accounting.session import Session, SessionChange
from netbilld.radius.packet import decode
from netbilld.services.book_usage import Moved

Records = list[tuple[int, AccountingRecord]]  # each with its number in the journal
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_new: Final = tuple.__new__  # of a named tuple, in half the time


class _Taken(NamedTuple):
    entry: JournalEntry
    known: Known
    received_at: datetime


class PlainReports:
    """Of one batch."""

    def __init__(
        self, known: KnownSessions, port_bps: Mapping[UUID, int], before: "PlainReports | None" = None
    ) -> None:
        """Take what is known of sessions, and what a port of each NAS can carry.

        `before` are those of the batch before, where that is being stored: what it has made of sessions counts as
        known, and reports of sessions that it has given back are put off until it is stored (`take_up`).
        """
        self._known = known
        self._port_bps = {nas_id.int: speed for nas_id, speed in port_bps.items()}
        self._taken: list[_Taken] = []
        self._moved: list[Moved] = []
        self._were: dict[int, Known] = {}
        self._now: dict[int, Session] = {}
        self._earlier: Mapping[int, Session] = {} if before is None else before._now  # noqa: SLF001 - one of us
        self._folded: Collection[int] = () if before is None else before._given_back  # noqa: SLF001
        self._put_off: list[JournalEntry] = []
        self._given_back: set[int] = set()
        self._several: set[int] = set()  # sessions with more than one report, or one that was no plain step on
        self._last: dict[int, _Taken] = {}  # by the NAS's id as a number: what it said last

    def __len__(self) -> int:
        return len(self._now)

    def take(self, entry: JournalEntry) -> bool:
        """Take a record in if it is a report of a known session, or put it off; else it is to be folded."""
        _, received_us, nas_id, source, flags, datagram = entry
        known = self._known.find(nas_id, source, flags, datagram)
        if known is None:
            return False
        before = known.session
        session_id = before.id
        if session_id in self._given_back:
            return False
        if session_id in self._folded:
            self._put_off.append(entry)
            return True
        if session_id in self._now:
            before = self._now[session_id]
            self._several.add(session_id)
        elif session_id in self._earlier:
            before = self._earlier[session_id]
        number = nas_id.int
        received_at = _EPOCH + timedelta(microseconds=received_us)
        port_bps = self._port_bps.get(number, 0)
        after = _stepped(known, before, received_at, datagram, port_bps)
        if after is not None:
            from_at, to_at = before.updated_at, after.updated_at
            up, down = after.upload_octets - before.upload_octets, after.download_octets - before.download_octets
        else:
            change = _applied(known, before, received_at, entry, port_bps)
            if change is None or change.from_at is None or change.to_at is None:
                self._given_back.add(session_id)
                return False
            self._several.add(session_id)
            after, up, down = change.session, change.upload_octets, change.download_octets
            from_at, to_at = change.from_at, change.to_at
        self._last[number] = taken = _new(_Taken, (entry, known, received_at))
        self._taken.append(taken)
        self._were[session_id] = known
        self._now[session_id] = after
        if up or down:
            self._moved.append(
                _new(Moved, (after.service_id, session_id, None, "radius", from_at, to_at, up, down, nas_id))
            )
        return True

    def take_up(self) -> Records:
        """Return what is to be folded of the reports that were put off; the batch before is stored now."""
        put_off, self._put_off, self._folded = self._put_off, [], ()
        newest = dict(self._last)
        left = [(entry.sequence, _read(entry)) for entry in put_off if not self.take(entry)]
        for number, taken in newest.items():
            if taken.entry.sequence > self._last[number].entry.sequence:
                self._last[number] = taken
        return left + self.give_back()

    def give_back(self, session_ids: Collection[int] = ()) -> Records:
        """Return the reports of sessions that don't stay here: those named, and those that one didn't fit."""
        self._given_back.update(session_ids)
        leaving = self._given_back & self._now.keys()
        if not leaving:
            return []
        records = [(one.entry.sequence, _read(one.entry)) for one in self._taken if one.known.session.id in leaving]
        self._taken = [one for one in self._taken if one.known.session.id not in leaving]
        self._moved = [one for one in self._moved if one.session_id not in leaving]
        for session_id in leaving:
            del self._now[session_id], self._were[session_id]
        return records

    @property
    def moved(self) -> list[Moved]:
        """What was metered."""
        return self._moved

    def metered(self) -> Iterator[int]:
        """Yield the sessions that have moved something."""
        return (one.session_id for one in self._moved if one.session_id is not None)

    @property
    def stepped(self) -> list[tuple[Session, Session]]:
        """Sessions as they were stored last and as they are, one plain step on."""
        several, now = self._several, self._now
        return [(known.session, now[number]) for number, known in self._were.items() if number not in several]

    @property
    def advanced(self) -> list[tuple[Session, Session]]:
        """The other ones likewise."""
        several, now = self._several, self._now
        return [(known.session, now[number]) for number, known in self._were.items() if number in several]

    @property
    def sessions(self) -> list[Session]:
        """All of them as they are."""
        return list(self._now.values())

    def last(self) -> list[AccountingRecord]:
        """Return what each NAS said last."""
        return [_record(one) for one in self._last.values()]

    def nas_ids(self) -> set[UUID]:
        """Return the NAS that these reports come from."""
        return {one.entry.nas_id for one in self._last.values()}

    def stored(self) -> None:
        """Take note that the sessions are stored as they are now."""
        for session_id, known in self._were.items():
            known.session = self._now[session_id]

    def forget(self) -> None:
        """Take note that the database does not hold these sessions as they are known here."""
        self._known.forget(self._were)


def in_order(records: Records, given_back: Records) -> Records:
    """Return all of them as the journal has them."""
    return sorted(records + given_back, key=itemgetter(0)) if given_back else records


def _stepped(known: Known, session: Session, received_at: datetime, datagram: bytes, port_bps: int) -> Session | None:
    """Return what a report of 64-bit counters makes of a session it fits, without reading the rest of it."""
    seconds, up, down, high_up, high_down, delay, timestamp = known.layout.outline.numbers(datagram)
    if high_up is None or high_down is None or seconds > MAX_SESSION_SECONDS:
        return None
    up, down = (high_up << 32) + up, (high_down << 32) + down
    swapped = bool(known.layout.flags & SWAPPED)
    if swapped:
        up, down = down, up
    if up > MAX_COUNTER_OCTETS or down > MAX_COUNTER_OCTETS or session.swapped is not swapped:
        return None
    event_at = received_at if delay == 0 else event_time(received_at, delay, timestamp)
    return moved_on(session, seconds, up, down, event_at, known.layout.source, port_bps)


def _applied(
    known: Known, session: Session, received_at: datetime, entry: JournalEntry, port_bps: int
) -> SessionChange | None:
    """Return what a report makes of a session that it fits; None where that must be looked at closer."""
    try:
        record = report(known, received_at, entry.datagram, entry.flags)
        if record is None or fit(session, record) is not Fit.SAME:
            return None
        change = apply(session, record, None, port_bps)
    except Exception:  # noqa: BLE001 - whoever folds it says what is wrong with it
        return None
    if change.doubt is not None or change.taken_back is not None or change.came_back:
        return None
    return change if is_plain(change.session) else None


def _read(entry: JournalEntry) -> AccountingRecord:
    """Return a report as it is read attribute by attribute: whoever folds it may ask whose name is in it."""
    _, received_us, nas_id, source, flags, datagram = entry
    received_at = _EPOCH + timedelta(microseconds=received_us)
    return AccountingRecord.from_packet(decode(datagram), nas_id, flags, received_at, source)


def _record(taken: _Taken) -> AccountingRecord:
    record = report(taken.known, taken.received_at, taken.entry.datagram, taken.entry.flags)
    assert record is not None  # noqa: S101 - what has numbers that can't be true is not taken
    return record
