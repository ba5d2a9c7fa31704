"""What else than its own Stop ends a session: a new one in its place, or its NAS that begins again."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from netbilld.accounting.apply_record import apply
from netbilld.accounting.session import LOST, RESTARTED, Session, SessionState, begin, ended_by_restart, is_displaced
from tests.accounting_packets import T0, record

SERVICE = UUID(int=77)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def live(number: int, began: float, heard: float) -> Session:
    """Return a session that began and last spoke then."""
    session = begin(record("start", at(began)), number, SERVICE)
    return session._replace(state=SessionState.LIVE, updated_at=at(heard))


@pytest.mark.parametrize(("heard", "is_over"), [(1_060, True), (1_061, False)])
def test_a_session_that_speaks_on_after_another_began_is_alive(heard: float, is_over: bool) -> None:
    assert is_displaced(live(1, 0, heard), live(2, 1_000, 1_000)) is is_over


def test_sessions_of_different_nas_or_routers_displace_nobody() -> None:
    old, new = live(1, 0, 900), live(2, 1_000, 1_000)
    assert is_displaced(old, new)
    assert not is_displaced(old, new._replace(nas_id=UUID(int=9)))
    assert not is_displaced(old, new._replace(nas_source="192.0.2.2"))
    assert not is_displaced(old, old)
    assert not is_displaced(old._replace(state=SessionState.CLOSED, stopped_at=at(950)), new)


@pytest.mark.parametrize(
    ("began", "state"),
    [(0, SessionState.CLOSED), (940, SessionState.CLOSED), (941, SessionState.STALE), (1_001, SessionState.LIVE)],
)
def test_accounting_on_closes_what_was_there_and_only_doubts_what_began_a_moment_before(
    began: float, state: SessionState
) -> None:
    ended = ended_by_restart(live(1, began, began), record("on", at(1_000)))
    assert ended.state is state
    assert ended.terminate_cause == (None if state is SessionState.LIVE else RESTARTED)


def test_a_session_that_has_stopped_moves_nothing_any_more() -> None:
    session = begin(record("start", at(0)), 1, SERVICE)
    reported = apply(session, record("interim", at(60), up=600, down=6_000, seconds=60)).session
    assert (reported.upload_bps, reported.download_bps) == (80, 800)
    stopped = apply(reported, record("stop", at(120), up=1_200, down=12_000, seconds=120, cause=1)).session
    assert (stopped.upload_bps, stopped.download_bps) == (0, 0)


@pytest.mark.parametrize("cause", [LOST, RESTARTED])
@pytest.mark.parametrize(
    ("gigawords", "before", "last", "more"),
    [(False, 4_000_000_000, 100_000_000, (1 << 32) - 3_900_000_000), (True, 4_000_000_000, 100_000_000, 100_000_000)],
)
def test_the_stop_of_a_session_that_we_closed_counts_all_that_it_proves(
    cause: str, gigawords: bool, before: int, last: int, more: int
) -> None:
    """Its NAS said it had no such session (503), or that it began again; then its Stop comes: a wrap, a reset."""
    session = begin(record("start", at(0)), 1, SERVICE)
    session = apply(session, record("interim", at(300), up=10, down=before, seconds=300, gigawords=gigawords)).session
    closed = session._replace(state=SessionState.CLOSED, stopped_at=session.updated_at, terminate_cause=cause)
    stop = record("stop", at(400), up=10, down=last, seconds=400, gigawords=gigawords, cause=1)
    change = apply(closed, stop)
    assert change.download_octets == more
    assert (change.session.state, change.session.terminate_cause) == (SessionState.CLOSED, "User-Request")
    assert apply(change.session, stop).download_octets == 0
