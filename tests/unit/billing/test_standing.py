"""Standing: when an unpaid invoice leads to isolir, and when it no longer does."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from netbilld.billing.standing import OpenInvoice, StandingKind, StandingPolicy, standing

JAKARTA = ZoneInfo("Asia/Jakarta")


def policy(grace_days: int = 0, isolir_at: time = time(0, 30), timezone: str = "Asia/Jakarta") -> StandingPolicy:
    return StandingPolicy(grace_days, isolir_at, tolerance_minor=1000, timezone=timezone)


def owed(due_on: date, amount_minor: int = 200_000) -> OpenInvoice:
    return OpenInvoice("INV-1", due_on, amount_minor)


@pytest.mark.parametrize(
    ("due_on", "grace_days", "isolir_on"),
    [
        (date(2026, 1, 20), 0, date(2026, 1, 21)),
        (date(2026, 1, 20), 3, date(2026, 1, 24)),
        (date(2026, 2, 28), 0, date(2026, 3, 1)),
        (date(2028, 2, 28), 0, date(2028, 2, 29)),
        (date(2026, 12, 31), 1, date(2027, 1, 2)),
    ],
)
def test_isolir_comes_the_day_after_due_date_and_grace_at_the_local_hour(
    due_on: date, grace_days: int, isolir_on: date
) -> None:
    """KAMIL-5: due_on + grace_days + 1 at isolir_at."""
    instant = policy(grace_days).isolir_instant(due_on)
    assert instant == datetime.combine(isolir_on, time(0, 30), JAKARTA)
    assert standing([owed(due_on)], policy(grace_days), instant).kind is StandingKind.OVERDUE
    assert standing([owed(due_on)], policy(grace_days), instant - timedelta(microseconds=1)).kind is StandingKind.GRACE


def test_the_due_date_itself_is_the_last_day_to_pay() -> None:
    end_of_day = datetime(2026, 1, 20, 23, 59, 59, tzinfo=JAKARTA)
    found = standing([owed(date(2026, 1, 20))], policy(), end_of_day)
    assert (found.kind, found.overdue_minor) == (StandingKind.CURRENT, 0)
    assert found.until_at == datetime(2026, 1, 21, 0, 30, tzinfo=JAKARTA)


def test_the_hour_is_the_local_one_of_the_policy() -> None:
    instant = policy(timezone="Asia/Jayapura").isolir_instant(date(2026, 1, 20))
    assert instant.astimezone(UTC) == datetime(2026, 1, 20, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(("amount_minor", "kind"), [(1000, StandingKind.CURRENT), (1001, StandingKind.OVERDUE)])
def test_only_amounts_above_the_tolerance_count(amount_minor: int, kind: StandingKind) -> None:
    assert standing([owed(date(2026, 1, 1), amount_minor)], policy(), datetime(2026, 2, 1, tzinfo=UTC)).kind is kind


def test_small_amounts_past_due_add_up() -> None:
    invoices = [owed(date(2026, 1, day), 600) for day in (1, 2)]
    found = standing(invoices, policy(), datetime(2026, 2, 1, tzinfo=UTC))
    assert (found.kind, found.overdue_minor) == (StandingKind.OVERDUE, 1200)


def test_a_later_invoice_sets_the_next_edge_while_an_earlier_one_is_overdue() -> None:
    found = standing(
        [owed(date(2026, 1, 1)), owed(date(2026, 2, 1), 50_000)], policy(), datetime(2026, 1, 5, tzinfo=UTC)
    )
    assert (found.kind, found.overdue_minor) == (StandingKind.OVERDUE, 200_000)
    assert found.until_at == datetime(2026, 2, 2, 0, 30, tzinfo=JAKARTA)


def test_the_nearest_of_several_edges_is_the_next_one() -> None:
    days = (date(2026, 3, 1), date(2026, 2, 1), date(2026, 4, 1))
    found = standing([owed(day) for day in days], policy(), datetime(2026, 1, 5, tzinfo=UTC))
    assert found.until_at == datetime(2026, 2, 2, 0, 30, tzinfo=JAKARTA)


def test_whoever_owes_nothing_is_current_for_good() -> None:
    found = standing([], policy(), datetime(2026, 1, 5, tzinfo=UTC))
    assert (found.kind, found.overdue_minor, found.until_at) == (StandingKind.CURRENT, 0, None)
