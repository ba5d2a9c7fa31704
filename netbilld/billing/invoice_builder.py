"""From services and the calendar to the lines of an invoice: fees in advance, part periods pro rata."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from netbilld.billing.chart import REVENUE_RECURRING, Account
from netbilld.billing.invoice import InvoiceLine, LineKind
from netbilld.billing.plan import Plan
from netbilld.billing.proration import prorata_minor
from netbilld.model.periods import next_anchor, previous_anchor

BACKLOG_DAYS_LIMIT: Final = 731
TOTAL_LIMIT_MINOR: Final = 10**12
REVENUE: Final[dict[LineKind, Account]] = {
    LineKind.RECURRING: REVENUE_RECURRING,
    LineKind.PRORATA: REVENUE_RECURRING,
}


@dataclass(frozen=True, slots=True)
class PeriodCharge:
    """The fee of one half-open period of a service, whole or in part."""

    service_id: UUID
    start_on: date
    end_on: date
    line: InvoiceLine


def period_charge(service_id: UUID, plan: Plan, billing_day: int, start_on: date) -> PeriodCharge:
    """Return the fee of the period that begins on a day.

    A monthly period ends on the next billing day; one that does not begin on the billing day is a part of a month and
    pro rata, divided by the days of the whole billing period. A period of days begins whenever it begins.
    """
    if plan.recurring is None:
        raise ValueError(f"plan {plan.code} has no fee")
    price_minor, days = plan.recurring.price_minor, plan.recurring.period_days
    if days is None:
        end_on = next_anchor(start_on, billing_day)
        used_days, whole_days = (end_on - start_on).days, (end_on - previous_anchor(start_on, billing_day)).days
    else:
        end_on = start_on + timedelta(days=days)
        used_days = whole_days = days
    text = f"{plan.name}, {start_on:%d/%m/%Y} - {end_on - timedelta(days=1):%d/%m/%Y}"
    if used_days == whole_days:
        line = InvoiceLine(LineKind.RECURRING, service_id, text, 1, price_minor, 1, price_minor)
    else:
        amount_minor = prorata_minor(price_minor, used_days, whole_days)
        text = f"{text} ({used_days}/{whole_days})"
        line = InvoiceLine(LineKind.PRORATA, service_id, text, used_days, price_minor, whole_days, amount_minor)
    return PeriodCharge(service_id, start_on, end_on, line)
