"""Sessions that are known from batches before, by the very octets in which their reports are alike.

Nearly all that a NAS says are reports of sessions it has reported before. Such a one is found here by the octets of its
packet that stand still, and needs neither to be read attribute by attribute nor to be looked up in the database. What
is known is only believed as long as the database holds what was written last: the update that follows says what it
expects to find there.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from netbilld.accounting.counting import CLOCK_SET, SWAPPED
from netbilld.accounting.record import (
    MAX_COUNTER_OCTETS,
    MAX_SESSION_SECONDS,
    AccountingRecord,
    RecordKind,
    event_time,
)
from netbilld.accounting.report_outline import ReportOutline, outline
from netbilld.accounting.session import Session, SessionState
from netbilld.radius.packet import Packet, decode

MAX_KNOWN: Final = 131_072
_MAX_LAYOUTS: Final = 8_192
_LAYOUTS_A_LENGTH: Final = 4  # of one NAS; names and lines of other lengths may make packets of the same
_FORGET_AT_ONCE: Final = MAX_KNOWN // 8
_PACKET: Final = AccountingRecord._fields.index("packet")
_USERNAME_OCTETS: Final = AccountingRecord._fields.index("username_octets")
_COUNTING: Final = Session._fields.index("counting")
# it counts octets, in 64 bits; nothing is ahead of the NAS, nothing held back
_NOTHING_ELSE: Final = tuple(Session._field_defaults[name] for name in Session._fields[_COUNTING:])
_said: Final = itemgetter(  # of a session, what its reports say in octets that stand still
    *(
        Session._fields.index(name)
        for name in ("username", "framed_ip", "ipv6_prefix", "delegated_prefix", "mac", "nas_port_id", "nas_source")
    )
)


class Known:
    """One session as it was stored last, and what its reports are recognised by."""

    __slots__ = ("layout", "session", "still")

    def __init__(self, session: Session, layout: "_Layout", still: bytes) -> None:
        self.session = session
        self.layout = layout
        self.still = still


class _Layout:
    """Reports of one NAS that are laid out alike."""

    __slots__ = ("flags", "nas_id", "outline", "sessions", "source")

    def __init__(self, outline_: ReportOutline, nas_id: UUID, source: str, flags: int) -> None:
        self.outline = outline_
        self.nas_id = nas_id
        self.source = source
        self.flags = flags
        self.sessions: dict[bytes, Known] = {}


class KnownSessions:
    """Open sessions that were reported before; never more than `most`, the oldest are forgotten first."""

    def __init__(self, most: int = MAX_KNOWN) -> None:
        self._most = most
        self._by_id: dict[int, Known] = {}
        self._layouts: dict[tuple[int, str, int, int], list[_Layout]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, nas_id: UUID, source: str, flags: int, datagram: bytes) -> Known | None:
        """Return the session that a report is of, None where that must be found out."""
        layouts = self._layouts.get((nas_id.int, source, flags & ~CLOCK_SET, len(datagram)))
        if layouts is None:
            return None
        for layout in layouts:
            known = layout.sessions.get(layout.outline.still(datagram))
            if known is not None:
                return known
        return None

    def learn(self, session: Session, record: AccountingRecord) -> None:
        """Recognise reports like this one from now on; the session is as it was stored after it."""
        flags = record.flags & ~CLOCK_SET  # that matters where a report does not fit by time, and then it is folded
        if record.kind is not RecordKind.INTERIM or flags & ~SWAPPED or not is_plain(session):
            return
        datagram = record.packet.datagram
        key = (record.nas_id.int, record.source, flags, len(datagram))
        layouts = self._layouts.get(key, [])
        found = outline(datagram)
        if found is None:
            return
        layout = next((one for one in layouts if one.outline.shape == found.shape), None)
        if layout is None:
            layout = _Layout(found, record.nas_id, record.source, flags)
        known = Known(session, layout, layout.outline.still(datagram))
        if not _same(report(known, record.received_at, datagram, record.flags), record):
            return
        self.forget((session.id,))
        self._make_room()
        if layout not in layouts:
            self._layouts[key] = [layout, *layouts[: _LAYOUTS_A_LENGTH - 1]]
            for left in layouts[_LAYOUTS_A_LENGTH - 1 :]:
                self.forget([one.session.id for one in left.sessions.values()])
        self._by_id[session.id] = layout.sessions[known.still] = known

    def stored(self, session: Session) -> None:
        """Take note of how a session was stored; of one that is not known nothing is kept."""
        known = self._by_id.get(session.id)
        if known is None:
            return
        if is_plain(session) and _said(session) == _said(known.session):
            known.session = session
        else:
            self.forget((session.id,))

    def forget(self, session_ids: Iterable[int]) -> None:
        """Know nothing of these sessions any more."""
        for session_id in session_ids:
            known = self._by_id.pop(session_id, None)
            if known is not None and known.layout.sessions.get(known.still) is known:
                del known.layout.sessions[known.still]

    def clear(self) -> None:
        """Know nothing any more."""
        self._by_id.clear()
        self._layouts.clear()

    def _make_room(self) -> None:
        if len(self._layouts) >= _MAX_LAYOUTS:
            self.clear()
        if len(self._by_id) >= self._most:
            self.forget([session_id for session_id, _ in zip(self._by_id, range(_FORGET_AT_ONCE), strict=False)])


def is_plain(session: Session) -> bool:
    """Tell whether a session is one whose reports only move its counters: live, somebody's, nothing held or ahead."""
    return (
        session.state is SessionState.LIVE
        and session.stopped_at is None
        and session.service_id is not None
        and session[_COUNTING:] == _NOTHING_ELSE
    )


def report(known: Known, received_at: datetime, datagram: bytes, flags: int) -> AccountingRecord | None:
    """Return what a report that was recognised says; None for one whose numbers are to be looked at closer."""
    seconds, up, down, high_up, high_down, delay, timestamp = known.layout.outline.numbers(datagram)
    wide = high_up is not None and high_down is not None
    if high_up is not None and high_down is not None:
        up, down = (high_up << 32) + up, (high_down << 32) + down
        if up > MAX_COUNTER_OCTETS or down > MAX_COUNTER_OCTETS:
            return None
    if seconds > MAX_SESSION_SECONDS:
        return None
    session = known.session
    layout = known.layout
    event_at = received_at if delay == 0 else event_time(received_at, delay, timestamp)
    swapped = bool(layout.flags & SWAPPED)
    if swapped:
        up, down = down, up
    return AccountingRecord(
        RecordKind.INTERIM,
        session.nas_id,
        layout.source,
        session.username,
        b"",
        session.acct_session_id,
        session.acct_session_key,
        session.framed_ip,
        session.ipv6_prefix,
        session.delegated_prefix,
        session.mac,
        session.nas_port_id,
        up,
        down,
        wide,
        swapped,
        seconds,
        received_at,
        event_at,
        event_at - timedelta(seconds=seconds),
        UnreadPacket(datagram),
        flags,
    )


class UnreadPacket(Packet):
    """A packet that is decoded when somebody asks what is in it."""

    __slots__ = ()

    def __init__(self, datagram: bytes) -> None:
        self.datagram = datagram

    def __getattr__(self, name: str) -> Any:
        if name not in Packet.__slots__:
            raise AttributeError(name)
        read = decode(self.datagram)
        for each in Packet.__slots__:
            setattr(self, each, getattr(read, each))
        return getattr(read, name)


def _same(made: AccountingRecord | None, read: AccountingRecord) -> bool:
    """Tell whether a report was made of its numbers and its session as it is read octet by octet."""
    if made is None:
        return False
    return all(
        one == other
        for at, (one, other) in enumerate(zip(made, read, strict=True))
        if at not in (_PACKET, _USERNAME_OCTETS)
    )
