"""Prepaid flat: what the wallet buys at expiry."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from netbilld.billing.plan import Recurring, Timing
from netbilld.billing.renewal import PrepaidService, renewal_due
from tests.builders.plans import plan


def service(paid_until_on: date | None, billing_day: int = 1, days: int | None = None) -> PrepaidService:
    bought = plan(timing=Timing.PREPAID, recurring=Recurring(100_000, days))
    return PrepaidService(UUID(int=1), UUID(int=2), bought, billing_day, "Asia/Jakarta", paid_until_on)


def bought(one: PrepaidService, today: date, wallet_minor: int = 100_000) -> tuple[date, date, int] | None:
    """Return (first day, last day, price)."""
    renewal = renewal_due(one, wallet_minor, today)
    return (renewal.charge.start_on, renewal.paid_until_on, renewal.price_minor) if renewal else None


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
    assert bought(service(date(2026, 1, 30), days=30), date(2026, 1, 31)) == (
        date(2026, 1, 31),
        date(2026, 3, 1),
        100_000,
    )
    assert bought(service(date(2026, 1, 30), days=1), date(2026, 3, 5)) == (
        date(2026, 3, 5),
        date(2026, 3, 5),
        100_000,
    )
