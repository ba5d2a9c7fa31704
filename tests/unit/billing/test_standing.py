"""Standing: when an unpaid invoice leads to isolir, and when it no longer does."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from netbilld.billing.holidays import Holiday, Holidays
from netbilld.billing.standing import (
    FOR_EVER,
    OpenInvoice,
    StandingKind,
    StandingPolicy,
    StandingTerms,
    let_go_minor,
    standing,
)

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


def test_isolir_waits_for_a_day_that_is_none_off() -> None:
    never_at_weekends = replace(policy(), weekdays_off=frozenset({5, 6}), off_on_holidays=True)
    lebaran = StandingTerms(holidays=frozenset(date(2026, 3, day) for day in range(19, 25)))
    # due on Wednesday the 18th of March: the 19th to 24th are off, so Wednesday the 25th
    assert never_at_weekends.isolir_instant(date(2026, 3, 18), lebaran).date() == date(2026, 3, 25)
    assert never_at_weekends.isolir_instant(date(2026, 3, 18)).date() == date(2026, 3, 19)
    assert never_at_weekends.isolir_instant(date(2026, 3, 20)).date() == date(2026, 3, 23)


def test_a_table_without_a_working_day_does_not_let_isolir_wait_for_ever() -> None:
    always = StandingTerms(holidays=frozenset(date(2026, 1, 1) + timedelta(days=day) for day in range(700)))
    found = replace(policy(), off_on_holidays=True).isolir_instant(date(2026, 1, 1), always)
    assert found.date() == date(2026, 3, 3)


@pytest.mark.parametrize(
    ("exempt", "promised", "walled_on"),
    [
        (date(2026, 2, 1), None, date(2026, 2, 2)),
        (None, date(2026, 2, 3), date(2026, 2, 4)),
        (date(2026, 2, 1), date(2026, 2, 3), date(2026, 2, 4)),
        (date(2026, 1, 5), None, date(2026, 1, 21)),
    ],
)
def test_the_later_of_exemption_and_promise_counts(exempt: date | None, promised: date | None, walled_on: date) -> None:
    terms = StandingTerms(exempt_until_on=exempt, promised_until_on=promised)
    found = standing([owed(date(2026, 1, 20))], policy(), datetime(2026, 1, 1, tzinfo=UTC), terms)
    assert found.until_at is not None
    assert found.until_at.date() == walled_on


def test_who_is_exempt_for_ever_is_never_walled_by_time() -> None:
    terms = StandingTerms(exempt_until_on=FOR_EVER, promised_until_on=date(2026, 1, 1))
    found = standing([owed(date(2026, 1, 20))], policy(), datetime(2030, 1, 1, tzinfo=UTC), terms)
    assert (found.kind, found.until_at) == (StandingKind.GRACE, None)


@pytest.mark.parametrize(("percent", "rest"), [(100, 0), (50, 100_000), (33, 134_000), (1, 198_000)])
def test_what_may_stay_overdue_after_a_percentage(percent: int, rest: int) -> None:
    assert let_go_minor(200_000, percent) == rest
    assert let_go_minor(1, percent) == 0


@pytest.mark.parametrize(
    ("area", "place", "covers"),
    [
        ("", "jabar", True),
        ("jabar", "jabar/bandung", True),
        ("jabar/bandung", "jabar", False),
        ("jabar", "jabarat", False),
    ],
)
def test_a_day_off_holds_in_its_area_and_those_below(area: str, place: str, covers: bool) -> None:
    table = Holidays([Holiday(date(2026, 1, 1), "Libur", area)])
    assert (date(2026, 1, 1) in table.of(place.upper())) is covers
