"""Fees as they're billed: in advance and in arrears, in parts, changed, stopped and given back."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from netbilld.billing.charges import FeeFacts, fee_charges
from netbilld.billing.invoice import LineKind
from netbilld.billing.plan import Plan, Recurring, Timing
from netbilld.billing.plan_parts import AddOn, BilledWhen, Component, Discount, PriceRule, ProRata, StopPolicy
from netbilld.billing.terms import Stop, StopKind, Terms
from netbilld.model.errors import RefusedError
from tests.builders.fees import Billed, facts
from tests.builders.plans import plan

V1, V2 = UUID(int=101), UUID(int=102)


def priced(price: int, **recurring: object) -> Plan:
    return plan(recurring=replace(Recurring(price, None), **recurring))  # type: ignore[arg-type]


def on(month: int, day: int, year: int = 2026) -> date:
    return date(year, month, day)


@pytest.mark.parametrize(
    ("price", "start_on", "calendar", "thirty"),
    [
        (150_000, on(1, 10), 106_452, 110_000),
        (150_000, on(2, 15), 75_000, 70_000),
        (200_000, on(4, 1), 200_000, 200_000),
        (200_000, on(1, 31), 6_452, 6_667),
        (275_000, on(2, 29, 2028), 9_483, 9_167),
    ],
)
def test_joining_is_pro_rata_as_the_vectors_say(price: int, start_on: date, calendar: int, thirty: int) -> None:
    """BANG-2.3d."""
    terms = [Terms(start_on, V1)]
    assert Billed().amounts(facts({V1: priced(price)}, terms), start_on) == [calendar]
    assert Billed().amounts(facts({V1: priced(price, prorata=ProRata.THIRTY)}, terms), start_on) == [thirty]
    assert Billed().amounts(facts({V1: priced(price, prorata=ProRata.NONE)}, terms), start_on) == [price]


def test_a_month_of_31_days_divided_by_30_never_costs_more_than_its_price() -> None:
    known = facts({V1: priced(200_000, prorata=ProRata.THIRTY)}, [Terms(on(1, 1), V1)])
    changed = facts({V1: priced(200_000, prorata=ProRata.THIRTY)}, [Terms(on(1, 1), V1)], ends_on=on(1, 31))
    billed = Billed()
    assert billed.amounts(known, on(1, 1)) == [200_000]
    assert billed.amounts(changed, on(1, 31)) == []  # 30 of 31 days are all of thirty


def test_arrears_are_billed_on_the_day_after_the_period_and_advance_on_its_first() -> None:
    """BANG-2.3b."""
    arrears = facts({V1: priced(200_000, billed=BilledWhen.ARREARS)}, [Terms(on(1, 10), V1)], billing_day=10)
    billed = Billed()
    assert billed.amounts(arrears, on(2, 9)) == []
    charges = billed.run(arrears, on(2, 10))
    assert [line.amount_minor for line in charges.lines] == [200_000]
    assert (charges.begun, charges.until_on, charges.next_on) == (1, on(2, 10), on(3, 10))
    advance = Billed().run(facts({V1: priced(200_000)}, [Terms(on(1, 10), V1)], billing_day=10), on(1, 10))
    assert (advance.begun, advance.until_on, advance.next_on) == (1, on(2, 10), on(2, 10))


def test_a_plan_change_gives_the_rest_of_the_old_price_back_and_charges_the_rest_of_the_new_one() -> None:
    """Two lines; parts sum to the whole."""
    plans = {V1: priced(200_000), V2: priced(300_000)}
    billed = Billed()
    assert billed.amounts(facts(plans, [Terms(on(1, 1), V1)]), on(1, 1)) == [200_000]
    changed = facts(plans, [Terms(on(1, 1), V1), Terms(on(1, 16), V2)])
    charges = billed.run(changed, on(1, 16))
    old, new = charges.lines
    assert (old.kind, old.amount_minor, old.quantity, old.per) == (LineKind.ADJUSTMENT, -(200_000 - 96_774), 16, 31)
    assert (new.kind, new.amount_minor, new.quantity, new.per) == (LineKind.PRORATA, 154_839, 16, 31)
    assert (old.from_on, old.until_on) == (on(1, 16), on(2, 1)) == (new.from_on, new.until_on)
    assert billed.run(changed, on(1, 31)).lines == []
    assert billed.amounts(changed, on(2, 1)) == [300_000]


def test_changing_there_and_back_on_one_day_bills_nothing() -> None:
    plans = {V1: priced(200_000), V2: priced(300_000)}
    billed = Billed()
    first = facts(plans, [Terms(on(1, 1), V1)])
    billed.run(first, on(1, 1))
    billed.run(facts(plans, [Terms(on(1, 1), V1), Terms(on(1, 16), V2)]), on(1, 16))
    assert sum(billed.amounts(first, on(1, 17))) == -(154_839 - 103_226)
    assert billed.total_minor == 200_000


def test_two_changes_at_one_price_cost_the_difference_of_their_days() -> None:
    plans = {V1: priced(100_000), V2: priced(100_001)}
    known = facts(plans, [Terms(on(1, 1), V1), Terms(on(1, 11), V2), Terms(on(1, 21), V1)])
    assert Billed().amounts(known, on(1, 1)) == [67_742, 32_258]  # 21 and 10 of 31


@pytest.mark.parametrize(("policy", "given_back"), [(StopPolicy.BILL, 0), (StopPolicy.CREDIT, 64_516)])
def test_a_pause_is_given_back_for_its_days_where_the_plan_says_so(policy: StopPolicy, given_back: int) -> None:
    plans, terms = {V1: priced(200_000, when_paused=policy)}, [Terms(on(1, 1), V1)]
    billed = Billed()
    billed.run(facts(plans, terms), on(1, 1))
    paused = facts(plans, terms, stops=[Stop(StopKind.PAUSED, on(1, 11), on(1, 21))])
    assert sum(billed.amounts(paused, on(2, 1))) == 200_000 - given_back


def test_whoever_is_paused_over_the_billing_day_owes_nothing_until_they_are_back() -> None:
    plans, terms = {V1: priced(200_000)}, [Terms(on(1, 1), V1)]
    billed = Billed()
    billed.run(facts(plans, terms), on(1, 1))
    away = facts(plans, terms, stops=[Stop(StopKind.PAUSED, on(1, 21), None)])
    charges = billed.run(away, on(2, 1))
    assert ([line.amount_minor for line in charges.lines], charges.begun) == ([-70_968], 1)  # 11 of 31
    back = facts(plans, terms, stops=[Stop(StopKind.PAUSED, on(1, 21), on(2, 11))])
    assert billed.amounts(back, on(2, 11)) == [128_571]  # 18 of 28


def test_suspensions_by_staff_are_billed_unless_the_plan_credits_them() -> None:
    stops = [Stop(StopKind.SUSPENDED, on(1, 11), None)]
    assert Billed().amounts(facts({V1: priced(310_000)}, [Terms(on(1, 1), V1)], stops=stops), on(1, 1)) == [310_000]
    kind = priced(310_000, when_suspended=StopPolicy.CREDIT)
    assert Billed().amounts(facts({V1: kind}, [Terms(on(1, 1), V1)], stops=stops), on(1, 1)) == [100_000]


def test_the_last_day_is_billed_and_the_rest_comes_back() -> None:
    plans, terms = {V1: priced(310_000)}, [Terms(on(1, 1), V1)]
    billed = Billed()
    billed.run(facts(plans, terms), on(1, 1))
    left = facts(plans, terms, ends_on=on(1, 11))
    charges = billed.run(left, on(1, 11))
    assert ([line.amount_minor for line in charges.lines], charges.next_on) == ([-210_000], None)
    arrears = facts({V1: priced(310_000, billed=BilledWhen.ARREARS)}, terms, ends_on=on(1, 11))
    assert Billed().amounts(arrears, on(1, 10)) == []
    assert Billed().amounts(arrears, on(1, 11)) == [100_000]


def test_whole_periods_are_billed_at_their_last_price() -> None:
    plans = {V1: priced(200_000, prorata=ProRata.NONE), V2: priced(300_000, prorata=ProRata.NONE)}
    billed = Billed()
    billed.run(facts(plans, [Terms(on(1, 1), V1)]), on(1, 1))
    changed = [Terms(on(1, 1), V1), Terms(on(1, 31), V2)]
    assert billed.amounts(facts(plans, changed), on(1, 31)) == [-200_000, 300_000]
    assert billed.amounts(facts(plans, changed, ends_on=on(2, 3)), on(2, 3)) == [300_000]


def test_a_bundle_is_a_line_for_each_part_on_its_own_account_and_stops_as_one() -> None:
    """INCA-43."""
    bundle = replace(
        priced(200_000),
        components=(Component("tv", "TV 60 kanal", 100_000, "tv", telecom_revenue=False),),
        add_ons=(AddOn("ip", "IP statis", 50_000, "static_ip", telecom_revenue=True),),
    )
    terms = [Terms(on(1, 17), V1, add_ons=("ip",))]
    billed = Billed()
    lines = billed.run(facts({V1: bundle}, terms), on(1, 17)).lines
    assert [(line.kind.value, line.revenue, line.amount_minor) for line in lines] == [
        ("prorata", "revenue:recurring", 96_774),
        ("component", "revenue:tv", 48_387),
        ("add_on", "revenue:static_ip", 24_194),
    ]
    gone = facts({V1: bundle}, terms, ends_on=on(1, 18))
    back = billed.run(gone, on(1, 18)).lines
    assert {line.revenue for line in back} == {line.revenue for line in lines}
    assert billed.total_minor == 6_452 + 3_226 + 1_613


def test_the_price_is_the_services_own_before_its_groups_before_its_areas_before_the_plans() -> None:
    """BANG-2.2d, BANG-2.2e."""
    rules = (
        PriceRule(150_000, area="jabar/bandung"),
        PriceRule(140_000, area="jabar/bandung/rw05"),
        PriceRule(120_000, group="guru"),
    )
    plans = {V1: replace(priced(200_000), price_rules=rules)}
    for terms, price in (
        (Terms(on(1, 1), V1), 200_000),
        (Terms(on(1, 1), V1, area="jabar/bandung/rw07"), 150_000),
        (Terms(on(1, 1), V1, area="jabar/bandung/rw05"), 140_000),
        (Terms(on(1, 1), V1, customer_group="guru", area="jabar/bandung/rw05"), 120_000),
        (Terms(on(1, 1), V1, price_minor=99_000, customer_group="guru"), 99_000),
    ):
        assert Billed().amounts(facts(plans, [terms]), on(1, 1)) == [price]


def test_discounts_are_taken_in_order_for_their_periods_and_never_beyond_the_fee() -> None:
    discounts = (Discount("Promo", 1_000, None, 2), Discount("Setia", None, 195_000, None))
    known = facts({V1: replace(priced(200_000), discounts=discounts)}, [Terms(on(1, 17), V1)])
    billed = Billed()
    assert billed.amounts(known, on(1, 17)) == [96_774, -9_677, -87_097]  # the first part period counts as one
    assert billed.amounts(known, on(2, 1)) == [200_000, -20_000, -180_000]
    assert billed.amounts(known, on(3, 1)) == [200_000, -195_000]


def test_a_discount_follows_its_fee_through_a_plan_change() -> None:
    promo = Discount("Promo", 5_000, None, None)
    plans = {V1: replace(priced(310_000), discounts=(promo,)), V2: replace(priced(620_000), discounts=(promo,))}
    billed = Billed()
    billed.run(facts(plans, [Terms(on(1, 1), V1)]), on(1, 1))
    billed.run(facts(plans, [Terms(on(1, 1), V1), Terms(on(1, 11), V2)]), on(1, 11))
    assert billed.total_minor == (100_000 + 420_000) // 2


def test_a_discount_is_billed_with_the_fees_it_is_taken_from_and_takes_nothing_of_others() -> None:
    """The older plan is billed after its days, the newer one when they begin; each has its own share of both."""
    half = Discount("Separuh", 5_000, None, None, on(1, 1))
    all_of_it = Discount("Gratis", 10_000, None, None)
    plans = {
        V1: replace(priced(310_000, billed=BilledWhen.ARREARS), discounts=(all_of_it,)),
        V2: priced(620_000),
    }
    known = facts(plans, [Terms(on(1, 1), V1, discounts=(half,)), Terms(on(1, 11), V2, discounts=(half,))])
    billed = Billed()
    assert billed.amounts(known, on(1, 11)) == [420_000, -210_000]
    assert billed.amounts(known, on(2, 1)) == [100_000, -100_000, 620_000, -310_000]


def test_the_rest_of_a_period_of_which_some_was_billed_first_is_due_at_its_end_even_below_zero() -> None:
    plans = {V1: priced(310_000), V2: priced(31_000, billed=BilledWhen.ARREARS)}
    billed = Billed()
    assert billed.run(facts(plans, [Terms(on(1, 1), V1)]), on(1, 1)).begun == 1
    changed = facts(plans, [Terms(on(1, 1), V1), Terms(on(1, 11), V2, timing=Timing.POSTPAID)], ends_on=on(2, 1))
    assert billed.run(changed, on(2, 1)).begun == 1
    assert billed.total_minor == 100_000 + 21_000
    assert billed.run(changed, on(2, 2)).begun == 0


def test_a_period_that_is_billed_makes_nothing_due_again_by_a_price_of_which_nothing_is_billed() -> None:
    plans = {V1: priced(50_000, prorata=ProRata.NONE, billed=BilledWhen.ARREARS)}
    terms = [Terms(on(1, 1), V1), Terms(on(1, 12), V1, price_minor=31_000)]
    billed = Billed()
    assert [line.amount_minor for line in billed.run(facts(plans, terms), on(2, 1)).lines] == [31_000]
    assert billed.run(facts(plans, terms), on(2, 10)).begun == 0


def test_a_price_that_was_changed_under_a_plan_of_whole_periods_is_not_billed_beside_the_last_one() -> None:
    plans = {V1: priced(50_000, prorata=ProRata.NONE), V2: priced(10_000)}
    terms = [Terms(on(1, 1), V1), Terms(on(1, 12), V1, price_minor=31_000), Terms(on(1, 27), V2, price_minor=31_000)]
    assert Billed().amounts(facts(plans, terms), on(1, 1)) == [20_000]  # 20 days at one price, by the plan that is last


def test_a_trial_costs_nothing_and_is_pro_rata_after_it() -> None:
    known = facts({V1: replace(priced(310_000), trial_days=7)}, [Terms(on(1, 1), V1)])
    assert Billed().amounts(known, on(1, 1)) == [240_000]
    free = facts({V1: priced(310_000)}, [Terms(on(1, 1), V1, free=True)])
    charges = Billed().run(free, on(1, 1))
    assert (charges.lines, charges.begun, charges.until_on) == ([], 1, on(2, 1))


def test_what_is_paid_until_a_day_is_billed_from_the_next_one_on() -> None:
    known = facts({V1: priced(310_000)}, [Terms(on(1, 1), V1)], paid_until_on=on(1, 10))
    assert Billed().amounts(known, on(1, 1)) == [210_000]


def test_periods_of_days_begin_with_their_stretch_and_are_left_pro_rata() -> None:
    thirty = plan(recurring=Recurring(300_000, 30))
    plans = {V1: thirty, V2: priced(310_000)}
    billed = Billed()
    assert billed.amounts(facts(plans, [Terms(on(1, 5), V1)]), on(2, 4)) == [300_000, 300_000]
    changed = facts(plans, [Terms(on(1, 5), V1), Terms(on(2, 14), V2)])
    assert billed.amounts(changed, on(2, 14)) == [-200_000, 166_071]  # 20 of 30; 15 of 28


def test_a_changed_billing_day_is_reached_by_a_part_period() -> None:
    """KAMIL-5."""
    plans, terms = {V1: priced(150_000)}, [Terms(on(1, 5), V1)]
    billed = Billed()
    billed.run(facts(plans, terms, billing_day=5), on(1, 5))
    assert billed.amounts(facts(plans, terms, billing_day=20), on(2, 20)) == [72_581, 150_000]
    assert billed.amounts(facts(plans, terms, billing_day=20), on(2, 20)) == []


def test_a_run_for_an_earlier_day_gives_nothing_back() -> None:
    known = facts({V1: priced(150_000)}, [Terms(on(1, 1), V1)])
    billed = Billed()
    billed.run(known, on(3, 1))
    assert billed.amounts(known, on(1, 15)) == []


def test_two_years_are_billed_at_once_and_not_a_day_more() -> None:
    known = facts({V1: priced(1_000)}, [Terms(on(1, 1), V1)])
    assert len(Billed().amounts(known, on(1, 2, 2028))) == 25
    with pytest.raises(RefusedError, match="unbilled since 2026-01-01, more than two years") as refused:
        Billed().run(known, on(1, 3, 2028))
    assert "--as-of 2028-01-02" in refused.value.hint


def test_what_is_billed_so_far_need_not_be_read_where_nothing_of_it_has_changed() -> None:
    known = facts({V1: priced(150_000)}, [Terms(on(1, 10), V1)])
    first = Billed().run(known, on(1, 20))
    assert first.until_on is not None
    after = FeeFacts(known.service_id, known.stretches, known.billing_day, first.until_on, None)
    assert [line.amount_minor for line in fee_charges(after, (), on(2, 1)).lines] == [150_000]
    assert fee_charges(after, (), first.until_on - timedelta(days=1)).lines == []


def test_prepaid_days_are_no_concern_of_invoices() -> None:
    plans = {V1: priced(310_000), V2: plan(timing=Timing.PREPAID)}
    billed = Billed()
    billed.run(facts(plans, [Terms(on(1, 1), V1)]), on(1, 1))
    changed = facts(plans, [Terms(on(1, 1), V1), Terms(on(1, 11), V2)])
    assert billed.amounts(changed, on(1, 11)) == [-210_000]
    assert billed.amounts(changed, on(3, 1)) == []
