"""entitlement(): the one place that decides what a service is due now."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from netbilld.billing.plan import AfterAllowance, Charging, Closing, Plan, Timing
from netbilld.billing.renewal import next_period
from netbilld.billing.standing import Standing, StandingKind
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
    """Octets metered in the billing period that began on `start_on`."""

    start_on: date
    upload_octets: int
    download_octets: int


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """All that entitlement looks at.

    Attributes:
        static_ip, ipv6_prefix, delegated_prefix: addresses of the service's own; prefixes in CIDR form.
        locale: the language to speak to its subscriber; None for the provider's.
        locks: where it may log in from, as kind and value; admission's business, of no consequence to entitlement.
        is_held: the brake holds it open: expiry and arrears close nothing until a person has looked.
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

    def due(access: Access, reason: Reason) -> Entitlement:
        until_at = min((edge for edge in edges if edge is not None and edge > now), default=None)
        return Entitlement(access, reason, _profile(access, facts, walled_garden), until_at)

    if facts.status is ServiceStatus.ENDED:
        return due(Access.BLOCKED, Reason.TERMINATED)
    if facts.status is ServiceStatus.SUSPENDED:
        return due(_closed(plan.when_suspended), Reason.SUSPENDED)
    if facts.status is ServiceStatus.PAUSED:
        return due(_closed(plan.when_suspended), Reason.PAUSED)
    if plan.timing is Timing.PREPAID:
        if plan.recurring is not None:
            if not facts.is_held and is_expired(facts, now):
                return due(_closed(plan.when_no_credit), Reason.EXPIRED)
            if facts.paid_until_on is not None:
                ends_at = local_midnight(facts.paid_until_on + timedelta(days=1), facts.timezone)
                edges.append(ends_at if now < ends_at else ends_at + RENEWAL)
        if plan.charging is Charging.PER_USE and facts.wallet_minor <= 0:
            return due(_closed(plan.when_no_credit), Reason.NO_CREDIT)
    if facts.standing.kind is StandingKind.OVERDUE and not facts.is_held:
        return due(_closed(plan.when_overdue), Reason.OVERDUE)
    if plan.allowance is not None and facts.usage is not None and facts.usage.start_on == period.start_on:
        used_octets = plan.counted_octets(facts.usage.upload_octets, facts.usage.download_octets)
        if used_octets >= plan.allowance.data_octets and plan.allowance.after is not AfterAllowance.CHARGE:
            edges.append(period.end_at)
            if plan.allowance.after is AfterAllowance.THROTTLE:
                return due(Access.THROTTLED, Reason.FAIR_USE)
            blocked = plan.allowance.after is AfterAllowance.BLOCK
            return due(Access.BLOCKED if blocked else Access.WALLED, Reason.QUOTA)
    return due(Access.ACTIVE, Reason.OK)


def closed_by_calendar(facts: ServiceFacts, now: datetime) -> Reason | None:
    """Return why expiry or arrears close a service at `now`, whether or not the brake holds it; None where they don't.

    An empty wallet is another matter: it is emptied by use, one by one.
    """
    if facts.status is not ServiceStatus.ACTIVE:
        return None
    plan = facts.plan
    if plan.timing is Timing.PREPAID and plan.recurring is not None and is_expired(facts, now):
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
    price_minor = next_period(facts.service_id, facts.plan, facts.billing_day, paid_until_on, today).line.amount_minor
    return facts.wallet_minor < price_minor


def _closed(closing: Closing) -> Access:
    return Access.WALLED if closing is Closing.WALL else Access.BLOCKED


def _profile(access: Access, facts: ServiceFacts, walled_garden: WalledGarden) -> ServiceProfile:
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
    speed = facts.plan.speed
    if access is Access.THROTTLED and facts.plan.allowance is not None and facts.plan.allowance.throttled is not None:
        speed = facts.plan.allowance.throttled
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
