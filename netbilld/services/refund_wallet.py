"""Money paid back to a subscriber out of their wallet, never more than it holds."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final
from uuid import uuid4

from netbilld.billing.chart import Payer
from netbilld.billing.payment import (
    Refund,
    check_amount,
    check_received_on,
    payment_method,
    payment_reference,
    reason_text,
)
from netbilld.billing.postings import money_account, refunded
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.model.periods import local_date
from netbilld.services.find_subscriber import find_subscriber
from netbilld.services.idempotency import digest
from netbilld.services.paying import Doing, Store, record

VERB: Final = "payment refund"


@dataclass(frozen=True, slots=True)
class Refunded:
    """What was paid back, and what is left."""

    refund_id: str
    subscriber_no: str
    subscriber_name: str
    amount_minor: int
    currency: str
    method: str
    reference: str | None
    paid_on: str
    wallet_minor: int
    outstanding_minor: int


class RefundWallet:
    """Pays credit back."""

    def __init__(self, store: Store, *, timezone: str) -> None:
        self._store, self._timezone = store, timezone

    async def run(
        self,
        name: str,
        amount_minor: int | None,
        *,
        method: str,
        because: str,
        actor: Actor,
        now: datetime,
        reference: str | None = None,
        collector: str | None = None,
        paid_on: date | None = None,
        idempotency_key: str | None = None,
    ) -> Refunded:
        """Write down that so much was paid back.

        Args:
            name: any credential's name, or a subscriber number.
            amount_minor: how much; None is all that the wallet holds.
            method: how it was paid, such as cash or transfer.
            because: why, in words.
            actor: who.
            now: when.
            reference: unique within the method.
            collector: out of whose cash.
            paid_on: local day; None is today.
            idempotency_key: of the request.

        Raises:
            NotFoundError: nobody has that name or number, or no collector that name.
            RefusedError: more than the wallet holds, or the reference is another refund's.
            InvalidInputError: a method, reference or reason of the wrong form.
        """
        doing = Doing(actor, now, local_date(now, self._timezone))
        because, method, reference = reason_text(because), payment_method(method), payment_reference(reference)
        check_received_on(paid_on or doing.today, doing.today)
        async with self._store.write() as work:
            if idempotency_key:
                asked = digest(
                    {"name": name, "amount": amount_minor, "method": method, "reference": reference, "on": paid_on}
                )
                done = await work.idempotency.claim(idempotency_key, VERB, asked, now)
                if done is not None:
                    return Refunded(**done)
            subscriber = await find_subscriber(work, name)
            payer = Payer(subscriber.id, subscriber.number, subscriber.currency)
            if collector is not None:
                await work.collectors.check(collector)
            held_minor = (await work.ledger.wallets([payer.id], lock=True))[payer.id]
            wanted_minor = held_minor if amount_minor is None else amount_minor
            if wanted_minor > held_minor or held_minor <= 0:
                raise RefusedError(
                    f"the wallet of subscriber {payer.number} holds {held_minor}, nothing was refunded",
                    hint="what settled an invoice comes back by a credit note or `netbilld payment allocate`",
                    code="wallet_too_small",
                )
            check_amount(wanted_minor)
            refund = Refund(
                id=uuid4(),
                subscriber_id=payer.id,
                amount_minor=wanted_minor,
                currency=payer.currency,
                method=method,
                reference=reference,
                collector=collector,
                paid_on=paid_on or doing.today,
                recorded_at=now,
                actor=actor.name,
                reason=because,
            )
            if not await work.payments.add_refund(refund):
                raise RefusedError(
                    f"{method} reference {reference!r} is taken by another refund", code="reference_taken"
                )
            memo = " ".join(filter(None, ("Refund", method, reference, because)))
            entry = refunded(payer, refund.id, money_account(method, collector), wanted_minor, memo)
            await work.ledger.post_many([entry], at=now, booked_on=refund.paid_on, actor=actor)
            details = {"amount": wanted_minor, "method": method, "reference": reference, "because": because}
            await record(work, doing, "payment.refund", payer, refund.id, details)
            balance = await work.ledger.balance(payer.id)
            result = Refunded(
                refund_id=str(refund.id),
                subscriber_no=payer.number,
                subscriber_name=subscriber.name,
                amount_minor=wanted_minor,
                currency=payer.currency,
                method=method,
                reference=reference,
                paid_on=refund.paid_on.isoformat(),
                wallet_minor=balance.wallet_minor,
                outstanding_minor=balance.outstanding_minor,
            )
            if idempotency_key:
                await work.idempotency.complete(idempotency_key, VERB, asdict(result))
            return result
