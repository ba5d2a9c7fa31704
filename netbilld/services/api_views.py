"""What the JSON API lists: rows a page at a time, each page found by the last row of the one before."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from netbilld.billing.invoice import DocumentKind, InvoiceStatus
from netbilld.billing.payment import Payment
from netbilld.services.areas import Areas


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


class ApiReads(Protocol):
    """What the API reads; each answer is bounded, and of the areas that the asker may see."""

    async def subscribers(
        self,
        areas: Areas,
        *,
        after: str | None,
        limit: int,
        text: str | None = None,
        status: str | None = None,
        area: str | None = None,
    ) -> Sequence[SubscriberRow]: ...

    async def subscriber(self, number: str) -> SubscriberRow | None: ...

    async def services(
        self,
        areas: Areas,
        *,
        after: UUID | None,
        limit: int,
        subscriber_no: str | None = None,
        username: str | None = None,
        status: str | None = None,
        plan: str | None = None,
    ) -> Sequence[ServiceRow]: ...

    async def service(self, service_id: UUID) -> ServiceRow | None: ...

    async def payer_name(self, subscriber_id: UUID) -> str | None: ...

    async def invoices(
        self, areas: Areas, wanted: InvoiceFilter, *, after: str | None, limit: int
    ) -> Sequence[InvoiceRow]: ...

    async def payments(
        self, areas: Areas, wanted: PaymentFilter, *, after: tuple[datetime, UUID] | None, limit: int
    ) -> Sequence[PaymentRow]: ...

    async def payment(self, payment_id: UUID) -> PaymentRow | None: ...

    async def sessions(
        self,
        areas: Areas,
        *,
        after: int | None,
        limit: int,
        service_id: UUID | None = None,
        open_only: bool = True,
    ) -> Sequence[SessionRow]: ...

    async def session(self, session_id: int) -> SessionRow | None: ...

    async def credit_notes(self, invoice_ids: Collection[UUID]) -> Mapping[UUID, Sequence[str]]: ...
