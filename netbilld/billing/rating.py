"""What metered usage costs, as a whole: never slice by slice, so that rounding can't add up."""

from netbilld.billing.plan import Plan
from netbilld.model.units import half_up


def usage_total_minor(plan: Plan, total_octets: int) -> int:
    """Return the price of all octets of a billing period, rounded half up once; 0 for a plan without a usage price."""
    if plan.usage is None:
        return 0
    return half_up(total_octets * plan.usage.first_price_minor, plan.usage.units_per_price)


def charge_due_minor(plan: Plan, total_octets: int, already_charged_minor: int) -> int:
    """Return what is still to be charged for the octets of a billing period so far: half_up(total) − already charged.

    Never negative: what was charged once is given back by a document, not by the meter.
    """
    return max(0, usage_total_minor(plan, total_octets) - already_charged_minor)
