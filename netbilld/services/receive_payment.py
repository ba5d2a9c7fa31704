"""A payment: invoices that were chosen, then oldest due first, the rest to the wallet, access open again, at once."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from netbilld.billing.allocation import Allocation, Choice, Part, allocate
from netbilld.billing.chart import Account, Payer
from netbilld.billing.invoice import Invoice
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.payment import (
    Payment,
    Plausibility,
    Withheld,
    check_amount,
    check_received_on,
    implausible,
    payment_method,
    payment_reference,
)
from netbilld.billing.postings import money_account, payment_received
from netbilld.billing.receipt import receipt_number, receipt_series
from netbilld.billing.withholding import withheld_of
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.subscriber import Subscriber
from netbilld.ports.outbox import Message, MessageKind
from netbilld.services.find_subscriber import find_subscriber
from netbilld.services.idempotency import digest
from netbilld.services.paying import NO_TAXES, Doing, PaymentTaxes, Store, Work, owed, record
from netbilld.services.renew_prepaid import renew

VERB: Final = "payment add"
CASH: Final = "cash"  # the method of what somebody has in their hands


@dataclass(frozen=True, slots=True)
class WithheldPart:
    """What a customer kept back for the tax office; no amount takes what the chosen invoice says."""

    kind: Withheld
    proof: str
    amount_minor: int | None = None


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
    receipt_no: str | None = None
    collector: str | None = None
    withheld: list[list[Any]] = field(default_factory=list)  # [method, proof, amount in minor units]
    statuses: dict[str, str] = field(default_factory=dict)  # of the invoices, by number: part_paid, paid


@dataclass(frozen=True, slots=True)
class AlreadyReceived:
    """The same subscriber, method, reference and amount again: nothing was done."""

    payment: Payment


class ReceivePayment:
    """Records payments that a person reports: cash, transfer, other."""

    def __init__(
        self,
        store: Store,
        *,
        timezone: str,
        plausibility: Plausibility | None = None,
        taxes: PaymentTaxes = NO_TAXES,
    ) -> None:
        self._store, self._timezone, self._plausibility, self._taxes = store, timezone, plausibility, taxes

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
        chosen: Sequence[Choice] = (),
        rest_to_wallet: bool = False,
        collector: str | None = None,
        withheld: Sequence[WithheldPart] = (),
        is_meant: bool = False,
        note: str = "",
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
            chosen: invoices that come first.
            rest_to_wallet: no other invoice than the chosen ones.
            collector: who took it and holds it until it is handed over; None is, of cash, the actor if they are one.
            withheld: what was kept back for the tax office, in the invoices besides the amount.
            is_meant: a person has said that an amount above the plausible is right.
            note: in words.

        Raises:
            NotFoundError: nobody has that name or number, or no collector that name.
            RefusedError: an absurd or implausible amount or day, the reference belongs to another payment, a chosen
                invoice is not open, or more is withheld than is settled.
            InvalidInputError: a method or reference of the wrong form.
        """
        doing = Doing(actor, now, local_date(now, self._timezone))
        payment = Payment(
            id=uuid4(),
            subscriber_id=UUID(int=0),
            amount_minor=amount_minor,
            currency=currency or "",
            method=payment_method(method),
            reference=payment_reference(reference),
            received_on=received_on or doing.today,
            recorded_at=now,
            actor=actor.name,
            collector=collector,
            note=note.strip()[:200],
        )
        check_amount(amount_minor)
        check_received_on(payment.received_on, doing.today)
        try:
            async with self._store.write() as work:
                if idempotency_key:
                    request: dict[str, Any] = {
                        "name": name,
                        "amount_minor": amount_minor,
                        "method": payment.method,
                        "reference": payment.reference,
                        "received_on": received_on,
                    }
                    if chosen or rest_to_wallet or collector or withheld:
                        request |= {
                            "chosen": [asdict(one) for one in chosen],
                            "rest_to_wallet": rest_to_wallet,
                            "collector": collector,
                            "withheld": [asdict(one) for one in withheld],
                        }
                    done = await work.idempotency.claim(idempotency_key, VERB, digest(request), now)
                    if done is not None:
                        return PaymentReceipt(**done)
                subscriber = await find_subscriber(work, name)
                receipt = await receive(
                    work,
                    subscriber,
                    payment,
                    doing,
                    taxes=self._taxes,
                    chosen=chosen,
                    rest_to_wallet=rest_to_wallet,
                    withheld=withheld,
                    plausibility=None if is_meant else self._plausibility,
                )
                if idempotency_key:
                    await work.idempotency.complete(idempotency_key, VERB, asdict(receipt))
                return receipt
        except Taken as taken:
            return AlreadyReceived(taken.payment)


async def receive(
    work: Work,
    subscriber: Subscriber,
    asked: Payment,
    doing: Doing,
    *,
    taxes: PaymentTaxes,
    chosen: Sequence[Choice] = (),
    rest_to_wallet: bool = False,
    withheld: Sequence[WithheldPart] = (),
    plausibility: Plausibility | None = None,
    came_to: Account | None = None,
) -> PaymentReceipt:
    """Record a payment of a locked subscriber within the caller's transaction; see ReceivePayment.run.

    Args:
        work: the transaction.
        subscriber: whose it is.
        asked: the payment, without its subscriber and receipt.
        doing: who and when.
        taxes: of a renewal that it buys, and of what is withheld without an amount.
        chosen: invoices that come first.
        rest_to_wallet: no other invoice than these.
        withheld: what was kept back for the tax office.
        plausibility: up to where the amount is taken without asking; None asks nothing.
        came_to: the account that the money lies on, where it is not that of its method or collector.

    Raises:
        Taken: it is on record already; nothing may be committed.
        RefusedError: as ReceivePayment.run.
    """
    payer = Payer(subscriber.id, subscriber.number, subscriber.currency)
    if asked.currency not in {"", payer.currency}:
        raise RefusedError(
            f"subscriber {payer.number} is billed in {payer.currency}, not {asked.currency}", code="wrong_currency"
        )
    if asked.collector is not None:
        await work.collectors.check(asked.collector)
    elif asked.method == CASH and asked.moved_from is None and came_to is None:
        asked = replace(asked, collector=await work.collectors.of_staff(doing.actor.name))
    await _refuse_taken(work, replace(asked, subscriber_id=payer.id, currency=payer.currency))
    if plausibility is not None and asked.amount_minor > plausibility.floor_minor:
        limit_minor = plausibility.limit_minor(await work.payments.known_minor(payer.id))
        if asked.amount_minor > limit_minor:
            raise implausible(asked.amount_minor, limit_minor, payer.number)
    sequence = await work.invoices.take_numbers(receipt_series(doing.today), 1)
    receipt_no = receipt_number(doing.today, sequence)
    payment = replace(asked, subscriber_id=payer.id, currency=payer.currency, receipt_no=receipt_no)
    open_invoices = {invoice.id: invoice for invoice in await work.invoices.open_of(payer.id)}
    kept = [await _withheld_payment(work, payment, part, chosen, open_invoices, taxes) for part in withheld]
    kept_minor = sum(one.amount_minor for one in kept)
    allocation = allocate(payment.amount_minor + kept_minor, owed(open_invoices), chosen, rest_to_wallet=rest_to_wallet)
    if kept_minor > allocation.settled_minor:
        raise RefusedError(
            f"{kept_minor} withheld is more than the {allocation.settled_minor} it could settle: proof is no credit",
            code="bad_withholding",
        )
    settled: dict[UUID, Invoice] = {}
    for part in allocation.parts:
        settled[part.invoice_id] = open_invoices[part.invoice_id].settle(part.amount_minor)
        await work.invoices.save_settled(settled[part.invoice_id])
    entries: list[LedgerEntry] = []
    left = list(allocation.parts)
    for one in (*kept, payment):  # what was withheld can't be credit, so it settles first
        if not await work.payments.add(one):
            await _refuse_taken(work, one)
            raise RefusedError(f"{one.method} reference {one.reference!r} is taken", code="reference_taken")
        parts, left = _share(left, one.amount_minor)
        await work.invoices.add_allocations(parts, one.id, doing.now)
        settled_minor = sum(part.amount_minor for part in parts)
        entries.append(
            payment_received(
                payer,
                one.id,
                one.method,
                settled_minor=settled_minor,
                credited_minor=one.amount_minor - settled_minor,
                memo=" ".join(filter(None, ("Payment", one.method, one.reference))),
                into=came_to if one is payment and came_to else money_account(one.method, one.collector),
            )
        )
    await work.ledger.post_many(entries, at=doing.now, booked_on=payment.received_on, actor=doing.actor)
    details = {
        "amount": payment.amount_minor,
        "method": payment.method,
        "reference": payment.reference,
        "to_wallet": allocation.rest_minor,
        **({"collector": payment.collector} if payment.collector else {}),
        **({"withheld": kept_minor} if kept else {}),
    }
    await record(work, doing, "payment.add", payer, payment.id, details)
    plans = await work.plans.plans_by_version()
    renewed = await renew(work, [payer], plans, now=doing.now, actor=doing.actor, tax=taxes.policy)
    balance = await work.ledger.balance(payer.id)
    receipt = PaymentReceipt(
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
        receipt_no=receipt_no,
        collector=payment.collector,
        withheld=[[one.method, one.reference, one.amount_minor] for one in kept],
        statuses={invoice.number or "": invoice.status.value for invoice in settled.values()},
    )
    await work.outbox.withdraw(payer.id, [MessageKind.CREDIT_LOW], doing.now)
    await work.outbox.add(_message(payment, allocation, balance.outstanding_minor), doing.now)
    return receipt


def _message(payment: Payment, allocation: Allocation, outstanding_minor: int) -> Message:
    """Return what tells the subscriber: once for a payment, however often it was reported."""
    return Message(
        MessageKind.PAYMENT_RECEIVED,
        payment.subscriber_id,
        {
            "amount_minor": payment.amount_minor,
            "method": payment.method,
            "reference": payment.reference,
            "received_on": payment.received_on.isoformat(),
            "numbers": [part.number for part in allocation.parts],
            "outstanding_minor": outstanding_minor,
            "receipt_no": payment.receipt_no,
            "to_wallet_minor": allocation.rest_minor,
        },
        f"payment:{payment.id}",
    )


def _share(parts: Sequence[Part], amount_minor: int) -> tuple[list[Part], list[Part]]:
    """Return what the next so much of the parts are, and what is left of them."""
    taken: list[Part] = []
    left: list[Part] = []
    for part in parts:
        mine_minor = min(part.amount_minor, amount_minor)
        amount_minor -= mine_minor
        if mine_minor:
            taken.append(replace(part, amount_minor=mine_minor))
        if part.amount_minor > mine_minor:
            left.append(replace(part, amount_minor=part.amount_minor - mine_minor))
    return taken, left


async def _withheld_payment(
    work: Work,
    payment: Payment,
    part: WithheldPart,
    chosen: Sequence[Choice],
    open_invoices: dict[UUID, Invoice],
    taxes: PaymentTaxes,
) -> Payment:
    option, proof = part.kind.replace("_", "-"), payment_reference(part.proof)
    if proof is None:
        raise InvalidInputError(f"--{option}: the number of the proof is missing")
    amount_minor = part.amount_minor
    if amount_minor is None:
        numbers = {choice.number.strip().upper() for choice in chosen}
        found = [one for one in open_invoices.values() if one.number in numbers]
        if len(found) != 1:
            raise InvalidInputError(f"--{option}: give the amount, or one --invoice to take it from")
        [full] = (await work.invoices.of_ids([found[0].id])).values()
        figures = withheld_of(full, taxes.pph23_rate)
        amount_minor = figures.pph23_minor if part.kind is Withheld.PPH23 else figures.ppn_minor
        if not amount_minor:
            raise RefusedError(f"--{option}: the buyer of {full.number} is not known to withhold it; give the amount")
    check_amount(amount_minor)
    return Payment(
        id=uuid4(),
        subscriber_id=payment.subscriber_id,
        amount_minor=amount_minor,
        currency=payment.currency,
        method=part.kind.value,
        reference=proof,
        received_on=payment.received_on,
        recorded_at=payment.recorded_at,
        actor=payment.actor,
        part_of=payment.id,
    )


class Taken(Exception):  # noqa: N818 - not an error: it undoes the transaction
    """The payment is on record already."""

    def __init__(self, payment: Payment) -> None:
        super().__init__()
        self.payment = payment


async def _refuse_taken(work: Work, payment: Payment) -> None:
    """Refuse a payment whose reference is another's.

    Raises:
        Taken: it is this very one, and was not reversed.
        RefusedError: another has it.
    """
    if payment.reference is None or not await work.payments.is_known(payment.method, payment.reference):
        return
    earlier = await work.payments.by_reference(payment.method, payment.reference)
    if earlier is None:
        raise RefusedError(
            f"{payment.method} reference {payment.reference!r} is parked",
            hint="`netbilld payment parked` shows it; `netbilld payment release ID --to U` gives it to somebody",
            code="reference_taken",
        )
    said = f"{earlier.amount_minor} {earlier.currency} received on {earlier.received_on}"
    if earlier.reversed_at is not None:
        raise RefusedError(
            f"{payment.method} reference {payment.reference!r} is taken by a payment of {said}, reversed since: "
            f"{earlier.reversed_because}",
            hint="a reference counts once; give this one its own",
            code="reference_taken",
        )
    same = ("subscriber_id", "amount_minor", "currency")
    if all(getattr(earlier, name) == getattr(payment, name) for name in same) and payment.part_of is None:
        raise Taken(earlier)
    raise RefusedError(
        f"{payment.method} reference {payment.reference!r} is taken by a payment of {said}",
        hint="`netbilld payment list` shows it; give this one its own reference",
        code="reference_taken",
    )
