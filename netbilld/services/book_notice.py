"""What a gateway says becomes what the books say: once, in one transaction, whatever came before it."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.allocation import Choice
from netbilld.billing.chart import GATEWAY_FEES
from netbilld.billing.gateway import (
    NOTHING_BOOKED,
    Fact,
    GatewayState,
    Notice,
    Step,
    booked_after,
    due_books,
    furthest,
    mismatch,
    step_between,
)
from netbilld.billing.numbering import DEFAULT, Numbering
from netbilld.billing.payment import Payment, PaymentStatus
from netbilld.billing.postings import money_account, money_moved
from netbilld.model.errors import RefusedError
from netbilld.model.periods import local_date
from netbilld.ports.gateway_records import Attempt, Attempts, Inbox, Transaction
from netbilld.services import paying, sell_online
from netbilld.services.paying import Doing, PaymentTaxes, find_payment
from netbilld.services.receive_payment import receive
from netbilld.services.refund_part import refund_part
from netbilld.services.reverse_payment import reverse

_LATE: Final = timedelta(days=7)  # older payments are booked on the day they are heard of


class Work(paying.Work, sell_online.Work, Protocol):
    @property
    def gateways(self) -> Attempts: ...
    @property
    def gateway_inbox(self) -> Inbox: ...


@dataclass(frozen=True, slots=True)
class Booked:
    """What came of a notice.

    Attributes:
        verdict: a stable word: credited, refunded, reversed, known; or why it waits for a person: unknown_order,
            other_amount, other_currency, no_amount, given_back (of what was recorded by hand), refund_spent and the
            codes of other refusals.
        is_parked: whether it waits for a person.
        payment_id: of what was credited.
    """

    verdict: str
    is_parked: bool = False
    detail: str = ""
    payment_id: UUID | None = None


class NotBookedError(Exception):
    """A refusal in the middle of a transaction, which must not be committed."""

    def __init__(self, verdict: str, detail: str) -> None:
        super().__init__(detail)
        self.verdict, self.detail = verdict, detail


class BookNotice:
    """Books notices within the transactions of those who bring them."""

    def __init__(
        self,
        *,
        timezone: str,
        taxes: PaymentTaxes,
        numbering: Numbering = DEFAULT,
        online: sell_online.SellOnline | None = None,
    ) -> None:
        """Book so; `online` sells vouchers that are paid in the captive portal, None sells none."""
        self._timezone, self._taxes, self._numbering, self._online = timezone, taxes, numbering, online

    def doing(self, doing: Doing) -> Doing:
        """Return it with the local day of its moment."""
        return replace(doing, today=local_date(doing.now, self._timezone))

    async def run(self, work: Work, notice: Notice, gateway: str, doing: Doing, *, by_callback: bool) -> Booked:
        """Take a notice into the set of what was said, and book what follows.

        Raises:
            NotBookedError: it can't be booked; the transaction has to be given up.
            Taken: the very payment was recorded by hand before; the transaction has to be given up.
        """
        attempt = await work.gateways.find(notice.ref)
        if attempt is None or attempt.gateway != gateway:
            if await work.payments.is_known(gateway, notice.transaction):
                return await _by_hand(work, notice, gateway)
            return Booked(
                "unknown_order", is_parked=notice.state.is_paid, detail=f"no payment {notice.ref} of {gateway}"
            )
        if attempt.subscriber_id is not None:
            await work.invoices.lock_subscribers([attempt.subscriber_id])
        attempt = await work.gateways.find(notice.ref, lock=True)
        assert attempt is not None, "an attempt stays"  # noqa: S101
        wrong = mismatch(notice, attempt.amount_minor, attempt.currency)
        if wrong is not None and await work.payments.is_known(gateway, notice.transaction):
            return await _by_hand(work, notice, gateway)
        if wrong is not None:
            said = f"{notice.amount_minor} {notice.currency} of {attempt.amount_minor} {attempt.currency}"
            return Booked(wrong, is_parked=True, detail=said)
        fact = Fact(notice.state, notice.refunded_minor)
        await work.gateways.add_fact(attempt.ref, notice.transaction, fact, doing.now)
        facts = await work.gateways.facts(attempt.ref)
        before = await work.gateways.transaction(attempt.ref, notice.transaction) or Transaction(
            attempt.ref, notice.transaction, gateway, NOTHING_BOOKED
        )
        is_ours = before.books != NOTHING_BOOKED
        may_be_known = _gives_back(notice.state) or attempt.subscriber_id is None  # a sale meets no earlier payment
        if not is_ours and may_be_known and await work.payments.is_known(gateway, notice.transaction):
            return await _by_hand(work, notice, gateway)
        step = step_between(before.books, due_books(facts[notice.transaction], attempt.amount_minor))
        after = before
        if not step.is_nothing:
            try:
                after = await self._book(work, attempt, notice, before, step, doing)
            except RefusedError as error:
                raise NotBookedError(error.code, str(error)) from error
        if after.books.credited_minor and notice.fee_minor and after.fee_minor is None:
            after = await self._book_fee(work, after, notice.fee_minor, attempt.currency, doing)
        if after != before:
            await work.gateways.save(after)
        everything = [furthest(some) for some in facts.values()]
        state = max(everything, key=lambda one: (one.rank, one.value))
        raw = notice.raw_status if state is notice.state else attempt.raw_status or notice.raw_status
        paid_at = (notice.paid_at or doing.now) if notice.state.is_paid else None
        await work.gateways.said(attempt.ref, state, raw, paid_at, by_callback=by_callback)
        return Booked(_verdict(step), payment_id=after.payment_id)

    async def _book(
        self, work: Work, attempt: Attempt, notice: Notice, before: Transaction, step: Step, doing: Doing
    ) -> Transaction:
        if attempt.subscriber_id is None:
            return await self._book_voucher(work, attempt, notice, before, step, doing)
        after = before
        if step.credit_minor:
            paid_on = self._received_on(notice, doing)
            payment_id = await self._credit(work, attempt, notice, step.credit_minor, paid_on, doing)
            after = replace(after, payment_id=payment_id, paid_on=paid_on)
        if step.refund_minor or step.reverse:
            assert after.payment_id is not None, "what goes back was credited"  # noqa: S101
            payment, payer = await find_payment(work, str(after.payment_id))
            if step.reverse and before.books.refunded_minor:
                raise RefusedError("taken back after a part of it was refunded", code="reversed_after_refund")
            whole = step.refund_minor == attempt.amount_minor and not before.books.refunded_minor
            if step.reverse or whole:
                because = f"{attempt.gateway}: {notice.raw_status}"
                await reverse(work, payment, payer, because, doing, self._numbering)
            else:
                total = before.books.refunded_minor + step.refund_minor
                reference = f"{attempt.ref} {notice.transaction} {total}"[:200]
                await refund_part(work, payment, payer, step.refund_minor, reference, notice.raw_status, doing)
        return replace(after, books=booked_after(before.books, step))

    async def _book_voucher(
        self, work: Work, attempt: Attempt, notice: Notice, before: Transaction, step: Step, doing: Doing
    ) -> Transaction:
        """Sell the voucher that is paid; give it back where the money went back."""
        if self._online is None:
            raise RefusedError("vouchers are not sold here", code="unknown_order")
        after = before
        if step.credit_minor:
            await self._online.sell(work, attempt, doing.actor, doing.now)
            after = replace(after, paid_on=doing.today)
        if step.refund_minor or step.reverse:
            if not step.reverse and before.books.refunded_minor + step.refund_minor < attempt.amount_minor:
                raise RefusedError("of a voucher all or nothing is given back", code="voucher_part")
            because = f"{attempt.gateway}: {notice.raw_status}"
            await self._online.give_back(work, attempt, because, doing.actor, doing.now)
        return replace(after, books=booked_after(before.books, step))

    async def check_refund(self, work: Work, attempt: Attempt, amount_minor: int) -> None:
        """Do nothing where so much of a payment can be booked as given back, as far as that is known before.

        Raises:
            RefusedError: of a voucher that is bought and in use, or a part of its price.
        """
        if attempt.subscriber_id is None and self._online is not None:
            if amount_minor != attempt.amount_minor:
                raise RefusedError("of a voucher all or nothing is given back", code="voucher_part")
            await self._online.check_unused(work, attempt)

    async def _credit(
        self, work: Work, attempt: Attempt, notice: Notice, amount_minor: int, paid_on: date, doing: Doing
    ) -> UUID:
        subscriber = await work.subscribers.by_id(attempt.subscriber_id) if attempt.subscriber_id else None
        assert subscriber is not None, "an attempt has a subscriber"  # noqa: S101
        payment = Payment(
            id=uuid4(),
            subscriber_id=subscriber.id,
            amount_minor=amount_minor,
            currency=attempt.currency,
            method=attempt.gateway,
            reference=notice.transaction,
            received_on=paid_on,
            recorded_at=doing.now,
            actor=doing.actor.name,
            note=f"{attempt.ref} {attempt.method}"[:200],
        )
        chosen: list[Choice] = []
        if attempt.invoice_id is not None:
            open_now = await work.invoices.open_of(subscriber.id)
            chosen = [Choice(one.number or "") for one in open_now if one.id == attempt.invoice_id]
        receipt = await receive(work, subscriber, payment, doing, taxes=self._taxes, chosen=chosen)
        return UUID(receipt.payment_id)

    async def _book_fee(
        self, work: Work, transaction: Transaction, fee_minor: int, currency: str, doing: Doing
    ) -> Transaction:
        entry = money_moved(
            "gateway_fee",
            f"{transaction.ref} {transaction.name}"[:100],
            currency,
            to=GATEWAY_FEES,
            out_of=money_account(transaction.gateway),
            amount_minor=fee_minor,
            memo=f"Fee {transaction.gateway} {transaction.ref}",
        )
        await work.ledger.post_many([entry], at=doing.now, booked_on=doing.today, actor=doing.actor)
        return replace(transaction, fee_minor=fee_minor)

    def _received_on(self, notice: Notice, doing: Doing) -> date:
        if notice.paid_at is None or not timedelta(0) <= doing.now - notice.paid_at <= _LATE:
            return doing.today
        paid_on = local_date(notice.paid_at, self._timezone)
        # a day of a month that may be closed already is nobody's any more
        return paid_on if (paid_on.year, paid_on.month) == (doing.today.year, doing.today.month) else doing.today


async def _by_hand(work: Work, notice: Notice, gateway: str) -> Booked:
    """Return what becomes of a notice of money that somebody has recorded by hand.

    What the gateway gives back of it nobody else would hear of, so that waits for a person, until it is reversed.
    """
    payment = await work.payments.by_reference(gateway, notice.transaction)
    if not _gives_back(notice.state) or payment is None or payment.status is PaymentStatus.REVERSED:
        return Booked("known_by_hand")  # somebody has decided whose it is
    said = f"{notice.raw_status} of payment {payment.receipt_no or payment.id}, which was recorded by hand"
    return Booked("given_back", is_parked=True, detail=said)


def _gives_back(state: GatewayState) -> bool:
    return state.rank > GatewayState.PAID.rank or state is GatewayState.DENIED


def _verdict(step: Step) -> str:
    if step.reverse:
        return "reversed"
    if step.refund_minor:
        return "refunded"
    return "credited" if step.credit_minor else "known"


def is_money(state: GatewayState) -> bool:
    """Tell whether a state moves money, so that it has to be sure."""
    return state.is_paid or state is GatewayState.DENIED
