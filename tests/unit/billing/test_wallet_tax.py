"""Tax of what wallets pay: usage bit by bit, and prices as a wallet has to cover them."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

from netbilld.billing.plan import Recurring, Timing
from netbilld.billing.plan_parts import UNTAXED, Component, Discount, Tariff, TaxChoice, Tier
from netbilld.billing.renewal import next_price_minor
from netbilld.billing.tax import PPN_RULES, TaxPolicy, TaxRule
from netbilld.billing.wallet_tax import PaidPart, paid_part, rule_for, with_tax_in_prices
from netbilld.enforcement.edge import edge
from tests.builders.plans import per_use, plan
from tests.builders.services import NOW, service_facts

JAN = date(2026, 1, 1)
PKP = TaxPolicy(is_pkp=True)
ON_TOP, WITHIN = TaxChoice("ppn", inclusive=False), TaxChoice("ppn", inclusive=True)


def test_a_price_that_holds_its_tax_is_what_the_wallet_pays() -> None:
    rule = rule_for(WITHIN, PKP, JAN, exempt=False)
    assert paid_part(0, 111_000, WITHIN, rule) == PaidPart(100_000, 11_000, "ppn", 0)


def test_a_price_without_its_tax_is_paid_with_the_tax_on_top() -> None:
    rule = rule_for(ON_TOP, PKP, JAN, exempt=False)
    assert paid_part(0, 100_000, ON_TOP, rule) == PaidPart(100_000, 11_000, "ppn", 11_000)


def test_nothing_is_taxed_of_the_exempt_by_who_is_no_pkp_or_by_a_code_that_nobody_knows() -> None:
    unknown = TaxChoice("pajak_hiburan", inclusive=False)
    for choice, policy, exempt in (
        (ON_TOP, PKP, True),
        (ON_TOP, TaxPolicy(), False),
        (UNTAXED, PKP, False),
        (unknown, PKP, False),
    ):
        rule = rule_for(choice, policy, JAN, exempt=exempt)
        assert paid_part(5, 100, choice, rule) == PaidPart(100, 0, None, 0)


def test_small_charges_bear_the_tax_of_their_sum_and_not_each_its_own() -> None:
    """A rupiah has no PPN by itself; a hundred of them have eleven."""
    for choice in (ON_TOP, WITHIN):
        rule = rule_for(choice, PKP, JAN, exempt=False)
        parts = [paid_part(before, 1, choice, rule) for before in range(111)]
        whole = paid_part(0, 111, choice, rule)
        assert sum(part.tax_minor for part in parts) == whole.tax_minor == (12 if choice is ON_TOP else 11)


def test_a_rate_that_changes_within_a_period_holds_for_what_comes_after_it() -> None:
    later = TaxPolicy(is_pkp=True, rules=(*PPN_RULES, TaxRule("ppn", date(2026, 7, 1), Fraction(20, 100))))
    first = paid_part(0, 100_000, ON_TOP, rule_for(ON_TOP, later, date(2026, 6, 30), exempt=False))
    second = paid_part(100_000, 50_000, ON_TOP, rule_for(ON_TOP, later, date(2026, 7, 1), exempt=False))
    assert (first.tax_minor, second.tax_minor) == (11_000, 10_000)


def test_what_the_wallet_has_to_cover_is_each_price_with_its_tax() -> None:
    made = plan(
        timing=Timing.PREPAID,
        recurring=Recurring(100_000, None),
        components=(Component("tv", "TV", 50_000, "tv", telecom_revenue=False),),
        discounts=(Discount("promo", None, 10_000, None),),
        tax=ON_TOP,
    )
    gross = with_tax_in_prices(made, PKP, JAN, exempt=False)
    assert next_price_minor(made, 1, None, JAN) == 140_000
    assert next_price_minor(gross, 1, None, JAN) == 155_400
    assert next_price_minor(gross, 1, date(2026, 1, 31), JAN) == 155_400  # also while a paid day is left
    for same in (
        with_tax_in_prices(made, PKP, JAN, exempt=True),
        with_tax_in_prices(made, TaxPolicy(), JAN, exempt=False),
    ):
        assert same is made
    within = replace(made, tax=WITHIN)
    assert with_tax_in_prices(within, PKP, JAN, exempt=False) is within


def test_a_wallet_buys_fewer_octets_where_tax_comes_on_top() -> None:
    made = per_use(Tariff((Tier(None, 1_000),), 10**9), tax=ON_TOP)
    gross = with_tax_in_prices(made, PKP, JAN, exempt=False)
    for kind, octets in ((made, 1_110_000_000), (gross, 1_000_000_000)):
        found = edge(service_facts(plan=kind, wallet_minor=1_110), None, NOW)
        assert found is not None
        assert found.left_octets == octets
