"""Credit put to invoices by hand: the wallet's, or a payment's that settled others."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Final

from netbilld.billing.allocation import Choice, Part
from netbilld.billing.chart import Payer
from netbilld.billing.invoice import InvoiceStatus
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.payment import Payment, PaymentStatus, Withheld
from netbilld.billing.postings import reallocated
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.model.periods import local_date
from netbilld.services.find_subscriber import find_subscriber
from netbilld.services.idempotency import digest
from netbilld.services.paying import Doing, Store, Work, apply_wallet, find_payment, record

VERB: Final = "payment allocate"


@dataclass(frozen=True, slots=True)
class Allocated:
    """What has been settled: [invoice number, amount in minor units]; what a payment settled no more; what is left."""

    subscriber_no: str
    currency: str
    allocations: list[list[str | int]]
    reopened: list[list[str | int]]
    wallet_minor: int
    outstanding_minor: int


class AllocateWallet:
    """Puts credit to invoices."""

    def __init__(self, store: Store, *, timezone: str) -> None:
        self._store, self._timezone = store, timezone

    async def run(
        self,
        name: str,
        *,
        actor: Actor,
        now: datetime,
        chosen: Sequence[Choice] = (),
        only_chosen: bool = False,
        payment: str | None = None,
        idempotency_key: str | None = None,
    ) -> Allocated:
        """Settle open invoices from the wallet: the chosen ones, then oldest due first.

        Args:
            name: any credential's name, or a subscriber number.
            actor: who.
            now: when.
            chosen: invoices that come first.
            only_chosen: no others.
            payment: the id or receipt number of a payment of theirs, which is taken off the invoices it had settled
                first and put to these.
            idempotency_key: of the request.

        Raises:
            NotFoundError: nobody has that name, or there is no such payment.
            RefusedError: the wallet is empty, a chosen invoice is not open, or the payment is not theirs.
        """
        doing = Doing(actor, now, local_date(now, self._timezone))
        async with self._store.write() as work:
            if idempotency_key:
                asked = digest(
                    {"name": name, "chosen": [asdict(one) for one in chosen], "only": only_chosen, "payment": payment}
                )
                done = await work.idempotency.claim(idempotency_key, VERB, asked, now)
                if done is not None:
                    return Allocated(**done)
            subscriber = await find_subscriber(work, name)
            payer = Payer(subscriber.id, subscriber.number, subscriber.currency)
            found = (await find_payment(work, payment))[0] if payment else None
            reopened = await self._take_off(work, found, payer, doing) if found else []
            held_minor = (await work.ledger.wallets([payer.id], lock=True))[payer.id]
            if held_minor <= 0:
                raise RefusedError(f"the wallet of subscriber {payer.number} holds nothing", code="wallet_too_small")
            limit_minor = min(held_minor, found.amount_minor) if found else held_minor
            parts = await apply_wallet(
                work,
                payer,
                limit_minor,
                doing,
                chosen,
                payment_id=found.id if found else None,
                only_chosen=only_chosen,
            )
            if not parts and not reopened:
                raise RefusedError(f"subscriber {payer.number} has no open invoice", code="nothing_open")
            details = {
                "invoices": [[part.number, part.amount_minor] for part in parts],
                "reopened": [[part.number, part.amount_minor] for part in reopened],
            }
            await record(work, doing, "payment.allocate", payer, found.id if found else payer.number, details)
            balance = await work.ledger.balance(payer.id)
            result = Allocated(
                subscriber_no=payer.number,
                currency=payer.currency,
                allocations=[[part.number, part.amount_minor] for part in parts],
                reopened=[[part.number, part.amount_minor] for part in reopened],
                wallet_minor=balance.wallet_minor,
                outstanding_minor=balance.outstanding_minor,
            )
            if idempotency_key:
                await work.idempotency.complete(idempotency_key, VERB, asdict(result))
            return result

    async def _take_off(self, work: Work, payment: Payment, payer: Payer, doing: Doing) -> list[Part]:
        if payment.subscriber_id != payer.id:
            raise RefusedError(
                f"that payment is not subscriber {payer.number}'s",
                hint="`netbilld payment move` gives it to another subscriber",
            )
        if payment.status is PaymentStatus.REVERSED or payment.method in set(Withheld):
            raise RefusedError("that payment is reversed, or was withheld: it can't be put to other invoices")
        settled = await work.payments.settled_by(payment.id)
        invoices = await work.invoices.of_ids([invoice_id for invoice_id, _ in settled])
        entries: list[LedgerEntry] = []
        reopened: list[Part] = []
        for invoice_id, amount_minor in settled:
            invoice = invoices[invoice_id]
            if invoice.status not in {InvoiceStatus.PART_PAID, InvoiceStatus.PAID}:
                continue  # a credited one's money is in the wallet already
            part = Part(invoice_id, invoice.number or "", amount_minor)
            await work.invoices.save_settled(invoice.unsettle(amount_minor))
            await work.invoices.add_allocations([replace(part, amount_minor=-amount_minor)], payment.id, doing.now)
            entries.append(reallocated(payer, part.number, amount_minor))
            reopened.append(part)
        await work.ledger.post_many(entries, at=doing.now, booked_on=doing.today, actor=doing.actor)
        return reopened
