"""What a person does with a callback that waits for one: followed again, given to a subscriber, or laid aside."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol
from uuid import uuid4

from netbilld.billing.payment import Payment, reason_text
from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.ports.gateway_records import Callback
from netbilld.services import book_notice
from netbilld.services.find_subscriber import find_subscriber
from netbilld.services.keep_callbacks import notice_of
from netbilld.services.paying import NO_TAXES, Doing, PaymentTaxes
from netbilld.services.receive_payment import PaymentReceipt, Taken, receive


class Work(book_notice.Work, Protocol):
    pass


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class DecideCallbacks:
    """Decides on parked callbacks; each is decided once."""

    def __init__(self, store: Store, *, timezone: str, taxes: PaymentTaxes = NO_TAXES) -> None:
        self._store, self._timezone, self._taxes = store, timezone, taxes

    async def again(self, callback_id: int, *, actor: Actor, now: datetime) -> None:
        """Have it followed once more.

        Raises:
            NotFoundError: there is no such callback.
            RefusedError: it does not wait.
        """
        async with self._store.write() as work:
            parked = await _waiting(work, callback_id)
            await work.gateway_inbox.end(parked.id, "new", "", "", now)
            await work.gateway_inbox.again(parked.id, 0, now, "")
            await work.changes.record(actor, now, "gateway.again", "gateway", parked.gateway, {"callback": parked.id})

    async def give(self, callback_id: int, to: str, *, actor: Actor, now: datetime) -> PaymentReceipt:
        """Record what it says was paid as a payment of a subscriber.

        Raises:
            NotFoundError: there is no such callback, or nobody has that name.
            RefusedError: it does not wait, says no amount, or that payment is on record already.
        """
        doing = Doing(actor, now, local_date(now, self._timezone))
        try:
            async with self._store.write() as work:
                subscriber = await find_subscriber(work, to)
                parked = await _waiting(work, callback_id)
                notice = notice_of(parked.notice or {})
                if not notice.state.is_paid or not notice.amount_minor:
                    raise RefusedError("it does not say that something was paid", code="nothing_paid")
                booked = await work.gateways.transaction(notice.ref, notice.transaction)
                if booked is not None and booked.books.credited_minor:  # also for a voucher, which is no payment
                    raise RefusedError("that payment is on record already", code="reference_taken")
                payment = Payment(
                    id=uuid4(),
                    subscriber_id=subscriber.id,
                    amount_minor=notice.amount_minor,
                    currency=notice.currency,
                    method=parked.gateway,
                    reference=notice.transaction,
                    received_on=doing.today,
                    recorded_at=now,
                    actor=actor.name,
                    note=notice.ref[:200],
                )
                receipt = await receive(work, subscriber, payment, doing, taxes=self._taxes)
                said = f"to {subscriber.number}"
                await work.gateway_inbox.end(parked.id, "decided", parked.verdict, said, now, actor.name)
        except Taken as taken:
            raise RefusedError(
                f"that payment is on record already: {taken.payment.receipt_no or taken.payment.id}",
                code="reference_taken",
            ) from taken
        return receipt

    async def lay_aside(self, callback_id: int, because: str, *, actor: Actor, now: datetime) -> None:
        """Write down that nothing is to be done.

        Raises:
            NotFoundError: there is no such callback.
            RefusedError: it does not wait.
        """
        because = reason_text(because)
        async with self._store.write() as work:
            parked = await _waiting(work, callback_id)
            await work.gateway_inbox.end(parked.id, "decided", parked.verdict, because, now, actor.name)
            details = {"callback": parked.id, "verdict": parked.verdict, "because": because}
            await work.changes.record(actor, now, "gateway.lay_aside", "gateway", parked.gateway, details)


async def _waiting(work: Work, callback_id: int) -> Callback:
    found = await work.gateway_inbox.find(callback_id, lock=True)
    if found is None:
        raise NotFoundError(f"no callback {callback_id}")
    if found.state != "parked" or found.notice is None:
        raise RefusedError(f"it waits for nobody: {found.state}, {found.verdict}", code="already_decided")
    return found
