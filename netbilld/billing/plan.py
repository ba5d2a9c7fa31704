"""A plan version as it is sold: frozen, and read by rating, invoicing and entitlement alike."""

from dataclasses import dataclass
from enum import StrEnum

from netbilld.billing.plan_parts import (
    ANYBODY,
    NOTIFY_PERCENTS,
    UNTAXED,
    AddOn,
    BilledWhen,
    Component,
    Discount,
    ExtendsFrom,
    FairUseStep,
    HappyHours,
    PriceRule,
    ProRata,
    Rollover,
    SoldTo,
    StopPolicy,
    Tariff,
    TaxChoice,
    TimeAllowance,
    TopUp,
)
from netbilld.model.service_lock import LockKind, SecondLogin


class Timing(StrEnum):
    PREPAID = "prepaid"
    POSTPAID = "postpaid"


class Charging(StrEnum):
    FLAT = "flat"  # a fee; usage is never charged
    VOLUME = "volume"  # by the octet, with or without a fee
    HYBRID = "hybrid"  # a fee with an allowance, and a price for what is beyond it
    TIME = "time"  # by the second online, with or without a fee
    PER_USE = "per_use"  # by the octet, without a fee


class Counts(StrEnum):
    """Which direction counts against an allowance."""

    BOTH = "both"
    DOWN = "down"
    UP = "up"


class AfterAllowance(StrEnum):
    THROTTLE = "throttle"
    WALL = "wall"
    BLOCK = "block"
    CHARGE = "charge"


class Closing(StrEnum):
    """What a lack of money or time leads to."""

    WALL = "wall"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Burst:
    """Short extra speed, as MikroTik's queues know it; all rates in bit/s."""

    down_bps: int
    up_bps: int
    threshold_down_bps: int
    threshold_up_bps: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Speed:
    """A speed from the subscriber's point of view, in bit/s.

    `nas_profile` is the name by which a NAS that is not told numbers knows it: a QoS profile, policy map or role.
    """

    down_bps: int
    up_bps: int
    burst: Burst | None = None
    priority: int | None = None  # 1 highest … 8 lowest
    minimum_down_bps: int | None = None
    minimum_up_bps: int | None = None
    nas_profile: str | None = None


@dataclass(frozen=True, slots=True)
class Recurring:
    """A fee for each period."""

    price_minor: int
    period_days: int | None  # None: a calendar month from billing day to billing day
    billed: BilledWhen = BilledWhen.ADVANCE
    prorata: ProRata = ProRata.CALENDAR
    extends_from: ExtendsFrom = ExtendsFrom.EXPIRY  # prepaid
    when_paused: StopPolicy = StopPolicy.CREDIT
    when_suspended: StopPolicy = StopPolicy.BILL


@dataclass(frozen=True, slots=True)
class Allowance:
    """Octets included in each period, and what happens when used ≥ limit."""

    data_octets: int
    counts: Counts
    after: AfterAllowance
    throttled: Speed | None  # set when after is THROTTLE
    prorata: bool = False  # a part period includes its part
    rollover: Rollover | None = None
    steps: tuple[FairUseStep, ...] = ()  # speeds before and beyond the limit; the limit itself has `throttled`


@dataclass(frozen=True, slots=True)
class Pools:
    """Names of the pools its addresses come from: ours, or the NAS's own; None leaves that kind to the NAS."""

    ipv4: str | None = None
    ipv6_prefix: str | None = None
    delegated: str | None = None


@dataclass(frozen=True, slots=True)
class SessionLimit:
    """How many sessions of a service may live at once, and what one log-in too many leads to."""

    allowed: int
    second: SecondLogin


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sold: timing and charging are independent properties.

    Attributes:
        sessions: None for any number at once.
        lock_learn: what a service is tied to by its first log-in.
        idle_seconds: silence after which the NAS ends a session; None leaves it to the NAS.
        hours: half-open spans of minutes since Monday 00:00, local time; none for always.
        fails_closed: nobody is let in on what was known some time before the database went away.
        installation_minor, deposit_minor: billed once, on the first invoice.
        components: of a bundle, beside the fee itself, which is its internet part.
        notify_percents: of the allowance; crossing one is told to the subscriber.
        free: complimentary; costs nothing, and is metered all the same.
        trial_days: from activation, that cost nothing.
    """

    code: str
    name: str
    timing: Timing
    charging: Charging
    currency: str
    speed: Speed
    recurring: Recurring | None
    allowance: Allowance | None
    usage: Tariff | None
    when_overdue: Closing
    when_no_credit: Closing
    when_suspended: Closing
    pools: Pools = Pools()
    sessions: SessionLimit | None = None
    lock_learn: tuple[LockKind, ...] = ()
    hours: tuple[tuple[int, int], ...] = ()
    idle_seconds: int | None = None
    fails_closed: bool = False
    installation_minor: int = 0
    deposit_minor: int = 0
    components: tuple[Component, ...] = ()
    price_rules: tuple[PriceRule, ...] = ()
    sold_to: SoldTo = ANYBODY
    discounts: tuple[Discount, ...] = ()
    add_ons: tuple[AddOn, ...] = ()
    top_ups: tuple[TopUp, ...] = ()
    happy_hours: tuple[HappyHours, ...] = ()
    time_allowance: TimeAllowance | None = None
    notify_percents: tuple[int, ...] = NOTIFY_PERCENTS
    tax: TaxChoice = UNTAXED
    free: bool = False
    trial_days: int = 0

    def counted_octets(self, upload_octets: int, download_octets: int) -> int:
        """Return the part of a usage that counts against this plan's allowance."""
        counts = self.allowance.counts if self.allowance else Counts.BOTH
        if counts is Counts.UP:
            return upload_octets
        if counts is Counts.DOWN:
            return download_octets
        return upload_octets + download_octets
