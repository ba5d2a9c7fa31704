"""entitlement(): the one place that decides what a service is due now."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from netbilld.billing.plan import AfterAllowance, Charging, Closing, Plan, Speed, Timing
from netbilld.billing.rating.period import includes_free_octets, is_charged
from netbilld.billing.rating.price import units_for_minor
from netbilld.billing.rating.windows import NO_HOLIDAYS, OUTSIDE, next_edge_at, window_of
from netbilld.billing.renewal import next_price_minor
from netbilld.billing.standing import Standing, StandingKind
from netbilld.enforcement.fair_use import passed
from netbilld.enforcement.profile import Access, ServiceProfile, WalledGarden
from netbilld.model.periods import local_date, local_midnight, monthly_period
from netbilld.model.service_lock import LockKind

# How long after its end a prepaid period may wait to be renewed from a wallet that covers the next: renewals are made
# every half a minute, and nobody who has paid is closed meanwhile.
RENEWAL: Final = timedelta(minutes=2)


class Reason(StrEnum):
    """Why access is what it is, in order of precedence."""

    TERMINATED = "terminated"
    SUSPENDED = "suspended"
    PAUSED = "paused"
    EXPIRED = "expired"
    NO_CREDIT = "no_credit"
    OVERDUE = "overdue"
    QUOTA = "quota"
    FAIR_USE = "fair_use"
    OK = "ok"


class ServiceStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class PeriodUsage:
    """What was metered in the billing period that began on `start_on`.

    Attributes:
        counted_octets: what counts against the allowance, where the plan alone does not make it of the octets.
        seconds: online, of a plan by which time counts.
    """

    start_on: date
    upload_octets: int
    download_octets: int
    counted_octets: int | None = None
    seconds: int = 0

    def counts(self, plan: Plan) -> int:
        """Return the octets that count against the allowance of a plan."""
        if self.counted_octets is not None:
            return self.counted_octets
        return plan.counted_octets(self.upload_octets, self.download_octets)


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """All that entitlement looks at.

    Attributes:
        static_ip, ipv6_prefix, delegated_prefix: addresses of the service's own; prefixes in CIDR form.
        locale: the language to speak to its subscriber; None for the provider's.
        locks: where it may log in from, as kind and value; admission's business, of no consequence to entitlement.
        is_held: the brake holds it open: expiry and arrears close nothing until a person has looked.
        limit_octets: its allowance, where that is another one than its plan's: a part of it, more than it, or shared.
        others_octets: what those who share it have used.
        limit_seconds: online, where time counts.
        trial_until_on: the first day that costs something; None without a trial.
        holidays: near this day, where its plan minds them.
        valid_until_at: a voucher's end, which no payment moves; None for everybody else.
    """

    service_id: UUID
    status: ServiceStatus
    plan: Plan
    billing_day: int
    timezone: str
    usage: PeriodUsage | None
    standing: Standing
    wallet_minor: int
    paid_until_on: date | None
    static_ip: str | None
    ipv6_prefix: str | None = None
    delegated_prefix: str | None = None
    locale: str | None = None
    locks: tuple[tuple[LockKind, str], ...] = ()
    is_held: bool = False
    limit_octets: int | None = None
    others_octets: int = 0
    limit_seconds: int | None = None
    trial_until_on: date | None = None
    holidays: frozenset[date] = NO_HOLIDAYS
    valid_until_at: datetime | None = None

    def is_free(self, now: datetime) -> bool:
        """Tell whether it costs nothing: complimentary, or on trial."""
        return self.plan.free or (
            self.trial_until_on is not None and local_date(now, self.timezone) < self.trial_until_on
        )

    @property
    def allowed_octets(self) -> int:
        """Return the octets it may use in a period before its allowance is used up; 0 without one."""
        if self.limit_octets is not None:
            return self.limit_octets
        return self.plan.allowance.data_octets if self.plan.allowance is not None else 0

    def used_octets(self, usage: PeriodUsage | None, now: datetime) -> int:
        """Return what has been used of it; usage of an earlier period than the one `now` is in counts for nothing."""
        if usage is None or usage.start_on != monthly_period(now, self.billing_day, self.timezone).start_on:
            return self.others_octets
        return self.others_octets + usage.counts(self.plan)


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What a service is due: the access, why, the profile, and when time alone may change it."""

    access: Access
    reason: Reason
    profile: ServiceProfile
    until_at: datetime | None


def entitlement(facts: ServiceFacts, walled_garden: WalledGarden, now: datetime) -> Entitlement:
    """Return what the service is due at `now`, by the precedence of access.

    Terminated > suspended by staff > paused > expired or no credit > overdue > quota > fair use > active. Usage of an
    earlier period than the one `now` falls in counts for nothing: the allowance resets by the calendar, not by a job.
    """
    plan = facts.plan
    period = monthly_period(now, facts.billing_day, facts.timezone)
    edges = [facts.standing.until_at]

    def due(access: Access, reason: Reason, speed: Speed = plan.speed) -> Entitlement:
        until_at = min((edge for edge in edges if edge is not None and edge > now), default=None)
        return Entitlement(access, reason, _profile(access, speed, facts, walled_garden), until_at)

    if facts.status is ServiceStatus.ENDED:
        return due(Access.BLOCKED, Reason.TERMINATED)
    if facts.status is ServiceStatus.SUSPENDED:
        return due(_closed(plan.when_suspended), Reason.SUSPENDED)
    if facts.status is ServiceStatus.PAUSED:
        return due(_closed(plan.when_suspended), Reason.PAUSED)
    if facts.valid_until_at is not None:
        if facts.valid_until_at <= now:
            return due(Access.BLOCKED, Reason.EXPIRED)
        edges.append(facts.valid_until_at)
    is_free = facts.is_free(now)
    if is_free and not plan.free and facts.trial_until_on is not None:
        edges.append(local_midnight(facts.trial_until_on, facts.timezone))
    if plan.timing is Timing.PREPAID and not is_free:
        if plan.recurring is not None:
            if not facts.is_held and is_expired(facts, now):
                return due(_closed(plan.when_no_credit), Reason.EXPIRED)
            if facts.paid_until_on is not None:
                ends_at = local_midnight(facts.paid_until_on + timedelta(days=1), facts.timezone)
                edges.append(ends_at if now < ends_at else ends_at + RENEWAL)
        if drains(plan) and facts.wallet_minor <= 0 and not has_more(facts, now):
            return due(_closed(plan.when_no_credit), Reason.NO_CREDIT)
    if facts.standing.kind is StandingKind.OVERDUE and not facts.is_held:
        return due(_closed(plan.when_overdue), Reason.OVERDUE)
    if is_time_up(facts, now):
        edges.append(period.end_at)
        blocked = plan.allowance is not None and plan.allowance.after is AfterAllowance.BLOCK
        return due(Access.BLOCKED if blocked else Access.WALLED, Reason.QUOTA)
    if plan.allowance is not None:
        step = passed(plan, facts.allowed_octets, facts.used_octets(facts.usage, now))
        if step is not None:
            edges.append(period.end_at)
            if step.speed is not None:
                return due(Access.THROTTLED, Reason.FAIR_USE, step.speed)
            blocked = plan.allowance.after is AfterAllowance.BLOCK
            return due(Access.BLOCKED if blocked else Access.WALLED, Reason.QUOTA)
    if plan.happy_hours:
        edges.append(next_edge_at(plan.happy_hours, facts.timezone, now))
        return due(Access.ACTIVE, Reason.OK, _speed_now(facts, now))
    return due(Access.ACTIVE, Reason.OK)


def drains(plan: Plan) -> bool:
    """Tell whether usage is paid from the wallet as it happens."""
    return plan.timing is Timing.PREPAID and is_charged(plan) and not plan.free


def has_more(facts: ServiceFacts, now: datetime) -> bool:
    """Tell whether what is included leaves something to use before the wallet pays for it."""
    plan = facts.plan
    if plan.charging is Charging.TIME:
        return facts.limit_seconds is not None and _seconds(facts, now) < facts.limit_seconds
    included = plan.allowance is not None or facts.limit_octets is not None
    return included and includes_free_octets(plan) and facts.used_octets(facts.usage, now) < facts.allowed_octets


def is_time_up(facts: ServiceFacts, now: datetime) -> bool:
    """Tell whether the time that is included is used up, and none beyond it can be paid for."""
    if facts.limit_seconds is None or facts.plan.charging is Charging.TIME:
        return False
    return _seconds(facts, now) >= facts.limit_seconds


def seconds_left(facts: ServiceFacts, now: datetime) -> int | None:
    """Return the seconds online that allowance and wallet still pay for; None where time is not what is used up."""
    plan, used = facts.plan, _seconds(facts, now)
    included = max(0, (facts.limit_seconds or 0) - used)
    if plan.charging is not Charging.TIME:
        return None if facts.limit_seconds is None else included
    if not drains(plan) or plan.usage is None or facts.is_free(now):
        return None
    beyond = max(0, used - (facts.limit_seconds or 0))
    tariff = replace(plan.usage, cap_minor=None)
    bought = units_for_minor(tariff, beyond, 0, max(0, facts.wallet_minor))
    return None if bought is None else included + bought


def _seconds(facts: ServiceFacts, now: datetime) -> int:
    usage = facts.usage
    if usage is None or usage.start_on != monthly_period(now, facts.billing_day, facts.timezone).start_on:
        return 0
    return usage.seconds


def _speed_now(facts: ServiceFacts, now: datetime) -> Speed:
    """Return the speed by the hour, for a plan with happy hours."""
    plan = facts.plan
    number = window_of(plan.happy_hours, now, facts.timezone, facts.holidays)
    window = plan.happy_hours[number] if number != OUTSIDE else None
    if window is None or (window.down_bps is None and window.up_bps is None):
        return plan.speed
    down_bps, up_bps = window.down_bps or plan.speed.down_bps, window.up_bps or plan.speed.up_bps
    return replace(plan.speed, down_bps=down_bps, up_bps=up_bps, burst=None)


def closed_by_calendar(facts: ServiceFacts, now: datetime) -> Reason | None:
    """Return why expiry or arrears close a service at `now`, whether or not the brake holds it; None where they don't.

    An empty wallet is another matter: it is emptied by use, one by one.
    """
    if facts.status is not ServiceStatus.ACTIVE:
        return None
    plan = facts.plan
    prepaid = plan.timing is Timing.PREPAID and plan.recurring is not None and not facts.is_free(now)
    if prepaid and is_expired(facts, now):
        return Reason.EXPIRED
    return Reason.OVERDUE if facts.standing.kind is StandingKind.OVERDUE else None


def is_expired(facts: ServiceFacts, now: datetime) -> bool:
    """Tell whether its prepaid period is over, which ends at local 00:00 after its last day, and is not renewed now."""
    today, paid_until_on = local_date(now, facts.timezone), facts.paid_until_on
    if paid_until_on is None:
        return True
    if today <= paid_until_on:
        return False
    if now >= local_midnight(paid_until_on + timedelta(days=1), facts.timezone) + RENEWAL:
        return True
    return facts.wallet_minor < next_price_minor(facts.plan, facts.billing_day, paid_until_on, today)


def _closed(closing: Closing) -> Access:
    return Access.WALLED if closing is Closing.WALL else Access.BLOCKED


def _profile(access: Access, speed: Speed, facts: ServiceFacts, walled_garden: WalledGarden) -> ServiceProfile:
    if access is Access.BLOCKED:
        return ServiceProfile(access)
    if access is Access.WALLED:
        # no static address inside the walls: the garden's pool is what the NAS redirects; nor an IPv6 prefix, by which
        # a subscriber would go round walls that only stop IPv4
        inside = walled_garden.covers_ipv6
        return ServiceProfile(
            access,
            walled_garden.speed,
            walled_garden.pool,
            walled_garden.address_list,
            ipv6_prefix=facts.ipv6_prefix if inside else None,
            delegated_prefix=facts.delegated_prefix if inside else None,
            vlan=walled_garden.vlan,
        )
    pools = facts.plan.pools
    has_ipv4 = facts.static_ip is not None and ":" not in facts.static_ip
    return ServiceProfile(
        access,
        speed,
        pool=None if has_ipv4 else pools.ipv4,
        ipv6_pool=pools.ipv6_prefix if facts.ipv6_prefix is None else None,
        delegated_pool=pools.delegated if facts.delegated_prefix is None else None,
        static_ip=facts.static_ip,
        ipv6_prefix=facts.ipv6_prefix,
        delegated_prefix=facts.delegated_prefix,
        idle_seconds=facts.plan.idle_seconds,
    )
