"""What a service may use in a billing period before its allowance is used up."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from netbilld.billing.plan import Plan
from netbilld.billing.rating.allowance import Unit, own_units
from netbilld.billing.rating.card import RateCard
from netbilld.model.periods import BillingPeriod


class Limits(NamedTuple):
    """The limits of a period.

    Attributes:
        octets: None where there are none beside the plan's own allowance, or none at all.
        others_octets: what those who share the allowance have used.
        seconds: online; None where time does not count.
    """

    octets: int | None = None
    others_octets: int = 0
    seconds: int | None = None


NO_LIMITS = Limits()


def limits_of(card: RateCard, plan: Plan, period: BillingPeriod, used: Mapping[UUID, int]) -> Limits:
    """Return the limits of a service under a plan; `used` are the octets of those it shares an allowance with."""
    extras = sum(grant.units for grant in card.grants(period, Unit.DATA))
    own = own_units(plan, Unit.DATA, period, card.activated_on)
    others = 0
    if card.shared is not None:
        own = card.shared.limit_octets
        others = sum(used.get(member, 0) for member in card.shared.member_ids if member != card.service_id)
    is_own = not extras and own == (plan.allowance.data_octets if plan.allowance is not None else 0)
    time_extras = sum(grant.units for grant in card.grants(period, Unit.TIME))
    has_time = plan.time_allowance is not None or time_extras > 0
    seconds = own_units(plan, Unit.TIME, period, card.activated_on) + time_extras if has_time else None
    return Limits(None if is_own else own + extras, others, seconds)


def counts_usage(plan: Plan) -> bool:
    """Tell whether there can be a limit to what a plan lets use."""
    return plan.allowance is not None or plan.usage is not None or plan.time_allowance is not None
