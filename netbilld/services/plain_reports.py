"""PlainReports: the reports of a batch whose sessions are known already; they ask nothing of the database.

Each is taken in as soon as it is read. Where one doesn't fit its session as a report must, or where another record of
the batch concerns that session too, all of the session's reports are given back, to be folded in order like any other.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from netbilld.accounting.entry import JournalEntry
from netbilld.accounting.known_sessions import Known, KnownSessions, is_plain, report
from netbilld.accounting.record import AccountingRecord
from netbilld.accounting.session import Fit, Session, SessionChange, apply, fit

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class PlainReports:
    """Of one batch."""

    def __init__(self, known: KnownSessions, port_bps: Mapping[UUID, int]) -> None:
        """Take what is known of sessions, and what a port of each NAS can carry."""
        self._known = known
        self._port_bps = port_bps
        self._taken: list[tuple[int, AccountingRecord, SessionChange]] = []
        self._were: dict[int, Known] = {}
        self._now: dict[int, Session] = {}
        self._given_back: set[int] = set()
        self.last: dict[int, AccountingRecord] = {}  # by the NAS's id as a number: what it said last

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, entry: JournalEntry) -> bool:
        """Take a record in if it is a report of a known session; else it is to be folded."""
        sequence, received_us, nas_id, source, flags, datagram = entry
        known = self._known.find(nas_id, source, flags, datagram)
        if known is None:
            return False
        session_id = known.session.id
        if session_id in self._given_back:
            return False
        record = report(known, _EPOCH + timedelta(microseconds=received_us), datagram)
        session = self._now.get(session_id, known.session)
        change = (
            None
            if record is None
            else _applied(session, record, self._port_bps.get(nas_id, 0) if self._port_bps else 0)
        )
        if record is None or change is None:
            self._given_back.add(session_id)
            return False
        self._were[session_id] = known
        self._now[session_id] = change.session
        self._taken.append((sequence, record, change))
        self.last[nas_id.int] = record
        return True

    def give_back(self, session_ids: Collection[int] = ()) -> list[tuple[int, AccountingRecord]]:
        """Return the reports of sessions that don't stay here: those named, and those that one didn't fit."""
        self._given_back.update(session_ids)
        leaving = self._given_back & self._now.keys()
        if not leaving:
            return []
        records = [(sequence, record) for sequence, record, change in self._taken if change.session.id in leaving]
        self._taken = [one for one in self._taken if one[2].session.id not in leaving]
        for session_id in leaving:
            del self._now[session_id], self._were[session_id]
        return records

    def changes(self) -> list[SessionChange]:
        """Return what was metered."""
        return [change for _, _, change in self._taken if change.upload_octets or change.download_octets]

    def sessions(self) -> list[tuple[Session, Session]]:
        """Return the sessions as they were stored last and as they are."""
        return [(known.session, self._now[session_id]) for session_id, known in self._were.items()]

    def nas_ids(self) -> set[UUID]:
        """Return the NAS that these reports come from."""
        return {record.nas_id for record in self.last.values()}

    def stored(self) -> None:
        """The sessions are stored as they are now."""
        for session_id, known in self._were.items():
            known.session = self._now[session_id]

    def forget(self) -> None:
        """The database does not hold these sessions as they are known here."""
        self._known.forget(self._were)


def _applied(session: Session, record: AccountingRecord, port_bps: int) -> SessionChange | None:
    """Return what a report makes of a session that it fits; None where that must be looked at closer."""
    try:
        if fit(session, record) is not Fit.SAME:
            return None
        change = apply(session, record, None, port_bps)
    except Exception:  # noqa: BLE001 - whoever folds it says what is wrong with it
        return None
    if change.doubt is not None or change.taken_back is not None or change.came_back:
        return None
    return change if is_plain(change.session) else None
