from datetime import timedelta

import pytest

from netbilld.accounting.apply_record import apply
from netbilld.accounting.session import SessionState, begin
from netbilld.accounting.stale import SilencePolicy, judge
from tests.accounting_packets import T0, record

POLICY = SilencePolicy(interim_seconds=300, least_seconds=900)
SESSION = apply(begin(record("start"), 1, None), record("interim", T0, up=5, down=6, seconds=300)).session


@pytest.mark.parametrize(
    ("silent_seconds", "state"),
    [(300, SessionState.LIVE), (450, SessionState.LATE), (899, SessionState.LATE), (900, SessionState.STALE)],
)
def test_silence_makes_a_session_late_and_then_stale_with_its_last_counters(
    silent_seconds: int, state: SessionState
) -> None:
    judged = judge(SESSION, POLICY, T0 + timedelta(seconds=silent_seconds), T0)
    assert (judged.state, judged.upload_octets, judged.updated_at) == (state, 5, T0)
    if state is SessionState.STALE:
        assert (judged.stopped_at, judged.terminate_cause) == (T0, "lost")


def test_what_was_said_while_nobody_listened_is_not_held_against_a_session() -> None:
    listening_since = T0 + timedelta(hours=5)
    assert judge(SESSION, POLICY, listening_since + timedelta(seconds=100), listening_since) is SESSION


def test_a_nas_that_keeps_a_longer_interval_is_given_three_of_those() -> None:
    slow = apply(SESSION, record("interim", T0 + timedelta(hours=1), up=6, down=7, seconds=3900)).session
    assert slow.interval_seconds == 3600
    assert judge(slow, POLICY, slow.updated_at + timedelta(hours=1), T0) is slow
    assert judge(slow, POLICY, slow.updated_at + timedelta(hours=3), T0).state is SessionState.STALE
