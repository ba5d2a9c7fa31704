"""Kuitansi: what a receipt says, and how receipts are numbered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from netbilld.billing.invoice import InvoiceStatus
from netbilld.billing.payment import PaymentStatus

SERIES: Final = "receipt:"


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """An invoice that the payment went to, and what has become of that invoice since."""

    number: str
    amount_minor: int
    status: InvoiceStatus
    outstanding_minor: int


@dataclass(frozen=True, slots=True)
class WithheldLine:
    """What was kept back for the tax office, with the number of its proof."""

    method: str
    proof: str | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment as its receipt says it; amounts in minor units.

    Attributes:
        number: KW-202601-000001.
        lines: the invoices it went to, with what was withheld in them.
        to_wallet_minor: what went to none.
        withheld: what came as proof instead of money; not in `amount_minor`.
    """

    number: str
    payment_id: UUID
    status: PaymentStatus
    subscriber_id: UUID
    subscriber_no: str
    subscriber_name: str
    amount_minor: int
    currency: str
    method: str
    reference: str | None
    collector: str | None
    received_on: date
    recorded_at: datetime
    actor: str
    note: str
    lines: Sequence[ReceiptLine]
    withheld: Sequence[WithheldLine]
    to_wallet_minor: int


def receipt_series(on: date) -> str:
    """Return the name of the counter that numbers receipts of payments recorded on that day."""
    return f"{SERIES}{on:%Y%m}"


def receipt_number(on: date, sequence: int) -> str:
    """Return the number of the sequence-th receipt of its month, such as KW-202601-000123."""
    return f"KW-{on:%Y%m}-{sequence:06}"


def paid_word(status: InvoiceStatus, locale: str) -> str:
    """Return how a receipt calls what an invoice has become: Lunas, Dibayar sebagian.

    Args:
        status: of the invoice.
        locale: `id`, or English otherwise.
    """
    words = _INDONESIAN if locale.startswith("id") else _ENGLISH
    return words.get(status, status.value)


_INDONESIAN: Final = {
    InvoiceStatus.ISSUED: "Belum dibayar",
    InvoiceStatus.PART_PAID: "Dibayar sebagian",
    InvoiceStatus.PAID: "Lunas",
    InvoiceStatus.CREDITED: "Dibatalkan dengan nota kredit",
}
_ENGLISH: Final = {
    InvoiceStatus.ISSUED: "Unpaid",
    InvoiceStatus.PART_PAID: "Part paid",
    InvoiceStatus.PAID: "Paid",
    InvoiceStatus.CREDITED: "Credited",
}
