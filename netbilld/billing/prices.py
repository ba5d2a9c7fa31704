"""What the fee of a plan costs a service, and by which rule."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from netbilld.billing.plan import Plan
from netbilld.billing.plan_parts import SoldTo

_BETWEEN: Final = "/"


class PriceReason(StrEnum):
    OWN = "own"  # the service's own terms say it
    GROUP = "group"
    AREA = "area"
    PLAN = "plan"


@dataclass(frozen=True, slots=True)
class FeePrice:
    """A price for a period of the plan; `by` is the group or area whose rule it is."""

    price_minor: int
    reason: PriceReason
    by: str | None = None


def fee_price(plan: Plan, own_minor: int | None, customer_group: str | None, area: str | None) -> FeePrice:
    """Return the price of the fee: the service's own, by its group, by the longest area that covers it, the plan's.

    A plan without a fee costs 0.
    """
    if plan.recurring is None:
        return FeePrice(0, PriceReason.PLAN)
    if own_minor is not None:
        return FeePrice(own_minor, PriceReason.OWN)
    if customer_group is not None:
        group = code_key(customer_group)
        for rule in plan.price_rules:
            if rule.group is not None and code_key(rule.group) == group:
                return FeePrice(rule.price_minor, PriceReason.GROUP, rule.group)
    covering = [rule for rule in plan.price_rules if rule.area is not None and covers(rule.area, area)]
    if covering:
        longest = max(covering, key=lambda rule: len(area_parts(rule.area or "")))
        return FeePrice(longest.price_minor, PriceReason.AREA, longest.area)
    return FeePrice(plan.recurring.price_minor, PriceReason.PLAN)


def is_sold_to(sold_to: SoldTo, customer_group: str | None, area: str | None) -> bool:
    """Tell whether somebody of that group, in that area, may take a plan; either of both lets them."""
    if not sold_to.groups and not sold_to.areas:
        return True
    in_group = customer_group is not None and code_key(customer_group) in map(code_key, sold_to.groups)
    return in_group or any(covers(wanted, area) for wanted in sold_to.areas)


def covers(wider: str, area: str | None) -> bool:
    """Tell whether an area is another one, or lies in it: `jabar/bandung` covers `jabar/bandung/rw05`."""
    if area is None:
        return False
    parts = area_parts(wider)
    return bool(parts) and area_parts(area)[: len(parts)] == parts


def area_parts(area: str) -> tuple[str, ...]:
    """Return the parts of an area's path, compared without regard to letter case and to spaces around them."""
    return tuple(part for written in area.split(_BETWEEN) if (part := " ".join(written.split()).casefold()))


def code_key(code: str) -> str:
    """Return what makes the code of a group, coupon or plan unique."""
    return code.strip().casefold()
