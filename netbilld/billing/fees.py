"""What fees a service owes: stretches of days with one price each, periods, and what of a period costs what.

docs/billing.md, rules 1 to 11. What is billed is a difference to what was billed before: billing/charges.py.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from netbilld.billing.plan_parts import BilledWhen, Discount, ProRata, TaxChoice
from netbilld.model.periods import next_anchor, previous_anchor
from netbilld.model.units import half_up

FEE: Final = "fee"
COMPONENT: Final = "component"
ADD_ON: Final = "addon"
DISCOUNT: Final = "discount"
DISCOUNTS: Final = "discounts"
_DAYS_OF_THIRTY: Final = 30
_PERCENT: Final = 10_000


@dataclass(frozen=True, slots=True)
class FeeItem:
    """A part of what recurs, with a line of its own."""

    code: str  # fee, component:tv, addon:static_ip
    name: str
    price_minor: int
    revenue: str
    is_telecom: bool = True


@dataclass(frozen=True, slots=True)
class GivenDiscount:
    """A discount, and the day from which its periods are counted."""

    discount: Discount
    since_on: date


@dataclass(frozen=True, slots=True)
class Fee:
    """What recurs for a service.

    Attributes:
        cycle_days: of a period; 0 for a month from billing day to billing day.
        items: the fee itself first.
    """

    plan_version_id: UUID
    cycle_days: int
    billed: BilledWhen
    prorata: ProRata
    tax: TaxChoice
    items: tuple[FeeItem, ...]
    discounts: tuple[GivenDiscount, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days [from_on, until_on) that are billed alike; `is_charged` is false where they cost nothing."""

    from_on: date
    until_on: date
    fee: Fee
    is_charged: bool = True


@dataclass(frozen=True, slots=True)
class FeePeriod:
    """Days [start_on, end_on) that are billed together; a part of a period of `of_days` where it is shorter."""

    cycle_days: int
    start_on: date
    end_on: date
    of_days: int

    @property
    def days(self) -> int:
        return (self.end_on - self.start_on).days


@dataclass(frozen=True, slots=True)
class Share:
    """What of a period is billed at one price, which is another one where it bears another tax."""

    item: str
    price_minor: int
    tax_code: str | None
    inclusive: bool


@dataclass(slots=True)
class Owed:
    """What a share costs by the days that are known; the amount of a discount is below zero."""

    name: str
    revenue: str
    plan_version_id: UUID
    prorata: ProRata
    billed: BilledWhen
    is_telecom: bool
    from_on: date
    until_on: date
    days: int = 0
    amount_minor: int = 0


def periods(
    stretches: Sequence[Stretch], known: Iterable[FeePeriod], billing_day: int, start_on: date, until_on: date
) -> Iterator[FeePeriod]:
    """Yield the periods that begin from `start_on` to `until_on`, both included; what was billed once keeps its days.

    A monthly period ends on the next billing day; one that does not begin on it is a part of a month. A period of days
    begins when its stretch begins. A change of the billing day is so reached by a part period.
    """
    kept: dict[int, list[FeePeriod]] = {}
    for period in sorted(known, key=lambda one: one.start_on):
        kept.setdefault(period.cycle_days, []).append(period)
    ended_on: dict[int, date] = {}  # a period holds the days after a break in it too
    for from_on, to_on, cycle_days in _cycles(stretches):
        begin_on = max(from_on, start_on, ended_on.get(cycle_days, start_on))
        of_cycle = kept.get(cycle_days, [])
        while begin_on < to_on and begin_on <= until_on:
            inside = next((one for one in of_cycle if one.start_on <= begin_on < one.end_on), None)
            if inside is None:
                inside = period_from(cycle_days, begin_on, billing_day)
                later = next((one for one in of_cycle if begin_on < one.start_on < inside.end_on), None)
                if later is not None:
                    inside = FeePeriod(cycle_days, begin_on, later.start_on, inside.of_days)
            yield inside
            begin_on = ended_on[cycle_days] = inside.end_on


def _cycles(stretches: Sequence[Stretch]) -> Iterator[tuple[date, date, int]]:
    """Yield (from, until, days of a period) of touching stretches with periods of one length."""
    at = 0
    while at < len(stretches):
        first = last = stretches[at]
        at += 1
        while (
            at < len(stretches)
            and stretches[at].fee.cycle_days == first.fee.cycle_days
            and stretches[at].from_on == last.until_on
        ):
            last = stretches[at]
            at += 1
        yield first.from_on, last.until_on, first.fee.cycle_days


def period_from(cycle_days: int, start_on: date, billing_day: int) -> FeePeriod:
    """Return the period that begins on a day."""
    if cycle_days:
        return FeePeriod(cycle_days, start_on, start_on + timedelta(days=cycle_days), cycle_days)
    end_on = next_anchor(start_on, billing_day)
    return FeePeriod(0, start_on, end_on, (end_on - previous_anchor(start_on, billing_day)).days)


def part_minor(price_minor: int, days: int, period: FeePeriod, prorata: ProRata) -> int:
    """Return what `days` of a period cost; all its days cost the price."""
    if not days:
        return 0
    if prorata is ProRata.NONE or days >= period.of_days:
        return price_minor
    if prorata is ProRata.THIRTY and not period.cycle_days:
        return min(price_minor, half_up(price_minor * days, _DAYS_OF_THIRTY))
    return half_up(price_minor * days, period.of_days)


def owed_in(period: FeePeriod, stretches: Sequence[Stretch], billing_day: int) -> dict[Share, Owed]:
    """Return what a period costs by the stretches that are known.

    Args:
        period: any.
        stretches: of the service, in order.
        billing_day: as wanted.
    """
    owed: dict[Share, Owed] = {}
    bases: dict[tuple[GivenDiscount, Share], tuple[Stretch, int]] = {}
    order: dict[GivenDiscount, None] = {}
    whole: dict[str, Share] = {}  # the last price of what is billed by whole periods
    for stretch in stretches:
        fee = stretch.fee
        from_on, until_on = max(stretch.from_on, period.start_on), min(stretch.until_on, period.end_on)
        if not stretch.is_charged or fee.cycle_days != period.cycle_days or from_on >= until_on:
            continue
        days = (until_on - from_on).days
        for item in fee.items:
            share = Share(item.code, item.price_minor, fee.tax.code, fee.tax.inclusive)
            found = owed.get(share)
            if found is None:
                found = owed[share] = Owed(
                    item.name,
                    item.revenue,
                    fee.plan_version_id,
                    fee.prorata,
                    fee.billed,
                    item.is_telecom,
                    from_on,
                    until_on,
                )
            elif fee.billed is BilledWhen.ADVANCE:
                found.billed = BilledWhen.ADVANCE
            found.until_on, found.prorata = until_on, fee.prorata
            found.days += days
            if fee.prorata is ProRata.NONE:
                whole[item.code] = share
            for given in fee.discounts:
                if _counts(given, period, billing_day):
                    order[given] = None
                    _, before = bases.get((given, share), (stretch, 0))
                    bases[given, share] = stretch, before + days
    _whole_at_the_last_price(owed, whole)
    for share, part in owed.items():
        if part.amount_minor >= 0 and part.days:
            part.amount_minor = part_minor(share.price_minor, part.days, period, part.prorata)
    for given in order:
        _discount(given, period, owed, {share: of for (one, share), of in bases.items() if one == given})
    return owed


def _whole_at_the_last_price(owed: dict[Share, Owed], last: Mapping[str, Share]) -> None:
    """Let what is billed by whole periods be billed at one price: the last one that was."""
    for share, part in owed.items():
        if part.prorata is ProRata.NONE and last[share.item] != share:
            part.days = 0


def _counts(given: GivenDiscount, period: FeePeriod, billing_day: int) -> bool:
    """Tell whether a discount that is given for some periods is still given in this one; a part period is one too."""
    if given.discount.periods is None:
        return True
    if period.cycle_days:
        before = max(0, -(-(period.start_on - given.since_on).days // period.cycle_days))  # that have begun since
        return before < given.discount.periods
    first, this = (previous_anchor(on, billing_day) for on in (given.since_on, period.start_on))
    return (this.year - first.year) * 12 + this.month - first.month < given.discount.periods


def _discount(
    given: GivenDiscount, period: FeePeriod, owed: dict[Share, Owed], bases: Mapping[Share, tuple[Stretch, int]]
) -> None:
    """Add what a discount takes off, one share for each tax, and for what is billed first and after; see rule 11.

    It never takes more than is left of the fees that it is taken from and billed with.
    """
    discount = given.discount
    together: dict[tuple[str | None, bool, BilledWhen], list[tuple[Share, Stretch, int]]] = {}
    for share, (stretch, days) in bases.items():
        key = share.tax_code, share.inclusive, owed[share].billed
        together.setdefault(key, []).append((share, stretch, days))
    rest_minor = discount.amount_minor or 0
    for (tax_code, inclusive, billed), parts in together.items():
        base_minor = sum(
            part_minor(share.price_minor, min(days, owed[share].days), period, owed[share].prorata)
            for share, _, days in parts
        )
        left_minor = sum(
            part.amount_minor
            for share, part in owed.items()
            if (share.tax_code, share.inclusive, part.billed) == (tax_code, inclusive, billed)
        )
        if discount.percent_hundredths is not None:
            taken_minor = half_up(base_minor * discount.percent_hundredths, _PERCENT)
        else:
            taken_minor = rest_minor
        taken_minor = min(taken_minor, base_minor, left_minor)
        rest_minor -= taken_minor
        if taken_minor <= 0:
            continue
        share, stretch, _ = parts[0]
        priced = discount.percent_hundredths or discount.amount_minor or 0
        first, last = owed[parts[0][0]], owed[parts[-1][0]]
        later = ":arrears" if billed is BilledWhen.ARREARS else ""
        own = Share(f"{DISCOUNT}:{discount.name}"[:70] + later, priced, tax_code, inclusive)
        if (alike := owed.get(own)) is not None:  # another plan's discount of the same name
            alike.amount_minor -= taken_minor
            alike.until_on = max(alike.until_on, last.until_on)
            continue
        owed[own] = Owed(
            discount.name,
            DISCOUNTS,
            stretch.fee.plan_version_id,
            first.prorata,
            first.billed,
            is_telecom=True,
            from_on=first.from_on,
            until_on=last.until_on,
            days=0,
            amount_minor=-taken_minor,
        )
