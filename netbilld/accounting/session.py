"""A session as a state table, and what one record does to it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from netbilld.accounting.counters import WRAP, DeltaKind, Order, Reading, delta
from netbilld.accounting.counting import BY_US, IPV6_BESIDE, SCALE, source_of, unit_octets
from netbilld.accounting.narrow import Wrapped, remember, wrapped
from netbilld.accounting.record import MAX_COUNTER_OCTETS, AccountingRecord, RecordKind


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
RESTARTED: Final = "NAS-Reboot"

# How far apart two tellings of one moment may lie: packets travel, and clocks drift by a second in a thousand.
_SLACK: Final = timedelta(seconds=60)
_DRIFT: Final = 1000
_NO_DRIFT: Final = timedelta(0)
_NEW_START: Final = timedelta(seconds=30)

# How far a port's speed may seem to be exceeded: clocks and queues shift reports, and its speed may be said without
# what frames it.
_PORT_SLACK_SECONDS: Final = 60
_PORT_SLACK_PERCENT: Final = 110
_NO_TRUE_COUNTER: Final = MAX_COUNTER_OCTETS - 1024  # a higher one is cut off there, to whole kilobytes


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
    if repeats(session, record):
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


def repeats(session: Session, record: AccountingRecord) -> bool:
    """Tell whether a record says just what a session's last report said."""
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
    A session that only has its Start goes on if that came late. One that was given up does not, nor one that is heard
    of again as if it had begun after its last report, while no clock was set: its id has come back.
    """
    if not session.is_open or record.session_seconds is None or record.kind is RecordKind.START:
        return False
    if session.state is SessionState.STARTING:
        begun_at = record.begun_at
        return begun_at is not None and begun_at < session.started_at
    begun_later = record.begun_at is not None and record.begun_at > session.updated_at
    if begun_later and not record.may_be_misdated:
        return False
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
        counting=record.flags & SCALE,
    )


def apply(
    session: Session, record: AccountingRecord, service_id: UUID | None = None, port_bps: int = 0
) -> SessionChange:
    """Return what a record that fits a session makes of it.

    Octets count once, whatever was repeated, lost or overtaken; the time of the last word never moves back. After the
    NAS has stopped a session only higher counters count, and it stays stopped.

    Args:
        session: the session as known.
        record: Start, Interim-Update or Stop that is its.
        service_id: whose it is, for a session that was nobody's so far.
        port_bps: what one subscriber's port on this NAS can carry; 0 for any amount.
    """
    if service_id is not None and session.service_id is None:
        session = session._replace(service_id=service_id)
    if record.kind is RecordKind.START:
        return SessionChange(_started(session, record))
    if record.flags & BY_US:
        return _read(session, record, port_bps)
    return _metered(session, record, _order(session, record), port_bps)


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


def _read(session: Session, record: AccountingRecord, port_bps: int) -> SessionChange:
    """Return the session after a reading of ours: it counts by what it is ahead of the NAS's own word, for the present.

    The NAS's own counters, times and interval stay as they are, so that its next report means what it always would.
    """
    up, down = record.upload_octets, record.download_octets
    if session.state is SessionState.CLOSED or up is None or down is None:
        return SessionChange(session)
    to_at = record.event_at
    seconds = int((to_at - session.updated_at).total_seconds())
    up = max(0, up - session.counter_upload_octets - session.ahead_upload_octets)
    down = max(0, down - session.counter_download_octets - session.ahead_download_octets)
    if seconds < 0 or (port_bps and _is_beyond(port_bps, seconds, up, down)):
        return SessionChange(session)  # the NAS's own word is still to come
    if not session.is_open and not up and not down:
        return SessionChange(session)
    changed = session._replace(
        state=TRANSITIONS[session.state][Event.SEEN],
        updated_at=to_at,
        stopped_at=None,
        terminate_cause=None,
        upload_octets=session.upload_octets + up,
        download_octets=session.download_octets + down,
        upload_bps=up * 8 // seconds if seconds else session.upload_bps,
        download_bps=down * 8 // seconds if seconds else session.download_bps,
        ahead_upload_octets=session.ahead_upload_octets + up,
        ahead_download_octets=session.ahead_download_octets + down,
    )
    return SessionChange(changed, up, down, session.updated_at, to_at, DeltaKind.FORWARD, source_of(record.flags))


def _is_beyond(port_bps: int, seconds: int, upload_octets: int, download_octets: int) -> bool:
    """Tell whether a port can't have carried that much in that time, either way."""
    most = port_bps * (max(seconds, 0) + _PORT_SLACK_SECONDS) * _PORT_SLACK_PERCENT // 800
    return upload_octets > most or download_octets > most


def _recounted(session: Session, record: AccountingRecord) -> tuple[Session, tuple[int, int], tuple[int, int]]:
    """Return a session whose NAS counts otherwise from this record on, so that its delta counts what has moved.

    The counters so far are said in the new unit. How much IPv6 is in them nobody knows, so that this one report is
    still read as before, and the next ones as it is said now.

    Returns:
        the session, the record's counters to measure it by, and what to add to the new ones afterwards.
    """
    was, now = unit_octets(session.counting), unit_octets(record.flags)
    up, down = record.upload_octets or 0, record.download_octets or 0
    before_up, before_down = record.counted(record.flags & ~IPV6_BESIDE | session.counting & IPV6_BESIDE)
    before = before_up or 0, before_down or 0
    said = session._replace(
        counter_upload_octets=session.counter_upload_octets // was * now,
        counter_download_octets=session.counter_download_octets // was * now,
        held_upload_octets=session.held_upload_octets // was * now,
        held_download_octets=session.held_download_octets // was * now,
    )
    return said, before, (up - before[0], down - before[1])


def _metered(session: Session, record: AccountingRecord, order: Order, port_bps: int) -> SessionChange:
    """Return the session after a report or a Stop, its counters taken in."""
    reading: Reading | None = None
    more_up = more_down = 0
    if record.upload_octets is not None and record.download_octets is not None:
        scale = record.flags & SCALE
        read = record.upload_octets, record.download_octets
        if scale != session.counting or record.swapped != session.swapped:
            session = session._replace(narrow_readings="")
        if scale != session.counting:
            session, read, (more_up, more_down) = _recounted(session, record)
        reading = Reading(*read, record.wide, unit_octets(scale)) if scale else Reading(*read, record.wide)
    counter_up, counter_down = session.counter_upload_octets, session.counter_download_octets
    ahead_up, ahead_down = session.ahead_upload_octets, session.ahead_download_octets
    held_up, held_down = session.held_upload_octets, session.held_download_octets
    # With no reset behind it the counter is the total, and even an overtaken report proves what it is higher by.
    provable = (
        counter_up == session.upload_octets - ahead_up + held_up
        and counter_down == session.download_octets - ahead_down + held_down
    )
    if record.swapped != session.swapped:
        counter_up, counter_down = counter_down, counter_up
        held_up, held_down = held_down, held_up
    fresh = order is not Order.OLDER
    gone_up = gone_down = 0
    kind = DeltaKind.REPEAT
    came_back = False
    late = Wrapped(0, 0, 0)
    narrow_readings = "" if record.wide and fresh else session.narrow_readings
    if reading is not None and not reading.wide and record.session_seconds is not None:
        told = record.session_seconds, reading.upload_octets, reading.download_octets
        if not fresh:
            late = wrapped(narrow_readings, *told, WRAP * reading.unit_octets)
            gone_up, gone_down = late.upload_octets, late.download_octets
            counter_up, counter_down = counter_up + gone_up, counter_down + gone_down
        if told[1] or told[2]:  # a pair of zeros says nothing (`delta`), or is where every session begins
            narrow_readings = remember(narrow_readings, *told)
    if reading is not None and (fresh or (provable and reading.wide)):
        if (held_up or held_down) and fresh and reading.wide:
            came_back = (
                counter_up - held_up <= reading.upload_octets
                and counter_down - held_down <= reading.download_octets
                and (reading.upload_octets < counter_up or reading.download_octets < counter_down)
            )
            if came_back:
                counter_up, counter_down = counter_up - held_up, counter_down - held_down
                held_up = held_down = 0
        stopped = session.state is SessionState.CLOSED and session.terminate_cause != RESTARTED
        moved = delta(counter_up, counter_down, reading, Order.UNKNOWN if stopped else order)
        gone_up, gone_down, kind = moved.upload_octets, moved.download_octets, moved.kind
        counter_up, counter_down = moved.counter_upload_octets + more_up, moved.counter_download_octets + more_down
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
    up, down = gone_up, gone_down
    doubt: Doubt | None = None
    if port_bps and (up or down):
        apart = max(elapsed, late.seconds, int((record.event_at - session.updated_at).total_seconds()))
        untold = session.session_seconds == 0 and record.session_seconds is None  # how long it has lasted
        more = max(0, up - ahead_up), max(0, down - ahead_down)
        absurd = up >= _NO_TRUE_COUNTER or down >= _NO_TRUE_COUNTER
        if absurd or (not untold and _is_beyond(port_bps, apart, *more)):
            doubt = Doubt(up, down, counter_up, counter_down, max(apart, 0), port_bps)
            held_up, held_down = held_up + up, held_down + down
            up = down = gone_up = gone_down = 0
    taken_back: TakenBack | None = None
    if (ahead_up or ahead_down) and doubt is None:
        known_up, known_down = min(ahead_up, up), min(ahead_down, down)
        up, down = up - known_up, down - known_down
        ahead_up, ahead_down = ahead_up - known_up, ahead_down - known_down
        if record.kind is RecordKind.STOP and reading is not None and (ahead_up or ahead_down):
            taken_back = TakenBack(ahead_up, ahead_down, min(session.updated_at, to_at))
            ahead_up = ahead_down = 0
    is_news = doubt is not None or gone_up > 0 or gone_down > 0
    state, stopped_at, terminate_cause = _after(session, record, order, moved=is_news)
    up_bps, down_bps = session.upload_bps, session.download_bps
    if stopped_at is not None:
        up_bps = down_bps = 0
    elif timed:
        up_bps, down_bps = gone_up * 8 // elapsed, gone_down * 8 // elapsed
    total_up, total_down = session.upload_octets + up, session.download_octets + down
    if taken_back is not None:
        total_up, total_down = total_up - taken_back.upload_octets, total_down - taken_back.download_octets
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
        total_up,
        total_down,
        counter_up,
        counter_down,
        record.swapped,
        up_bps,
        down_bps,
        session.counting if reading is None else record.flags & SCALE,
        ahead_up,
        ahead_down,
        held_up,
        held_down,
        narrow_readings,
    )
    from_at = min(session.updated_at, to_at)
    if started_at < session.started_at:
        from_at = started_at
    return SessionChange(changed, up, down, from_at, to_at, kind, "radius", doubt, taken_back, came_back)
