"""Prepaid flat: what the wallet buys at expiry."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from netbilld.billing.plan import Plan, Recurring, Timing
from netbilld.billing.plan_parts import Component, Discount, ExtendsFrom, StopPolicy
from netbilld.billing.renewal import PrepaidService, next_price_minor, renewal_due
from netbilld.billing.terms import Stop, StopKind, Terms
from tests.builders.plans import plan

VERSION = UUID(int=101)
JAN = date(2026, 1, 1)


def priced(days: int | None = None, **more: Any) -> Plan:
    return plan(timing=Timing.PREPAID, recurring=Recurring(100_000, days, **more))


def service(paid_until_on: date | None, billing_day: int = 1, **more: Any) -> PrepaidService:
    terms = (Terms(date(2025, 1, 1), VERSION),)
    made = PrepaidService(UUID(int=1), UUID(int=2), billing_day, "Asia/Jakarta", terms[0].from_on, paid_until_on, terms)
    return replace(made, **more)


def bought(
    one: PrepaidService, today: date, wallet_minor: int = 100_000, kind: Plan | None = None
) -> tuple[date, date, int] | None:
    """Return (first day, last day, price)."""
    renewal = renewal_due(one, {VERSION: kind or priced()}, wallet_minor, today)
    return (renewal.start_on, renewal.paid_until_on, renewal.price_minor) if renewal else None


def test_nothing_is_bought_while_a_paid_day_is_left_or_the_wallet_is_short() -> None:
    one = service(date(2026, 1, 31))
    assert bought(one, date(2026, 1, 31)) is None
    assert bought(one, date(2026, 2, 1), 99_999) is None
    assert bought(one, date(2026, 2, 1)) == (date(2026, 2, 1), date(2026, 2, 28), 100_000)


@pytest.mark.parametrize(
    ("today", "last_day"),
    [
        (date(2026, 2, 5), date(2026, 2, 28)),  # late: from expiry, not from now
        (date(2026, 2, 28), date(2026, 2, 28)),
        (date(2026, 3, 1), date(2026, 3, 31)),  # February is over and is not sold
        (date(2027, 7, 15), date(2027, 7, 31)),
    ],
)
def test_validity_extends_from_expiry_and_a_period_that_is_over_is_not_sold(today: date, last_day: date) -> None:
    """BANG-2.2f."""
    found = bought(service(date(2026, 1, 31)), today)
    assert found is not None
    assert found[1:] == (last_day, 100_000)


def test_a_billing_day_of_31_does_not_drift_over_february() -> None:
    paid_until_on, ends = date(2026, 1, 30), []
    for _ in range(4):
        found = bought(service(paid_until_on, 31), paid_until_on + timedelta(days=1))
        assert found is not None
        paid_until_on = found[1]
        ends.append(paid_until_on)
    assert ends == [date(2026, 2, 27), date(2026, 3, 30), date(2026, 4, 29), date(2026, 5, 30)]


def test_the_first_period_begins_today_and_a_part_of_a_month_costs_its_part() -> None:
    assert bought(service(None, 10), date(2026, 1, 10)) == (date(2026, 1, 10), date(2026, 2, 9), 100_000)
    assert bought(service(None, 1), date(2026, 1, 22)) == (date(2026, 1, 22), date(2026, 1, 31), 32_258)


def test_thirty_days_are_thirty_days() -> None:
    assert bought(service(date(2026, 1, 30)), date(2026, 1, 31), kind=priced(30)) == (
        date(2026, 1, 31),
        date(2026, 3, 1),
        100_000,
    )
    assert bought(service(date(2026, 1, 30)), date(2026, 3, 5), kind=priced(1)) == (
        date(2026, 3, 5),
        date(2026, 3, 5),
        100_000,
    )


def test_a_plan_may_say_that_validity_extends_from_now() -> None:
    """BANG-2.2f: from expiry or from now by setting."""
    late = service(date(2026, 1, 10), 11)
    kind = priced(30, extends_from=ExtendsFrom.NOW)
    assert bought(late, date(2026, 1, 20), kind=kind) == (date(2026, 1, 20), date(2026, 2, 18), 100_000)
    assert bought(late, date(2026, 1, 20), kind=priced(30)) == (date(2026, 1, 11), date(2026, 2, 9), 100_000)


def test_a_bundle_with_a_discount_is_bought_as_one_and_only_where_the_wallet_covers_all_of_it() -> None:
    """INCA-29, INCA-43."""
    kind = replace(
        priced(),
        components=(Component("tv", "TV", 50_000, "tv", telecom_revenue=False),),
        discounts=(Discount("Promo", 1_000, None, None),),
    )
    one = service(date(2026, 1, 31))
    assert bought(one, date(2026, 2, 1), 134_999, kind) is None
    renewal = renewal_due(one, {VERSION: kind}, 135_000, date(2026, 2, 1))
    assert renewal is not None
    assert [(line.revenue, line.amount_minor) for line in renewal.lines] == [
        ("revenue:recurring", 100_000),
        ("revenue:tv", 50_000),
        ("discounts", -15_000),
    ]
    assert next_price_minor(kind, 1, date(2026, 1, 31), date(2026, 2, 1)) == 135_000


def test_a_pause_that_is_frozen_makes_the_period_longer_once_and_one_that_is_credited_the_next_one_cheaper() -> None:
    stops = (Stop(StopKind.PAUSED, date(2026, 1, 11), date(2026, 1, 21)),)
    frozen = priced(when_paused=StopPolicy.FREEZE)
    one = service(date(2026, 1, 31), stops=stops)
    longer = renewal_due(one, {VERSION: frozen}, 0, date(2026, 1, 25))
    assert longer is not None
    assert (longer.paid_until_on, longer.price_minor) == (date(2026, 2, 10), 0)
    again = replace(one, paid_until_on=longer.paid_until_on, before=longer.shares)
    assert renewal_due(again, {VERSION: frozen}, 0, date(2026, 1, 26)) is None
    first = renewal_due(service(None), {VERSION: priced()}, 100_000, JAN)
    assert first is not None
    credited = service(date(2026, 1, 31), stops=stops, before=first.shares)
    assert bought(credited, date(2026, 2, 1)) == (date(2026, 2, 1), date(2026, 2, 28), 67_742)


def test_a_frozen_pause_of_days_that_nobody_had_paid_for_gives_none() -> None:
    stops = (Stop(StopKind.PAUSED, date(2026, 2, 11), date(2026, 2, 21)),)
    frozen = priced(30, when_paused=StopPolicy.FREEZE, extends_from=ExtendsFrom.NOW)
    lapsed = service(date(2026, 1, 31), stops=stops)
    back = renewal_due(lapsed, {VERSION: frozen}, 100_000, date(2026, 3, 1))
    assert back is not None
    assert back.paid_until_on == date(2026, 3, 30)
    again = replace(lapsed, paid_until_on=back.paid_until_on, before=back.shares)
    assert renewal_due(again, {VERSION: frozen}, 0, date(2026, 3, 31)) is None


def test_a_trial_is_bought_by_itself_for_nothing_and_pro_rata_is_bought_after_it() -> None:
    kind = replace(priced(), trial_days=7)
    one = service(None, activated_on=JAN, terms=(Terms(JAN, VERSION),))
    assert bought(one, JAN, 0, kind) == (JAN, date(2026, 1, 7), 0)
    after = replace(one, paid_until_on=date(2026, 1, 7))
    assert bought(after, date(2026, 1, 8), 100_000, kind) == (date(2026, 1, 8), date(2026, 1, 31), 77_419)


def test_a_postpaid_service_renews_nothing() -> None:
    assert bought(service(date(2026, 1, 31)), date(2026, 2, 1), kind=plan()) is None
