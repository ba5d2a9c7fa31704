"""What holds of taxes for every amount."""

from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.tax import PPN, PPN_RULES, TaxRule, rule_on, taxed

AMOUNTS = st.integers(-(10**12), 10**12)
RULES = st.one_of(
    st.sampled_from(PPN_RULES),
    st.builds(
        lambda rate, num, den: TaxRule("vat", date(2000, 1, 1), Fraction(rate, 1000), Fraction(min(num, den), den)),
        st.integers(0, 400),
        st.integers(1, 50),
        st.integers(1, 50),
    ),
)


@given(AMOUNTS, RULES)
def test_net_and_tax_of_a_price_with_tax_in_it_sum_to_the_price(amount_minor: int, rule: TaxRule) -> None:
    parts = taxed(amount_minor, rule, inclusive=True)
    assert parts.gross_minor == amount_minor
    assert abs(parts.tax_minor - rule.tax_minor(parts.net_minor)) <= 2  # base and net are rounded apart


@given(AMOUNTS, RULES)
def test_a_price_without_tax_is_its_net_and_its_tax_is_within_a_unit_of_the_exact_one(
    amount_minor: int, rule: TaxRule
) -> None:
    parts = taxed(amount_minor, rule, inclusive=False)
    assert parts.net_minor == amount_minor
    assert abs(parts.tax_minor - amount_minor * rule.of_price) <= 1


@given(AMOUNTS, RULES, st.booleans())
def test_a_credit_is_the_charge_with_its_sign_turned(amount_minor: int, rule: TaxRule, inclusive: bool) -> None:
    charge, credit = (taxed(sign * amount_minor, rule, inclusive=inclusive) for sign in (1, -1))
    assert (credit.net_minor, credit.base_minor, credit.tax_minor) == (
        -charge.net_minor,
        -charge.base_minor,
        -charge.tax_minor,
    )


@given(st.integers(0, 10**12))
def test_the_faktur_of_a_price_with_ppn_in_it_is_at_most_a_rupiah_off(amount_minor: int) -> None:
    rule = rule_on(PPN_RULES, PPN, date(2026, 1, 1))
    parts = taxed(amount_minor, rule, inclusive=True)
    assert abs(parts.tax_minor - rule.tax_minor(parts.net_minor)) <= 1


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_the_rule_of_a_day_is_the_latest_that_began_by_then(on: date) -> None:
    rule = rule_on(reversed(PPN_RULES), PPN, on)
    assert rule.valid_from <= on
    assert all(other.valid_from > on for other in PPN_RULES if other.valid_from > rule.valid_from)
