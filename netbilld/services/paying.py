"""What every change to a subscriber's money works with: who they are, what is open, and what the wallet settles."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.allocation import Choice, Owed, Part, allocate
from netbilld.billing.chart import Payer
from netbilld.billing.invoice import Invoice
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.payment import Payment, Refund
from netbilld.billing.postings import wallet_applied
from netbilld.billing.tax import NOTHING_TAXED, TaxPolicy
from netbilld.billing.withholding import PPH23_RATE
from netbilld.model.actor import Actor
from netbilld.model.subscriber import Service, Subscriber
from netbilld.ports.outbox import Outbox
from netbilld.services import find_subscriber, renew_prepaid
from netbilld.services.idempotency import Idempotency


class Subscribers(find_subscriber.Subscribers, Protocol):
    async def by_id(self, subscriber_id: UUID) -> Subscriber | None: ...


class Services(renew_prepaid.Services, Protocol):
    async def of_subscriber(self, subscriber_id: UUID) -> list[Service]: ...


class Document(Protocol):
    @property
    def invoice(self) -> Invoice: ...
    @property
    def payer(self) -> Payer: ...


class Invoices(renew_prepaid.Invoices, Protocol):
    async def by_number(self, number: str) -> Document | None: ...
    async def take_numbers(self, series: str, count: int) -> int: ...
    async def add(self, added: Sequence[Invoice], at: datetime) -> None: ...
    async def open_of(self, subscriber_id: UUID) -> list[Invoice]: ...
    async def of_ids(self, invoice_ids: Sequence[UUID]) -> dict[UUID, Invoice]: ...
    async def save_settled(self, invoice: Invoice) -> None: ...
    async def add_allocations(self, parts: Sequence[Part], payment_id: UUID | None, at: datetime) -> None: ...


class Payments(Protocol):
    async def add(self, payment: Payment) -> bool: ...
    async def add_refund(self, refund: Refund) -> bool: ...
    async def by_reference(self, method: str, reference: str) -> Payment | None: ...
    async def find(self, text: str) -> Payment: ...
    async def payer(self, name: str) -> Payer: ...
    async def withheld_from(self, payment_id: UUID) -> list[Payment]: ...
    async def mark_reversed(self, payment_ids: Sequence[UUID], at: datetime, by: str, because: str) -> None: ...
    async def settled_by(self, payment_id: UUID) -> list[tuple[UUID, int]]: ...
    async def settled_from_wallet(self, subscriber_id: UUID) -> list[tuple[UUID, int]]: ...
    async def known_minor(self, subscriber_id: UUID) -> int: ...
    async def is_known(self, method: str, reference: str) -> bool: ...


class AgentPayments(Protocol):
    async def taken_by(self, payment_id: UUID) -> tuple[str, int] | None: ...


class Collectors(Protocol):
    async def check(self, name: str) -> None: ...
    async def of_staff(self, actor: str) -> str | None: ...


class Balance(Protocol):
    @property
    def wallet_minor(self) -> int: ...
    @property
    def outstanding_minor(self) -> int: ...


class Ledger(renew_prepaid.Ledger, Protocol):
    async def balance(self, subscriber_id: UUID) -> Balance: ...


class Work(renew_prepaid.Work, Protocol):
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def services(self) -> Services: ...
    @property
    def invoices(self) -> Invoices: ...
    @property
    def payments(self) -> Payments: ...
    @property
    def collectors(self) -> Collectors: ...
    @property
    def agents(self) -> AgentPayments: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def idempotency(self) -> Idempotency: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Doing:
    """Who does something, when, and which local day that is."""

    actor: Actor
    now: datetime
    today: date


@dataclass(frozen=True, slots=True)
class PaymentTaxes:
    """The taxes that a payment meets.

    Attributes:
        policy: what is taxed of a renewal that it buys.
        pph23_rate: what a company keeps of the net price, where its proof names no amount.
    """

    policy: TaxPolicy = NOTHING_TAXED
    pph23_rate: Fraction = PPH23_RATE


NO_TAXES: Final = PaymentTaxes()


async def find_payment(work: Work, text: str) -> tuple[Payment, Payer]:
    """Return a payment by its id or receipt number, and whose it is, both locked until the transaction ends.

    Raises:
        NotFoundError: there is none.
    """
    payment = await work.payments.find(text)
    await work.invoices.lock_subscribers([payment.subscriber_id])
    payment = await work.payments.find(str(payment.id))  # as it is now that nobody else can change it
    return payment, await payer_of(work, payment.subscriber_id)


async def payer_of(work: Work, subscriber_id: UUID) -> Payer:
    """Return the payer that a subscriber is."""
    subscriber = await work.subscribers.by_id(subscriber_id)
    assert subscriber is not None, "a payment has a subscriber"  # noqa: S101
    return Payer(subscriber.id, subscriber.number, subscriber.currency)


def owed(invoices: Mapping[UUID, Invoice]) -> list[Owed]:
    """Return what is open on these invoices."""
    return [
        Owed(invoice.id, invoice.number or "", invoice.due_on or date.max, invoice.outstanding_minor)
        for invoice in invoices.values()
    ]


async def service_ids(work: Work, subscriber_id: UUID) -> list[str]:
    """Return the services whose access may change with this subscriber's money."""
    return [str(one.id) for one in await work.services.of_subscriber(subscriber_id) if one.status != "ended"]


async def apply_wallet(
    work: Work,
    payer: Payer,
    at_most_minor: int,
    doing: Doing,
    chosen: Sequence[Choice] = (),
    *,
    payment_id: UUID | None = None,
    only_chosen: bool = False,
) -> tuple[Part, ...]:
    """Settle open invoices of a locked subscriber from the wallet, and return what was.

    Args:
        work: the transaction.
        payer: whose.
        at_most_minor: of the wallet.
        doing: who and when.
        chosen: these first, then oldest due first.
        payment_id: whose money it is, where that is known.
        only_chosen: no other than the chosen ones.
    """
    if at_most_minor <= 0:
        return ()
    open_invoices = {invoice.id: invoice for invoice in await work.invoices.open_of(payer.id)}
    allocation = allocate(at_most_minor, owed(open_invoices), chosen, rest_to_wallet=only_chosen)
    entries: list[LedgerEntry] = []
    for part in allocation.parts:
        await work.invoices.save_settled(open_invoices[part.invoice_id].settle(part.amount_minor))
        entries.append(wallet_applied(payer, part.number, part.amount_minor))
    await work.invoices.add_allocations(allocation.parts, payment_id, doing.now)
    await work.ledger.post_many(entries, at=doing.now, booked_on=doing.today, actor=doing.actor)
    return allocation.parts


async def record(
    work: Work, doing: Doing, action: str, payer: Payer, subject: UUID | str, details: dict[str, Any]
) -> None:
    """Write a change of a subscriber's money to the trail that daemons follow."""
    named = {"service_ids": await service_ids(work, payer.id), "number": payer.number, **details}
    await work.changes.record(doing.actor, doing.now, action, "payment", subject, named)
