"""rate_period(): what the usage of a service costs in a billing period, and what of its allowance is used.

A pure function of sums, so that slices may come in any order and portions: the meter calls it with the sums so far, the
billing run with those of the whole period, and both by the same code.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import NamedTuple

from netbilld.billing.plan import AfterAllowance, Charging, Plan
from netbilld.billing.plan_parts import Tariff
from netbilld.billing.rating.allowance import AllowanceState, Grant, Running, Unit, own_units
from netbilld.billing.rating.price import price_exact, tier_parts
from netbilld.billing.rating.stretch import Stretch, stretch_at
from netbilld.billing.rating.windows import OUTSIDE, window_of
from netbilld.model.periods import BillingPeriod, local_date
from netbilld.model.units import half_up

Sums = Mapping[tuple[date, int], tuple[int, int]]  # upload and download, by a stretch's first day and a window's number
_BY_OCTET = frozenset((Charging.VOLUME, Charging.HYBRID, Charging.PER_USE))


class UsageIn(NamedTuple):
    """Octets of a slice or of an hour: such that no edge of a window lies within."""

    start_at: datetime
    upload_octets: int
    download_octets: int


@dataclass(frozen=True, slots=True)
class UsageCharge:
    """What one price makes of one stretch; the usage behind it is that of the service in these days and this window.

    Attributes:
        from_on, until_on: the stretch.
        window: the name of the happy hours that have a price of their own; None for what tiers price.
        tier: its number from 0; None for happy hours.
        units: octets or seconds.
        price_minor, per_units: the price, for so many units.
        amount_minor: amounts of a period sum to half_up of the exact sum.
        is_capped: the plan's cap makes it less than units × price.
    """

    from_on: date
    until_on: date
    plan_code: str
    unit: Unit
    window: str | None
    tier: int | None
    units: int
    price_minor: int
    per_units: int
    amount_minor: int
    is_capped: bool = False


@dataclass(frozen=True, slots=True)
class WindowUse:
    """Octets of one stretch in one window, None outside of all; `weight` is what an octet counts, of the allowance."""

    from_on: date
    until_on: date
    plan_code: str
    window: str | None
    weight: tuple[int, int]
    upload_octets: int
    download_octets: int


@dataclass(frozen=True, slots=True)
class RatedPeriod:
    """The usage of one service in one billing period, priced.

    Attributes:
        data, time: the allowance and what was used of it; None where the plan in force last has none of it, and nothing
            was rolled over or bought.
        counted_octets: what counts by weight and direction, since the last time that what was used was let go.
        seconds: online.
    """

    period: BillingPeriod
    charges: tuple[UsageCharge, ...]
    amount_minor: int
    uses: tuple[WindowUse, ...]
    counted_octets: int
    seconds: int
    data: AllowanceState | None
    time: AllowanceState | None

    @property
    def upload_octets(self) -> int:
        return sum(use.upload_octets for use in self.uses)

    @property
    def download_octets(self) -> int:
        return sum(use.download_octets for use in self.uses)


def sums_of(
    usage: Iterable[UsageIn], stretches: Sequence[Stretch], timezone: str, holidays: Collection[date]
) -> dict[tuple[date, int], tuple[int, int]]:
    """Return usage summed up by stretch and window."""
    sums: dict[tuple[date, int], tuple[int, int]] = {}
    only = stretches[0] if len(stretches) == 1 else None
    for start_at, upload_octets, download_octets in usage:
        stretch = only or stretch_at(stretches, local_date(start_at, timezone))
        key = stretch.from_on, window_of(stretch.plan.happy_hours, start_at, timezone, holidays)
        before = sums.get(key, (0, 0))
        sums[key] = before[0] + upload_octets, before[1] + download_octets
    return sums


def rate_period(
    period: BillingPeriod,
    stretches: Sequence[Stretch],
    sums: Sums,
    *,
    seconds: Mapping[date, int] | None = None,
    grants: Sequence[Grant] = (),
    time_grants: Sequence[Grant] = (),
    activated_on: date,
    shared_octets: int | None = None,
) -> RatedPeriod:
    """Return what a period's usage costs, by rule 14.

    Args:
        period: the billing period.
        stretches: its days by plan; at least one.
        sums: usage by stretch and window.
        seconds: online, by the first day of each stretch.
        grants: of data beside the plan's own allowance.
        time_grants: of time likewise.
        activated_on: the first day of the service.
        shared_octets: what an allowance that is shared leaves to this service, instead of its plan's own.
    """
    seconds = seconds or {}
    bill = _Bill()
    uses: list[WindowUse] = []
    data, time = Running(Unit.DATA, grants), Running(Unit.TIME, time_grants)
    for stretch in stretches:
        plan = stretch.plan
        own = own_units(plan, Unit.DATA, period, activated_on)
        if shared_octets is not None and plan.allowance is not None:
            own = shared_octets
        data.begin(stretch.from_on, own, is_reset=stretch.is_reset)
        time.begin(stretch.from_on, own_units(plan, Unit.TIME, period, activated_on), is_reset=stretch.is_reset)
        counted, priced = _counted(stretch, sums, uses)
        began_octets, began_seconds = data.total, time.total
        data.total += counted
        time.total += seconds.get(stretch.from_on, 0)
        tariff = plan.usage
        if tariff is None or stretch.is_free:
            continue
        if plan.charging in _BY_OCTET:
            bill.add_tiers(stretch, tariff, Unit.DATA, began_octets, data.total, _included(plan, data))
            for window, octets in priced:
                price_minor = plan.happy_hours[window].price_minor or 0
                bill.add(stretch, tariff, Unit.DATA, plan.happy_hours[window].name, None, octets, price_minor)
        elif plan.charging is Charging.TIME:
            bill.add_tiers(stretch, tariff, Unit.TIME, began_seconds, time.total, time.own + time.extras)
    last = stretches[-1].plan
    return RatedPeriod(
        period,
        tuple(bill.charges),
        bill.amount_minor,
        tuple(uses),
        data.total,
        sum(seconds.values()),
        data.state() if last.allowance is not None or grants else None,
        time.state() if last.time_allowance is not None or time_grants else None,
    )


def is_charged(plan: Plan) -> bool:
    """Tell whether usage of a plan can cost anything."""
    return plan.usage is not None and plan.charging is not Charging.FLAT and not plan.free


def is_octet_charged(plan: Plan) -> bool:
    """Tell whether octets of a plan have a price."""
    return plan.usage is not None and plan.charging in _BY_OCTET


def plain_total_minor(plan: Plan, total_octets: int, included_octets: int) -> int:
    """Return what all octets of a period cost under one plan without windows: as `rate_period` does, in less time."""
    tariff = plan.usage
    if tariff is None:
        return 0
    amount_minor = half_up(*price_exact(tariff, max(0, total_octets - included_octets)))
    return amount_minor if tariff.cap_minor is None else min(amount_minor, tariff.cap_minor)


def includes_free_octets(plan: Plan) -> bool:
    """Tell whether what is in the allowance, or bought beside it, is not charged; it is only slowed down otherwise."""
    return plan.allowance is None or plan.allowance.after is AfterAllowance.CHARGE


def _included(plan: Plan, data: Running) -> int:
    return data.own + data.extras if includes_free_octets(plan) else 0


def _counted(stretch: Stretch, sums: Sums, uses: list[WindowUse]) -> tuple[int, list[tuple[int, int]]]:
    """Return the octets that count, by weight, and those of windows with a price of their own, by window."""
    plan = stretch.plan
    counted, priced = Fraction(0), []
    for number in range(OUTSIDE, len(plan.happy_hours)):
        found = sums.get((stretch.from_on, number))
        if found is None:
            continue
        window = None if number == OUTSIDE else plan.happy_hours[number]
        octets = plan.counted_octets(*found)
        weight = (1, 1) if window is None else window.weight
        if window is not None and window.price_minor is not None:
            weight = (0, 1)
            priced.append((number, octets))
        counted += Fraction(octets * weight[0], weight[1])
        name = None if window is None else window.name
        uses.append(WindowUse(stretch.from_on, stretch.until_on, plan.code, name, weight, *found))
    return int(counted), priced


class _Bill:
    """Charges of a period, rounded so that they sum to half_up of the exact sum."""

    def __init__(self) -> None:
        self.charges: list[UsageCharge] = []
        self.amount_minor = 0
        self._exact = Fraction(0)

    def add_tiers(self, stretch: Stretch, tariff: Tariff, unit: Unit, began: int, total: int, included: int) -> None:
        for part in tier_parts(tariff, max(0, began - included), max(0, total - included)):
            self.add(stretch, tariff, unit, None, part.tier, part.units, part.price_minor)

    def add(
        self,
        stretch: Stretch,
        tariff: Tariff,
        unit: Unit,
        window: str | None,
        tier: int | None,
        units: int,
        price_minor: int,
    ) -> None:
        if not units:
            return
        exact = Fraction(units * price_minor, tariff.units_per_price)
        room = exact if tariff.cap_minor is None else max(Fraction(0), tariff.cap_minor - self._exact)
        self._exact += min(exact, room)
        total_minor = half_up(self._exact.numerator, self._exact.denominator)
        self.charges.append(
            UsageCharge(
                stretch.from_on,
                stretch.until_on,
                stretch.plan.code,
                unit,
                window,
                tier,
                units,
                price_minor,
                tariff.units_per_price,
                total_minor - self.amount_minor,
                room < exact,
            )
        )
        self.amount_minor = total_minor
