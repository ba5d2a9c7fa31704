"""The edge that a service moves towards: the end of its allowance, or of the wallet that pays by use."""

from dataclasses import dataclass
from datetime import datetime

from netbilld.accounting.overshoot import within_octets
from netbilld.billing.plan import Charging, Counts, Plan, Speed, Timing
from netbilld.enforcement.policy import PeriodUsage, ServiceFacts, ServiceStatus
from netbilld.model.periods import monthly_period


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
    return plan.allowance is not None or _drains(plan)


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
    left: list[int] = []
    if plan.allowance is not None:
        used_octets = 0
        if usage is not None:
            period = monthly_period(now, facts.billing_day, facts.timezone)
            if usage.start_on == period.start_on:
                used_octets = plan.counted_octets(usage.upload_octets, usage.download_octets)
        left.append(plan.allowance.data_octets - used_octets)
    if _drains(plan) and plan.usage is not None:
        left.append(facts.wallet_minor * plan.usage.units_per_price // plan.usage.first_price_minor)
    if not left:
        return None
    counts = plan.allowance.counts if plan.allowance is not None and not _drains(plan) else Counts.BOTH
    return Edge(min(left), line_rate_bps(plan.speed, counts))


def is_surely_far(facts: ServiceFacts, usage: PeriodUsage | None, seconds: float) -> bool:
    """Tell whether nothing can be used up within so long, from numbers alone: it is asked for every report.

    Usage that is of an earlier period counts here too, so that a service may be far and this does not say so.
    """
    plan = facts.plan
    near_from = near_from_octets(plan, seconds)
    used_octets = 0 if usage is None else plan.counted_octets(usage.upload_octets, usage.download_octets)
    return near_from is not None and used_octets < near_from


def near_from_octets(plan: Plan, seconds: float) -> int | None:
    """Return from how many used octets on the allowance can be used up within so long; None where that is not all."""
    if plan.allowance is None or _drains(plan):
        return None
    return plan.allowance.data_octets - within_octets(line_rate_bps(plan.speed, plan.allowance.counts), seconds)


def line_rate_bps(speed: Speed, counts: Counts) -> int:
    """Return the most that a line of this speed carries in the directions that count, bursts included."""
    down_bps, up_bps = speed.down_bps, speed.up_bps
    if speed.burst is not None:
        down_bps, up_bps = max(down_bps, speed.burst.down_bps), max(up_bps, speed.burst.up_bps)
    if counts is Counts.DOWN:
        return down_bps
    return up_bps if counts is Counts.UP else down_bps + up_bps


def _drains(plan: Plan) -> bool:
    """Tell whether usage is paid from the wallet as it happens."""
    return (
        plan.charging is Charging.PER_USE
        and plan.timing is Timing.PREPAID
        and plan.usage is not None
        and plan.usage.first_price_minor > 0
    )
