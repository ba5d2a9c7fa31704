"""An invoice: what it says, and the states it may go through."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from netbilld.model.errors import RefusedError


class InvoiceStatus(StrEnum):
    DRAFT = "draft"
    ISSUED = "issued"
    PART_PAID = "part_paid"  # "Dibayar sebagian"
    PAID = "paid"  # "Lunas"
    CREDITED = "credited"


class InvoiceEvent(StrEnum):
    ISSUE = "issue"
    PAY_PART = "pay_part"
    PAY_REST = "pay_rest"
    TAKE_PART = "take_part"  # a payment bounced, or was put elsewhere
    TAKE_ALL = "take_all"
    CREDIT_ALL = "credit_all"  # credit notes are for the whole of it


TRANSITIONS: Final = {
    (InvoiceStatus.DRAFT, InvoiceEvent.ISSUE): InvoiceStatus.ISSUED,
    (InvoiceStatus.ISSUED, InvoiceEvent.PAY_PART): InvoiceStatus.PART_PAID,
    (InvoiceStatus.ISSUED, InvoiceEvent.PAY_REST): InvoiceStatus.PAID,
    (InvoiceStatus.PART_PAID, InvoiceEvent.PAY_PART): InvoiceStatus.PART_PAID,
    (InvoiceStatus.PART_PAID, InvoiceEvent.PAY_REST): InvoiceStatus.PAID,
    (InvoiceStatus.PART_PAID, InvoiceEvent.TAKE_PART): InvoiceStatus.PART_PAID,
    (InvoiceStatus.PART_PAID, InvoiceEvent.TAKE_ALL): InvoiceStatus.ISSUED,
    (InvoiceStatus.PAID, InvoiceEvent.TAKE_PART): InvoiceStatus.PART_PAID,
    (InvoiceStatus.PAID, InvoiceEvent.TAKE_ALL): InvoiceStatus.ISSUED,
    (InvoiceStatus.ISSUED, InvoiceEvent.CREDIT_ALL): InvoiceStatus.CREDITED,
    (InvoiceStatus.PART_PAID, InvoiceEvent.CREDIT_ALL): InvoiceStatus.CREDITED,
    (InvoiceStatus.PAID, InvoiceEvent.CREDIT_ALL): InvoiceStatus.CREDITED,
}
OPEN_STATUSES: Final = (InvoiceStatus.ISSUED, InvoiceStatus.PART_PAID)


class LineKind(StrEnum):
    RECURRING = "recurring"
    PRORATA = "prorata"
    OPENING_BALANCE = "opening_balance"  # owed before netbilld
    COMPONENT = "component"  # a further part of a bundle
    ADD_ON = "add_on"
    DISCOUNT = "discount"
    ADJUSTMENT = "adjustment"  # of what was billed before: a plan change, a pause, an end
    USAGE = "usage"
    LATE_USAGE = "late_usage"  # of a period that is billed
    TOP_UP = "top_up"
    INSTALLATION = "installation"
    DEPOSIT = "deposit"
    LATE_FEE = "late_fee"
    STAMP_DUTY = "stamp_duty"
    MANUAL = "manual"
    REVERSED_PAYMENT = "reversed_payment"  # spent from the wallet before its payment bounced; funds the wallet


class DocumentKind(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line; `unit_price_minor` is for `per` units, so a part of a month is 22 days at the price per 31.

    Attributes:
        amount_minor: as priced: with the tax in it where `inclusive`; below zero for a credit or a discount.
        tax_code: of the tax rule; None where it bears none.
        revenue: the account it is earned on (`revenue:recurring`), or held on (`deposits`).
        from_on, until_on: the days it is for, half-open; None where it is for none.
        site: of the service, for invoices grouped by site.
        details: what `invoice explain` opens it by: the period, the terms and the steps; plain JSON.
    """

    kind: LineKind
    service_id: UUID | None
    text: str
    quantity: int
    unit_price_minor: int
    per: int
    amount_minor: int
    tax_code: str | None = None
    tax_minor: int = 0
    inclusive: bool = True
    revenue: str = "revenue:recurring"
    from_on: date | None = None
    until_on: date | None = None
    site: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def net_minor(self) -> int:
        """Return the amount without its tax."""
        return self.amount_minor - self.tax_minor if self.inclusive else self.amount_minor

    @property
    def gross_minor(self) -> int:
        """Return what the line adds to the total of its document."""
        return self.net_minor + self.tax_minor


@dataclass(frozen=True, slots=True)
class Invoice:
    """A document: what it says never changes once it has a number, only how much of it is paid.

    The period is half-open in `timezone`. Overdue is computed and not a status: see `overdue`. The total is the sum of
    the lines' gross amounts; a credit note's is what it gives back, positive, of lines that are positive too.

    Attributes:
        paid_minor: what of it is settled: by payments, the wallet, credit notes and what was written off. The
            allocations say by which.
        credits_id: of a credit note, the invoice it is for; None for one by itself.
        buyer: as it was when issued: name, address, tax id, purchase-order number; plain JSON.
    """

    id: UUID
    subscriber_id: UUID
    status: InvoiceStatus
    number: str | None
    issued_on: date | None
    due_on: date | None
    period_start_on: date
    period_end_on: date
    timezone: str
    currency: str
    lines: tuple[InvoiceLine, ...]
    tax_minor: int
    total_minor: int
    paid_minor: int
    kind: DocumentKind = DocumentKind.INVOICE
    credits_id: UUID | None = None
    buyer: Mapping[str, Any] = field(default_factory=dict, hash=False)
    note: str = ""

    @property
    def outstanding_minor(self) -> int:
        """Return what is still owed on it; nothing for a draft or a credited invoice."""
        return self.total_minor - self.paid_minor if self.status in OPEN_STATUSES else 0

    def overdue(self, today: date) -> bool:
        """Tell whether a part of it is unpaid after its last day to pay."""
        return self.due_on is not None and self.due_on < today and self.outstanding_minor > 0

    def issue(self, number: str, issued_on: date, due_days: int) -> "Invoice":
        """Return it with its number and dates; the due date is the last day to pay.

        An invoice of nothing is paid, and a credit note is settled when it is issued: neither is ever open.

        Raises:
            RefusedError: it is issued already.
        """
        status = self._next(InvoiceEvent.ISSUE)
        is_note = self.kind is DocumentKind.CREDIT_NOTE
        return replace(
            self,
            status=InvoiceStatus.PAID if is_note or not self.total_minor else status,
            number=number,
            issued_on=issued_on,
            due_on=issued_on + timedelta(days=due_days),
            paid_minor=self.total_minor if is_note else 0,
        )

    def settle(self, amount_minor: int) -> "Invoice":
        """Return it with a part, or all, of what is owed paid.

        Raises:
            RefusedError: it is not open, or the amount is not between 1 and what is owed.
        """
        rest_minor = self.outstanding_minor - amount_minor
        status = self._next(InvoiceEvent.PAY_PART if rest_minor else InvoiceEvent.PAY_REST)
        if amount_minor <= 0 or rest_minor < 0:
            raise RefusedError(f"invoice {self.number}: {amount_minor} is not between 1 and {self.outstanding_minor}")
        return replace(self, status=status, paid_minor=self.paid_minor + amount_minor)

    def unsettle(self, amount_minor: int) -> "Invoice":
        """Return it with a part, or all, of what had settled it taken away: it is owed again.

        Raises:
            RefusedError: nothing of it is settled, it is credited, or the amount is not between 1 and what is settled.
        """
        rest_minor = self.paid_minor - amount_minor
        status = self._next(InvoiceEvent.TAKE_PART if rest_minor else InvoiceEvent.TAKE_ALL)
        if amount_minor <= 0 or rest_minor < 0:
            raise RefusedError(f"invoice {self.number}: {amount_minor} is not between 1 and {self.paid_minor}")
        return replace(self, status=status, paid_minor=rest_minor)

    def credit(self, settled_minor: int, *, is_all: bool) -> "Invoice":
        """Return it after a credit note, of which `settled_minor` lessens what is owed.

        Args:
            settled_minor: at most what is owed; the rest of the note went to the wallet.
            is_all: its credit notes are for the whole of it now.

        Raises:
            RefusedError: it is a draft, or credited already.
        """
        settled = self.settle(settled_minor) if settled_minor else self
        return replace(settled, status=self._next(InvoiceEvent.CREDIT_ALL)) if is_all else settled

    def _next(self, event: InvoiceEvent) -> InvoiceStatus:
        try:
            return TRANSITIONS[self.status, event]
        except KeyError:
            raise RefusedError(
                f"invoice {self.number or self.id} is {self.status.value}: can't {event.value}"
            ) from None
