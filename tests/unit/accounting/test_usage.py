from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from netbilld.accounting.roll_up import RollUp
from netbilld.accounting.usage import MAX_SPAN, MeteredService, cut, hour_of, period_of

SERVICE = UUID(int=1)
JAKARTA = "Asia/Jakarta"


def utc(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_a_delta_within_one_local_hour_is_one_slice_and_not_estimated() -> None:
    (part,) = cut(SERVICE, 5, utc(10, 3, 0), utc(10, 4, 0), 10, 20, JAKARTA)
    assert (part.upload_octets, part.download_octets, part.estimated) == (10, 20, False)


def test_a_delta_over_midnight_is_split_by_time_with_the_remainder_in_the_last_part() -> None:
    """Contract rule 3; local midnight in Jakarta is 17:00 UTC."""
    parts = cut(SERVICE, 5, utc(10, 16, 50), utc(10, 17, 20), 100, 10, JAKARTA)
    assert [(p.start_at, p.end_at, p.upload_octets, p.download_octets, p.estimated) for p in parts] == [
        (utc(10, 16, 50), utc(10, 17), 33, 3, True),
        (utc(10, 17), utc(10, 17, 20), 67, 7, True),
    ]


def test_nothing_moved_gives_no_slice_and_a_moment_gives_one() -> None:
    assert cut(SERVICE, 5, utc(10, 3), utc(10, 9), 0, 0, JAKARTA) == []
    assert len(cut(SERVICE, 5, utc(10, 3), utc(10, 3), 1, 0, JAKARTA)) == 1


def test_hours_are_local_where_the_zone_is_off_by_half_an_hour() -> None:
    assert hour_of(utc(10, 3, 10), "Asia/Kolkata") == utc(10, 2, 30)
    first, second = cut(SERVICE, 5, utc(10, 3, 10), utc(10, 3, 50), 40, 0, "Asia/Kolkata")
    assert (first.end_at, first.upload_octets, second.upload_octets) == (utc(10, 3, 30), 20, 20)


def test_hours_stay_whole_where_clocks_move_by_half_an_hour() -> None:
    parts = cut(SERVICE, 5, utc(4, 13, 0, 4), utc(4, 18, 0, 4), 300, 0, "Australia/Lord_Howe")
    assert sum(p.upload_octets for p in parts) == 300
    assert all(p.end_at - p.start_at <= timedelta(minutes=90) for p in parts)


def test_a_delta_over_years_makes_a_bounded_number_of_slices() -> None:
    parts = cut(SERVICE, 5, datetime(1990, 1, 1, tzinfo=UTC), utc(10, 3), 10**12, 7, JAKARTA)
    assert sum(p.upload_octets for p in parts) == 10**12
    assert parts[0].start_at == utc(10, 3) - MAX_SPAN


def test_a_billing_day_begins_at_local_midnight_and_is_clamped() -> None:
    assert period_of(utc(27, 16, 59, 2), 31, JAKARTA).start_on == date(2026, 1, 31)
    assert period_of(utc(27, 17, 0, 2), 31, JAKARTA).start_on == date(2026, 2, 28)
    assert period_of(utc(27, 17, 0, 2), 31, JAKARTA).end_on == date(2026, 3, 31)


def test_slices_roll_up_into_hours_and_periods_that_add_up() -> None:
    service = MeteredService(SERVICE, 11, JAKARTA, UUID(int=2), UUID(int=3), "100001", "IDR")
    roll_up = RollUp()
    roll_up.take(service, None, JAKARTA, SERVICE, 5, None, "radius", utc(10, 15, 30), utc(10, 18, 30), 181, 18)
    assert [row[1:] for row in roll_up.hour_rows()] == [
        (utc(10, 15), 30, 3),
        (utc(10, 16), 60, 6),
        (utc(10, 17), 60, 6),
        (utc(10, 18), 31, 3),
    ]
    assert [row[1:] for row in roll_up.period_rows()] == [
        (date(2026, 2, 11), date(2026, 3, 11), 90, 9),
        (date(2026, 3, 11), date(2026, 4, 11), 91, 9),
    ]
    assert roll_up.last_hours()[SERVICE, date(2026, 3, 11)] == utc(10, 18)


def test_what_falls_into_the_hour_of_what_came_before_is_summed_as_if_it_were_cut() -> None:
    service = MeteredService(SERVICE, 11, JAKARTA, UUID(int=2), UUID(int=3), "100001", "IDR")
    roll_up = RollUp()
    spans = [(10, 15, 0), (10, 15, 30), (10, 16, 0), (10, 15, 59), (10, 17, 0)]
    for begin, end in pairwise(spans):
        begun, ended = sorted((utc(*begin), utc(*end)))
        roll_up.take(service, None, JAKARTA, SERVICE, 5, None, "radius", begun, ended, 100, 7)
    expected: dict[datetime, int] = {}
    for part in roll_up.slices:
        hour_at = hour_of(part.start_at, JAKARTA)
        expected[hour_at] = expected.get(hour_at, 0) + part.upload_octets
        assert hour_of(part.start_at, JAKARTA) + timedelta(hours=1) >= part.end_at
    assert {row[1]: row[2] for row in roll_up.hour_rows()} == expected
    assert sum(expected.values()) == 400
    assert [row[1:] for row in roll_up.nas_hour_rows()] == [row[1:] for row in roll_up.hour_rows()]


def test_slices_are_cut_at_the_edges_of_a_plan_s_hours_too() -> None:
    """A plan for Mondays 22:30 to 23:15: 9 March 2026 is one; Jakarta is 7 hours ahead."""
    edges = (22 * 60 + 30, 23 * 60 + 15)
    parts = cut(SERVICE, 5, utc(9, 15, 20), utc(9, 16, 20), 601, 60, JAKARTA, edges=edges)
    assert [(p.start_at, p.end_at, p.upload_octets, p.download_octets) for p in parts] == [
        (utc(9, 15, 20), utc(9, 15, 30), 100, 10),
        (utc(9, 15, 30), utc(9, 16, 0), 300, 30),
        (utc(9, 16, 0), utc(9, 16, 15), 150, 15),
        (utc(9, 16, 15), utc(9, 16, 20), 51, 5),
    ]
    assert len(cut(SERVICE, 5, utc(10, 15, 20), utc(10, 16, 20), 601, 60, JAKARTA, edges=edges)) == 2  # a Tuesday
    (whole,) = cut(SERVICE, 5, utc(9, 15, 30), utc(9, 16, 0), 7, 7, JAKARTA, edges=edges)
    assert not whole.estimated
