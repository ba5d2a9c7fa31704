"""What a NAS is told to end a session by: a hard quota, and long after a prepaid period's end."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from netbilld.billing.plan import AfterAllowance, Counts, Timing
from netbilld.billing.plan_parts import Component, Discount
from netbilld.enforcement.limits import NO_LIMITS, SessionLimits, may_have_limits, session_limits
from netbilld.enforcement.policy import ServiceFacts, ServiceStatus, entitlement
from netbilld.enforcement.profile import Access
from tests.builders.plans import allowance, plan
from tests.builders.services import GARDEN, NOW, service_facts, used

GIGABYTE = 10**9
FACTS = service_facts()
PREPAID = service_facts(plan=plan(timing=Timing.PREPAID), paid_until_on=date(2025, 3, 17))
ENDS_AT = datetime(2025, 3, 17, 17, 0, tzinfo=UTC)  # midnight in Jakarta, after the last day


def quota(after: AfterAllowance, counts: Counts = Counts.BOTH) -> ServiceFacts:
    return service_facts(plan=plan(allowance=allowance(after, 100 * GIGABYTE, counts)))


def limits(facts: ServiceFacts, jitter: float = 0.0, now: datetime = NOW) -> SessionLimits:
    return session_limits(facts, entitlement(facts, GARDEN, now).access, now, jitter)


@pytest.mark.parametrize("after", [AfterAllowance.WALL, AfterAllowance.BLOCK])
@pytest.mark.parametrize(("counts", "left"), [(Counts.BOTH, 60), (Counts.DOWN, 70), (Counts.UP, 90)])
def test_a_hard_quota_gives_what_is_left_of_the_direction_that_counts(
    after: AfterAllowance, counts: Counts, left: int
) -> None:
    """BANG-2.2b."""
    facts = replace(quota(after, counts), usage=used(10 * GIGABYTE, 30 * GIGABYTE))
    assert limits(facts) == SessionLimits(left * GIGABYTE, counts)
    assert may_have_limits(facts)


def test_usage_of_an_earlier_period_takes_nothing_off() -> None:
    facts = replace(quota(AfterAllowance.WALL), usage=used(99 * GIGABYTE, 0, date(2025, 2, 10)))
    assert limits(facts).octets_left == 100 * GIGABYTE


def test_a_plan_that_throttles_never_has_a_volume_limit() -> None:
    facts = quota(AfterAllowance.THROTTLE)
    assert limits(facts) == NO_LIMITS
    assert not may_have_limits(facts)


@pytest.mark.parametrize("facts", [FACTS, replace(FACTS, paid_until_on=date(2025, 3, 17))])
def test_a_plan_without_hard_end_has_none(facts: ServiceFacts) -> None:
    assert limits(facts) == NO_LIMITS
    assert not limits(facts)


def test_who_is_walled_or_blocked_has_none() -> None:
    spent = replace(quota(AfterAllowance.WALL), usage=used(100 * GIGABYTE, 0))
    assert limits(spent) == NO_LIMITS
    assert limits(replace(spent, status=ServiceStatus.ENDED)) == NO_LIMITS
    assert limits(PREPAID, now=ENDS_AT + timedelta(seconds=1)) == NO_LIMITS


@pytest.mark.parametrize(("jitter", "late"), [(0.0, 3600), (0.5, 4500), (0.999, 5398)])
def test_prepaid_time_ends_at_the_nas_an_hour_after_it_ended_here(jitter: float, late: int) -> None:
    assert limits(PREPAID, jitter) == SessionLimits(seconds_left=12 * 3600 + late)


def test_who_has_paid_for_the_next_period_already_is_not_cut() -> None:
    assert limits(replace(PREPAID, wallet_minor=199_999)).seconds_left is not None
    assert limits(replace(PREPAID, wallet_minor=200_000)) == NO_LIMITS
    assert limits(replace(PREPAID, paid_until_on=date(2025, 4, 17))).seconds_left == (31 * 24 + 12) * 3600 + 3600


def test_a_bundle_with_a_discount_is_paid_for_by_its_whole_price() -> None:
    """Rp200.000 and Rp50.000 a month, less a tenth."""
    television = Component("tv", "TV", 50_000, "tv", telecom_revenue=False)
    bundle = replace(PREPAID.plan, components=(television,), discounts=(Discount("Setia", 1_000, None, None),))
    facts = replace(PREPAID, plan=bundle, billing_day=18)
    assert limits(replace(facts, wallet_minor=224_999)).seconds_left is not None
    assert limits(replace(facts, wallet_minor=225_000)) == NO_LIMITS


def test_a_period_without_end_fits_into_the_attribute() -> None:
    assert limits(replace(PREPAID, paid_until_on=date(2250, 1, 1))).seconds_left == 2**31 - 1


def test_who_is_slowed_down_is_cut_at_the_end_of_the_period_all_the_same() -> None:
    slow = plan(timing=Timing.PREPAID, allowance=allowance(AfterAllowance.THROTTLE, GIGABYTE))
    facts = service_facts(plan=slow, paid_until_on=date(2025, 3, 17), usage=used(GIGABYTE, 0))
    assert entitlement(facts, GARDEN, NOW).access is Access.THROTTLED
    assert limits(facts) == SessionLimits(seconds_left=13 * 3600)


def test_what_is_left_is_never_nothing_which_a_nas_would_take_for_no_limit() -> None:
    """An Accept may be made of what was due a moment ago."""
    spent = replace(quota(AfterAllowance.WALL), usage=used(100 * GIGABYTE, 0))
    assert session_limits(spent, Access.ACTIVE, NOW, 0.0).octets_left == 1
    late = ENDS_AT + timedelta(hours=2)
    assert session_limits(PREPAID, Access.ACTIVE, late, 0.0).seconds_left == 1
