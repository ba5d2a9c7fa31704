"""Parts of a plan that say what it costs beyond a fee and a speed; docs/billing.md says how each becomes an amount."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from netbilld.billing.hours import Spans


class BilledWhen(StrEnum):
    ADVANCE = "advance"  # on the day on which a period begins
    ARREARS = "arrears"  # on the day after its last


class ProRata(StrEnum):
    CALENDAR = "calendar"  # by the days of the period
    THIRTY = "30"
    NONE = "none"


class StopPolicy(StrEnum):
    """What becomes of the fee for days on which a service is paused, or suspended by staff."""

    BILL = "bill"
    CREDIT = "credit"
    FREEZE = "freeze"


class ExtendsFrom(StrEnum):
    """From when a prepaid period that is bought lasts."""

    EXPIRY = "expiry"
    NOW = "now"


@dataclass(frozen=True, slots=True)
class Component:
    """A further part of a bundle's fee, such as TV; its revenue is kept apart as `revenue:<revenue>`."""

    code: str
    name: str
    price_minor: int
    revenue: str
    telecom_revenue: bool  # counts for BHP and USO


@dataclass(frozen=True, slots=True)
class PriceRule:
    """Another price of the fee for a customer group or an area; exactly one of both is given."""

    price_minor: int
    group: str | None = None
    area: str | None = None  # and every area below it: `jabar/bandung` covers `jabar/bandung/rw05`


@dataclass(frozen=True, slots=True)
class SoldTo:
    """Who may take the plan; empty tuples for anybody. Areas cover what is below them."""

    groups: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tier:
    """A price for charged units up to a total; None for the last one."""

    up_to_units: int | None
    price_minor: int


@dataclass(frozen=True, slots=True)
class Tariff:
    """What usage costs: tiers from the first charged unit on, each price for `units_per_price` units.

    Attributes:
        tiers: in rising order; the last one has no end.
        units_per_price: 10⁹ octets a GB, 2³⁰ a GiB; 3600 seconds an hour where the plan charges time.
        cap_minor: the most that a period's usage costs.
    """

    tiers: tuple[Tier, ...]
    units_per_price: int
    cap_minor: int | None = None

    @property
    def first_price_minor(self) -> int:
        """Return what the first charged units cost, per `units_per_price`."""
        return self.tiers[0].price_minor


@dataclass(frozen=True, slots=True)
class HappyHours:
    """A window of the week in which usage counts, costs or goes otherwise.

    Attributes:
        spans: half-open, in minutes since Monday 00:00, local time; empty for one on holidays alone.
        on_holidays: True: a holiday is in the window from 00:00 to 24:00, whatever its weekday; False: never on a
            holiday; None: a holiday is a day like others.
        weight: what an octet counts, as numerator and denominator; (1, 1) counts in full, (0, 1) is free.
        price_minor: per `units_per_price` of the tariff, beside tiers and allowance; None leaves it to them.
        down_bps, up_bps: the speed meanwhile; None leaves the plan's.
    """

    name: str
    spans: Spans
    on_holidays: bool | None = None
    weight: tuple[int, int] = (1, 1)
    price_minor: int | None = None
    down_bps: int | None = None
    up_bps: int | None = None


@dataclass(frozen=True, slots=True)
class TimeAllowance:
    """Seconds online included in each period."""

    seconds: int


@dataclass(frozen=True, slots=True)
class FairUseStep:
    """A speed from a share of the allowance on."""

    from_percent: int  # of the allowance, 1 to 1000; steps come in rising order
    down_bps: int
    up_bps: int


@dataclass(frozen=True, slots=True)
class Rollover:
    """What is left of the plan's own allowance comes along for some periods."""

    periods: int
    cap_units: int | None


@dataclass(frozen=True, slots=True)
class TopUp:
    """Octets or seconds that can be bought: exactly one of both."""

    code: str
    name: str
    price_minor: int
    data_octets: int | None
    time_seconds: int | None
    valid_days: int | None  # from the day it is bought; None: to the end of the billing period


@dataclass(frozen=True, slots=True)
class AddOn:
    """A further fee a service may take beside its plan, each period, such as a static address or a TV package."""

    code: str
    name: str
    price_minor: int
    revenue: str
    telecom_revenue: bool


@dataclass(frozen=True, slots=True)
class Discount:
    """Taken from recurring fees: exactly one of percent and amount.

    Attributes:
        percent_hundredths: 10 % is 1000.
        amount_minor: at most what there is to take from.
        periods: how many periods it lasts; None for as long as the service.
        from_on: the first day, of one that a service has by itself; None: from when it has the plan.
    """

    name: str
    percent_hundredths: int | None
    amount_minor: int | None
    periods: int | None
    from_on: date | None = None


@dataclass(frozen=True, slots=True)
class TaxChoice:
    """Which tax the plan's prices bear, by the code of a tax rule such as `ppn`; None for none."""

    code: str | None = None
    inclusive: bool = True


NOTIFY_PERCENTS: Final = (80, 100)
ANYBODY: Final = SoldTo()
UNTAXED: Final = TaxChoice()
