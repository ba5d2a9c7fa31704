"""A payment by hand: oldest invoices first, the rest to the wallet, access open again, in one transaction."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.allocation import Owed, Part, allocate
from netbilld.billing.chart import Payer
from netbilld.billing.invoice import Invoice
from netbilld.billing.payment import Payment, check_amount, check_received_on, payment_method, payment_reference
from netbilld.billing.postings import payment_received
from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.subscriber import FoundService, Service, Subscriber
from netbilld.services import renew_prepaid
from netbilld.services.idempotency import Idempotency, digest
from netbilld.services.renew_prepaid import prepaid_versions, renew

VERB: Final = "payment add"


class Subscribers(Protocol):
    async def by_number(self, number: str, *, lock: bool = False) -> Subscriber | None: ...
    async def by_credential_name(self, name: str, *, lock: bool = False) -> FoundService | None: ...


class Services(renew_prepaid.Services, Protocol):
    async def of_subscriber(self, subscriber_id: UUID) -> list[Service]: ...


class Invoices(renew_prepaid.Invoices, Protocol):
    async def open_of(self, subscriber_id: UUID) -> list[Invoice]: ...
    async def save_settled(self, invoice: Invoice) -> None: ...
    async def add_allocations(self, parts: Sequence[Part], payment_id: UUID | None, at: datetime) -> None: ...


class Payments(Protocol):
    async def add(self, payment: Payment) -> bool: ...
    async def by_reference(self, method: str, reference: str) -> Payment | None: ...


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
    def ledger(self) -> Ledger: ...
    @property
    def idempotency(self) -> Idempotency: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class PaymentReceipt:
    """What a payment did: the invoices it settled, what went to the wallet, what was renewed, and what is left."""

    payment_id: str
    subscriber_no: str
    subscriber_name: str
    amount_minor: int
    currency: str
    method: str
    reference: str | None
    received_on: str
    allocations: list[list[Any]]  # [invoice number, amount in minor units]
    to_wallet_minor: int
    renewed_until: list[str]  # local dates, one for each service renewed from the wallet
    wallet_minor: int
    outstanding_minor: int


@dataclass(frozen=True, slots=True)
class AlreadyReceived:
    """The same subscriber, method, reference and amount again: nothing was done."""

    payment: Payment


class ReceivePayment:
    """Records payments that a person reports: cash, transfer, other."""

    def __init__(self, store: Store, *, timezone: str) -> None:
        self._store, self._timezone = store, timezone

    async def run(
        self,
        name: str,
        amount_minor: int,
        *,
        method: str,
        reference: str | None,
        received_on: date | None,
        actor: Actor,
        now: datetime,
        currency: str | None = None,
        idempotency_key: str | None = None,
    ) -> PaymentReceipt | AlreadyReceived:
        """Record a payment and return its receipt; the same idempotency key again returns the first receipt.

        Args:
            name: any credential's name, or a subscriber number.
            amount_minor: in the subscriber's currency.
            method: one word, such as cash or transfer.
            reference: what makes it unique within its method; None for no reference.
            received_on: local day; None is today.
            actor: who.
            now: when.
            currency: of the amount; refused where the subscriber's is another. None takes the subscriber's.
            idempotency_key: of the request.

        Raises:
            NotFoundError: nobody has that name or number.
            RefusedError: an absurd amount or day, or the reference belongs to another payment.
            InvalidInputError: a method or reference of the wrong form.
        """
        today = local_date(now, self._timezone)
        payment = Payment(
            id=uuid4(),
            subscriber_id=UUID(int=0),
            amount_minor=amount_minor,
            currency=currency or "",
            method=payment_method(method),
            reference=payment_reference(reference),
            received_on=received_on or today,
            recorded_at=now,
            actor=actor.name,
        )
        check_amount(amount_minor)
        check_received_on(payment.received_on, today)
        try:
            async with self._store.write() as work:
                if idempotency_key:
                    request = {
                        "name": name,
                        "amount_minor": amount_minor,
                        "method": payment.method,
                        "reference": payment.reference,
                        "received_on": received_on,
                    }
                    done = await work.idempotency.claim(idempotency_key, VERB, digest(request), now)
                    if done is not None:
                        return PaymentReceipt(**done)
                receipt = await self._receive(work, name, payment, actor, now)
                if idempotency_key:
                    await work.idempotency.complete(idempotency_key, VERB, asdict(receipt))
                return receipt
        except _Taken as taken:
            return AlreadyReceived(taken.payment)

    async def _receive(self, work: Work, name: str, asked: Payment, actor: Actor, now: datetime) -> PaymentReceipt:
        subscriber = await _find(work, name)
        payer = Payer(subscriber.id, subscriber.number, subscriber.currency)
        if asked.currency not in {"", payer.currency}:
            raise RefusedError(
                f"subscriber {payer.number} is billed in {payer.currency}, not {asked.currency}", code="wrong_currency"
            )
        payment = replace(asked, subscriber_id=payer.id, currency=payer.currency)
        if not await work.payments.add(payment):
            await _refuse_taken(work, payment)
        open_invoices = {invoice.id: invoice for invoice in await work.invoices.open_of(payer.id)}
        allocation = allocate(
            payment.amount_minor,
            [
                Owed(invoice.id, invoice.number or "", invoice.due_on or date.max, invoice.outstanding_minor)
                for invoice in open_invoices.values()
            ],
        )
        for part in allocation.parts:
            await work.invoices.save_settled(open_invoices[part.invoice_id].settle(part.amount_minor))
        await work.invoices.add_allocations(allocation.parts, payment.id, now)
        memo = " ".join(filter(None, ("Payment", payment.method, payment.reference)))
        entry = payment_received(
            payer,
            payment.id,
            payment.method,
            settled_minor=allocation.settled_minor,
            credited_minor=allocation.rest_minor,
            memo=memo,
        )
        await work.ledger.post_many([entry], at=now, booked_on=payment.received_on, actor=actor)
        services = [s for s in await work.services.of_subscriber(payer.id) if s.status != "ended"]
        details = {
            "service_ids": [str(service.id) for service in services],
            "number": payer.number,
            "amount": payment.amount_minor,
            "method": payment.method,
            "reference": payment.reference,
            "to_wallet": allocation.rest_minor,
        }
        await work.changes.record(actor, now, "payment.add", "payment", payment.id, details)
        versions = prepaid_versions(await work.plans.plans_by_version())
        renewed = await renew(work, [payer], versions, now=now, actor=actor) if versions else []
        balance = await work.ledger.balance(payer.id)
        return PaymentReceipt(
            payment_id=str(payment.id),
            subscriber_no=payer.number,
            subscriber_name=subscriber.name,
            amount_minor=payment.amount_minor,
            currency=payer.currency,
            method=payment.method,
            reference=payment.reference,
            received_on=payment.received_on.isoformat(),
            allocations=[[part.number, part.amount_minor] for part in allocation.parts],
            to_wallet_minor=allocation.rest_minor,
            renewed_until=[one.paid_until_on.isoformat() for one in renewed],
            wallet_minor=balance.wallet_minor,
            outstanding_minor=balance.outstanding_minor,
        )


class _Taken(Exception):  # noqa: N818 - not an error: it undoes the transaction
    def __init__(self, payment: Payment) -> None:
        super().__init__()
        self.payment = payment


async def _find(work: Work, name: str) -> Subscriber:
    found = await work.subscribers.by_credential_name(name, lock=True)
    subscriber = found.subscriber if found else await work.subscribers.by_number(name.strip(), lock=True)
    if subscriber is None:
        raise NotFoundError(f"no subscriber {name!r}", hint="give a user name or a subscriber number")
    return subscriber


async def _refuse_taken(work: Work, payment: Payment) -> None:
    assert payment.reference is not None, "without a reference nothing is taken"  # noqa: S101
    earlier = await work.payments.by_reference(payment.method, payment.reference)
    same = ("subscriber_id", "amount_minor", "currency")
    if earlier is not None and all(getattr(earlier, name) == getattr(payment, name) for name in same):
        raise _Taken(earlier)
    said = f"{earlier.amount_minor} {earlier.currency} received on {earlier.received_on}" if earlier else "another one"
    raise RefusedError(
        f"{payment.method} reference {payment.reference!r} is taken by a payment of {said}",
        hint="`netbilld payment list` shows it; give this one its own reference",
        code="reference_taken",
    )
