"""What of an invoice nobody expects to be paid any more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from netbilld.billing.invoice import DocumentKind, Invoice
from netbilld.model.errors import RefusedError

WRITE_OFF: Final = "write_off"  # what has settled a part of an invoice


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


@dataclass(frozen=True, slots=True)
class Lost:
    """What of an invoice is written off so far."""

    invoice_id: UUID
    number: str
    amount_minor: int


def recovered(held_minor: int, losses: Sequence[Lost]) -> list[Lost]:
    """Return what of losses, in their order, so much money makes good."""
    parts = []
    for one in losses:
        part_minor = min(one.amount_minor, held_minor)
        if part_minor > 0:
            parts.append(replace(one, amount_minor=part_minor))
            held_minor -= part_minor
    return parts


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
