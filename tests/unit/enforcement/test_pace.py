"""How fast orders leave for one NAS, and how one that does not answer is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.enforcement.breaker import Breaker, ProbePolicy
from netbilld.enforcement.pace import SLOWEST, Pace, PaceLimits

LIMITS = PaceLimits(coa_per_second=10, disconnects_per_second=3)
STEPS = st.lists(st.floats(0.001, 0.5), min_size=20, max_size=200)


def leaving(pace: Pace, seconds: float, *, cuts: bool, urgent: bool = False, start: float = 0.0) -> list[float]:
    """Return when orders leave that are asked for every hundredth of a second."""
    moments = [start + number / 100 for number in range(int(seconds * 100))]
    return [now for now in moments if pace.take(cuts=cuts, urgent=urgent, now=now)]


def test_disconnects_and_coa_have_each_their_own_pace() -> None:
    pace = Pace(LIMITS)
    assert 30 <= len(leaving(pace, 10, cuts=True)) <= 31
    assert 100 <= len(leaving(pace, 10, cuts=False)) <= 102


@given(STEPS, st.booleans())
def test_no_second_sees_more_than_the_pace_and_a_moments_savings(steps: list[float], cuts: bool) -> None:
    pace, now, left = Pace(LIMITS), 0.0, []
    for step in steps:
        now += step
        while pace.take(cuts=cuts, urgent=False, now=now):
            left.append(now)
    rate = 3 if cuts else 10
    for start in left:
        assert sum(start <= moment < start + 1 for moment in left) <= rate + 2


@given(STEPS)
def test_urgent_orders_go_ahead_by_no_more_than_a_seconds_worth(steps: list[float]) -> None:
    pace, now, left = Pace(LIMITS), 0.0, 0
    for step in steps:
        now += step
        left += pace.take(cuts=True, urgent=True, now=now)
        assert left <= 3 * now + 1 + 3


def test_an_urgent_order_leaves_at_once_behind_a_thousand_others() -> None:
    pace = Pace(LIMITS)
    while pace.take(cuts=True, urgent=False, now=5):
        pass
    assert pace.take(cuts=True, urgent=True, now=5)
    assert pace.wait_seconds(cuts=True, urgent=False, now=5) > 1 / 3


@given(STEPS, st.booleans(), st.booleans())
def test_after_the_wait_it_names_an_order_may_leave(steps: list[float], cuts: bool, urgent: bool) -> None:
    pace, now = Pace(LIMITS), 0.0
    for step in steps:
        now += step
        if not pace.take(cuts=cuts, urgent=urgent, now=now):
            now += pace.wait_seconds(cuts=cuts, urgent=urgent, now=now) + 1e-6
            assert pace.take(cuts=cuts, urgent=urgent, now=now)


def test_without_a_limit_everything_may_leave() -> None:
    pace = Pace(PaceLimits())
    assert all(pace.take(cuts=True, urgent=False, now=0) for _ in range(1000))
    assert pace.wait_seconds(cuts=True, urgent=False, now=0) == 0


def test_answers_slower_than_its_own_usual_slow_it_down_and_it_recovers_by_itself() -> None:
    pace = Pace(LIMITS)
    for number in range(100):
        pace.answered(0.02, number / 10)
    assert pace.share(10) == 1
    for number in range(20):
        pace.answered(0.9, 10 + number / 4)
    assert pace.share(15) < 0.2
    assert pace.room(16, 15) < 4
    assert len(leaving(pace, 5, cuts=False, start=15)) < 25
    assert pace.share(70) == 1


def test_a_nas_that_was_always_slow_is_not_slowed_down() -> None:
    pace = Pace(LIMITS)
    for number in range(100):
        pace.answered(0.9, float(number))
    assert pace.share(100) == 1


def test_what_is_left_unanswered_halves_the_pace_once_a_second_down_to_a_sixteenth() -> None:
    pace = Pace(LIMITS)
    for _ in range(50):
        pace.unanswered(1.0)
    assert pace.share(1.0) == 0.5
    for number in range(50):
        pace.unanswered(2.0 + number)
    assert pace.share(51.0) == pytest.approx(SLOWEST, rel=0.1)
    pace.recovered(52.0)
    assert pace.share(52.0) == 0.25


def test_the_window_is_what_the_slower_of_both_paces_needs() -> None:
    pace = Pace(LIMITS)
    assert pace.window_seconds(coa=99, cuts=0, at_once=16, now=0) == 10
    assert pace.window_seconds(coa=100, cuts=299, at_once=16, now=0) == 100
    pace.unanswered(0)
    assert pace.window_seconds(coa=99, cuts=0, at_once=16, now=0) == 20
    free = Pace(PaceLimits())
    for _ in range(50):
        free.spent(0.016)
    assert free.window_seconds(coa=500, cuts=500, at_once=16, now=0) == pytest.approx(0.5)


POLICY = ProbePolicy(first_seconds=1, longest_seconds=6)


def test_the_pauses_between_probes_grow_up_to_their_longest() -> None:
    breaker = Breaker(POLICY)
    waits = []
    for _ in range(6):
        breaker.unanswered(100.0, 0.0)
        waits.append(breaker.wait_seconds(100.0))
    assert waits == [1, 2, 4, 6, 6, 6]
    assert breaker.is_silent


@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True))
def test_no_pause_leaves_its_bounds(unanswered: int, jitter: float) -> None:
    breaker = Breaker(POLICY)
    for _ in range(unanswered):
        breaker.unanswered(5.0, jitter)
    assert 0.75 <= breaker.wait_seconds(5.0) <= 6


def test_who_is_heard_again_is_asked_at_once_and_who_answers_is_no_longer_silent() -> None:
    breaker = Breaker(POLICY)
    assert not breaker.answered()
    for _ in range(5):
        breaker.unanswered(100.0, 0.5)
    breaker.heard()
    assert (breaker.is_silent, breaker.wait_seconds(100.0)) == (True, 0)
    assert breaker.answered()
    assert not breaker.is_silent
