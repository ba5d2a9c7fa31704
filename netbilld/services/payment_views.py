"""What pages of staff show of money that came in: payments with sums, one of them, wallets, rows of bank statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.payment_code import PaymentCode
from netbilld.services.areas import EVERYWHERE, Areas
from netbilld.services.bill_views import OpenBill
from netbilld.services.match_bank_rows import StoredRow
from netbilld.services.park_payments import ParkedPayment
from netbilld.services.readmodels import ChangeLine

PAYMENT_STATES: Final = ("received", "reversed")
BANK_STATES: Final = ("open", "matched", "ignored")


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """Which payments; what is empty or None excludes nothing.

    Attributes:
        text: a part of a receipt's number, a reference or the subscriber's name, or the subscriber's number.
        person: who recorded it, or the collector that it lies with.
        from_on, end_on: received on these days, half-open.
        areas: of whoever looks.
    """

    text: str = ""
    state: str = ""
    method: str = ""
    person: str = ""
    area: str = ""
    from_on: date | None = None
    end_on: date | None = None
    areas: Areas = EVERYWHERE


@dataclass(frozen=True, slots=True)
class PaidLine:
    """A payment in a list."""

    id: UUID
    receipt_no: str | None
    received_on: date
    recorded_at: datetime
    subscriber_no: str
    name: str
    method: str
    reference: str | None
    amount_minor: int
    currency: str
    collector: str | None
    actor: str
    status: str


@dataclass(frozen=True, slots=True)
class PaidSum:
    """Payments that stand, of one method and currency."""

    method: str
    currency: str
    payments: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PaidPage:
    """A page of the list; total and sums are of all pages, reversed ones aside in the sums."""

    lines: Sequence[PaidLine]
    total: int
    sums: Sequence[PaidSum]


@dataclass(frozen=True, slots=True)
class PaidPart:
    """What of a payment an invoice has now."""

    number: str
    status: str
    amount_minor: int
    outstanding_minor: int


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """One payment in full."""

    line: PaidLine
    note: str
    part_of: UUID | None
    moved_from: UUID | None
    reversed_at: datetime | None
    reversed_by: str | None
    reversed_because: str | None
    parts: Sequence[PaidPart]
    withheld: Sequence[PaidLine]
    bank_row: int | None
    changes: Sequence[ChangeLine]

    @property
    def is_reversed(self) -> bool:
        return self.line.status == "reversed"

    @property
    def to_wallet_minor(self) -> int:
        """Return what of it, with what was withheld beside it, is credit in the wallet, or was."""
        if self.is_reversed:
            return 0
        whole_minor = self.line.amount_minor + sum(one.amount_minor for one in self.withheld)
        return whole_minor - sum(part.amount_minor for part in self.parts)


@dataclass(frozen=True, slots=True)
class PayerFile:
    """Who may pay: what is open, and what the wallet holds."""

    number: str
    name: str
    area: str | None
    currency: str
    wallet_minor: int
    open_bills: Sequence[OpenBill]

    @property
    def outstanding_minor(self) -> int:
        return sum(one.outstanding_minor for one in self.open_bills)


@dataclass(frozen=True, slots=True)
class ParkedPage:
    lines: Sequence[ParkedPayment]
    total: int


@dataclass(frozen=True, slots=True)
class BankPage:
    lines: Sequence[StoredRow]
    total: int
    waiting: int


class PaymentViews(Protocol):
    """Money as pages read it; each answer is bounded."""

    async def paid_page(self, wanted: PaymentFilter, offset: int) -> PaidPage: ...

    async def paid_methods(self) -> Sequence[str]:
        """Return the methods that payments have come by."""
        ...

    async def paid_people(self) -> Sequence[str]:
        """Return the collectors."""
        ...

    async def payment_file(self, payment_id: UUID) -> PaymentFile | None: ...

    async def payer_file(self, text: str) -> PayerFile | None:
        """Return who a user name or subscriber number leads to."""
        ...

    async def parked_page(self, *, waiting_only: bool, offset: int) -> ParkedPage: ...

    async def bank_page(self, state: str, text: str, offset: int) -> BankPage: ...

    async def bank_mappings(self) -> Sequence[str]:
        """Return the names of mappings that were added."""
        ...

    async def has_bank_row(self, row_id: int) -> bool: ...

    async def open_codes(self, now: datetime) -> Sequence[PaymentCode]: ...
