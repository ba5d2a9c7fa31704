"""When a NAS is told to end a session by itself: a hard quota's octets, and the hours after a prepaid period's end."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from netbilld.billing.plan import AfterAllowance, Charging, Counts, Timing
from netbilld.billing.renewal import next_price_minor
from netbilld.enforcement.policy import ServiceFacts, drains, seconds_left
from netbilld.enforcement.profile import Access
from netbilld.model.periods import local_date, local_midnight

_BACKSTOP_AFTER: Final = timedelta(hours=1)
_BACKSTOP_SPREAD: Final = timedelta(minutes=30)
_LONGEST_SECONDS: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What a session may have before the NAS ends it; None for no limit.

    Attributes:
        octets_left: at least 1: a NAS takes 0 for no limit.
        counts: the direction `octets_left` is about, from the subscriber's point of view.
        seconds_left: at least 1.
    """

    octets_left: int | None = None
    counts: Counts = Counts.BOTH
    seconds_left: int | None = None

    def __bool__(self) -> bool:
        return self.octets_left is not None or self.seconds_left is not None


NO_LIMITS: Final = SessionLimits()


def may_have_limits(facts: ServiceFacts) -> bool:
    """Tell whether `session_limits` can ever say something for a service of this plan."""
    plan = facts.plan
    return (
        _ends_at_allowance(facts)
        or (plan.timing is Timing.PREPAID and plan.recurring is not None)
        or facts.limit_seconds is not None
        or facts.valid_until_at is not None
        or (drains(plan) and plan.charging is Charging.TIME)
    )


def session_limits(facts: ServiceFacts, access: Access, now: datetime, jitter: float) -> SessionLimits:
    """Return the limits to give with an Access-Accept now, to a service that is due `access`.

    Octets only where reaching the allowance ends the session, never on a plan that throttles. Time where it is what
    allowance or wallet is used up by, and to a voucher's end; and for a prepaid period, an hour and more after its end,
    when the order of ours that should have ended the session was lost; not at all when the wallet covers the renewal,
    so that who has paid is not cut. Inside the walls there is no limit.

    `jitter` in [0, 1) spreads those of one period's end.
    """
    if access not in {Access.ACTIVE, Access.THROTTLED}:
        return NO_LIMITS
    octets_left = _octets_left(facts, now)
    counts = facts.plan.allowance.counts if facts.plan.allowance and octets_left is not None else Counts.BOTH
    return SessionLimits(octets_left, counts, _seconds_left(facts, now, jitter))


def _ends_at_allowance(facts: ServiceFacts) -> bool:
    allowance = facts.plan.allowance
    return allowance is not None and allowance.after in (AfterAllowance.WALL, AfterAllowance.BLOCK)


def _octets_left(facts: ServiceFacts, now: datetime) -> int | None:
    if not _ends_at_allowance(facts):
        return None
    return max(1, facts.allowed_octets - facts.used_octets(facts.usage, now))


def _seconds_left(facts: ServiceFacts, now: datetime, jitter: float) -> int | None:
    ends = (_until_end(facts, now, jitter), seconds_left(facts, now), _until_over(facts, now))
    left = [seconds for seconds in ends if seconds is not None]
    return min(max(1, min(left)), _LONGEST_SECONDS) if left else None


def _until_over(facts: ServiceFacts, now: datetime) -> int | None:
    """Return the seconds to a voucher's end, rounded up; the NAS keeps it even where nobody could tell it to."""
    if facts.valid_until_at is None:
        return None
    return -(-(facts.valid_until_at - now) // timedelta(seconds=1))


def _until_end(facts: ServiceFacts, now: datetime, jitter: float) -> int | None:
    plan = facts.plan
    if plan.timing is not Timing.PREPAID or plan.recurring is None or facts.paid_until_on is None:
        return None
    price_minor = plan.recurring.price_minor
    if plan.components or plan.discounts:
        today = local_date(now, facts.timezone)
        price_minor = next_price_minor(plan, facts.billing_day, facts.paid_until_on, today)
    if facts.is_free(now) or facts.wallet_minor >= price_minor:
        return None
    ends_at = local_midnight(facts.paid_until_on + timedelta(days=1), facts.timezone)
    return int((ends_at + _BACKSTOP_AFTER + _BACKSTOP_SPREAD * jitter - now).total_seconds())
