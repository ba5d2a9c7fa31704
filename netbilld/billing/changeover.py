"""From which day on a change of plan holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Final
from uuid import UUID

from netbilld.billing.plan import Plan, Timing
from netbilld.billing.terms import Terms
from netbilld.model.periods import next_anchor

_MONTH_DAYS: Final = Fraction(365, 12)


@dataclass(frozen=True, slots=True)
class Calendar:
    """What the periods of a service go by."""

    billing_day: int
    fee_from_on: date  # where fees are for days, they are counted from here
    paid_until_on: date | None


def next_period_on(plan: Plan, calendar: Calendar, today: date) -> date:
    """Return the next day on which a period of the fee begins; after what is paid for, where it is prepaid."""
    recurring = plan.recurring
    paid_until_on = calendar.paid_until_on
    if plan.timing is Timing.PREPAID and recurring is not None and paid_until_on is not None and paid_until_on >= today:
        return paid_until_on + timedelta(days=1)
    if recurring is not None and recurring.period_days is not None:
        passed = max((today - calendar.fee_from_on).days, 0) // recurring.period_days + 1
        return calendar.fee_from_on + timedelta(days=passed * recurring.period_days)
    return next_anchor(today, calendar.billing_day)


def is_upgrade(before: Plan, after: Plan) -> bool:
    """Tell whether a plan costs more a day than another, by its fee; a plan without a fee costs nothing a day."""
    return _a_day(after) > _a_day(before)


def fee_began_on(terms: Sequence[Terms], plans: Mapping[UUID, Plan], today: date) -> date:
    """Return since when the fee has had periods of the length it has today."""
    known = [one for one in terms if one.from_on <= today] or list(terms[:1])
    began = known[-1].from_on
    length = _period_days(plans[known[-1].plan_version_id])
    for one in reversed(known):
        if _period_days(plans[one.plan_version_id]) != length:
            break
        began = one.from_on
    return began


def _period_days(plan: Plan) -> int | None:
    return plan.recurring.period_days if plan.recurring is not None else None


def _a_day(plan: Plan) -> Fraction:
    if plan.recurring is None or plan.free:
        return Fraction(0)
    price_minor = plan.recurring.price_minor + sum(component.price_minor for component in plan.components)
    return price_minor / (Fraction(plan.recurring.period_days) if plan.recurring.period_days else _MONTH_DAYS)
