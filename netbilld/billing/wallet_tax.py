"""Tax of what a wallet pays: usage that is charged bit by bit, and prices as the wallet has to cover them."""

from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from netbilld.billing.plan import Plan
from netbilld.billing.plan_parts import TaxChoice
from netbilld.billing.tax import TaxPolicy, TaxRule, taxed
from netbilld.model.errors import InvalidInputError

_MAX_PLANS: Final = 4_096


class PaidPart(NamedTuple):
    """What a wallet pays for a part of a period's usage.

    Attributes:
        net_minor: what is earned.
        tax_minor: what is owed to the tax office; net and tax are what the wallet pays.
        code: of the tax; None where there is none.
        added_minor: the part of the tax that the price does not hold.
    """

    net_minor: int
    tax_minor: int
    code: str | None
    added_minor: int


def rule_for(choice: TaxChoice, policy: TaxPolicy, on: date, *, exempt: bool) -> TaxRule | None:
    """Return the rule by which a wallet's payment is taxed on a day; None where it is not.

    A code without a rule taxes nothing here: metering and log-ins do not stop for a wrong setting. Whoever sells a
    period or issues an invoice refuses it.
    """
    if exempt:
        return None
    try:
        return policy.rule(choice.code, on)
    except InvalidInputError:
        return None


def paid_part(before_minor: int, amount_minor: int, choice: TaxChoice, rule: TaxRule | None) -> PaidPart:
    """Return what a wallet pays where a period's usage grows from `before_minor` to so much more, at prices as written.

    The tax is that of the whole sum less that of the sum before, so the parts of a period bear what one charge of all
    of it would, however many they are.
    """
    if rule is None:
        return PaidPart(amount_minor, 0, None, 0)
    inclusive = choice.inclusive
    whole, before = (taxed(minor, rule, inclusive=inclusive) for minor in (before_minor + amount_minor, before_minor))
    tax_minor = whole.tax_minor - before.tax_minor
    added_minor = 0 if inclusive else tax_minor
    return PaidPart(amount_minor + added_minor - tax_minor, tax_minor, rule.code if tax_minor else None, added_minor)


def with_tax_in_prices(plan: Plan, policy: TaxPolicy, on: date, *, exempt: bool) -> Plan:
    """Return the plan with the tax that comes on top of its prices in them: what a wallet has to cover.

    Each price holds its own rounded tax, so a part of a period may be a rupiah off what it will cost.
    """
    if plan.tax.inclusive:
        return plan
    rule = rule_for(plan.tax, policy, on, exempt=exempt)
    return plan if rule is None else _grown(plan, rule)


@lru_cache(_MAX_PLANS)  # many services have one plan, and keep it in memory
def _grown(plan: Plan, rule: TaxRule) -> Plan:
    def gross(price_minor: int) -> int:
        return price_minor + rule.tax_minor(price_minor)

    recurring, usage = plan.recurring, plan.usage
    if recurring is not None:
        recurring = replace(recurring, price_minor=gross(recurring.price_minor))
    if usage is not None:
        usage = replace(
            usage,
            tiers=tuple(replace(tier, price_minor=gross(tier.price_minor)) for tier in usage.tiers),
            cap_minor=None if usage.cap_minor is None else gross(usage.cap_minor),
        )
    return replace(
        plan,
        recurring=recurring,
        usage=usage,
        components=tuple(replace(part, price_minor=gross(part.price_minor)) for part in plan.components),
        add_ons=tuple(replace(part, price_minor=gross(part.price_minor)) for part in plan.add_ons),
        top_ups=tuple(replace(part, price_minor=gross(part.price_minor)) for part in plan.top_ups),
        happy_hours=tuple(
            window if window.price_minor is None else replace(window, price_minor=gross(window.price_minor))
            for window in plan.happy_hours
        ),
        discounts=tuple(
            one if one.amount_minor is None else replace(one, amount_minor=gross(one.amount_minor))
            for one in plan.discounts
        ),
        tax=replace(plan.tax, inclusive=True),
    )
