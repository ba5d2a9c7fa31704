"""What a service is billed by, as stretches of days with one fee each (docs/billing.md, rules 2 to 11)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from netbilld.billing.fees import ADD_ON, COMPONENT, FEE, Fee, FeeItem, GivenDiscount, Stretch
from netbilld.billing.plan import Plan, Timing
from netbilld.billing.plan_parts import StopPolicy
from netbilld.billing.prices import fee_price
from netbilld.billing.terms import Span, Stop, StopKind, Terms, chosen_add_ons, spans

REVENUE: str = "revenue:recurring"


def fee_stretches(
    terms: Sequence[Terms],
    stops: Sequence[Stop],
    plans: Mapping[UUID, Plan],
    *,
    timing: Timing,
    activated_on: date,
    ends_on: date | None = None,
    paid_until_on: date | None = None,
) -> list[Stretch]:
    """Return the stretches of a service that bear a fee, in order; days that cost nothing are told by `is_charged`.

    Args:
        terms: all of them, in order.
        stops: all of them.
        plans: the versions that the terms name.
        timing: only days that are billed that way; the others are left out.
        activated_on: fees begin here, and trials are counted from here.
        ends_on: the day after its last one; None while it lives.
        paid_until_on: the last day that is paid for otherwise; None for none.
    """
    until_on = ends_on or date.max
    since = _plans_since(terms, plans, activated_on)
    found: list[Stretch] = []
    fees: dict[int, Fee | None] = {}
    for span in spans(terms, stops, activated_on, until_on):
        key = id(span.terms)
        if key not in fees:
            plan = plans[span.terms.plan_version_id]
            is_ours = (span.terms.timing or plan.timing) is timing
            fees[key] = _fee(plan, span.terms, since[span.terms.from_on]) if is_ours else None
        fee = fees[key]
        if fee is None:
            continue
        plan = plans[span.terms.plan_version_id]
        free_until_on = date.min
        if plan.trial_days:
            free_until_on = activated_on + timedelta(days=plan.trial_days)
        if paid_until_on is not None:
            free_until_on = max(free_until_on, paid_until_on + timedelta(days=1))
        is_charged = not (plan.free or span.terms.free) and not _is_given_back(plan, span, timing)
        stretch = Stretch(span.from_on, span.until_on, fee, is_charged)
        if is_charged and span.from_on < free_until_on:
            edge = min(free_until_on, span.until_on)
            found.append(replace(stretch, until_on=edge, is_charged=False))
            if edge == span.until_on:
                continue
            stretch = replace(stretch, from_on=edge)
        found.append(stretch)
    return found


def _is_given_back(plan: Plan, span: Span, timing: Timing) -> bool:
    recurring = plan.recurring
    if span.stop is None or recurring is None:
        return False
    policy = recurring.when_paused if span.stop is StopKind.PAUSED else recurring.when_suspended
    if timing is Timing.PREPAID:  # what is frozen makes the period longer instead
        return policy is StopPolicy.CREDIT
    return policy is not StopPolicy.BILL


def _plans_since(terms: Sequence[Terms], plans: Mapping[UUID, Plan], activated_on: date) -> dict[date, date]:
    """Return, by the first day of terms, since when the service has had their plan, in whatever version."""
    since: dict[date, date] = {}
    code, began_on = None, activated_on
    for one in terms:
        if plans[one.plan_version_id].code != code:
            code, began_on = plans[one.plan_version_id].code, max(one.from_on, activated_on)
        since[one.from_on] = began_on
    return since


def _fee(plan: Plan, terms: Terms, since_on: date) -> Fee | None:
    recurring = plan.recurring
    if recurring is None:
        return None
    price = fee_price(plan, terms.price_minor, terms.customer_group, terms.area)
    items = [FeeItem(FEE, plan.name, price.price_minor, REVENUE)]
    items += [
        FeeItem(f"{COMPONENT}:{one.code}", one.name, one.price_minor, f"revenue:{one.revenue}", one.telecom_revenue)
        for one in plan.components
    ]
    items += [
        FeeItem(f"{ADD_ON}:{one.code}", one.name, one.price_minor, f"revenue:{one.revenue}", one.telecom_revenue)
        for one in chosen_add_ons(plan, terms)
    ]
    given = (*plan.discounts, *terms.discounts)
    return Fee(
        plan_version_id=terms.plan_version_id,
        cycle_days=recurring.period_days or 0,
        billed=recurring.billed,
        prorata=recurring.prorata,
        tax=plan.tax,
        items=tuple(items),
        discounts=tuple(GivenDiscount(one, one.from_on or since_on) for one in given),
    )
