"""What a payment link shows: how much is due, of what, and how a payment by it is going."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from netbilld.billing.chart import Payer
from netbilld.billing.gateway import GatewayState
from netbilld.billing.invoice import Invoice
from netbilld.billing.payment_code import PaymentCode
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.model.subscriber import Service, Subscriber
from netbilld.ports.gateway_records import Attempt, Attempts
from netbilld.services import issue_payment_code
from netbilld.services.issue_payment_code import CodePolicy, give_code
from netbilld.services.pay_links import LinkKind, Target


class Subscribers(Protocol):
    async def by_number(self, number: str, *, lock: bool = False) -> Subscriber | None: ...
    async def by_id(self, subscriber_id: UUID) -> Subscriber | None: ...


class Services(Protocol):
    async def of_subscriber(self, subscriber_id: UUID) -> list[Service]: ...


class Document(Protocol):
    @property
    def invoice(self) -> Invoice: ...
    @property
    def payer(self) -> Payer: ...


class Invoices(Protocol):
    async def by_number(self, number: str) -> Document | None: ...
    async def open_of(self, subscriber_id: UUID) -> list[Invoice]: ...
    async def lock_subscribers(self, subscriber_ids: Sequence[UUID]) -> None: ...


class Work(issue_payment_code.Work, Protocol):
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def services(self) -> Services: ...
    @property
    def invoices(self) -> Invoices: ...
    @property
    def gateways(self) -> Attempts: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class PayDue:
    """What a link is of, now.

    Attributes:
        invoice: the one it is of; None for all that the subscriber owes.
        outstanding_minor: what is open of that.
        due_on: the earliest day to pay; None where nothing is open.
        service_ids: of the subscriber, those that have not ended.
    """

    subscriber: Subscriber
    invoice: Invoice | None
    outstanding_minor: int
    due_on: date | None
    service_ids: tuple[UUID, ...]

    @property
    def invoice_id(self) -> UUID | None:
        """Return the invoice to be paid first, while it is open."""
        return self.invoice.id if self.invoice is not None and self.outstanding_minor else None


class ShowPayment:
    """Reads what a payment link shows."""

    def __init__(self, store: Store, codes: CodePolicy) -> None:
        self._store, self._codes = store, codes

    async def due(self, target: Target) -> PayDue | None:
        """Return what a link is of; None where that is there no more."""
        async with self._store.read() as work:
            invoice = None
            if target.kind is LinkKind.INVOICE:
                document = await work.invoices.by_number(target.number)
                if document is None:
                    return None
                invoice = document.invoice
                subscriber = await work.subscribers.by_id(document.payer.id)
            else:
                subscriber = await work.subscribers.by_number(target.number)
            if subscriber is None:
                return None
            open_now = await work.invoices.open_of(subscriber.id)
            chosen = [one for one in open_now if invoice is None or one.id == invoice.id]
            services = await work.services.of_subscriber(subscriber.id)
        return PayDue(
            subscriber,
            invoice,
            sum(one.outstanding_minor for one in chosen),
            min((one.due_on for one in chosen if one.due_on is not None), default=None),
            tuple(one.id for one in services if one.status != "ended"),
        )

    async def attempt(self, subscriber_id: UUID, ref: str) -> Attempt | None:
        """Return an attempt of that subscriber; None for anybody else's, as for none."""
        async with self._store.read() as work:
            found = await work.gateways.find(ref)
        return found if found is not None and found.subscriber_id == subscriber_id else None

    async def look_now(self, attempt: Attempt, now: datetime) -> None:
        """Have the gateway asked about an open attempt at the next opportunity."""
        if attempt.state.is_paid or (attempt.state is GatewayState.CREATED and not attempt.is_made):
            return
        async with self._store.write() as work:
            await work.gateways.looked(attempt.ref, attempt.looks, now, attempt.trouble)

    async def known_amount(self, due: PayDue, now: datetime) -> PaymentCode | None:
        """Return the unique amount that was given to an open invoice of this link; None where none was."""
        async with self._store.read() as work:
            for one in await work.invoices.open_of(due.subscriber.id):
                if due.invoice is None or one.id == due.invoice.id:
                    code = await work.payment_codes.of_invoice(one.id, now)
                    if code is not None and code.amount_minor - code.code == one.outstanding_minor:
                        return code
        return None

    async def unique_amount(self, due: PayDue, actor: Actor, now: datetime) -> PaymentCode | None:
        """Return the amount by which a payment to our own QRIS code is known; None where no invoice is open.

        Of several open invoices it is the one that was due first.
        """
        async with self._store.write() as work:
            await work.invoices.lock_subscribers([due.subscriber.id])
            open_now = await work.invoices.open_of(due.subscriber.id)
            chosen = [one for one in open_now if due.invoice is None or one.id == due.invoice.id]
            if not chosen:
                return None
            first = min(chosen, key=lambda one: (one.due_on or date.max, one.number or ""))
            try:
                return await give_code(work, first, actor, now, valid=self._codes.valid, rest=self._codes.rest)
            except RefusedError:
                return None
