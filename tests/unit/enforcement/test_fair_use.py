"""Steps of speed before and beyond an allowance, speeds by the hour, and what costs nothing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.hours import parse_hours
from netbilld.billing.plan import AfterAllowance, Charging, Plan, Speed, Timing
from netbilld.billing.plan_parts import FairUseStep, HappyHours, Tariff, Tier, TimeAllowance
from netbilld.enforcement.edge import edge, near_from_octets
from netbilld.enforcement.fair_use import left_octets, octets_of, passed, steps_of
from netbilld.enforcement.policy import PeriodUsage, Reason, entitlement
from netbilld.enforcement.profile import Access
from tests.builders.plans import FAST, SLOW, allowance, per_use, plan
from tests.builders.services import GARDEN, NOW, PERIOD_END_AT, PERIOD_START, service_facts, used

LIMIT = 1_000
STEPS = (FairUseStep(50, 10_000_000, 5_000_000), FairUseStep(150, 1_000_000, 500_000))
NIGHT = HappyHours("malam", parse_hours(["daily 00:00-06:00"]), down_bps=50_000_000, up_bps=20_000_000)


def stepped(after: AfterAllowance) -> Plan:
    return plan(allowance=replace(allowance(after, LIMIT), steps=STEPS))


@pytest.mark.parametrize(
    ("octets", "reason", "down_bps"),
    [
        (499, Reason.OK, FAST.down_bps),
        (500, Reason.FAIR_USE, 10_000_000),
        (999, Reason.FAIR_USE, 10_000_000),
        (1_000, Reason.FAIR_USE, SLOW.down_bps),
        (1_500, Reason.FAIR_USE, 1_000_000),
    ],
)
def test_each_step_has_its_speed_from_its_share_on(octets: int, reason: Reason, down_bps: int) -> None:
    due = entitlement(service_facts(plan=stepped(AfterAllowance.THROTTLE), usage=used(0, octets)), GARDEN, NOW)
    assert due.profile.speed is not None
    assert (due.reason, due.profile.speed.down_bps) == (reason, down_bps)
    assert due.until_at == (None if reason is Reason.OK else PERIOD_END_AT)


def test_an_allowance_that_closes_has_steps_before_its_end_only_and_one_that_charges_never_closes() -> None:
    facts = service_facts(plan=stepped(AfterAllowance.WALL), usage=used(0, 1_600))
    assert entitlement(facts, GARDEN, NOW).access is Access.WALLED
    facts = service_facts(plan=stepped(AfterAllowance.CHARGE), usage=used(0, 1_400))
    due = entitlement(facts, GARDEN, NOW)
    assert (due.access, due.profile.speed) == (Access.THROTTLED, Speed(10_000_000, 5_000_000))
    without = service_facts(plan=plan(allowance=allowance(AfterAllowance.CHARGE, LIMIT)), usage=used(0, 5_000))
    assert entitlement(without, GARDEN, NOW).access is Access.ACTIVE
    assert edge(without, without.usage, NOW) is None


def test_what_was_rolled_over_bought_or_used_by_others_counts() -> None:
    wall = plan(allowance=allowance(AfterAllowance.WALL, LIMIT))
    more = service_facts(plan=wall, usage=used(0, 1_400), limit_octets=1_500)
    assert entitlement(more, GARDEN, NOW).access is Access.ACTIVE
    found = edge(more, more.usage, NOW)
    assert found is not None
    assert found.left_octets == 100
    assert entitlement(replace(more, others_octets=100), GARDEN, NOW).reason is Reason.QUOTA
    weighed = replace(more, usage=PeriodUsage(PERIOD_START, 0, 9_999, counted_octets=10))
    assert entitlement(weighed, GARDEN, NOW).reason is Reason.OK


@given(st.integers(0, 3_000), st.sampled_from(list(AfterAllowance)))
def test_what_is_left_to_the_next_step_is_what_it_takes_to_pass_it(octets: int, after: AfterAllowance) -> None:
    sold = stepped(after)
    left = left_octets(sold, LIMIT, octets)
    assert left is not None
    before = passed(sold, LIMIT, octets)
    if left > 0:
        assert passed(sold, LIMIT, octets + left - 1) == before
        assert passed(sold, LIMIT, octets + left) != before
    else:
        assert before == steps_of(sold)[-1]
        assert octets - octets_of(steps_of(sold)[-1], LIMIT) == -left
    near = near_from_octets(sold, 0.0)
    assert near == octets_of(steps_of(sold)[0], LIMIT)


def test_happy_hours_have_their_speed_and_their_edges_are_decided_on_anew() -> None:
    sold = plan(happy_hours=(NIGHT,))
    noon = entitlement(service_facts(plan=sold), GARDEN, NOW)  # 12:00 there
    assert (noon.profile.speed, noon.until_at) == (FAST, datetime(2025, 3, 17, 17, tzinfo=UTC))
    night = entitlement(service_facts(plan=sold), GARDEN, datetime(2025, 3, 17, 20, tzinfo=UTC))
    assert night.profile.speed == Speed(50_000_000, 20_000_000)
    assert night.until_at == datetime(2025, 3, 17, 23, tzinfo=UTC)


def test_a_window_of_holidays_takes_the_whole_day() -> None:
    libur = replace(NIGHT, name="libur", spans=parse_hours(["sun 00:00-24:00"]), on_holidays=True)
    facts = service_facts(plan=plan(happy_hours=(libur,)))
    assert entitlement(facts, GARDEN, NOW).profile.speed == FAST  # a Monday
    due = entitlement(replace(facts, holidays=frozenset({date(2025, 3, 17)})), GARDEN, NOW)
    assert due.profile.speed == Speed(50_000_000, 20_000_000)
    assert due.until_at == datetime(2025, 3, 17, 17, tzinfo=UTC)


def test_a_trial_and_a_free_service_need_no_money_until_the_trial_ends() -> None:
    sold = per_use()
    assert entitlement(service_facts(plan=replace(sold, free=True)), GARDEN, NOW).reason is Reason.OK
    on_trial = service_facts(plan=sold, trial_until_on=date(2025, 3, 18))
    due = entitlement(on_trial, GARDEN, NOW)
    assert (due.reason, due.until_at) == (Reason.OK, datetime(2025, 3, 17, 17, tzinfo=UTC))
    assert edge(on_trial, None, NOW) is None
    assert entitlement(on_trial, GARDEN, NOW + timedelta(days=1)).reason is Reason.NO_CREDIT
    assert entitlement(service_facts(plan=plan(timing=Timing.PREPAID, free=True)), GARDEN, NOW).reason is Reason.OK


def test_time_that_is_included_walls_when_it_is_used_up_unless_more_is_charged() -> None:
    flat = plan(time_allowance=TimeAllowance(3_600))
    usage = PeriodUsage(PERIOD_START, 0, 0, seconds=3_600)
    facts = service_facts(plan=flat, usage=usage, limit_seconds=3_600)
    due = entitlement(facts, GARDEN, NOW)
    assert (due.reason, due.access, due.until_at) == (Reason.QUOTA, Access.WALLED, PERIOD_END_AT)
    hourly = replace(flat, charging=Charging.TIME, usage=Tariff((Tier(None, 2_000),), 3_600))
    assert entitlement(replace(facts, plan=hourly), GARDEN, NOW).reason is Reason.OK
    prepaid = replace(hourly, timing=Timing.PREPAID, recurring=None)
    assert entitlement(replace(facts, plan=prepaid), GARDEN, NOW).reason is Reason.NO_CREDIT
    assert entitlement(replace(facts, plan=prepaid, limit_seconds=3_601), GARDEN, NOW).reason is Reason.OK


def test_a_wallet_with_tiers_and_an_allowance_lasts_for_what_both_pay() -> None:
    tiers = Tariff((Tier(10**9, 5_000), Tier(None, 1_000)), 10**9)
    sold = per_use(tiers, allowance=allowance(AfterAllowance.CHARGE, 10**9))
    found = edge(service_facts(plan=sold, wallet_minor=6_000), used(0, 0), NOW)
    assert found is not None
    assert found.left_octets == 3 * 10**9  # one included, one at 5.000, one at 1.000
    found = edge(service_facts(plan=sold, wallet_minor=6_000), used(0, 3 * 10**9), NOW)
    assert found is not None
    assert found.left_octets == 6 * 10**9
