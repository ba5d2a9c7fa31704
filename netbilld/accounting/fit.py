"""Which session a record tells of, where several had its id."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from netbilld.accounting.record import AccountingRecord, RecordKind
from netbilld.accounting.session import (
    SLACK,
    Session,
    SessionState,
)

# Clocks drift by a second in a thousand.
_DRIFT: Final = 1000
_NO_DRIFT: Final = timedelta(0)
_NEW_START: Final = timedelta(seconds=30)
# Copies of one Start may be dated so far apart: Acct-Delay-Time is in whole seconds.
_COPY: Final = timedelta(seconds=2)


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
        return Fit.EARLIER if record.event_at < session.started_at - SLACK else Fit.SAME
    after_start = begun_at - session.started_at
    seconds = record.session_seconds or 0
    if after_start < -SLACK and after_start < -SLACK - _drift(seconds):
        return Fit.EARLIER
    if record.kind is RecordKind.START:
        if session.state is SessionState.CLOSED and session.stopped_at is not None:
            same_moment = _NO_DRIFT if session.is_stopped_by_nas else _COPY
            return Fit.LATER if begun_at >= session.stopped_at and after_start > same_moment else Fit.SAME
        return Fit.LATER if _nearer_to_the_end(session, begun_at, _NO_DRIFT) else Fit.SAME
    if repeats(session, record):
        return Fit.SAME
    if begun_at > session.updated_at + SLACK and begun_at > session.updated_at + SLACK + _drift(seconds):
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


def begun_alike(session: Session, record: AccountingRecord) -> bool:
    """Tell whether a record is dated as this session's own; an overtaken one of a session before it is not."""
    if record.begun_at is None:
        return False
    return abs(record.begun_at - session.started_at) <= SLACK + _drift(record.session_seconds or 0)


def repeats(session: Session, record: AccountingRecord) -> bool:
    """Tell whether a record says just what a session's last report said: a copy, late without saying so.

    Of sessions that moved nothing two may well be alike, so that one that says nothing repeats nothing.
    """
    return bool(
        (record.upload_octets or record.download_octets)
        and record.session_seconds == session.session_seconds
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
    A session that only has its Start goes on if that came late; what a NAS said well before it, and says so, is of the
    session before, heard of for the first time. One that was given up does not, nor one that is heard
    of again as if it had begun after its last report, while no clock was set: its id has come back.
    """
    if not session.is_open or record.session_seconds is None or record.kind is RecordKind.START:
        return False
    if record.event_at < session.started_at - 2 * SLACK and not record.may_be_misdated:
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
