"""What of an invoice nobody expects to be paid any more."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from netbilld.billing.invoice import DocumentKind, Invoice
from netbilld.model.errors import RefusedError


@dataclass(frozen=True, slots=True)
class WriteOff:
    """A part of an invoice that became a loss; it corrects no revenue, and its tax stays due."""

    id: UUID
    invoice_id: UUID
    subscriber_id: UUID
    amount_minor: int
    booked_on: date
    reason: str
    actor: str
    created_at: datetime


def amount_written_off(invoice: Invoice, asked_minor: int | None) -> int:
    """Return how much of an invoice is written off: what is asked for, or all that is owed.

    Raises:
        RefusedError: nothing is owed on it, or less than that.
    """
    owed_minor = invoice.outstanding_minor if invoice.kind is DocumentKind.INVOICE else 0
    if owed_minor <= 0:
        raise RefusedError(f"nothing is owed on {invoice.number or invoice.id}", code="nothing_owed")
    amount_minor = owed_minor if asked_minor is None else asked_minor
    if not 0 < amount_minor <= owed_minor:
        raise RefusedError(
            f"of invoice {invoice.number} {owed_minor} is owed: write off from 1 to that", code="bad_amount"
        )
    return amount_minor
