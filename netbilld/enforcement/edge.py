"""The edge that a service moves towards: the end of its allowance, or of the wallet that pays by use."""

from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from netbilld.accounting.overshoot import within_octets
from netbilld.billing.plan import Counts, Plan, Speed
from netbilld.billing.rating.period import includes_free_octets, is_octet_charged
from netbilld.billing.rating.price import units_for_minor
from netbilld.enforcement.fair_use import left_octets, octets_of, steps_of
from netbilld.enforcement.policy import PeriodUsage, ServiceFacts, ServiceStatus, drains


@dataclass(frozen=True, slots=True)
class Edge:
    """What is left of a service until access changes.

    Attributes:
        left_octets: 0 or less where it has been passed.
        line_rate_bps: what its line carries in the directions that count.
    """

    left_octets: int
    line_rate_bps: int


def has_edge(plan: Plan) -> bool:
    """Tell whether usage can ever change the access of a service of this plan."""
    return bool(steps_of(plan)) or _drains(plan)


def edge(facts: ServiceFacts, usage: PeriodUsage | None, now: datetime) -> Edge | None:
    """Return the nearest edge of a service, None where usage changes nothing for it.

    Args:
        facts: what it is decided by.
        usage: what has been metered, at least as new as that of the facts; of an earlier period it counts for nothing.
        now: this moment.
    """
    plan = facts.plan
    if facts.status is not ServiceStatus.ACTIVE:
        return None
    used_octets = facts.used_octets(usage, now)
    left: list[int] = []
    to_step = left_octets(plan, facts.allowed_octets, used_octets)
    if to_step is not None:
        left.append(to_step)
    if _drains(plan) and not facts.is_free(now):
        paid = _paid_octets(facts, used_octets)
        if paid is not None:
            left.append(paid)
    if not left:
        return None
    counts = plan.allowance.counts if plan.allowance is not None else Counts.BOTH
    num, den = _heaviest(plan)
    return Edge(min(left) * den // num, line_rate_bps(_fastest(plan), counts))


def is_surely_far(facts: ServiceFacts, usage: PeriodUsage | None, seconds: float) -> bool:
    """Tell whether nothing can be used up within so long, from numbers alone: it is asked for every report.

    Usage that is of an earlier period counts here too, so that a service may be far and this does not say so.
    """
    plan = facts.plan
    if facts.limit_octets is not None or facts.others_octets:
        return False
    near_from = near_from_octets(plan, seconds)
    used_octets = 0 if usage is None else usage.counts(plan)
    return near_from is not None and used_octets < near_from


def near_from_octets(plan: Plan, seconds: float) -> int | None:
    """Return from how many used octets on a step can be reached within so long; None where that is not all.

    It is of the plan's own allowance.
    """
    steps = steps_of(plan)
    if plan.allowance is None or not steps or _drains(plan):
        return None
    num, den = _heaviest(plan)
    rate_bps = line_rate_bps(_fastest(plan), plan.allowance.counts)
    return octets_of(steps[0], plan.allowance.data_octets) - within_octets(rate_bps, seconds) * num // den


def line_rate_bps(speed: Speed, counts: Counts) -> int:
    """Return the most that a line of this speed carries in the directions that count, bursts included."""
    down_bps, up_bps = speed.down_bps, speed.up_bps
    if speed.burst is not None:
        down_bps, up_bps = max(down_bps, speed.burst.down_bps), max(up_bps, speed.burst.up_bps)
    if counts is Counts.DOWN:
        return down_bps
    return up_bps if counts is Counts.UP else down_bps + up_bps


def _fastest(plan: Plan) -> Speed:
    """Return the most that a line of this plan carries at any hour."""
    if not plan.happy_hours:
        return plan.speed
    down_bps = max(plan.speed.down_bps, *(window.down_bps or 0 for window in plan.happy_hours))
    up_bps = max(plan.speed.up_bps, *(window.up_bps or 0 for window in plan.happy_hours))
    return replace(plan.speed, down_bps=down_bps, up_bps=up_bps)


def _heaviest(plan: Plan) -> tuple[int, int]:
    """Return the most that an octet counts at any hour, as numerator and denominator."""
    return max(((1, 1), *(window.weight for window in plan.happy_hours)), key=lambda weight: Fraction(*weight))


def _paid_octets(facts: ServiceFacts, used_octets: int) -> int | None:
    """Return the octets that what is included and the wallet still pay, at the dearest hour; None for no end."""
    plan, tariff = facts.plan, facts.plan.usage
    if tariff is None:
        return None
    included = facts.allowed_octets if includes_free_octets(plan) else 0
    free = max(0, included - used_octets)
    money_minor = max(0, facts.wallet_minor)
    dearest = max((window.price_minor for window in plan.happy_hours if window.price_minor is not None), default=0)
    bought = units_for_minor(replace(tariff, cap_minor=None), max(0, used_octets - included), 0, money_minor)
    if dearest > 0:  # beside allowance and tiers
        at_dearest = money_minor * tariff.units_per_price // dearest
        return at_dearest if bought is None else min(at_dearest, free + bought)
    return None if bought is None else free + bought


def _drains(plan: Plan) -> bool:
    """Tell whether octets are paid from the wallet as they come."""
    return drains(plan) and is_octet_charged(plan)
