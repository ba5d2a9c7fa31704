"""Taxes by date and line by line (INCA-24)."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from netbilld.billing.invoice import InvoiceLine, LineKind
from netbilld.billing.stamp_duty import STAMP_DUTY_RULES
from netbilld.billing.tax import (
    NOTHING_TAXED,
    PPN,
    PPN_RULES,
    TaxPolicy,
    TaxRule,
    document_lines,
    rule_on,
    tax_line,
    tax_lines,
    taxed,
)
from netbilld.model.errors import InvalidInputError

DAY = date(2026, 1, 5)
PPN_2025 = rule_on(PPN_RULES, PPN, DAY)
PKP = TaxPolicy(is_pkp=True)


def line(amount_minor: int, kind: LineKind = LineKind.RECURRING, *, inclusive: bool = True) -> InvoiceLine:
    return InvoiceLine(kind, None, "fee", 1, amount_minor, 1, amount_minor, tax_code=PPN, inclusive=inclusive)


@pytest.mark.parametrize(
    ("price", "base", "tax", "total"),
    [
        (100_000, 91_667, 11_000, 111_000),
        (150_000, 137_500, 16_500, 166_500),
        (165_000, 151_250, 18_150, 183_150),
        (199_000, 182_417, 21_890, 220_890),
        (250_000, 229_167, 27_500, 277_500),
        (275_000, 252_083, 30_250, 305_250),
        (333_333, 305_555, 36_667, 370_000),
        (1_000_000, 916_667, 110_000, 1_110_000),
        (1_041, 954, 114, 1_155),  # plain 11 % would be 115
        (1_059, 971, 117, 1_176),  # 116
    ],
)
def test_a_price_without_ppn_gets_12_percent_of_eleven_twelfths(price: int, base: int, tax: int, total: int) -> None:
    parts = taxed(price, PPN_2025, inclusive=False)
    assert (parts.net_minor, parts.base_minor, parts.tax_minor, parts.gross_minor) == (price, base, tax, total)


@pytest.mark.parametrize(
    ("total", "net", "tax", "base", "recomputed"),
    [
        (100_000, 90_090, 9_910, 82_583, 9_910),
        (150_000, 135_135, 14_865, 123_874, 14_865),
        (166_500, 150_000, 16_500, 137_500, 16_500),
        (200_000, 180_180, 19_820, 165_165, 19_820),
        (275_000, 247_748, 27_252, 227_102, 27_252),
        (300_000, 270_270, 29_730, 247_748, 29_730),
        (350_000, 315_315, 34_685, 289_039, 34_685),
        (100_500, 90_541, 9_959, 82_996, 9_960),  # a faktur differs by one
        (106_000, 95_495, 10_505, 87_537, 10_504),
    ],
)
def test_a_price_with_ppn_in_it_stays_what_it_is(total: int, net: int, tax: int, base: int, recomputed: int) -> None:
    parts = taxed(total, PPN_2025, inclusive=True)
    assert (parts.net_minor, parts.tax_minor, parts.base_minor) == (net, tax, base)
    assert PPN_2025.tax_minor(net) == recomputed


def test_sixty_of_601_usual_prices_differ_from_their_faktur_and_none_of_whole_five_thousands() -> None:
    differing = [
        total
        for total in range(100_000, 400_001, 500)
        if PPN_2025.tax_minor(PPN_2025.net_minor(total)) != total - PPN_2025.net_minor(total)
    ]
    assert len(differing) == 60
    assert not [total for total in differing if total % 5_000 == 0]


@pytest.mark.parametrize(
    ("on", "tax"),
    [
        (date(2022, 3, 31), 10_000),
        (date(2022, 4, 1), 11_000),
        (date(2024, 12, 31), 11_000),
        (date(2025, 1, 1), 11_000),
        (date(2027, 1, 1), 12_000),  # a rule that the settings add
    ],
)
def test_the_rule_is_that_of_the_documents_day(on: date, tax: int) -> None:
    later = TaxRule(PPN, date(2027, 1, 1), Fraction(12, 100))
    policy = TaxPolicy(is_pkp=True, rules=(later, *PPN_RULES))
    assert tax_line(line(100_000, inclusive=False), policy, on).tax_minor == tax


def test_who_is_not_pkp_shows_no_ppn() -> None:
    untaxed = tax_line(line(150_000), NOTHING_TAXED, DAY)
    assert (untaxed.tax_code, untaxed.tax_minor, untaxed.gross_minor) == (None, 0, 150_000)
    assert tax_line(line(150_000, inclusive=False), NOTHING_TAXED, DAY).gross_minor == 150_000


def test_an_exempt_subscriber_pays_the_price_as_written() -> None:
    assert tax_line(line(150_000), PKP, DAY, exempt=True).net_minor == 150_000


@pytest.mark.parametrize("kind", [LineKind.DEPOSIT, LineKind.OPENING_BALANCE, LineKind.STAMP_DUTY, LineKind.LATE_FEE])
def test_deposits_opening_balances_stamps_and_late_fees_bear_none(kind: LineKind) -> None:
    assert tax_line(line(150_000, kind), PKP, DAY).tax_minor == 0


def test_a_credit_is_taxed_like_the_charge_it_takes_back() -> None:
    charge, credit = (tax_line(line(amount), PKP, DAY) for amount in (106_000, -106_000))
    assert credit.tax_minor == -charge.tax_minor
    assert credit.gross_minor == -charge.gross_minor


def test_tax_is_a_matter_of_each_line_and_is_not_rounded_again_on_the_sum() -> None:
    lines = tax_lines([line(1_041, inclusive=False)] * 3, PKP, DAY)
    assert sum(one.tax_minor for one in lines) == 3 * 114
    assert PPN_2025.tax_minor(3 * 1_041) == 344  # what it would be on the sum


def test_a_tax_that_has_no_rule_is_refused_by_name() -> None:
    with pytest.raises(InvalidInputError, match="'vat' is not known"):
        tax_line(replace(line(1), tax_code="vat"), PKP, DAY)
    with pytest.raises(InvalidInputError, match="not in force on 1980-01-01"):
        tax_line(line(1), PKP, date(1980, 1, 1))


def test_stamp_duty_is_the_last_line_of_a_document_of_more_than_five_million_where_it_is_charged() -> None:
    charged = TaxPolicy(is_pkp=True, stamps=STAMP_DUTY_RULES)
    lines = document_lines([line(4_999_999), line(2, LineKind.LATE_FEE)], charged, DAY, "IDR")
    assert [(one.kind, one.amount_minor, one.tax_minor) for one in lines[2:]] == [(LineKind.STAMP_DUTY, 10_000, 0)]
    assert lines[-1].revenue == "stamp_duty"
    assert document_lines(lines, charged, DAY, "IDR") == lines  # a draft that is filled again has it once
    assert len(document_lines([line(5_000_000)], charged, DAY, "IDR")) == 1
    assert len(document_lines([line(6_000_000)], PKP, DAY, "IDR")) == 1
    assert len(document_lines(lines[:1], charged, DAY, "IDR")) == 1
