"""What documents on paper say beyond their lines, as it is read from the database."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class DocumentSurroundings:
    """What stands around the lines of an invoice; name and address are the subscriber's today."""

    subscriber_no: str
    name: str
    address: str | None
    area: str | None
    locale: str | None
    credits_number: str | None = None
    credits_issued_on: date | None = None
    nsfp: str | None = None
    stamp_serial: str | None = None
    exact_minor: int | None = None
    exact_until_at: datetime | None = None
    credited_minor: int = 0
    written_off_minor: int = 0


@dataclass(frozen=True, slots=True)
class PaymentOnPaper:
    """A payment as its receipt needs it."""

    receipt_no: str | None
    subscriber_no: str
    name: str
    address: str | None
    area: str | None
    locale: str | None
    amount_minor: int
    currency: str
    method: str
    reference: str | None
    received_on: date
    is_reversed: bool
    settled: tuple[tuple[str, int], ...]
    stamp_serial: str | None
