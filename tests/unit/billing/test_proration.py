"""Pro rata: the vectors of Indonesian practice, on the days of the calendar."""

import pytest

from netbilld.billing.proration import prorata_minor, split_minor


@pytest.mark.parametrize(
    ("price", "days", "of", "amount"),
    [
        (150_000, 22, 31, 106_452),
        (150_000, 14, 28, 75_000),
        (200_000, 30, 30, 200_000),
        (200_000, 1, 31, 6_452),
        (275_000, 1, 29, 9_483),
    ],
)
def test_a_part_of_a_month_costs_its_days_rounded_half_up(price: int, days: int, of: int, amount: int) -> None:
    """BANG-2.3d."""
    assert prorata_minor(price, days, of) == amount


@pytest.mark.parametrize("of", [28, 29, 30, 31])
def test_two_parts_sum_to_the_whole_in_a_month_of_any_length(of: int) -> None:
    """BANG-2.3d."""
    for days in range(of + 1):
        assert sum(split_minor(199_999, days, of)) == 199_999


@pytest.mark.parametrize(("days", "of"), [(-1, 30), (31, 30), (0, 0)])
def test_what_is_no_part_is_an_error(days: int, of: int) -> None:
    with pytest.raises(ValueError, match="not a part"):
        prorata_minor(1, days, of)
