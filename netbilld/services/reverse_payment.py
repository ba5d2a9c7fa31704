"""A payment that bounced, or was another's: its invoices are owed again, what it put into the wallet is taken back."""

from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID, uuid4

from netbilld.billing.allocation import Part
from netbilld.billing.chart import COMMISSION, Account, Payer
from netbilld.billing.chart import agent as agent_account
from netbilld.billing.invoice import Invoice, InvoiceLine, InvoiceStatus, LineKind
from netbilld.billing.issuing import issued
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.numbering import DEFAULT, Numbering, invoice_number, invoice_series
from netbilld.billing.payment import Payment, PaymentStatus, check_received_on, reason_text
from netbilld.billing.postings import money_account, money_moved, payment_reversed, reallocated
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.model.periods import local_date
from netbilld.model.subscriber import Subscriber
from netbilld.ports.outbox import Message, MessageKind
from netbilld.services.idempotency import digest
from netbilld.services.paying import (
    NO_TAXES,
    Doing,
    PaymentTaxes,
    Store,
    Work,
    apply_wallet,
    find_payment,
    payer_of,
    record,
)
from netbilld.services.receive_payment import PaymentReceipt, receive

VERB: Final = "payment reverse"
MOVE: Final = "payment move"
_TEXT: Final = "Pembayaran batal, sudah terpakai / Payment reversed, spent already"
_SETTLED: Final = frozenset({InvoiceStatus.PART_PAID, InvoiceStatus.PAID})


@dataclass(frozen=True, slots=True)
class Reversal:
    """What a reversal did.

    Attributes:
        reopened: [invoice number, amount in minor units]: owed again, by this payment or by the wallet's part.
        taken_minor: out of the wallet, for what was in it or has been spent of it.
        billed: the number of the invoice for what was spent of it on what can't be taken back; None where nothing was.
        billed_minor: its amount; due at once.
        applied: [invoice number, amount]: what other credit in the wallet has settled at once.
        moved_to: the receipt of the payment it became, of another subscriber.
    """

    payment_id: str
    subscriber_no: str
    amount_minor: int
    currency: str
    reopened: list[list[str | int]]
    taken_minor: int
    billed: str | None
    billed_minor: int
    applied: list[list[str | int]]
    wallet_minor: int
    outstanding_minor: int
    moved_to: PaymentReceipt | None = None


class ReversePayment:
    """Takes payments back, and gives them to whom they belong."""

    def __init__(
        self, store: Store, *, timezone: str, numbering: Numbering = DEFAULT, taxes: PaymentTaxes = NO_TAXES
    ) -> None:
        self._store, self._timezone, self._numbering, self._taxes = store, timezone, numbering, taxes

    async def run(
        self,
        payment: str,
        *,
        because: str,
        actor: Actor,
        now: datetime,
        on: date | None = None,
        idempotency_key: str | None = None,
    ) -> Reversal:
        """Reverse a payment, with what was withheld from it.

        What it had settled is owed again. What it had put into the wallet is taken out; where that is spent, what the
        wallet has settled of invoices is owed again, newest first, and what is left (renewals, usage and refunds that
        can't be taken back) is an invoice that is due at once. What came through an agent is in their deposit again,
        less the commission.

        Args:
            payment: its id or receipt number.
            because: why, in words.
            actor: who.
            now: when.
            on: the local day the money went back; None is today.
            idempotency_key: of the request.

        Raises:
            NotFoundError: there is no such payment.
            RefusedError: it is reversed already.
            InvalidInputError: no reason is given.
        """
        because = reason_text(because)
        doing = Doing(actor, now, local_date(now, self._timezone))
        check_received_on(on or doing.today, doing.today)
        async with self._store.write() as work:
            if idempotency_key:
                asked = digest({"payment": payment, "because": because, "on": on})
                done = await work.idempotency.claim(idempotency_key, VERB, asked, now)
                if done is not None:
                    return _stored(done)
            found, payer = await find_payment(work, payment)
            day = replace(doing, today=on or doing.today)
            reversal = await reverse(work, found, payer, because, day, self._numbering)
            if idempotency_key:
                await work.idempotency.complete(idempotency_key, VERB, asdict(reversal))
            return reversal

    async def move(
        self, payment: str, to: str, *, because: str, actor: Actor, now: datetime, idempotency_key: str | None = None
    ) -> Reversal:
        """Give a payment to the subscriber it belongs to: reversed with the one, received from the other, at once.

        Raises:
            NotFoundError: there is no such payment, or nobody has that name.
            RefusedError: it is reversed already, is theirs, came through an agent, or has had tax withheld from it.
        """
        because = reason_text(because)
        doing = Doing(actor, now, local_date(now, self._timezone))
        async with self._store.write() as work:
            if idempotency_key:
                asked = digest({"payment": payment, "to": to, "because": because})
                done = await work.idempotency.claim(idempotency_key, MOVE, asked, now)
                if done is not None:
                    return _stored(done)
            found, payer, receiver = await self._both(work, payment, to)
            if found.part_of or await work.payments.withheld_from(found.id):
                raise RefusedError(
                    "tax was withheld from this payment, which is its payer's own",
                    hint="reverse it, and add it to the other subscriber",
                )
            if await work.agents.taken_by(found.id) is not None:
                raise RefusedError(
                    "this payment came through an agent, who takes money of their own subscribers alone",
                    hint="reverse it: it is in the agent's deposit then",
                    code="through_an_agent",
                )
            reversal = await reverse(work, found, payer, because, doing, self._numbering, is_told=False)
            again = replace(
                found,
                id=uuid4(),
                reference=None,
                recorded_at=now,
                actor=actor.name,
                receipt_no=None,
                moved_from=found.id,
                note=f"{found.reference or found.receipt_no or found.id} of {payer.number}"[:200],
            )
            receipt = await receive(work, receiver, again, doing, taxes=self._taxes)
            reversal = replace(reversal, moved_to=receipt)
            if idempotency_key:
                await work.idempotency.complete(idempotency_key, MOVE, asdict(reversal))
            return reversal

    async def _both(self, work: Work, payment: str, to: str) -> tuple[Payment, Payer, Subscriber]:
        theirs, found = await work.payments.payer(to), await work.payments.find(payment)
        await work.invoices.lock_subscribers([theirs.id, found.subscriber_id])  # in one order, whoever gives to whom
        found = await work.payments.find(str(found.id))
        payer, receiver = await payer_of(work, found.subscriber_id), await work.subscribers.by_id(theirs.id)
        assert receiver is not None, "a payer is a subscriber"  # noqa: S101
        if receiver.id == payer.id:
            raise RefusedError(f"the payment is subscriber {payer.number}'s already", code="same_subscriber")
        return found, payer, receiver


async def reverse(
    work: Work,
    payment: Payment,
    payer: Payer,
    because: str,
    doing: Doing,
    numbering: Numbering,
    *,
    is_told: bool = True,
) -> Reversal:
    """Reverse a payment of a locked subscriber within the caller's transaction; see ReversePayment.run.

    Raises:
        RefusedError: it is reversed already.
    """
    if payment.status is PaymentStatus.REVERSED:
        raise RefusedError(
            f"payment {payment.receipt_no or payment.id} is reversed already, by {payment.reversed_by}: "
            f"{payment.reversed_because}",
            code="already_reversed",
        )
    undone = [payment]
    if payment.part_of is None:
        undone += [one for one in await work.payments.withheld_from(payment.id) if one.reversed_at is None]
    took = _Taking(work, payer, doing)
    for one in undone:
        await took.take_off(one)
    money: dict[Account, int] = defaultdict(int)
    agent, commission_minor = await work.agents.taken_by(payment.id) or (None, 0)
    for one in undone:
        is_agents = agent is not None and one is payment
        money[agent_account(agent or "") if is_agents else money_account(one.method, one.collector)] += one.amount_minor
    amount_minor = sum(money.values())
    reopened_minor = sum(part.amount_minor for part in took.reopened)
    taken_minor = amount_minor - reopened_minor
    held_minor = max(0, (await work.ledger.wallets([payer.id], lock=True))[payer.id])
    missing_minor = await took.take_from_wallets_invoices(max(0, taken_minor - held_minor))
    memo = " ".join(filter(None, ("Reversed:", payment.method, payment.reference, because)))
    entry = payment_reversed(
        payer, payment.id, money, reopened_minor=reopened_minor, taken_minor=taken_minor, memo=memo
    )
    entries = [*took.entries, entry]
    if agent is not None and commission_minor:
        entries.append(_commission_back(payment, agent, commission_minor))
    await work.ledger.post_many(entries, at=doing.now, booked_on=doing.today, actor=doing.actor)
    billed = await _bill(work, payer, missing_minor, doing, numbering) if missing_minor else None
    await work.payments.mark_reversed([one.id for one in undone], doing.now, doing.actor.name, because)
    left_minor = (await work.ledger.wallets([payer.id]))[payer.id]
    applied = await apply_wallet(work, payer, left_minor, doing)
    details = {
        "amount": amount_minor,
        "method": payment.method,
        "reference": payment.reference,
        "because": because,
        "invoices": [part.number for part in took.reopened],
        **({"billed": billed.number} if billed else {}),
    }
    await record(work, doing, "payment.reverse", payer, payment.id, details)
    balance = await work.ledger.balance(payer.id)
    if is_told and payment.part_of is None:
        await work.outbox.add(_message(payment, because, balance.outstanding_minor), doing.now)
    return Reversal(
        payment_id=str(payment.id),
        subscriber_no=payer.number,
        amount_minor=amount_minor,
        currency=payment.currency,
        reopened=[[part.number, part.amount_minor] for part in (*took.reopened, *took.unapplied)],
        taken_minor=taken_minor,
        billed=billed.number if billed else None,
        billed_minor=missing_minor,
        applied=[[part.number, part.amount_minor] for part in applied],
        wallet_minor=balance.wallet_minor,
        outstanding_minor=balance.outstanding_minor,
    )


def _commission_back(payment: Payment, agent: str, commission_minor: int) -> LedgerEntry:
    return money_moved(
        "agent_commission_reversed",
        str(payment.id),
        payment.currency,
        to=agent_account(agent),
        out_of=COMMISSION,
        amount_minor=commission_minor,
        memo=f"Komisi agen {agent} batal {payment.receipt_no or ''}".rstrip(),
    )


class _Taking:
    """Takes money off the invoices of one subscriber."""

    def __init__(self, work: Work, payer: Payer, doing: Doing) -> None:
        self._work, self._payer, self._doing = work, payer, doing
        self.reopened: list[Part] = []  # what payments had settled
        self.unapplied: list[Part] = []  # what the wallet had
        self.entries: list[LedgerEntry] = []

    async def take_off(self, payment: Payment) -> None:
        """Take off what a payment has settled; of a credited invoice, whose credit is in the wallet, nothing."""
        settled = await self._work.payments.settled_by(payment.id)
        invoices = await self._work.invoices.of_ids([invoice_id for invoice_id, _ in settled])
        for invoice_id, amount_minor in settled:
            invoice = invoices[invoice_id]
            part = Part(invoice_id, invoice.number or "", amount_minor)
            if invoice.status not in _SETTLED:
                await self._work.invoices.add_allocations([_back(part)], payment.id, self._doing.now)
                await self._work.invoices.add_allocations([part], None, self._doing.now)  # the wallet's from now on
                continue
            await self._reopen(invoice, part, payment.id)
            self.reopened.append(part)

    async def take_from_wallets_invoices(self, wanted_minor: int) -> int:
        """Take back to the wallet what it had settled, newest first; return what is missing still."""
        settled = await self._work.payments.settled_from_wallet(self._payer.id) if wanted_minor else []
        invoices = await self._work.invoices.of_ids([invoice_id for invoice_id, _ in settled])
        for invoice_id, amount_minor in settled:
            invoice, part_minor = invoices[invoice_id], min(amount_minor, wanted_minor)
            if not part_minor or invoice.status not in _SETTLED:
                continue
            part = Part(invoice_id, invoice.number or "", part_minor)
            await self._reopen(invoice, part, None)
            self.unapplied.append(part)
            self.entries.append(reallocated(self._payer, part.number, part_minor))
            wanted_minor -= part_minor
        return wanted_minor

    async def _reopen(self, invoice: Invoice, part: Part, payment_id: UUID | None) -> None:
        now_open = (await self._work.invoices.of_ids([invoice.id]))[invoice.id].unsettle(part.amount_minor)
        await self._work.invoices.save_settled(now_open)
        await self._work.invoices.add_allocations([_back(part)], payment_id, self._doing.now)


def _back(part: Part) -> Part:
    return replace(part, amount_minor=-part.amount_minor)


async def _bill(work: Work, payer: Payer, amount_minor: int, doing: Doing, numbering: Numbering) -> Invoice:
    """Issue the invoice, due at once, for what was spent of money that is no more; it fills the wallet again."""
    sequence = await work.invoices.take_numbers(invoice_series(doing.today, numbering), 1)
    number = invoice_number(doing.today, sequence, numbering)
    line = InvoiceLine(LineKind.REVERSED_PAYMENT, None, _TEXT, 1, amount_minor, 1, amount_minor, revenue="wallet")
    draft = Invoice(
        id=uuid4(),
        subscriber_id=payer.id,
        status=InvoiceStatus.DRAFT,
        number=None,
        issued_on=None,
        due_on=None,
        period_start_on=doing.today,
        period_end_on=doing.today,
        timezone=await _timezone(work, payer),
        currency=payer.currency,
        lines=(line,),
        tax_minor=0,
        total_minor=amount_minor,
        paid_minor=0,
    )
    document = issued(draft, payer, number, doing.today, 0)
    await work.invoices.add([document.document], doing.now)
    await work.ledger.post_many(document.entries, at=doing.now, booked_on=doing.today, actor=doing.actor)
    return document.document


async def _timezone(work: Work, payer: Payer) -> str:
    services = await work.services.of_subscriber(payer.id)
    return services[0].timezone if services else "UTC"


def _message(payment: Payment, because: str, outstanding_minor: int) -> Message:
    return Message(
        MessageKind.PAYMENT_REVERSED,
        payment.subscriber_id,
        {
            "amount_minor": payment.amount_minor,
            "method": payment.method,
            "reference": payment.reference,
            "reason": because,
            "outstanding_minor": outstanding_minor,
        },
        f"payment:{payment.id}:reversed",
    )


def _stored(done: dict[str, object]) -> Reversal:
    moved = done.get("moved_to")
    receipt = PaymentReceipt(**moved) if isinstance(moved, dict) else None
    return Reversal(**{**done, "moved_to": receipt})  # type: ignore[arg-type]  # what asdict made of one
