"""A session as a state table, and what one record does to it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from netbilld.accounting.counters import DeltaKind, Order, Reading, delta
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
    STOP = "stop"
    SILENCE = "silence"  # a report is overdue
    LOSS = "loss"  # silent for too long, or its place was taken
    RESTART = "restart"  # the NAS was switched on or off


_S = SessionState
TRANSITIONS: Final[dict[SessionState, dict[Event, SessionState]]] = {
    _S.STARTING: {
        Event.START: _S.STARTING,
        Event.REPORT: _S.LIVE,
        Event.STOP: _S.CLOSED,
        Event.SILENCE: _S.LATE,
        Event.LOSS: _S.STALE,
        Event.RESTART: _S.CLOSED,
    },
    _S.LIVE: {
        Event.START: _S.LIVE,
        Event.REPORT: _S.LIVE,
        Event.STOP: _S.CLOSED,
        Event.SILENCE: _S.LATE,
        Event.LOSS: _S.STALE,
        Event.RESTART: _S.CLOSED,
    },
    _S.LATE: {
        Event.START: _S.LATE,
        Event.REPORT: _S.LIVE,
        Event.STOP: _S.CLOSED,
        Event.SILENCE: _S.LATE,
        Event.LOSS: _S.STALE,
        Event.RESTART: _S.CLOSED,
    },
    _S.STALE: {
        Event.START: _S.STALE,
        Event.REPORT: _S.LIVE,
        Event.STOP: _S.CLOSED,
        Event.SILENCE: _S.STALE,
        Event.LOSS: _S.STALE,
        Event.RESTART: _S.CLOSED,
    },
    _S.CLOSED: dict.fromkeys(Event, _S.CLOSED),
}

JOURNAL_BITS: Final = 40  # a journal's number stands above this many bits of sequence in a session's id
LOST: Final = "lost"  # the terminate cause we give; those of the RFC begin with a capital
RESTARTED: Final = "NAS-Reboot"

# How far apart two tellings of one moment may lie: packets travel, and clocks drift by a second in a thousand.
_SLACK: Final = timedelta(seconds=60)
_DRIFT: Final = 1000
_NO_DRIFT: Final = timedelta(0)
_NEW_START: Final = timedelta(seconds=30)


class Session(NamedTuple):
    """One session of one service on one NAS; octets are the subscriber's, instants are aware.

    A tuple in the order of the table's columns: as such it is read, compared and written, thousands of times a second.

    Attributes:
        upload_octets, download_octets: metered since it began.
        counter_upload_octets, counter_download_octets: last absolute counters, which the next delta is made from.
        swapped: the NAS's flag with its last report.
        interval_seconds: between its last two reports.
        upload_bps, download_bps: over that interval.
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

    @property
    def is_open(self) -> bool:
        return self.stopped_at is None


class SessionChange(NamedTuple):
    """A session after a record, and what was metered by it: octets between two instants."""

    session: Session
    upload_octets: int = 0
    download_octets: int = 0
    from_at: datetime | None = None
    to_at: datetime | None = None
    kind: DeltaKind = DeltaKind.REPEAT


class Fit(StrEnum):
    """How a record relates to a session of the same NAS and Acct-Session-Id."""

    SAME = "same"
    OTHER = "other"  # another user or station had the id
    EARLIER = "earlier"  # it tells of a session before this one
    LATER = "later"  # it tells of one that began after this one was over


def fit(session: Session, record: AccountingRecord) -> Fit:
    """Return whether a record with the session's own NAS and id tells of this session.

    Ids come back: RouterOS counts boots with one hexadecimal digit, broken NAS have one id a port. What tells two
    sessions apart is who it was and when it began: event time − Acct-Session-Time.
    """
    if (
        record.username != session.username
        and record.username
        and session.username
        and record.username.casefold() != session.username.casefold()
    ):
        return Fit.OTHER
    if record.mac != session.mac and record.mac is not None and session.mac is not None:
        return Fit.OTHER
    begun_at = record.begun_at
    if begun_at is None:
        return Fit.EARLIER if record.event_at < session.started_at - _SLACK else Fit.SAME
    after_start = begun_at - session.started_at
    seconds = record.session_seconds or 0
    if after_start < -_SLACK and after_start < -_SLACK - _drift(seconds):
        return Fit.EARLIER
    if record.kind is RecordKind.START:
        if session.state is SessionState.CLOSED and session.stopped_at is not None:
            return Fit.LATER if session.started_at < begun_at >= session.stopped_at else Fit.SAME
        return Fit.LATER if _nearer_to_the_end(session, begun_at, _NO_DRIFT) else Fit.SAME
    if _repeats(session, record):
        return Fit.SAME
    if begun_at > session.updated_at + _SLACK and begun_at > session.updated_at + _SLACK + _drift(seconds):
        return Fit.LATER
    if seconds >= session.session_seconds and session.state is not SessionState.CLOSED:
        return Fit.SAME
    if _is_covered(session, record):  # overtaken on the way, though its Acct-Delay-Time may not say so
        return Fit.SAME
    return Fit.LATER if _nearer_to_the_end(session, begun_at, _drift(seconds)) else Fit.SAME


def _drift(seconds: int) -> timedelta:
    return timedelta(seconds=seconds / _DRIFT)


def _nearer_to_the_end(session: Session, begun_at: datetime, drift: timedelta) -> bool:
    after_start = begun_at - session.started_at
    return after_start > _NEW_START + drift and after_start > session.updated_at - begun_at


def _repeats(session: Session, record: AccountingRecord) -> bool:
    return (
        record.session_seconds == session.session_seconds
        and record.upload_octets == session.counter_upload_octets
        and record.download_octets == session.counter_download_octets
    )


def _is_covered(session: Session, record: AccountingRecord) -> bool:
    return (
        (record.session_seconds or 0) <= session.session_seconds
        and (record.upload_octets or 0) <= session.counter_upload_octets
        and (record.download_octets or 0) <= session.counter_download_octets
    )


def continues(session: Session, record: AccountingRecord) -> bool:
    """Tell whether a record that no session fits by time goes on from this one's counters all the same.

    Then a clock was set, ours or the NAS's: a session that is open goes on where it was instead of being billed anew.
    A session that only has its Start goes on if that came late.
    """
    if session.state is SessionState.CLOSED or record.session_seconds is None or record.kind is RecordKind.START:
        return False
    if session.state is SessionState.STARTING:
        begun_at = record.begun_at
        return begun_at is not None and begun_at < session.started_at
    return (
        record.session_seconds > session.session_seconds > 0
        and record.upload_octets is not None
        and record.download_octets is not None
        and record.upload_octets >= session.counter_upload_octets
        and record.download_octets >= session.counter_download_octets
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
    )


def apply(session: Session, record: AccountingRecord, service_id: UUID | None = None) -> SessionChange:
    """Return what a record that fits a session makes of it.

    Octets count once, whatever was repeated, lost or overtaken; the time of the last word never moves back. After the
    NAS has stopped a session only higher counters count, and it stays stopped.

    Args:
        session: the session as known.
        record: Start, Interim-Update or Stop that is its.
        service_id: whose it is, for a session that was nobody's so far.
    """
    if service_id is not None and session.service_id is None:
        session = session._replace(service_id=service_id)
    if record.kind is RecordKind.START:
        return SessionChange(_started(session, record))
    return _metered(session, record, _order(session, record))


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
    overtaken = session.started_at > record.event_at - _SLACK
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
    if session.updated_at > by.started_at + _SLACK:
        return False
    same_station = (
        session.mac is not None and session.mac == by.mac and session.username.casefold() == by.username.casefold()
    )
    same_address = session.framed_ip is not None and session.framed_ip == by.framed_ip
    return same_station or same_address or session.acct_session_key == by.acct_session_key


def _started(session: Session, record: AccountingRecord) -> Session:
    """Return the session after its own Start, be it late or repeated."""
    return session._replace(
        state=TRANSITIONS[session.state][Event.START],
        started_at=min(session.started_at, record.event_at),
        framed_ip=session.framed_ip or record.framed_ip,
        ipv6_prefix=session.ipv6_prefix or record.ipv6_prefix,
        delegated_prefix=session.delegated_prefix or record.delegated_prefix,
        mac=session.mac or record.mac,
        nas_port_id=session.nas_port_id or record.nas_port_id,
        username=session.username or record.username,
    )


def _after(
    session: Session, record: AccountingRecord, order: Order, *, moved: bool
) -> tuple[SessionState, datetime | None, str | None]:
    """Return state, end and terminate cause after a report or a Stop."""
    if record.kind is RecordKind.STOP:
        stopped_before = session.state is SessionState.CLOSED and session.terminate_cause != RESTARTED
        if stopped_before and order is not Order.NEWER:
            return session.state, session.stopped_at, session.terminate_cause
        state = TRANSITIONS[session.state][Event.STOP]
        return state, max(record.event_at, session.started_at), record.terminate_cause or "Unknown"
    if session.state is SessionState.LIVE:
        return SessionState.LIVE, None, None
    tells_news = moved or order is Order.NEWER or session.state is SessionState.STARTING
    if session.state is SessionState.CLOSED or not tells_news:
        return session.state, session.stopped_at, session.terminate_cause
    return TRANSITIONS[session.state][Event.REPORT], None, None


def _order(session: Session, record: AccountingRecord) -> Order:
    if record.session_seconds is None or record.session_seconds == session.session_seconds:
        return Order.UNKNOWN
    return Order.NEWER if record.session_seconds > session.session_seconds else Order.OLDER


def _metered(session: Session, record: AccountingRecord, order: Order) -> SessionChange:
    """Return the session after a report or a Stop, its counters taken in."""
    counter_up, counter_down = session.counter_upload_octets, session.counter_download_octets
    # With no reset behind it the counter is the total, and even an overtaken report proves what it is higher by.
    provable = (counter_up, counter_down) == (session.upload_octets, session.download_octets)
    if record.swapped != session.swapped:
        counter_up, counter_down = counter_down, counter_up
    up = down = 0
    kind = DeltaKind.REPEAT
    if record.upload_octets is not None and record.download_octets is not None:
        reading = Reading(record.upload_octets, record.download_octets, record.wide)
        moved = delta(
            counter_up, counter_down, reading, Order.UNKNOWN if session.state is SessionState.CLOSED else order
        )
        if order is not Order.OLDER or provable:
            up, down, kind = moved.upload_octets, moved.download_octets, moved.kind
            counter_up, counter_down = moved.counter_upload_octets, moved.counter_download_octets
    fresh = order is not Order.OLDER
    seconds = session.session_seconds if record.session_seconds is None else record.session_seconds
    elapsed = seconds - session.session_seconds
    if record.session_seconds is None:
        elapsed = int((record.event_at - session.updated_at).total_seconds())
        seconds = max(seconds, int((record.event_at - session.started_at).total_seconds()))
    timed = fresh and elapsed > 0
    started_at = session.started_at
    begun_at = record.begun_at
    if session.state is SessionState.STARTING and begun_at is not None and begun_at < started_at - _SLACK:
        started_at = begun_at  # its Start came late, and without saying so
    to_at = max(record.event_at, started_at)
    state, stopped_at, terminate_cause = _after(session, record, order, moved=up > 0 or down > 0)
    up_bps, down_bps = session.upload_bps, session.download_bps
    if stopped_at is not None:
        up_bps = down_bps = 0
    elif timed:
        up_bps, down_bps = up * 8 // elapsed, down * 8 // elapsed
    changed = Session(
        session.id,
        session.nas_id,
        session.service_id,
        session.username or record.username,
        session.acct_session_id,
        session.acct_session_key,
        state,
        (record.framed_ip if fresh else None) or session.framed_ip,
        (record.ipv6_prefix if fresh else None) or session.ipv6_prefix,
        (record.delegated_prefix if fresh else None) or session.delegated_prefix,
        session.mac or record.mac,
        session.nas_port_id or record.nas_port_id,
        record.source or session.nas_source,
        started_at,
        max(session.updated_at, to_at),
        stopped_at,
        terminate_cause,
        max(session.session_seconds, seconds),
        elapsed if timed else session.interval_seconds,
        session.upload_octets + up,
        session.download_octets + down,
        counter_up,
        counter_down,
        record.swapped,
        up_bps,
        down_bps,
    )
    from_at = min(session.updated_at, to_at)
    if started_at < session.started_at:
        from_at = started_at
    return SessionChange(changed, up, down, from_at, to_at, kind)
