"""Metered usage on a postpaid bill: lines of a period that is over, and what came late for one that is billed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from netbilld.billing.bill import ServiceToBill
from netbilld.billing.invoice import InvoiceLine, LineKind
from netbilld.billing.plan import Plan, Timing
from netbilld.billing.rating.allowance import Unit
from netbilld.billing.rating.period import RatedPeriod, UsageCharge, is_charged
from netbilld.billing.terms import Terms, terms_on
from netbilld.model.errors import RefusedError
from netbilld.model.periods import BillingPeriod, next_anchor, previous_anchor

REVENUE: Final = "revenue:usage"
LOOK_BACK: Final = 2  # periods before, in which usage may still come late
PERIODS_LIMIT: Final = 25


@dataclass(frozen=True, slots=True)
class BilledUsage:
    """What was billed of the usage of a period, once or in sum; octets as metered when it was billed last."""

    start_on: date
    end_on: date
    upload_octets: int
    download_octets: int
    amount_minor: int


def charged_since(service: ServiceToBill, plans: Mapping[UUID, Plan]) -> date | None:
    """Return the first day whose usage may stand on an invoice; None where there is none."""
    return min((one.from_on for one in service.terms if _pays_after(one, plans)), default=None)


def _pays_after(terms: Terms, plans: Mapping[UUID, Plan]) -> bool:
    plan = plans[terms.plan_version_id]
    return (terms.timing or plan.timing) is Timing.POSTPAID and is_charged(plan)


def usage_periods_due(
    service: ServiceToBill, as_of: date, *, is_final: bool
) -> tuple[list[BillingPeriod], BillingPeriod]:
    """Return the periods whose usage is to be billed by a day, and the one that follows.

    Raises:
        RefusedError: more than two years would be billed at once.
    """
    state = service.state
    start_on = state.usage_until_on if state else None
    if start_on is None:
        first_on = state.closed_until_on if state and state.closed_until_on else service.activated_on
        start_on = previous_anchor(first_on, service.billing_day)
    due: list[BillingPeriod] = []
    while True:
        period = BillingPeriod(start_on, next_anchor(start_on, service.billing_day), service.timezone)
        is_last = is_final and service.ends_on is not None and period.start_on < service.ends_on
        if period.end_on > as_of and not is_last:
            return due, period
        due.append(period)
        if len(due) > PERIODS_LIMIT:
            raise RefusedError(f"the usage of a service is unbilled since {due[0].start_on}", code="backlog")
        start_on = period.end_on


def usage_lines(
    service: ServiceToBill, plans: Mapping[UUID, Plan], rated: RatedPeriod
) -> tuple[list[InvoiceLine], BilledUsage]:
    """Return the lines of a period: one for each price and stretch that costs something."""
    lines = [
        _line(service, plans, rated, charge, LineKind.USAGE)
        for charge in _after(service, plans, rated)
        if charge.amount_minor
    ]
    return lines, _billed(rated, sum(line.amount_minor for line in lines))


def late_lines(
    service: ServiceToBill, plans: Mapping[UUID, Plan], rated: RatedPeriod, billed: BilledUsage
) -> tuple[list[InvoiceLine], BilledUsage | None]:
    """Return the line for what a period costs more, or less, than was billed of it; none where that is the same.

    None either where no octets have come: what else is otherwise by now, such as an allowance that is shared since, is
    no reason to rate again what is billed.
    """
    charges = _after(service, plans, rated)
    is_timed = any(charge.unit is Unit.TIME for charge in charges)
    if not is_timed and (rated.upload_octets, rated.download_octets) == (billed.upload_octets, billed.download_octets):
        return [], None
    more_minor = sum(charge.amount_minor for charge in charges) - billed.amount_minor
    more = _billed(rated, more_minor)
    octets = more.upload_octets + more.download_octets - billed.upload_octets - billed.download_octets
    if not more_minor:
        return [], None
    terms = terms_on(service.terms, rated.period.end_on - timedelta(days=1)) or service.terms[-1]
    plan = plans[terms.plan_version_id]
    line = InvoiceLine(
        kind=LineKind.LATE_USAGE,
        service_id=service.id,
        text=f"{plan.name}, {_days(rated.period.start_on, rated.period.end_on)}, susulan / late usage",
        quantity=1,
        unit_price_minor=more_minor,
        per=1,
        amount_minor=more_minor,
        tax_code=plan.tax.code,
        inclusive=plan.tax.inclusive,
        revenue=REVENUE,
        from_on=rated.period.start_on,
        until_on=rated.period.end_on,
        site=service.site,
        details={"period": _iso(rated), "octets": octets, "billed_before": billed.amount_minor},
    )
    return [line], more


def _after(service: ServiceToBill, plans: Mapping[UUID, Plan], rated: RatedPeriod) -> list[UsageCharge]:
    """Return the charges of stretches that are paid after; others the wallet has paid."""
    found = []
    for charge in rated.charges:
        terms = terms_on(service.terms, charge.from_on) or service.terms[0]
        if _pays_after(terms, plans):
            found.append(charge)
    return found


def _line(
    service: ServiceToBill, plans: Mapping[UUID, Plan], rated: RatedPeriod, charge: UsageCharge, kind: LineKind
) -> InvoiceLine:
    terms = terms_on(service.terms, charge.from_on) or service.terms[0]
    plan = plans[terms.plan_version_id]
    said = charge.window or (f"tier {charge.tier + 1}" if charge.tier else "")
    details: dict[str, Any] = {"period": _iso(rated), "unit": charge.unit.value, "plan": charge.plan_code}
    if charge.tier is not None:
        details["tier"] = charge.tier
    if charge.window is not None:
        details["window"] = charge.window
    if charge.is_capped:
        details["capped"] = True
    return InvoiceLine(
        kind=kind,
        service_id=service.id,
        text=", ".join(filter(None, (plan.name, _shown(charge), _days(charge.from_on, charge.until_on), said))),
        quantity=charge.units,
        unit_price_minor=charge.price_minor,
        per=charge.per_units,
        amount_minor=charge.amount_minor,
        tax_code=plan.tax.code,
        inclusive=plan.tax.inclusive,
        revenue=REVENUE,
        from_on=charge.from_on,
        until_on=charge.until_on,
        site=service.site,
        details=details,
    )


def _shown(charge: UsageCharge) -> str:
    if charge.unit is Unit.TIME:
        return f"{charge.units // 3600}:{charge.units % 3600 // 60:02} h"
    name = "GiB" if charge.per_units == 2**30 else "GB"
    hundredths = charge.units * 100 // charge.per_units
    return f"{hundredths // 100},{hundredths % 100:02} {name}"


def _days(from_on: date, until_on: date) -> str:
    return f"{from_on:%d/%m/%Y} - {until_on - timedelta(days=1):%d/%m/%Y}"


def _iso(rated: RatedPeriod) -> list[str]:
    return [rated.period.start_on.isoformat(), rated.period.end_on.isoformat()]


def _billed(rated: RatedPeriod, amount_minor: int) -> BilledUsage:
    return BilledUsage(
        rated.period.start_on,
        rated.period.end_on,
        sum(use.upload_octets for use in rated.uses),
        sum(use.download_octets for use in rated.uses),
        amount_minor,
    )
