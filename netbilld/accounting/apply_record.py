"""What one record does to its session."""

from datetime import datetime
from typing import Final
from uuid import UUID

from netbilld.accounting.counters import WRAP, DeltaKind, Order, Reading, delta
from netbilld.accounting.counting import BY_US, IPV6_BESIDE, SCALE, source_of, unit_octets
from netbilld.accounting.fit import begun_alike
from netbilld.accounting.narrow import Wrapped, remember, wrapped
from netbilld.accounting.record import MAX_COUNTER_OCTETS, AccountingRecord, RecordKind
from netbilld.accounting.session import (
    SLACK,
    TRANSITIONS,
    Doubt,
    Event,
    Session,
    SessionChange,
    SessionState,
    TakenBack,
)

# How far a port's speed may seem to be exceeded: clocks and queues shift reports, and its speed may be said without
# what frames it.
_PORT_SLACK_SECONDS: Final = 60
_PORT_SLACK_PERCENT: Final = 110
_NO_TRUE_COUNTER: Final = MAX_COUNTER_OCTETS - 1024  # a higher one is cut off there, to whole kilobytes


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
        if session.is_stopped_by_nas and order is not Order.NEWER:
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
        says = bool(told[1] or told[2])  # a pair of zeros says nothing (`delta`), or is where every session begins
        if says and not fresh and narrow_readings and begun_alike(session, record):
            late = wrapped(narrow_readings, *told, WRAP * reading.unit_octets)
            gone_up, gone_down = late.upload_octets, late.download_octets
            counter_up, counter_down = counter_up + gone_up, counter_down + gone_down
            narrow_readings = remember(narrow_readings, *told, is_first=False)
        elif says and fresh:
            is_first = session.session_seconds == 0 or not (counter_up or counter_down)
            narrow_readings = remember(narrow_readings, *told, is_first=is_first)
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
        # what the Stop of one that was not stopped so far says counts in full
        moved = delta(counter_up, counter_down, reading, Order.UNKNOWN if session.is_stopped_by_nas else order)
        gone_up, gone_down, kind = moved.upload_octets, moved.download_octets, moved.kind
        counter_up, counter_down = moved.counter_upload_octets + more_up, moved.counter_download_octets + more_down
        if kind is DeltaKind.RESET:
            ahead_up = ahead_down = 0  # those were before it, and nothing the NAS says from now on includes them
    seconds = session.session_seconds if record.session_seconds is None else record.session_seconds
    elapsed = seconds - session.session_seconds
    if record.session_seconds is None:
        elapsed = int((record.event_at - session.updated_at).total_seconds())
        seconds = max(seconds, int((record.event_at - session.started_at).total_seconds()))
    timed = fresh and elapsed > 0
    started_at = session.started_at
    begun_at = record.begun_at
    if session.state is SessionState.STARTING and begun_at is not None and begun_at < started_at - SLACK:
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
        session.is_local,
    )
    from_at = min(session.updated_at, to_at)
    if started_at < session.started_at:
        from_at = started_at
    return SessionChange(changed, up, down, from_at, to_at, kind, "radius", doubt, taken_back, came_back)
