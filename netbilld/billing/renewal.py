"""Prepaid flat: what the wallet buys when a period has ended."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from netbilld.billing.invoice_builder import PeriodCharge, period_charge
from netbilld.billing.plan import Plan


@dataclass(frozen=True, slots=True)
class PrepaidService:
    """A service that is paid for in advance; `paid_until_on` is the last day paid for, None before the first."""

    id: UUID
    subscriber_id: UUID
    plan: Plan
    billing_day: int
    timezone: str
    paid_until_on: date | None


@dataclass(frozen=True, slots=True)
class Renewal:
    """A period bought."""

    charge: PeriodCharge

    @property
    def price_minor(self) -> int:
        return self.charge.line.amount_minor

    @property
    def paid_until_on(self) -> date:
        """Return the last day it pays for; access ends at local 00:00 after it."""
        return self.charge.end_on - timedelta(days=1)


def renewal_due(service: PrepaidService, wallet_minor: int, today: date) -> Renewal | None:
    """Return what to buy now; None while a paid day is left or the wallet does not cover the price.

    Validity extends from expiry, not from the day of the payment. Periods that are over by then are not sold: nobody
    pays for a month without service, and a payment always opens access. The first period begins today; a part of a
    month, up to the billing day, costs its part.
    """
    if service.paid_until_on is not None and today <= service.paid_until_on:
        return None
    charge = next_period(service.id, service.plan, service.billing_day, service.paid_until_on, today)
    return Renewal(charge) if wallet_minor >= charge.line.amount_minor else None


def next_period(
    service_id: UUID, plan: Plan, billing_day: int, paid_until_on: date | None, today: date
) -> PeriodCharge:
    """Return the period that comes after what is paid for, and lasts beyond today."""
    start_on = today if paid_until_on is None else paid_until_on + timedelta(days=1)
    charge = period_charge(service_id, plan, billing_day, start_on)
    while charge.end_on <= today:
        charge = period_charge(service_id, plan, billing_day, charge.end_on)
    return charge
