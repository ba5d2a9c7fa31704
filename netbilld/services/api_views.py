"""What the JSON API lists: rows a page at a time, each page found by the last row of the one before."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from netbilld.billing.invoice import DocumentKind, InvoiceStatus
from netbilld.billing.payment import Payment


@dataclass(frozen=True, slots=True)
class SubscriberRow:
    """Somebody who owes and pays."""

    id: UUID
    number: str
    name: str
    phone: str | None
    email: str | None
    address: str | None
    area: str | None
    customer_group: str | None
    locale: str | None
    currency: str
    status: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A connection, with its plan and its names to log in with, the chief one first."""

    id: UUID
    subscriber_id: UUID
    subscriber_no: str
    currency: str
    plan: str
    plan_name: str
    plan_version: int
    status: str
    status_reason: str | None
    status_since_at: datetime
    billing_day: int
    timezone: str
    activated_on: date
    installed_on: date | None
    paid_until_on: date | None
    static_ip: str | None
    ipv6_prefix: str | None
    delegated_prefix: str | None
    site: str | None
    created_at: datetime
    names: Sequence[tuple[str, str]] = ()  # (kind, name)
    sessions: int = 0

    @property
    def username(self) -> str:
        """Return the name that stands for it."""
        return self.names[0][1] if self.names else ""

    def named(self, kind: str) -> str | None:
        """Return the first name of that kind."""
        return next((name for its, name in self.names if its == kind), None)


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """A document without its lines, and whose it is."""

    id: UUID
    number: str | None
    kind: DocumentKind
    subscriber_no: str
    subscriber_name: str
    status: InvoiceStatus
    issued_on: date | None
    due_on: date | None
    period_start_on: date
    period_end_on: date
    currency: str
    tax_minor: int
    total_minor: int
    paid_minor: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment, who paid it, and what it settles: (invoice number, minor units)."""

    payment: Payment
    subscriber_no: str
    subscriber_name: str
    allocations: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session; octets from the subscriber's point of view."""

    id: int
    username: str
    service_id: UUID | None
    nas: str
    acct_session_id: str
    framed_ip: str | None
    ipv6_prefix: str | None
    delegated_prefix: str | None
    mac: str | None
    state: str
    started_at: datetime
    updated_at: datetime
    stopped_at: datetime | None
    terminate_cause: str | None
    session_seconds: int
    upload_octets: int
    download_octets: int
    upload_bps: int
    download_bps: int


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """Which documents are listed; None leaves a condition out. Drafts are listed alone."""

    subscriber_no: str | None = None
    drafts: bool = False
    statuses: Collection[InvoiceStatus] = ()
    kind: DocumentKind | None = None
    issued_from: date | None = None
    issued_to: date | None = None
    due_from: date | None = None
    due_before: date | None = None


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """Which payments are listed; None leaves a condition out."""

    subscriber_no: str | None = None
    method: str | None = None
    reference: str | None = None
    received_from: date | None = None
    received_to: date | None = None
