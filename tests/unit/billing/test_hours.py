"""Hours of the week: what a plan file may say, and when a span that one is in ends."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from netbilld.billing.hours import WEEK_MINUTES, closes_at, hours_text, inner_edges, opens_at, parse_hours
from netbilld.model.errors import InvalidInputError

DAY = 1_440
JAKARTA = ZoneInfo("Asia/Jakarta")


def local(day: int, hour: int, minute: int = 0, zone: str = "Asia/Jakarta") -> datetime:
    """Return an instant of the week that begins on Monday 2026-03-09."""
    return datetime(2026, 3, 9 + day, hour, minute, tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("lines", "spans"),
    [
        (["mon-tue 08:00-17:00"], ((480, 1020), (DAY + 480, DAY + 1020))),
        (["sat,sun 00:00-24:00"], ((5 * DAY, WEEK_MINUTES),)),
        (["Mon 08:00-12:00", "mon 12:00-13:00"], ((480, 780),)),
        (["sun 22:00-06:00"], ((0, 360), (6 * DAY + 1320, WEEK_MINUTES))),
        (["fri-mon 01:00-02:00"], ((60, 120), (4 * DAY + 60, 4 * DAY + 120), (5 * DAY + 60, 5 * DAY + 120), (6 * DAY + 60, 6 * DAY + 120))),
        (["daily 00:00-24:00"], ()),
        (["mon-fri 00:00-24:00", "sat,sun 00:00-24:00"], ()),
    ],
)  # fmt: skip
def test_lines_become_spans_of_the_week(lines: list[str], spans: tuple[tuple[int, int], ...]) -> None:
    assert parse_hours(lines) == spans


@pytest.mark.parametrize(
    "line", ["", "mon", "8-17", "mon 8:00-17:00", "mon 08:00-08:00", "monday 08:00-17:00", "mon- 08:00-09:00",
             "mon 24:00-25:00", "mon 08:00-17:60", "mon,, 08:00-09:00"]
)  # fmt: skip
def test_what_is_not_days_and_hours_is_refused_with_an_example(line: str) -> None:
    with pytest.raises(InvalidInputError, match="mon-fri 08:00-17:00"):
        parse_hours([line])


def test_a_span_ends_at_its_local_end_and_outside_there_is_none() -> None:
    spans = parse_hours(["mon-fri 08:00-17:00"])
    assert closes_at(spans, "Asia/Jakarta", local(0, 16, 59)) == local(0, 17)
    assert closes_at(spans, "Asia/Jakarta", local(0, 17)) is None
    assert closes_at(spans, "Asia/Jakarta", local(0, 8)) == local(0, 17)
    assert closes_at(spans, "Asia/Jakarta", local(0, 7, 59)) is None
    assert closes_at(spans, "Asia/Jakarta", local(5, 12)) is None
    assert closes_at(spans, "UTC", local(0, 16)) == datetime(2026, 3, 9, 17, tzinfo=UTC)


def test_a_night_goes_on_over_midnight_and_over_sunday() -> None:
    spans = parse_hours(["daily 22:00-06:00"])
    assert closes_at(spans, "Asia/Jakarta", local(2, 23)) == local(3, 6)
    assert closes_at(spans, "Asia/Jakarta", local(6, 23)) == local(7, 6)
    assert closes_at(spans, "Asia/Jakarta", local(7, 1)) == local(7, 6)


def test_a_span_keeps_its_local_end_when_the_clock_is_put_forward_or_back() -> None:
    berlin = "Europe/Berlin"
    spans = parse_hours(["sun 00:00-12:00"])
    forward = datetime(2026, 3, 29, 0, 30, tzinfo=ZoneInfo(berlin))
    assert closes_at(spans, berlin, forward) == datetime(2026, 3, 29, 10, tzinfo=UTC)
    back = datetime(2026, 10, 25, 0, 30, tzinfo=ZoneInfo(berlin))
    assert closes_at(spans, berlin, back) == datetime(2026, 10, 25, 11, tzinfo=UTC)


def test_an_end_within_the_hour_that_comes_twice_is_still_to_come() -> None:
    berlin = "Europe/Berlin"
    spans = parse_hours(["sun 01:00-02:30"])
    again = datetime(2026, 10, 25, 2, 10, tzinfo=ZoneInfo(berlin), fold=1)
    until = closes_at(spans, berlin, again)
    assert until is not None
    assert timedelta(0) < until - again <= timedelta(minutes=20)


def test_it_says_when_the_next_span_begins() -> None:
    spans = parse_hours(["mon-fri 08:00-17:00"])
    assert opens_at(spans, "Asia/Jakarta", local(4, 18)) == local(7, 8)
    assert opens_at(spans, "Asia/Jakarta", local(0, 3)) == local(0, 8)


def test_spans_can_be_said_to_people() -> None:
    assert hours_text(parse_hours(["mon 08:00-17:00", "sat 00:00-24:00"])) == "mon 08:00-17:00, sat 00:00-24:00"
    assert hours_text(parse_hours(["mon 22:00-06:00"])) == "mon 22:00-tue 06:00"


def test_only_edges_within_an_hour_are_edges_beside_the_hours_own() -> None:
    assert inner_edges(parse_hours(["mon 22:30-23:15", "sun 22:00-06:00"])) == (22 * 60 + 30, 23 * 60 + 15)
    assert inner_edges(parse_hours(["daily 01:00-05:00"])) == ()
