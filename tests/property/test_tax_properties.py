"""What holds of taxes for every amount."""

from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.plan_parts import TaxChoice
from netbilld.billing.tax import PPN, PPN_RULES, TaxRule, rule_on, taxed
from netbilld.billing.wallet_tax import paid_part

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


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30), RULES, st.booleans())
def test_a_wallet_charged_in_any_portions_pays_the_tax_of_the_whole(
    amounts: list[int], rule: TaxRule, inclusive: bool
) -> None:
    choice = TaxChoice(rule.code, inclusive)
    before, net_minor, tax_minor, added_minor = 0, 0, 0, 0
    for amount_minor in amounts:
        part = paid_part(before, amount_minor, choice, rule)
        assert part.net_minor >= 0
        assert part.tax_minor >= 0
        assert part.net_minor + part.tax_minor == amount_minor + part.added_minor
        before += amount_minor
        net_minor += part.net_minor
        tax_minor += part.tax_minor
        added_minor += part.added_minor
    whole = taxed(before, rule, inclusive=inclusive)
    assert (net_minor, tax_minor) == (whole.net_minor, whole.tax_minor)
    assert added_minor == (0 if inclusive else whole.tax_minor)
