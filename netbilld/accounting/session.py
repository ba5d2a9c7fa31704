"""A session as a state table, and how it begins and ends."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from netbilld.accounting.counters import DeltaKind
from netbilld.accounting.counting import SCALE
from netbilld.accounting.record import AccountingRecord, RecordKind


class SessionState(StrEnum):
    STARTING = "starting"  # a Start, no report yet
    LIVE = "live"
    LATE = "late"  # a report is overdue
    STALE = "stale"  # presumed over, the NAS has not said so: opened again if it speaks with higher counters
    CLOSED = "closed"  # the NAS stopped it: never opened again


class Event(StrEnum):
    START = "start"
    REPORT = "report"  # an interim that tells something new
    SEEN = "seen"  # the NAS has not spoken, but asked by us it shows the session
    STOP = "stop"
    SILENCE = "silence"  # a report is overdue
    LOSS = "loss"  # silent for too long, or its place was taken
    RESTART = "restart"  # the NAS was switched on or off


_S = SessionState
TRANSITIONS: Final[dict[SessionState, dict[Event, SessionState]]] = {
    _S.STARTING: {
        Event.START: _S.STARTING,
        Event.REPORT: _S.LIVE,
        Event.SEEN: _S.STARTING,
        Event.STOP: _S.CLOSED,
        Event.SILENCE: _S.LATE,
        Event.LOSS: _S.STALE,
        Event.RESTART: _S.CLOSED,
    },
    _S.LIVE: {
        Event.START: _S.LIVE,
        Event.REPORT: _S.LIVE,
        Event.SEEN: _S.LIVE,
        Event.STOP: _S.CLOSED,
        Event.SILENCE: _S.LATE,
        Event.LOSS: _S.STALE,
        Event.RESTART: _S.CLOSED,
    },
    _S.LATE: {
        Event.START: _S.LATE,
        Event.REPORT: _S.LIVE,
        Event.SEEN: _S.LATE,
        Event.STOP: _S.CLOSED,
        Event.SILENCE: _S.LATE,
        Event.LOSS: _S.STALE,
        Event.RESTART: _S.CLOSED,
    },
    _S.STALE: {
        Event.START: _S.STALE,
        Event.REPORT: _S.LIVE,
        Event.SEEN: _S.LATE,
        Event.STOP: _S.CLOSED,
        Event.SILENCE: _S.STALE,
        Event.LOSS: _S.STALE,
        Event.RESTART: _S.CLOSED,
    },
    _S.CLOSED: dict.fromkeys(Event, _S.CLOSED),
}

JOURNAL_BITS: Final = 40  # a journal's number stands above this many bits of sequence in a session's id
LOST: Final = "lost"  # the terminate cause we give; those of the RFC begin with a capital
REPLACED: Final = "replaced"  # likewise, with its NAS
RESTARTED: Final = "NAS-Reboot"
_NO_STOP_SEEN: Final = (RESTARTED, LOST, REPLACED)

SLACK: Final = timedelta(seconds=60)  # how far apart two tellings of one moment may lie: packets travel


class Session(NamedTuple):
    """One session of one service on one NAS; octets are the subscriber's, instants are aware.

    A tuple in the order of the table's columns: as such it is read, compared and written, thousands of times a second.

    Attributes:
        upload_octets, download_octets: metered since it began.
        counter_upload_octets, counter_download_octets: last absolute counters, which the next delta is made from.
        swapped: the NAS's flag with its last report.
        interval_seconds: between its last two reports.
        upload_bps, download_bps: over that interval.
        counting: how else the NAS counted with its last report (accounting/counting.py, `SCALE`).
        ahead_upload_octets, ahead_download_octets: metered by readings of ours, which the NAS has not said so far.
        held_upload_octets, held_download_octets: within the counters and not metered, since they can't be true.
        narrow_readings: the last ones of 32-bit counters (accounting/narrow.py); empty for wider ones.
        is_local: its NAS has let it in by an account of its own and asked nobody (RFC 2866 §5.6).
    """

    id: int
    nas_id: UUID
    service_id: UUID | None
    username: str
    acct_session_id: str
    acct_session_key: str
    state: SessionState
    framed_ip: str | None
    ipv6_prefix: str | None
    delegated_prefix: str | None
    mac: str | None
    nas_port_id: str | None
    nas_source: str | None
    started_at: datetime
    updated_at: datetime
    stopped_at: datetime | None
    terminate_cause: str | None
    session_seconds: int
    interval_seconds: int
    upload_octets: int
    download_octets: int
    counter_upload_octets: int
    counter_download_octets: int
    swapped: bool
    upload_bps: int
    download_bps: int
    counting: int = 0
    ahead_upload_octets: int = 0
    ahead_download_octets: int = 0
    held_upload_octets: int = 0
    held_download_octets: int = 0
    narrow_readings: str = ""
    is_local: bool = False

    @property
    def is_stopped_by_nas(self) -> bool:
        """Tell whether its NAS has said itself that it is over; else that was only concluded."""
        return self.state is SessionState.CLOSED and self.terminate_cause not in _NO_STOP_SEEN

    @property
    def is_open(self) -> bool:
        return self.stopped_at is None


class Doubt(NamedTuple):
    """Octets that a NAS has reported and its port can't have carried; they wait for a person.

    Attributes:
        upload_octets, download_octets: more than before, in the same span as the change's.
        counter_upload_octets, counter_download_octets: the counters as reported.
        seconds: the time in which they were said to have moved.
        port_bps: the speed that they were judged by.
    """

    upload_octets: int
    download_octets: int
    counter_upload_octets: int
    counter_download_octets: int
    seconds: int
    port_bps: int


class TakenBack(NamedTuple):
    """Octets, never negative, that readings of ours counted beyond the NAS's last word, and when they were counted."""

    upload_octets: int
    download_octets: int
    at: datetime


class SessionChange(NamedTuple):
    """A session after a record, and what was metered by it: octets between two instants.

    `source` is radius, or api or snmp for a reading of ours. `came_back` says that the counters have gone back to where
    they were before what is held of this session.
    """

    session: Session
    upload_octets: int = 0
    download_octets: int = 0
    from_at: datetime | None = None
    to_at: datetime | None = None
    kind: DeltaKind = DeltaKind.REPEAT
    source: str = "radius"
    doubt: Doubt | None = None
    taken_back: TakenBack | None = None
    came_back: bool = False

    @property
    def tells(self) -> bool:
        """Return whether anything is to be booked or noted beside the session itself."""
        return bool(
            self.upload_octets
            or self.download_octets
            or self.doubt is not None
            or self.taken_back is not None
            or self.came_back
        )


def begin(record: AccountingRecord, session_id: int, service_id: UUID | None) -> Session:
    """Return the session that a record tells of for the first time; a lost Start is made up for by its length."""
    started_at = record.begun_at or record.event_at
    return Session(
        id=session_id,
        nas_id=record.nas_id,
        service_id=service_id,
        username=record.username,
        acct_session_id=record.acct_session_id,
        acct_session_key=record.acct_session_key,
        state=SessionState.STARTING,
        framed_ip=record.framed_ip,
        ipv6_prefix=record.ipv6_prefix,
        delegated_prefix=record.delegated_prefix,
        mac=record.mac,
        nas_port_id=record.nas_port_id,
        nas_source=record.source or None,
        started_at=started_at,
        updated_at=started_at,
        stopped_at=None,
        terminate_cause=None,
        session_seconds=0,
        interval_seconds=0,
        upload_octets=0,
        download_octets=0,
        counter_upload_octets=0,
        counter_download_octets=0,
        swapped=record.swapped,
        upload_bps=0,
        download_bps=0,
        counting=record.flags & SCALE,
        is_local=record.is_local,
    )


def end(session: Session, event: Event, cause: str, at: datetime) -> Session:
    """Return the session closed by something else than its own Stop, with its last known counters; none invented."""
    if not session.is_open and session.state is TRANSITIONS[session.state][event]:
        return session
    return session._replace(
        state=TRANSITIONS[session.state][event],
        stopped_at=session.stopped_at or max(at, session.started_at),
        terminate_cause=session.terminate_cause or cause,
        upload_bps=0,
        download_bps=0,
    )


def ended_by_restart(session: Session, record: AccountingRecord) -> Session:
    """Return the session after its NAS said Accounting-On or -Off; one that began after it is left alone.

    On comes when the session has been over for a while, at a time nobody knows: its last word stands. One that began
    just before is only presumed over, since On may have been overtaken by its Start.
    """
    if session.started_at > record.event_at:
        return session
    at = record.event_at if record.kind is RecordKind.OFF else session.updated_at
    overtaken = session.started_at > record.event_at - SLACK
    return end(session, Event.LOSS if overtaken else Event.RESTART, RESTARTED, at)


def is_displaced(session: Session, by: Session) -> bool:
    """Tell whether a new session on the same NAS means that this one is over, its Stop lost or on the way.

    The same id, the same subscriber's station, or the same address can't be in two live sessions; one that spoke after
    the other began is alive all the same.
    """
    if not session.is_open or session.id == by.id or session.nas_id != by.nas_id:
        return False
    if session.nas_source and by.nas_source and session.nas_source != by.nas_source:
        return False  # two routers behind one prefix
    if session.updated_at > by.started_at + SLACK:
        return False
    same_station = (
        session.mac is not None and session.mac == by.mac and session.username.casefold() == by.username.casefold()
    )
    same_address = session.framed_ip is not None and session.framed_ip == by.framed_ip
    return same_station or same_address or session.acct_session_key == by.acct_session_key
