"""Withholding, stamp duty, levies and identities, by the figures that tax offices give."""

from datetime import date

import pytest

from netbilld.billing.bhp import LEVY_RATES, levy, rates_of
from netbilld.billing.buyer import masked_nik, parse_nik, parse_tax_id, read_nik
from netbilld.billing.stamp_duty import stamp_duty_minor
from netbilld.billing.withholding import withheld
from netbilld.model.errors import InvalidInputError

DAY = date(2026, 1, 5)


@pytest.mark.parametrize(("trx_code", "paid"), [("04", 1_090_000), ("03", 980_000), ("02", 980_000), (None, 1_090_000)])
def test_a_company_keeps_pph_23_and_an_appointed_collector_the_ppn_too(trx_code: str | None, paid: int) -> None:
    kept = withheld(1_000_000, 110_000, pph23=True, trx_code=trx_code)
    assert kept.pph23_minor == 20_000
    assert 1_110_000 - kept.total_minor == paid


@pytest.mark.parametrize(("total", "duty"), [(4_999_999, 0), (5_000_000, 0), (5_000_001, 10_000)])
def test_a_document_of_more_than_five_million_rupiah_needs_a_stamp(total: int, duty: int) -> None:
    assert stamp_duty_minor(total, "IDR", DAY) == duty
    assert stamp_duty_minor(total, "USD", DAY) == 0


@pytest.mark.parametrize(
    ("gross", "written_off", "to_others", "base", "bhp", "uso"),
    [
        (100_000_000, 0, 0, 100_000_000, 500_000, 1_250_000),
        (1_250_000_000, 15_000_000, 85_000_000, 1_150_000_000, 5_750_000, 14_375_000),
        (1_000, 2_000, 0, -1_000, 0, 0),
    ],
)
def test_bhp_and_uso_are_shares_of_what_is_left_of_the_revenue(
    gross: int, written_off: int, to_others: int, base: int, bhp: int, uso: int
) -> None:
    due = levy(gross, written_off, to_others, rates_of(2026, LEVY_RATES))
    assert (due.base_minor, due.bhp_minor, due.uso_minor) == (base, bhp, uso)


def test_a_nik_says_area_birth_and_number() -> None:
    nik = read_nik("3273014107900001")
    assert nik is not None
    assert (nik.area, nik.day, nik.month, nik.year, nik.is_woman, nik.sequence) == ("327301", 1, 7, 90, True, "0001")
    assert masked_nik("3273014107900001") == "327301******0001"


@pytest.mark.parametrize("day", ["00", *map(str, range(32, 41)), "72", "99"])
def test_a_nik_with_a_day_that_can_not_be_is_refused(day: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_nik(f"327301{day}07900001")


@pytest.mark.parametrize(
    "digits", ["3273014100900001", "3273014113900001", "3273014107900000", "327301410790000", "32730141079000O1"]
)
def test_a_nik_with_another_fault_is_refused_without_saying_its_digits(digits: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        parse_nik(digits)
    assert digits[6:] not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "digits"),
    [("01.234.567.8-901.000", "0012345678901000"), ("0012345678901000", "0012345678901000")],
)
def test_an_old_tax_id_of_15_digits_gets_its_leading_0(text: str, digits: str) -> None:
    assert parse_tax_id(text) == digits


@pytest.mark.parametrize("text", ["", "123", "0" * 16, "0" * 15, "00123456789010001", "٠" * 16])
def test_what_is_no_tax_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="16 digits"):
        parse_tax_id(text)
