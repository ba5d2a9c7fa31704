"""What a service would have cost under another plan: the same rules over the same days, the plan exchanged.

A span is priced by what begins in it: the fees of periods that begin from its first day to its last, and the usage of
billing periods that do. So the figures of one month are those of the invoices that bill it, whenever these came.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from netbilld.billing.fee_days import fee_stretches
from netbilld.billing.fees import FeePeriod, Owed, Share, Stretch, owed_in, periods
from netbilld.billing.plan import AfterAllowance, Plan, Timing
from netbilld.billing.rating.allowance import GrantKind
from netbilld.billing.rating.card import RateCard
from netbilld.billing.rating.period import RatedPeriod, UsageIn
from netbilld.billing.rating.windows import OUTSIDE, window_of
from netbilld.billing.terms import Stop, Terms, terms_on
from netbilld.model.periods import BillingPeriod, local_date, next_anchor, previous_anchor

DRAFT: Final = UUID(int=0)  # stands for the version that is not stored


@dataclass(frozen=True, slots=True)
class PricedService:
    """What its fees are worked out from.

    Attributes:
        ends_on: the day after its last one; None while it lives.
        paid_until_on: the last day that is paid for otherwise; None for none.
        closed_until_on: days before it were billed or paid before anything was written down; None where none were.
        known: fee periods that were billed, or bought: they keep their days.
    """

    id: UUID
    billing_day: int
    timezone: str
    activated_on: date
    ends_on: date | None
    paid_until_on: date | None
    terms: Sequence[Terms]
    stops: Sequence[Stop] = ()
    closed_until_on: date | None = None
    known: Mapping[Timing, Sequence[FeePeriod]] = field(default_factory=dict)


def first_day(service: PricedService, from_on: date) -> date:
    """Return from when on a span that begins on a day is priced: the first billing day in it, or the activation."""
    if service.activated_on >= from_on:
        return service.activated_on
    return next_anchor(from_on - timedelta(days=1), service.billing_day)


def usage_periods_in(service: PricedService, from_on: date, to_on: date) -> list[BillingPeriod]:
    """Return the billing periods whose usage a span is priced by; the one of the activation belongs to its day."""
    start_on = previous_anchor(first_day(service, from_on), service.billing_day)
    found = []
    while start_on <= to_on and (service.ends_on is None or start_on < service.ends_on):
        end_on = next_anchor(start_on, service.billing_day)
        if max(start_on, service.activated_on) <= to_on:
            found.append(BillingPeriod(start_on, end_on, service.timezone))
        start_on = end_on
    return found


def fees_minor(
    service: PricedService, terms: Sequence[Terms], plans: Mapping[UUID, Plan], from_on: date, to_on: date
) -> int:
    """Return what the fees of the periods that begin in a span cost by these terms, discounts taken off.

    A prepaid service counts as renewed without a break.
    """
    total_minor = 0
    for timing in Timing:
        stretches = _stretches(service, terms, plans, timing)
        known = service.known.get(timing, ()) if terms is service.terms else ()
        # one that is left for periods of another length and entered again is one
        for period in set(_periods_in(stretches, known, service, from_on, to_on)):
            total_minor += sum(part.amount_minor for part in owed_in(period, stretches, service.billing_day).values())
    return total_minor


def owed_now(
    service: PricedService, plans: Mapping[UUID, Plan], timing: Timing, period: FeePeriod
) -> dict[Share, Owed]:
    """Return what a period costs by all that is known now."""
    return owed_in(period, _stretches(service, service.terms, plans, timing), service.billing_day)


def _stretches(
    service: PricedService, terms: Sequence[Terms], plans: Mapping[UUID, Plan], timing: Timing
) -> list[Stretch]:
    stretches = fee_stretches(
        terms,
        service.stops,
        plans,
        timing=timing,
        activated_on=service.activated_on,
        ends_on=service.ends_on,
        paid_until_on=service.paid_until_on if timing is Timing.POSTPAID else None,
    )
    return _from(stretches, _begins_on(service)) if timing is Timing.POSTPAID else stretches


def _begins_on(service: PricedService) -> date:
    """Return the first day that invoices can bear, as the billing run has it."""
    if service.closed_until_on is not None:
        return service.closed_until_on
    if service.paid_until_on is None:
        return service.activated_on
    return max(service.activated_on, service.paid_until_on + timedelta(days=1))


def _from(stretches: Sequence[Stretch], begins_on: date) -> list[Stretch]:
    return [replace(one, from_on=max(one.from_on, begins_on)) for one in stretches if one.until_on > begins_on]


def _periods_in(
    stretches: Sequence[Stretch], known: Iterable[FeePeriod], service: PricedService, from_on: date, to_on: date
) -> Iterable[FeePeriod]:
    if not stretches:
        return
    # monthly periods begin on the billing day, wherever one begins to look; others are counted from their first day
    is_monthly = all(stretch.fee.cycle_days == 0 for stretch in stretches)
    look_on = max(first_day(service, from_on), stretches[0].from_on) if is_monthly else stretches[0].from_on
    for period in periods(stretches, known, service.billing_day, look_on, to_on):
        if from_on <= period.start_on <= to_on:
            yield period


def drafted(service: PricedService, plans: Mapping[UUID, Plan], draft: Plan, from_on: date) -> list[Terms]:
    """Return the terms as if the service had the draft, `DRAFT`, from the span's first day on.

    What the service has agreed beside its plan stays; a price of its own only for the plan that it was agreed for.
    """
    first_on = max(from_on, service.activated_on)
    before = [one for one in service.terms if one.from_on < first_on]
    now = terms_on(service.terms, first_on) or service.terms[0]
    own = [replace(now, from_on=first_on, is_reset=now.is_reset and now.from_on == first_on)]
    own += [one for one in service.terms if one.from_on > first_on]
    return before + [_under(one, plans[one.plan_version_id], draft) for one in own]


def _under(terms: Terms, had: Plan, draft: Plan) -> Terms:
    keeps = had.code == draft.code
    return replace(terms, plan_version_id=DRAFT, price_minor=terms.price_minor if keeps else None)


def drafted_card(card: RateCard, draft: Plan) -> RateCard:
    """Return the card as if the service had the draft all the time; top-ups it bought stay, what rolled over doesn't.

    Where it has had plans of that code only, everything stays.
    """
    terms = tuple(one._replace(plan=draft) for one in card.terms)
    if all(one.plan.code == draft.code for one in card.terms):
        return replace(card, terms=terms)
    return replace(card, terms=terms, given=tuple(one for one in card.given if one.kind is GrantKind.TOP_UP))


def is_slowed(rated: RatedPeriod, plan: Plan) -> bool:
    """Tell whether the allowance of a period was used up, where that slows the service down or stops it."""
    allowance = plan.allowance
    if allowance is None or allowance.after is AfterAllowance.CHARGE or rated.data is None:
        return False
    return rated.data.used_units >= rated.data.limit_units


def slowed_days(rated: RatedPeriod, plan: Plan, usage: Iterable[UsageIn], today: date) -> int:
    """Return on how many days of a period, begun ones too, the allowance was used up; as far as `today`.

    Holidays are taken for their weekdays, which moves the day by one at most where a window minds them.
    """
    if rated.data is None:
        return 0
    timezone, counted = rated.period.timezone, 0
    for one in sorted(usage):
        window = window_of(plan.happy_hours, one.start_at, timezone, ())
        weight = (1, 1)
        if window != OUTSIDE:
            happy = plan.happy_hours[window]
            weight = happy.weight if happy.price_minor is None else (0, 1)
        counted += plan.counted_octets(one.upload_octets, one.download_octets) * weight[0] // weight[1]
        if counted >= rated.data.limit_units:
            end_on = min(rated.period.end_on, today + timedelta(days=1))
            return max(0, (end_on - local_date(one.start_at, timezone)).days)
    return 0
