import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.model.errors import InvalidInputError
from netbilld.model.units import half_up, parse_amount, parse_octets, parse_rate_bps


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("200000", "IDR", 200_000),
        ("Rp200.000", "IDR", 200_000),
        ("1.250.000", "IDR", 1_250_000),
        ("12.50", "USD", 1250),
        ("-3", "IDR", -3),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, currency: str, minor: int) -> None:
    assert parse_amount(text, currency) == minor


@pytest.mark.parametrize("text", ["12.5", "abc", "", "1.2.3", "nan", "inf", "1e30", "200.00"])
def test_an_amount_that_is_no_whole_rupiah_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_amount(text, "IDR")


def test_volumes_tell_decimal_from_binary_units() -> None:
    assert parse_octets("300GB") == 300 * 10**9
    assert parse_octets("5 GiB") == 5 * 2**30
    with pytest.raises(InvalidInputError, match="300G"):
        parse_octets("300G")


def test_speeds_are_decimal_bits_a_second() -> None:
    assert parse_rate_bps("20M") == 20_000_000
    assert parse_rate_bps("512k") == 512_000
    assert parse_rate_bps("1G") == 10**9
    with pytest.raises(InvalidInputError):
        parse_rate_bps("0")


@given(st.integers(0, 10**15), st.integers(1, 10**12))
def test_half_up_is_the_nearest_whole_number_and_ties_go_up(numerator: int, denominator: int) -> None:
    rounded = half_up(numerator, denominator)
    assert (2 * rounded - 1) * denominator <= 2 * numerator < (2 * rounded + 1) * denominator
