from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.model.periods import anchor_date, local_midnight, monthly_period, next_anchor, previous_anchor

ZONES = ["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "UTC", "Asia/Kathmandu"]


def test_billing_day_31_is_clamped_month_by_month_without_drifting() -> None:
    """KAMIL-5: days 29 to 31."""
    on = date(2028, 1, 31)
    seen = [on]
    for _ in range(4):
        on = next_anchor(on, 31)
        seen.append(on)
    assert seen == [date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31), date(2028, 4, 30), date(2028, 5, 31)]


@pytest.mark.parametrize("billing_day", [29, 30, 31])
def test_every_late_billing_day_falls_on_the_last_of_a_common_february(billing_day: int) -> None:
    assert anchor_date(2027, 2, billing_day) == date(2027, 2, 28)


def test_a_period_begins_at_local_midnight() -> None:
    period = monthly_period(datetime(2026, 11, 14, 17, 0, tzinfo=UTC), 15, "Asia/Jakarta")
    assert (period.start_on, period.end_on) == (date(2026, 11, 15), date(2026, 12, 15))
    assert period.start_at == datetime(2026, 11, 14, 17, 0, tzinfo=UTC)
    assert not period.contains(period.end_at)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001
    st.integers(1, 31),
    st.sampled_from(ZONES),
)
def test_periods_tile_time_and_each_instant_lies_in_exactly_one(at: datetime, billing_day: int, zone: str) -> None:
    period = monthly_period(at, billing_day, zone)
    assert period.contains(at)
    following = monthly_period(period.end_at, billing_day, zone)
    assert following.start_on == period.end_on
    before = monthly_period(period.start_at - timedelta(microseconds=1), billing_day, zone)
    assert before.end_on == period.start_on
    assert 28 <= period.days <= 31


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.integers(1, 31))
def test_anchors_enclose_a_day(on: date, billing_day: int) -> None:
    assert previous_anchor(on, billing_day) <= on < next_anchor(on, billing_day)


def test_local_midnight_is_an_instant() -> None:
    assert local_midnight(date(2026, 11, 22), "Asia/Jayapura") == datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
