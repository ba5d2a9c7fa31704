"""How far past a limit, and when to look again."""

from hypothesis import given
from hypothesis import strategies as st

from netbilld.accounting.overshoot import bound_octets, is_near, next_reading_seconds, seconds_to_edge

RATES = st.integers(1, 10**11)
OCTETS = st.integers(0, 10**13)
SECONDS = st.floats(0.1, 3600)


def test_the_bound_is_line_rate_times_interval_and_round_trip() -> None:
    assert bound_octets(50_000_000, 5, 0.5) == 34_375_000
    assert bound_octets(1, 1, 0) == 1, "rounded up"


def test_the_least_time_to_the_edge_is_at_line_rate() -> None:
    assert seconds_to_edge(6_250_000, 50_000_000) == 1.0
    assert seconds_to_edge(0, 50_000_000) == seconds_to_edge(-5, 50_000_000) == 0.0
    assert seconds_to_edge(1, 0) == float("inf")


@given(OCTETS, RATES, SECONDS)
def test_who_is_not_near_can_not_use_up_what_is_left_before_the_next_report(
    left: int, rate_bps: int, interval: float
) -> None:
    if not is_near(left, rate_bps, interval):
        assert rate_bps * interval / 8 <= left


@given(left=OCTETS, rate_bps=RATES, shortest=SECONDS)
def test_whatever_the_line_carries_the_reading_before_the_edge_is_the_shortest_wait_away(
    left: int, rate_bps: int, shortest: float
) -> None:
    """Played through at line rate: the crossing is found within the shortest wait, whatever was left at first."""
    per_second = rate_bps / 8
    while True:
        wait = next_reading_seconds(left, rate_bps, shortest)
        moved = per_second * wait
        if moved >= left:
            assert moved - left <= per_second * shortest * (1 + 1e-9)
            return
        left -= int(moved) if moved >= 1 else 1


@given(OCTETS, OCTETS, RATES, SECONDS)
def test_the_nearer_the_sooner(left: int, other: int, rate_bps: int, shortest: float) -> None:
    less, more = sorted((left, other))
    assert next_reading_seconds(less, rate_bps, shortest) <= next_reading_seconds(more, rate_bps, shortest)
