"""The retry calendar, what traffic proves, and what is kept on record."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.plan import Burst, Speed
from netbilld.enforcement.backoff import RetryPolicy, next_attempt_at
from netbilld.enforcement.desired import renewed
from netbilld.enforcement.evidence import MeasuredInterval, traffic_disproves, traffic_proves
from netbilld.enforcement.policy import Entitlement, Reason
from netbilld.enforcement.profile import Access, ServiceProfile

NOW = datetime(2025, 3, 17, 5, 0, tzinfo=UTC)
POLICY = RetryPolicy(5, 300)
SPEED = Speed(2_000_000, 1_000_000)


def seconds(attempts: int, jitter: float) -> float:
    return (next_attempt_at(attempts, NOW, POLICY, jitter) - NOW).total_seconds()


def test_the_pause_doubles_up_to_its_cap() -> None:
    assert [seconds(attempts, 0.5) for attempts in range(1, 9)] == [5, 10, 20, 40, 80, 160, 300, 300]


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_the_pause_never_leaves_its_bounds(attempts: int, jitter: float) -> None:
    assert 0.75 * 5 <= seconds(attempts, jitter) <= 300


@given(st.integers(1, 5))
def test_chance_spreads_the_pause_by_a_quarter(attempts: int) -> None:
    middle = seconds(attempts, 0.5)
    assert seconds(attempts, 0) == pytest.approx(0.75 * middle)
    assert seconds(attempts, 0.999) == pytest.approx(1.25 * middle, rel=0.01)


def interval(upload_bps: float, download_bps: float, start_after: float = 0, length: float = 60) -> MeasuredInterval:
    start = NOW + timedelta(seconds=start_after)
    return MeasuredInterval(
        start, start + timedelta(seconds=length), int(upload_bps * length / 8), int(download_bps * length / 8)
    )


@pytest.mark.parametrize(
    ("measured", "proved"),
    [
        (interval(500_000, 1_500_000), True),
        (interval(1_100_000, 2_200_000), True),
        (interval(1_100_008, 100), False),
        (interval(100, 2_200_008), False),
        (interval(0, 0), False),
        (interval(0, 8), True),
        (interval(500_000, 1_500_000, start_after=-0.001), False),
        (interval(500_000, 1_500_000, length=0), False),
        (interval(500_000, 1_500_000, start_after=3600), True),
    ],
)
def test_traffic_proves_a_rate_when_all_of_it_came_after_the_answer_and_stays_within_it(
    measured: MeasuredInterval, proved: bool
) -> None:
    assert traffic_proves(SPEED, NOW, measured) is proved


def due(reason: Reason = Reason.OK, speed: Speed = SPEED, until: datetime | None = None) -> Entitlement:
    return Entitlement(Access.ACTIVE, reason, ServiceProfile(Access.ACTIVE, speed), until)


def test_what_is_due_keeps_since_when_until_access_reason_or_profile_change() -> None:
    service = UUID(int=1)
    later = NOW + timedelta(hours=1)
    first = renewed(None, service, due(), "start", NOW)
    assert (first.since_at, first.cause) == (NOW, "start")
    assert renewed(first, service, due(), "timer", later) is first
    edge = renewed(first, service, due(until=later), "timer", later)
    assert (edge.since_at, edge.cause, edge.until_at) == (NOW, "start", later)
    reason = renewed(first, service, due(Reason.FAIR_USE), "usage", later)
    assert (reason.since_at, reason.cause) == (later, "usage")
    profile = renewed(first, service, due(speed=Speed(1, 1)), "plan.set", later)
    assert (profile.since_at, profile.cause) == (later, "plan.set")


BURSTING = replace(SPEED, burst=Burst(8_000_000, 4_000_000, 1_500_000, 750_000, 16))


@pytest.mark.parametrize(
    ("speed", "measured", "disproved"),
    [
        (SPEED, interval(500_000, 20_000_000, start_after=10), True),
        (SPEED, interval(10_000_000, 0, start_after=10), True),
        (SPEED, interval(500_000, 2_400_000, start_after=10), False),  # a full bucket, and what a queue does not count
        (SPEED, interval(500_000, 20_000_000, start_after=10, length=6), True),
        (SPEED, interval(500_000, 20_000_000, start_after=10, length=4), False),
        (SPEED, interval(500_000, 20_000_000, start_after=1), False),  # it may have taken a moment
        (SPEED, interval(500_000, 20_000_000, start_after=-30), False),
        (BURSTING, interval(0, 4_500_000, start_after=10), False),
        (BURSTING, interval(0, 8_000_000, start_after=10), True),
        (replace(SPEED, down_bps=0, up_bps=0), interval(10**9, 10**9, start_after=10), False),
    ],
)
def test_traffic_disproves_a_rate_only_where_neither_bursts_nor_buckets_explain_it(
    speed: Speed, measured: MeasuredInterval, disproved: bool
) -> None:
    assert traffic_disproves(speed, NOW, measured) is disproved


@given(st.integers(0, 10**11), st.integers(0, 10**11), st.floats(0, 7200), st.floats(0.5, 7200))
def test_no_traffic_proves_and_disproves_at_once(up: int, down: int, after: float, length: float) -> None:
    measured = MeasuredInterval(NOW + timedelta(seconds=after), NOW + timedelta(seconds=after + length), up, down)
    assert not (traffic_proves(SPEED, NOW, measured) and traffic_disproves(SPEED, NOW, measured))


def test_a_higher_rate_is_shown_only_by_traffic_that_a_much_lower_one_would_not_let_through() -> None:
    assert not traffic_proves(SPEED, NOW, interval(100_000, 900_000), raised=True)
    assert traffic_proves(SPEED, NOW, interval(100_000, 1_100_000), raised=True)
    assert traffic_proves(SPEED, NOW, interval(600_000, 0), raised=True)
    assert not traffic_proves(SPEED, NOW, interval(600_000, 3_000_000), raised=True)
