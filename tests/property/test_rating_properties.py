"""Laws of rating: what usage costs is a function of its sums, whatever came in which order and portions."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from netbilld.billing.hours import parse_hours
from netbilld.billing.plan import AfterAllowance, Allowance, Charging, Counts, Plan, Timing
from netbilld.billing.plan_parts import HappyHours, Tariff, Tier
from netbilld.billing.rating.allowance import Grant, GrantKind
from netbilld.billing.rating.period import (
    RatedPeriod,
    UsageIn,
    includes_free_octets,
    is_octet_charged,
    plain_total_minor,
    rate_period,
    sums_of,
)
from netbilld.billing.rating.price import price_exact, tier_parts, units_for_minor
from netbilld.billing.rating.stretch import PlanTerms, Stretch, stretches_of
from netbilld.billing.rating.windows import NO_HOLIDAYS
from netbilld.model.periods import BillingPeriod
from netbilld.model.units import half_up
from tests.builders.plans import plan

ZONE = "Asia/Jakarta"
PERIOD = BillingPeriod(date(2026, 3, 1), date(2026, 4, 1), ZONE)
GB = 10**9


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    ends = sorted(draw(st.sets(st.integers(1, 50 * GB), max_size=3)))
    prices = draw(st.lists(st.integers(0, 10_000), min_size=len(ends) + 1, max_size=len(ends) + 1))
    tiers = tuple(Tier(end, price) for end, price in zip([*ends, None], prices, strict=True))
    return Tariff(tiers, draw(st.sampled_from([GB, 2**30])), draw(st.none() | st.integers(0, 200_000)))


@st.composite
def windows(draw: st.DrawFn) -> tuple[HappyHours, ...]:
    found = []
    for name, hours in (("malam", "daily 00:00-06:00"), ("akhir pekan", "sat,sun 08:00-20:00")):
        if draw(st.booleans()):
            found.append(
                HappyHours(
                    name,
                    parse_hours([hours]),
                    draw(st.none() | st.booleans()),
                    draw(st.sampled_from([(0, 1), (1, 2), (1, 3), (1, 1), (2, 1)])),
                    draw(st.none() | st.integers(0, 5_000)),
                )
            )
    return tuple(found)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    included = draw(st.none() | st.integers(1, 40 * GB))
    after = draw(st.sampled_from(list(AfterAllowance)))
    return plan(
        charging=draw(st.sampled_from([Charging.FLAT, Charging.VOLUME, Charging.HYBRID, Charging.PER_USE])),
        timing=draw(st.sampled_from(list(Timing))),
        usage=draw(st.none() | tariffs()),
        allowance=Allowance(included, draw(st.sampled_from(list(Counts))), after, None) if included else None,
        happy_hours=draw(windows()),
    )


@st.composite
def terms(draw: st.DrawFn) -> list[PlanTerms]:
    later = sorted(draw(st.sets(st.dates(date(2026, 3, 2), date(2026, 3, 31)), max_size=3)))
    return [
        PlanTerms(on, draw(plans()), draw(st.booleans()) and draw(st.booleans()), draw(st.booleans()))
        for on in (date(2026, 2, 1), *later)
    ]


hours = st.builds(
    lambda hour, up, down: UsageIn(PERIOD.start_at + timedelta(hours=hour), up, down),
    st.integers(0, 31 * 24 - 1),
    st.integers(0, 3 * GB),
    st.integers(0, 3 * GB),
)
grants = st.lists(
    st.builds(
        Grant,
        st.uuids(),
        st.sampled_from(list(GrantKind)),
        st.integers(0, 10 * GB),
        st.dates(date(2026, 3, 2), date(2026, 6, 1)),
    ),
    max_size=3,
    unique_by=lambda grant: grant.id,
)


def rated(stretches: tuple[Stretch, ...], usage: list[UsageIn], **more: Any) -> RatedPeriod:
    holidays = frozenset({date(2026, 3, 20)})
    return rate_period(
        PERIOD, stretches, sums_of(usage, stretches, ZONE, holidays), activated_on=date(2026, 2, 1), **more
    )


@given(tariffs(), st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_price_is_the_sum_of_its_tiers_wherever_it_is_cut(tariff: Tariff, one: int, other: int) -> None:
    """INCA-17."""
    first, last = sorted((one, other))
    whole = price_exact(tariff, last)[0]
    assert (
        price_exact(tariff, first)[0] + sum(part.units * part.price_minor for part in tier_parts(tariff, first, last))
        == whole
    )
    assert sum(part.units for part in tier_parts(tariff, first, last)) == last - first


@given(tariffs(), st.integers(0, 10**11), st.integers(0, 10**6))
def test_money_buys_the_most_units_that_it_pays_for(tariff: Tariff, used: int, money: int) -> None:
    uncapped = replace(tariff, cap_minor=None)
    units = units_for_minor(uncapped, used, 0, money)
    per = Fraction(1, tariff.units_per_price)

    def costs(more: int) -> Fraction:
        return (price_exact(uncapped, used + more)[0] - price_exact(uncapped, used)[0]) * per

    if units is None:
        assert costs(10**15) <= money or uncapped.tiers[-1].price_minor == 0
    else:
        assert costs(units) <= money < costs(units + 1)


@settings(deadline=None)
@given(terms(), st.lists(hours, max_size=12), grants, st.randoms(use_true_random=False), st.data())
def test_any_order_and_any_grouping_of_usage_costs_the_same(
    of: list[PlanTerms], usage: list[UsageIn], given_more: list[Grant], chance: Any, data: st.DataObject
) -> None:
    """BANG-2.3a, INCA-3, INCA-19."""
    stretches = stretches_of(of, PERIOD, date(2026, 2, 1), [grant.until_on for grant in given_more])
    whole = rated(stretches, usage, grants=given_more)
    pieces = []
    for at, up, down in usage:
        part = data.draw(st.integers(0, up))
        minutes = timedelta(minutes=data.draw(st.integers(0, 59)))
        pieces += [UsageIn(at, part, down), UsageIn(at + minutes, up - part, 0)]
    chance.shuffle(pieces)
    again = rated(stretches, pieces, grants=given_more)
    assert again == whole
    assert sum(charge.amount_minor for charge in whole.charges) == whole.amount_minor >= 0
    assert all(charge.amount_minor >= 0 and charge.units > 0 for charge in whole.charges)


@settings(deadline=None)
@given(plans(), st.lists(hours, min_size=1, max_size=10))
def test_what_is_charged_while_it_is_used_sums_to_what_the_whole_period_costs(of: Plan, usage: list[UsageIn]) -> None:
    """BANG-2.1f, INCA-42: half_up(total so far) − already charged, and never negative under one plan."""
    stretches = stretches_of([PlanTerms(date(2026, 2, 1), of)], PERIOD, date(2026, 2, 1))
    charged = 0
    for number in range(len(usage)):
        so_far = rated(stretches, usage[: number + 1]).amount_minor
        assert so_far >= charged
        charged = so_far
    assert charged == rated(stretches, usage).amount_minor


@given(plans(), st.integers(0, 100 * GB))
def test_the_meters_short_way_says_what_the_whole_rule_says(of: Plan, octets: int) -> None:
    if of.happy_hours or not is_octet_charged(of):
        return
    stretches = stretches_of([PlanTerms(date(2026, 2, 1), of)], PERIOD, date(2026, 2, 1))
    whole = rated(stretches, [UsageIn(PERIOD.start_at, octets // 2, octets - octets // 2)])
    included = of.allowance.data_octets if of.allowance is not None and includes_free_octets(of) else 0
    assert plain_total_minor(of, whole.counted_octets, included) == whole.amount_minor


@settings(deadline=None)
@given(terms(), st.lists(hours, max_size=12))
def test_an_independent_reckoning_of_a_period_agrees(of: list[PlanTerms], usage: list[UsageIn]) -> None:
    """Octet by octet in the order of stretches, with fractions throughout: rule 14 as it is written."""
    of = [one._replace(is_reset=False) for one in of]
    stretches = stretches_of(of, PERIOD, date(2026, 2, 1))
    total, exact = 0, Fraction(0)
    for number, one in enumerate(of):
        until = of[number + 1].from_on if number + 1 < len(of) else PERIOD.end_on
        of_plan: Mapping[str, Fraction] = _counted(one, until, usage)
        begin, total = total, total + int(of_plan["counted"])
        tariff = one.plan.usage
        if tariff is None or one.is_free or one.plan.charging is Charging.FLAT:
            continue
        included = 0
        if one.plan.allowance is not None and one.plan.allowance.after is AfterAllowance.CHARGE:
            included = one.plan.allowance.data_octets
        part = (
            Fraction(
                price_exact(tariff, max(0, total - included))[0] - price_exact(tariff, max(0, begin - included))[0],
                tariff.units_per_price,
            )
            + of_plan["priced"] / tariff.units_per_price
        )
        exact += part if tariff.cap_minor is None else min(part, max(Fraction(0), tariff.cap_minor - exact))
    whole = rated(stretches, usage)
    assert whole.counted_octets == total
    assert whole.amount_minor == half_up(exact.numerator, exact.denominator)


def _counted(one: PlanTerms, until: date, usage: list[UsageIn]) -> Mapping[str, Fraction]:
    counted = priced = Fraction(0)
    for at, up, down in usage:
        local: datetime = at.astimezone(ZoneInfo(ZONE))
        if not max(one.from_on, PERIOD.start_on) <= local.date() < until:
            continue
        octets = one.plan.counted_octets(up, down)
        is_holiday = local.date() == date(2026, 3, 20)
        window = None
        for each in one.plan.happy_hours:
            night = each.name == "malam"
            inside = local.hour < 6 if night else local.weekday() >= 5 and 8 <= local.hour < 20
            if is_holiday and each.on_holidays is not None:
                inside = each.on_holidays and (window is None or not window.on_holidays)
            elif is_holiday and window is not None and window.on_holidays:
                inside = False
            if inside:
                window = each
        if window is None:
            counted += octets
        elif window.price_minor is not None:
            priced += octets * window.price_minor
        else:
            counted += Fraction(octets * window.weight[0], window.weight[1])
    return {"counted": counted, "priced": priced}


@settings(deadline=None)
@given(grants, st.integers(0, 60 * GB), st.integers(1, 30 * GB))
def test_what_of_each_grant_is_used_sums_to_what_is_used_beyond_the_plan(
    given_more: list[Grant], used: int, own: int
) -> None:
    of = plan(allowance=Allowance(own, Counts.BOTH, AfterAllowance.WALL, None))
    stretches = stretches_of([PlanTerms(date(2026, 2, 1), of)], PERIOD, date(2026, 2, 1))
    state = rated(stretches, [UsageIn(PERIOD.start_at, used, 0)], grants=given_more).data
    assert state is not None
    room = sum(grant.units for grant in given_more)
    assert state.limit_units == own + room
    assert sum(units for _, units in state.used_of) == min(room, max(0, used - own))
    assert state.left_units == max(0, own + room - used)
    assert sums_of([], stretches, ZONE, NO_HOLIDAYS) == {}
