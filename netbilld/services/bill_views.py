"""What pages of staff show of invoices, credit notes and drafts: lists with sums, and one document in full."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.credit_note import credited_so_far
from netbilld.billing.invoice import OPEN_STATUSES, DocumentKind, Invoice, InvoiceStatus
from netbilld.billing.payment_code import PaymentCode
from netbilld.services.areas import EVERYWHERE, Areas
from netbilld.services.readmodels import ChangeLine

NEAR_DUE_DAYS: Final = 7
BILL_STATES: Final = (
    "open",
    "overdue",
    "near_due",
    "part_paid",
    "paid",
    "written_off",
    "credited",
    "credit_note",
    "draft",
)


@dataclass(frozen=True, slots=True)
class BillFilter:
    """Which documents; what is empty or None excludes nothing.

    Attributes:
        text: a part of a number, or of the subscriber's name, or the subscriber's number.
        state: one of BILL_STATES; drafts are told by no other.
        area: an area with all below it.
        from_on, end_on: issued on these days, half-open; of drafts nothing.
        today: decides what is overdue, or nearly due.
        areas: of whoever looks.
    """

    today: date
    areas: Areas = EVERYWHERE
    text: str = ""
    state: str = ""
    area: str = ""
    from_on: date | None = None
    end_on: date | None = None

    @property
    def near_due_until_on(self) -> date:
        """Return the last day to pay of what is nearly due."""
        return self.today + timedelta(days=NEAR_DUE_DAYS)


@dataclass(frozen=True, slots=True)
class BillLine:
    """A document in a list."""

    id: UUID
    number: str | None
    kind: str
    subscriber_no: str
    name: str
    area: str | None
    status: str
    issued_on: date | None
    due_on: date | None
    period_start_on: date
    period_end_on: date
    currency: str
    total_minor: int
    paid_minor: int
    written_off_minor: int
    created_at: datetime

    @property
    def outstanding_minor(self) -> int:
        return self.total_minor - self.paid_minor if self.status in OPEN_STATUSES else 0

    def state(self, today: date) -> str:
        """Return the word that says where it stands."""
        return bill_state(self.kind, self.status, self.due_on, self.outstanding_minor, self.written_off_minor, today)

    def days_late(self, today: date) -> int:
        """Return how many days it is past its last day to pay; 0 where nothing is owed on it or it is not."""
        if self.due_on is None or not self.outstanding_minor:
            return 0
        return max(0, (today - self.due_on).days)


def bill_state(
    kind: str, status: str, due_on: date | None, outstanding_minor: int, written_off_minor: int, today: date
) -> str:
    """Return where a document stands, as people say it: its status, overdue, written off, or that it is a note."""
    if kind == DocumentKind.CREDIT_NOTE and status != InvoiceStatus.DRAFT:
        return kind
    if due_on is not None and due_on < today and outstanding_minor > 0:
        return "overdue"
    return "written_off" if status == InvoiceStatus.PAID and written_off_minor else status


@dataclass(frozen=True, slots=True)
class BillSums:
    """All documents of a filter in one currency, summed.

    Attributes:
        invoiced_minor: of invoices, or drafts of them; credit notes are apart.
        credited_minor: of credit notes.
        outstanding_minor: of it what is open, overdue_minor of that what is past its last day to pay.
    """

    currency: str
    documents: int
    invoiced_minor: int
    credited_minor: int
    outstanding_minor: int
    overdue_minor: int


@dataclass(frozen=True, slots=True)
class BillPage:
    """A page of the list; total and sums are of all pages."""

    lines: Sequence[BillLine]
    total: int
    sums: Sequence[BillSums]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What has settled a part of an invoice, or was taken back (below zero).

    Attributes:
        how: payment, wallet, credit_note or write_off.
        document: the receipt's number, or the credit note's.
        said: a payment's method; why something was written off.
    """

    at: datetime
    how: str
    amount_minor: int
    document: str | None = None
    payment_id: UUID | None = None
    said: str | None = None
    reference: str | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True)
class PaperWay:
    """Where the paper invoice is."""

    state: str
    courier: str | None
    tracking_number: str | None
    printed_on: date
    handed_on: date | None
    received_on: date | None
    returned_on: date | None
    receiver: str | None
    proof: str | None


@dataclass(frozen=True, slots=True)
class ToldLine:
    """A message about a document."""

    kind: str
    state: str
    channel: str | None
    recipient: str | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class BillFile:
    """One document in full."""

    invoice: Invoice
    subscriber_no: str
    name: str
    area: str | None
    settlements: Sequence[Settlement]
    notes: Sequence[Invoice]
    credits_number: str | None
    usernames: dict[UUID, str]
    code: PaymentCode | None
    paper: PaperWay | None
    told: Sequence[ToldLine]
    changes: Sequence[ChangeLine]
    extended_until_on: date | None

    def _settled(self, how: str) -> int:
        return sum(one.amount_minor for one in self.settlements if one.how == how)

    @property
    def credited_minor(self) -> int:
        return self._settled("credit_note")

    @property
    def written_off_minor(self) -> int:
        return self._settled("write_off")

    @property
    def received_minor(self) -> int:
        """Return what money has settled of it: payments and the wallet."""
        return self._settled("payment") + self._settled("wallet")

    def state(self, today: date) -> str:
        """Return the word that says where it stands."""
        one = self.invoice
        return bill_state(one.kind, one.status, one.due_on, one.outstanding_minor, self.written_off_minor, today)

    @property
    def creditable_minor(self) -> tuple[int, ...]:
        """Return what of each line, tax included, may still be credited."""
        credited = credited_so_far(self.notes)
        left_minor = self.invoice.total_minor - sum(note.total_minor for note in self.notes)
        return tuple(
            max(0, min(line.gross_minor - credited.get(position, 0), left_minor))
            for position, line in enumerate(self.invoice.lines, 1)
        )

    @property
    def can_be_credited(self) -> bool:
        one = self.invoice
        is_invoice = one.kind is DocumentKind.INVOICE and one.number is not None
        return is_invoice and one.status is not InvoiceStatus.CREDITED and any(self.creditable_minor)


@dataclass(frozen=True, slots=True)
class OpenBill:
    """An open invoice of a subscriber, to choose what a payment goes to."""

    number: str
    due_on: date
    outstanding_minor: int


class BillViews(Protocol):
    """Documents as pages read them; each answer is bounded."""

    async def bill_page(self, wanted: BillFilter, offset: int) -> BillPage: ...

    async def bill_ids(self, wanted: BillFilter, limit: int) -> Sequence[UUID]:
        """Return issued documents of a filter, in the order of the list."""
        ...

    async def ids_of_numbers(self, numbers: Sequence[str], areas: Areas) -> Sequence[UUID]:
        """Return the documents of these numbers, in order of them."""
        ...

    async def bill_file(self, number: str, now: datetime) -> BillFile | None: ...

    async def draft_file(self, draft_id: UUID, now: datetime) -> BillFile | None: ...

    async def areas(self, areas: Areas) -> Sequence[str]:
        """Return the areas that subscribers live in, of those that may be looked at."""
        ...

    async def open_bills(self, subscriber_no: str) -> Sequence[OpenBill]: ...

    async def payer_named(self, text: str) -> tuple[str, str] | None:
        """Return (number, name) of the subscriber that a user name or number leads to."""
        ...
