"""From how many on a person is asked, and what a held service is due."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.plan import AfterAllowance, Counts, Timing
from netbilld.enforcement.brake import BrakePolicy, is_too_many
from netbilld.enforcement.policy import RENEWAL, PeriodUsage, Reason, ServiceStatus, closed_by_calendar, entitlement
from netbilld.enforcement.profile import Access
from netbilld.model.periods import local_midnight
from tests.builders.plans import allowance, plan
from tests.builders.services import GARDEN, NOW, OVERDUE, PERIOD_START, service_facts

LIMIT_OCTETS = 300 * 10**9


@pytest.mark.parametrize(
    ("closing", "base", "too_many"), [(20, 100, False), (21, 100, True), (4, 5, False), (19, 19, False), (20, 20, True)]
)
def test_more_than_the_share_and_no_fewer_than_the_least_are_too_many(closing: int, base: int, too_many: bool) -> None:
    assert is_too_many(closing, base, BrakePolicy(percent=20, least=20)) is too_many


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 99), st.integers(1, 1000))
def test_one_more_is_never_less(closing: int, base: int, percent: int, least: int) -> None:
    policy = BrakePolicy(percent, least)
    if is_too_many(closing, base, policy):
        assert is_too_many(closing + 1, base, policy)
        assert closing >= least
        assert closing > base * percent / 100


def test_at_a_hundred_percent_nobody_is_ever_asked() -> None:
    assert not is_too_many(1000, 10, BrakePolicy(percent=100, least=1))


def test_a_held_service_keeps_what_it_would_have_without_its_debts() -> None:
    held = service_facts(plan=plan(), standing=OVERDUE, is_held=True)
    assert entitlement(held, GARDEN, NOW).access is Access.ACTIVE
    assert closed_by_calendar(held, NOW) is Reason.OVERDUE
    limited = plan(allowance=allowance(AfterAllowance.THROTTLE, LIMIT_OCTETS, Counts.BOTH))
    used_up = replace(held, plan=limited, usage=PeriodUsage(PERIOD_START, 0, LIMIT_OCTETS))
    assert entitlement(used_up, GARDEN, NOW).reason is Reason.FAIR_USE


@pytest.mark.parametrize("status", [ServiceStatus.SUSPENDED, ServiceStatus.PAUSED, ServiceStatus.ENDED])
def test_what_staff_decide_is_not_held(status: ServiceStatus) -> None:
    held = service_facts(plan=plan(), standing=OVERDUE, is_held=True, status=status)
    assert entitlement(held, GARDEN, NOW).access in {Access.WALLED, Access.BLOCKED}
    assert closed_by_calendar(held, NOW) is None


def test_who_can_pay_for_the_next_period_is_not_closed_while_it_is_bought() -> None:
    """A renewal comes within half a minute of the period's end; nobody is cut off for it."""
    last_day = date(2025, 3, 16)
    ends_at = local_midnight(last_day + timedelta(days=1), "Asia/Jakarta")
    rich = service_facts(plan=plan(timing=Timing.PREPAID), paid_until_on=last_day, wallet_minor=10**9)
    poor = replace(rich, wallet_minor=0)
    just_over = ends_at + timedelta(seconds=1)
    assert entitlement(poor, GARDEN, ends_at).reason is Reason.EXPIRED
    due = entitlement(rich, GARDEN, just_over)
    assert (due.access, due.until_at) == (Access.ACTIVE, ends_at + RENEWAL)
    assert entitlement(rich, GARDEN, ends_at - timedelta(seconds=1)).until_at == ends_at
    assert entitlement(rich, GARDEN, ends_at + RENEWAL).reason is Reason.EXPIRED
