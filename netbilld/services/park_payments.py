"""Money that came in and is nobody's yet: kept in the books as such until a person says whose it is."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.allocation import Choice
from netbilld.billing.chart import SUSPENSE
from netbilld.billing.payment import (
    Payment,
    check_amount,
    check_received_on,
    payment_method,
    payment_reference,
    reason_text,
)
from netbilld.billing.postings import money_account, money_moved
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.model.periods import local_date
from netbilld.services import paying
from netbilld.services.find_subscriber import find_subscriber
from netbilld.services.idempotency import digest
from netbilld.services.paying import NO_TAXES, Doing, PaymentTaxes
from netbilld.services.receive_payment import PaymentReceipt, receive

VERB: Final = "payment park"


@dataclass(frozen=True, slots=True)
class ParkedPayment:
    """Money that waits, or waited.

    Attributes:
        text: what came with it: the sender, and why it waits.
        status: parked, released to a subscriber, or returned to its sender.
        payment_id: what it became.
    """

    id: UUID
    amount_minor: int
    currency: str
    method: str
    reference: str | None
    received_on: date
    recorded_at: datetime
    actor: str
    text: str
    status: str
    payment_id: UUID | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    reason: str | None = None


class Parked(Protocol):
    async def add(self, parked: ParkedPayment) -> bool: ...
    async def find(self, text: str, *, lock: bool = False) -> ParkedPayment: ...
    async def decide(
        self, parked_id: UUID, status: str, at: datetime, by: str, reason: str, payment_id: UUID | None
    ) -> None: ...


class Work(paying.Work, Protocol):
    @property
    def parked(self) -> Parked: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class ParkPayments:
    """Keeps money apart, gives it to a subscriber, or sends it back."""

    def __init__(self, store: Store, *, timezone: str, currency: str, taxes: PaymentTaxes = NO_TAXES) -> None:
        self._store, self._timezone, self._currency, self._taxes = store, timezone, currency, taxes

    async def park(
        self,
        amount_minor: int,
        *,
        method: str,
        text: str,
        actor: Actor,
        now: datetime,
        reference: str | None = None,
        received_on: date | None = None,
        idempotency_key: str | None = None,
    ) -> ParkedPayment:
        """Keep money that nobody is known for.

        Raises:
            RefusedError: an absurd amount or day, or the reference is another's.
            InvalidInputError: a method, reference or text of the wrong form.
        """
        today = local_date(now, self._timezone)
        check_amount(amount_minor)
        check_received_on(received_on or today, today)
        parked = ParkedPayment(
            id=uuid4(),
            amount_minor=amount_minor,
            currency=self._currency,
            method=payment_method(method),
            reference=payment_reference(reference),
            received_on=received_on or today,
            recorded_at=now,
            actor=actor.name,
            text=reason_text(text),
            status="parked",
        )
        async with self._store.write() as work:
            if idempotency_key:
                asked = digest(
                    {
                        "amount": amount_minor,
                        "method": parked.method,
                        "reference": parked.reference,
                        "text": parked.text,
                    }
                )
                done = await work.idempotency.claim(idempotency_key, VERB, asked, now)
                if done is not None:
                    return await work.parked.find(done["id"])
            taken = parked.reference and await work.payments.by_reference(parked.method, parked.reference)
            if taken or not await work.parked.add(parked):
                raise RefusedError(
                    f"{parked.method} reference {parked.reference!r} is on record already", code="reference_taken"
                )
            entry = money_moved(
                "payment_parked",
                str(parked.id),
                parked.currency,
                to=money_account(parked.method),
                out_of=SUSPENSE,
                amount_minor=amount_minor,
                memo=f"Parked: {parked.text}",
            )
            await work.ledger.post_many([entry], at=now, booked_on=parked.received_on, actor=actor)
            details = {"amount": amount_minor, "method": parked.method, "reference": parked.reference}
            await work.changes.record(actor, now, "payment.park", "parked_payment", parked.id, details)
            if idempotency_key:
                await work.idempotency.complete(idempotency_key, VERB, {"id": str(parked.id)})
        return parked

    async def release(
        self, parked: str, to: str, *, actor: Actor, now: datetime, chosen: Sequence[Choice] = (), only: bool = False
    ) -> PaymentReceipt:
        """Give parked money to a subscriber, as a payment of the day of this word: until then it was nobody's.

        Raises:
            NotFoundError: there is no such money, or nobody has that name.
            RefusedError: somebody has decided on it already.
        """
        doing = Doing(actor, now, local_date(now, self._timezone))
        async with self._store.write() as work:
            subscriber = await find_subscriber(work, to)
            found = await self._waiting(work, parked)
            payment = Payment(
                id=uuid4(),
                subscriber_id=subscriber.id,
                amount_minor=found.amount_minor,
                currency=found.currency,
                method=found.method,
                reference=found.reference,
                received_on=doing.today,
                recorded_at=now,
                actor=actor.name,
                note=found.text[:200],
            )
            await work.parked.decide(found.id, "released", now, actor.name, f"to {subscriber.number}", None)
            receipt = await receive(
                work,
                subscriber,
                payment,
                doing,
                taxes=self._taxes,
                chosen=chosen,
                rest_to_wallet=only,
                came_to=SUSPENSE,
            )
            await work.parked.decide(found.id, "released", now, actor.name, f"to {subscriber.number}", payment.id)
        return receipt

    async def give_back(self, parked: str, *, because: str, actor: Actor, now: datetime) -> ParkedPayment:
        """Send parked money back to where it came from.

        Raises:
            NotFoundError: there is no such money.
            RefusedError: somebody has decided on it already.
        """
        because, today = reason_text(because), local_date(now, self._timezone)
        async with self._store.write() as work:
            found = await self._waiting(work, parked)
            await work.parked.decide(found.id, "returned", now, actor.name, because, None)
            entry = money_moved(
                "parked_returned",
                str(found.id),
                found.currency,
                to=SUSPENSE,
                out_of=money_account(found.method),
                amount_minor=found.amount_minor,
                memo=f"Returned: {because}",
            )
            await work.ledger.post_many([entry], at=now, booked_on=today, actor=actor)
            details = {"amount": found.amount_minor, "because": because}
            await work.changes.record(actor, now, "payment.return", "parked_payment", found.id, details)
            return await work.parked.find(str(found.id))

    async def _waiting(self, work: Work, text: str) -> ParkedPayment:
        found = await work.parked.find(text, lock=True)
        if found.status != "parked":
            raise RefusedError(
                f"this money is {found.status} already, by {found.decided_by}: {found.reason}", code="already_decided"
            )
        return found


def listed(parked: ParkedPayment) -> dict[str, object]:
    """Return parked money for --json."""
    document = asdict(parked)
    return {"id": document.pop("id"), "amount": document.pop("amount_minor"), **document}
