"""Prepaid: what the wallet buys when a period has ended, what it costs, and days that a pause gives on top."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from netbilld.billing.charges import BilledShare, FeeFacts, share_charges
from netbilld.billing.fee_days import fee_stretches
from netbilld.billing.fees import FeePeriod, Share, Stretch, owed_in, period_from
from netbilld.billing.invoice import InvoiceLine
from netbilld.billing.plan import Plan, Timing
from netbilld.billing.plan_parts import ExtendsFrom, StopPolicy
from netbilld.billing.tax import NOTHING_TAXED, TaxPolicy, tax_lines
from netbilld.billing.terms import Stop, StopKind, Terms, terms_on

FROZEN: Final = "frozen"  # days by which a period was made longer
_ENOUGH_MINOR: Final = 10**15  # a wallet that covers any price: it is the price that is asked for


@dataclass(frozen=True, slots=True)
class PrepaidService:
    """A service that is paid for in advance.

    Attributes:
        paid_until_on: the last day paid for, None before the first.
        before: what was billed of its prepaid periods, and the days that were frozen.
        round: how often it was billed.
    """

    id: UUID
    subscriber_id: UUID
    billing_day: int
    timezone: str
    activated_on: date
    paid_until_on: date | None
    terms: Sequence[Terms]
    stops: Sequence[Stop] = ()
    before: Sequence[BilledShare] = ()
    round: int = 0


@dataclass(frozen=True, slots=True)
class Renewal:
    """A period bought, or days given by a pause; access ends at local 00:00 after `paid_until_on`.

    Attributes:
        plan: of its first day.
        start_on: the first day of it.
        lines: what it costs, with taxes; what is given back of earlier periods is below zero.
        shares: what is to be written down as billed.
    """

    plan: Plan
    start_on: date
    paid_until_on: date
    lines: tuple[InvoiceLine, ...] = ()
    shares: tuple[BilledShare, ...] = field(default=(), repr=False)

    @property
    def price_minor(self) -> int:
        """Return what the wallet pays; below zero where more comes back than it costs."""
        return sum(line.gross_minor for line in self.lines)


def renewal_due(
    service: PrepaidService,
    plans: Mapping[UUID, Plan],
    wallet_minor: int,
    today: date,
    *,
    tax: TaxPolicy = NOTHING_TAXED,
    exempt: bool = False,
) -> Renewal | None:
    """Return what to buy now; None while a paid day is left or the wallet does not cover the price.

    Validity extends from expiry, unless the plan says from now. Periods that are over by then are not sold: nobody pays
    for a month without service, and a payment always opens access. The first period begins today; a part of a month, up
    to the billing day, costs its part. What changed about earlier periods - a plan change, a pause that is given back -
    is made good with it.
    """
    terms = terms_on(service.terms, today)
    if terms is None:
        return None
    plan = plans[terms.plan_version_id]
    if (terms.timing or plan.timing) is not Timing.PREPAID:
        return None
    frozen, paid_until_on = _thawed(service, plans, today)
    if paid_until_on is not None and today <= paid_until_on:
        return Renewal(plan, today, paid_until_on, shares=tuple(frozen)) if frozen else None
    stretches = fee_stretches(
        service.terms, service.stops, plans, timing=Timing.PREPAID, activated_on=service.activated_on
    )
    is_from_now = plan.recurring is not None and plan.recurring.extends_from is ExtendsFrom.NOW
    start_on = today if paid_until_on is None or is_from_now else paid_until_on + timedelta(days=1)
    period = _period(stretches, service.billing_day, start_on, today)
    if period is None:
        return None
    before = [one for one in service.before if one.share.item != FROZEN]
    facts = FeeFacts(service.id, stretches, service.billing_day, period.start_on, None)
    charges = share_charges(facts, [period], before)
    frozen += _unpaid(service, plans, today, frozen)
    lines = tax_lines(charges.lines, tax, today, exempt=exempt)
    found = Renewal(plan, period.start_on, period.end_on - timedelta(days=1), lines, (*frozen, *charges.billed))
    return found if found.price_minor <= max(wallet_minor, 0) or found.price_minor <= 0 else None


def next_renewal(
    service: PrepaidService, plans: Mapping[UUID, Plan], today: date, *, tax: TaxPolicy, exempt: bool
) -> tuple[date, Renewal] | None:
    """Return when a service buys its next period, whatever its wallet holds, and what; None where it buys none."""
    paid_until_on = service.paid_until_on
    on = today if paid_until_on is None or paid_until_on < today else paid_until_on + timedelta(days=1)
    renewal = renewal_due(service, plans, _ENOUGH_MINOR, on, tax=tax, exempt=exempt)
    return (on, renewal) if renewal is not None and renewal.lines else None


def next_price_minor(plan: Plan, billing_day: int, paid_until_on: date | None, today: date) -> int:
    """Return what the period after the one that is paid costs by the plan alone, its components and discounts in it.

    A service's own add-ons and discounts, what is given back, and for how long it has had a discount are not in it:
    `next_renewal` knows.
    """
    version = UUID(int=0)
    start_on = today if paid_until_on is None else paid_until_on + timedelta(days=1)
    service = PrepaidService(version, version, billing_day, "UTC", start_on, paid_until_on, (Terms(start_on, version),))
    stretches = fee_stretches(
        service.terms, (), {version: replace(plan, timing=Timing.PREPAID, trial_days=0)},
        timing=Timing.PREPAID, activated_on=start_on,
    )  # fmt: skip
    period = _period(stretches, billing_day, start_on, max(today, start_on))
    if period is None:
        return 0
    return sum(part.amount_minor for part in owed_in(period, stretches, billing_day).values())


def _period(stretches: Sequence[Stretch], billing_day: int, start_on: date, today: date) -> FeePeriod | None:
    """Return the period from a day on, or the first after it that lasts beyond today.

    First days of it that cost nothing, such as a trial, are sold by themselves.
    """
    now = next((one for one in stretches if one.from_on <= today < one.until_on), None)
    if now is None:
        return None
    period = period_from(now.fee.cycle_days, start_on, billing_day)
    while period.end_on <= today:
        period = period_from(now.fee.cycle_days, period.end_on, billing_day)
    free_until_on = period.start_on
    for one in stretches:
        if one.from_on <= free_until_on < one.until_on and not one.is_charged:
            free_until_on = one.until_on
    if max(period.start_on, today) < free_until_on < period.end_on:
        return replace(period, end_on=free_until_on)
    return period


def _thawed(service: PrepaidService, plans: Mapping[UUID, Plan], today: date) -> tuple[list[BilledShare], date | None]:
    """Return what is to be written down of pauses that make a period longer, and until when it is paid by them."""
    paid_until_on = service.paid_until_on
    known = {one.period.start_on for one in service.before if one.share.item == FROZEN}
    frozen: list[BilledShare] = []
    for stop in sorted(service.stops, key=lambda one: one.from_on):
        until_on = stop.until_on
        if paid_until_on is None or until_on is None or until_on > today or stop.from_on in known:
            continue
        terms = terms_on(service.terms, stop.from_on)
        if terms is None or stop.from_on > paid_until_on or not _freezes(plans[terms.plan_version_id], stop.kind):
            continue
        days = (min(until_on, paid_until_on + timedelta(days=1)) - stop.from_on).days
        if days <= 0:
            continue
        paid_until_on += timedelta(days=days)
        frozen.append(_frozen(stop.from_on, until_on, terms.plan_version_id, days))
    return frozen, paid_until_on


def _unpaid(
    service: PrepaidService, plans: Mapping[UUID, Plan], today: date, thawed: Sequence[BilledShare]
) -> list[BilledShare]:
    """Return what is to be written down of pauses in which no day was paid for, so that they give none later."""
    known = {one.period.start_on for one in (*service.before, *thawed) if one.share.item == FROZEN}
    found = []
    for stop in service.stops:
        terms = terms_on(service.terms, stop.from_on)
        if stop.until_on is None or stop.until_on > today or stop.from_on in known or terms is None:
            continue
        if _freezes(plans[terms.plan_version_id], stop.kind):
            found.append(_frozen(stop.from_on, stop.until_on, terms.plan_version_id, 0))
    return found


def _frozen(from_on: date, until_on: date, plan_version_id: UUID, days: int) -> BilledShare:
    period = FeePeriod(0, from_on, until_on, max((until_on - from_on).days, 1))
    share = Share(FROZEN, 0, None, inclusive=True)
    return BilledShare(period, share, FROZEN, "", plan_version_id, days, 0)


def _freezes(plan: Plan, kind: StopKind) -> bool:
    if plan.recurring is None:
        return False
    policy = plan.recurring.when_paused if kind is StopKind.PAUSED else plan.recurring.when_suspended
    return policy is StopPolicy.FREEZE
