"""From services and the calendar to the lines of an invoice: fees in advance, part periods pro rata."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from netbilld.billing.chart import REVENUE_RECURRING, Account
from netbilld.billing.invoice import Invoice, InvoiceLine, InvoiceStatus, LineKind
from netbilld.billing.plan import Plan
from netbilld.billing.proration import prorata_minor
from netbilld.model.errors import RefusedError
from netbilld.model.periods import next_anchor, previous_anchor

BACKLOG_DAYS_LIMIT: Final = 731
TOTAL_LIMIT_MINOR: Final = 10**12
REVENUE: Final[dict[LineKind, Account]] = {
    LineKind.RECURRING: REVENUE_RECURRING,
    LineKind.PRORATA: REVENUE_RECURRING,
}


@dataclass(frozen=True, slots=True)
class BilledService:
    """What billing needs to know of a service; `billed_until_on` is the end of what is billed, or was paid before."""

    id: UUID
    subscriber_id: UUID
    plan: Plan
    billing_day: int
    timezone: str
    activated_on: date
    billed_until_on: date | None


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


def charges_due(service: BilledService, as_of: date) -> Iterator[PeriodCharge]:
    """Yield the fees, in advance, of all periods that have begun by `as_of` and are not billed; none before activation.

    Raises:
        RefusedError: more than two years would be billed at once, which is more likely a wrong date than a debt.
    """
    start_on = service.billed_until_on or service.activated_on
    if as_of - start_on > timedelta(days=BACKLOG_DAYS_LIMIT):
        raise RefusedError(
            f"a service is unbilled since {start_on}, more than two years",
            hint=f"look at it, then bill step by step with --as-of {start_on + timedelta(days=BACKLOG_DAYS_LIMIT)}",
            code="backlog",
        )
    while start_on <= as_of:
        charge = period_charge(service.id, service.plan, service.billing_day, start_on)
        yield charge
        start_on = charge.end_on


def draft_invoice(
    invoice_id: UUID, subscriber_id: UUID, currency: str, timezone: str, charges: Sequence[PeriodCharge]
) -> Invoice:
    """Return the draft of one invoice for these charges, over the span from the first day to the last.

    Raises:
        RefusedError: the total is absurd.
    """
    total_minor = sum(charge.line.amount_minor for charge in charges)
    if total_minor > TOTAL_LIMIT_MINOR:
        raise RefusedError(f"the invoice would be {total_minor} {currency}", hint="check the plan's price")
    return Invoice(
        id=invoice_id,
        subscriber_id=subscriber_id,
        status=InvoiceStatus.DRAFT,
        number=None,
        issued_on=None,
        due_on=None,
        period_start_on=min(charge.start_on for charge in charges),
        period_end_on=max(charge.end_on for charge in charges),
        timezone=timezone,
        currency=currency,
        lines=tuple(charge.line for charge in charges if charge.line.amount_minor),
        tax_minor=0,
        total_minor=total_minor,
        paid_minor=0,
    )


def revenue_by_account(invoice: Invoice) -> dict[Account, int]:
    """Return what an invoice earns, by the account it is earned on."""
    earned: dict[Account, int] = {}
    for line in invoice.lines:
        account = REVENUE[line.kind]
        earned[account] = earned.get(account, 0) + line.amount_minor
    return earned
