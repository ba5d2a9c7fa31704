"""The retry calendar, what traffic proves, and what is kept on record."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.plan import Speed
from netbilld.enforcement.backoff import RetryPolicy, next_attempt_at
from netbilld.enforcement.desired import renewed
from netbilld.enforcement.evidence import MeasuredInterval, traffic_proves
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
