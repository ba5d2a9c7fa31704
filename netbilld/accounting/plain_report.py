"""What nearly every report does to its session: time has passed, counters have grown, and there is no other news.

`fit` and `apply` (accounting/session.py) say what any record does; this says the same for such a report in a fraction
of the time, and says nothing for any other.
"""

from datetime import datetime, timedelta
from typing import Final

from netbilld.accounting.record import MAX_COUNTER_OCTETS
from netbilld.accounting.session import Session

# Stricter than what `fit` allows, so that whatever passes here is the session's own there.
_SLACK: Final = timedelta(seconds=59)
_MOST_OCTETS: Final = MAX_COUNTER_OCTETS >> 1
_tuple: Final = tuple.__new__


def moved_on(
    session: Session, seconds: int, counter_up: int, counter_down: int, event_at: datetime, source: str, port_bps: int
) -> Session | None:
    """Return a plain session after a report that says what is known already but for time and 64-bit counters.

    Args:
        session: live and somebody's, with nothing held back and nothing ahead of the NAS (`is_plain`).
        seconds: Acct-Session-Time.
        counter_up: its counter of upload octets.
        counter_down: its counter of download octets.
        event_at: when it happened.
        source: address it came from.
        port_bps: what a port of this NAS can carry; 0 for any amount.

    Returns:
        None for a report that must be looked at closer.
    """
    (
        session_id,
        nas_id,
        service_id,
        username,
        acct_session_id,
        acct_session_key,
        state,
        framed_ip,
        ipv6_prefix,
        delegated_prefix,
        mac,
        nas_port_id,
        nas_source,
        started_at,
        updated_at,
        _,
        _,
        session_seconds,
        _,
        upload_octets,
        download_octets,
        counter_upload_octets,
        counter_download_octets,
        swapped,
        _,
        _,
        *_,
    ) = session
    if source and source != nas_source:
        return None
    elapsed = seconds - session_seconds
    up, down = counter_up - counter_upload_octets, counter_down - counter_download_octets
    if elapsed <= 0 or up < 0 or down < 0 or event_at < updated_at or up > _MOST_OCTETS or down > _MOST_OCTETS:
        return None
    if port_bps and (up * 8 > port_bps * elapsed or down * 8 > port_bps * elapsed):
        return None
    lasted = timedelta(seconds=seconds)
    if not started_at - _SLACK <= event_at - lasted <= updated_at + _SLACK:
        return None
    moved: Session = _tuple(
        Session,
        (
            session_id,
            nas_id,
            service_id,
            username,
            acct_session_id,
            acct_session_key,
            state,
            framed_ip,
            ipv6_prefix,
            delegated_prefix,
            mac,
            nas_port_id,
            nas_source,
            started_at,
            event_at,
            None,
            None,
            seconds,
            elapsed,
            upload_octets + up,
            download_octets + down,
            counter_up,
            counter_down,
            swapped,
            up * 8 // elapsed,
            down * 8 // elapsed,
            *_NOTHING_ELSE,
        ),
    )
    return moved


_NOTHING_ELSE: Final = tuple(
    Session._field_defaults[name] for name in Session._fields[Session._fields.index("counting") :]
)
