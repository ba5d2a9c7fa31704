"""Rows of bank statements become payments: by their own amount, by what their text names, or by a person's word."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.allocation import Choice
from netbilld.billing.bank_matching import Known, Proposal, Reason, propose
from netbilld.billing.bank_statement import BankRow
from netbilld.billing.numbering import DEFAULT, Numbering
from netbilld.billing.payment import Payment, PaymentStatus, reason_text
from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.subscriber import Subscriber
from netbilld.services import paying
from netbilld.services.find_subscriber import find_subscriber
from netbilld.services.paying import NO_TAXES, Doing, PaymentTaxes, find_payment, payer_of
from netbilld.services.receive_payment import PaymentReceipt, receive
from netbilld.services.reverse_payment import Reversal, reverse

CHUNK: Final = 2_000  # rows that are looked at together


class RowStatus(StrEnum):
    OPEN = "open"
    MATCHED = "matched"
    IGNORED = "ignored"


class AutoMatch(StrEnum):
    """Which rows need nobody's word."""

    OFF = "off"
    CODE = "code"  # those whose amount is an invoice's own
    SURE = "sure"  # also those whose text names one whom the amount fits


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row on record; only money that came in is."""

    id: int
    account: str
    method: str
    booked_on: date
    amount_minor: int
    currency: str
    text: str
    reference: str | None
    file_name: str
    line: int
    imported_at: datetime
    status: RowStatus
    payment_id: UUID | None
    reason: str
    decided_at: datetime | None
    decided_by: str | None

    @property
    def whole_text(self) -> str:
        return f"{self.text} {self.reference or ''}".strip()


@dataclass(frozen=True, slots=True)
class Matched:
    """What a row became: a payment with its receipt, or the one that was on record already."""

    row_id: int
    reason: str
    payment_id: UUID
    receipt: PaymentReceipt | None


class Bank(Protocol):
    async def add(
        self, rows: Sequence[BankRow], *, account: str, method: str, currency: str, file_name: str, at: datetime
    ) -> list[int]: ...
    async def find(self, row_id: int, *, lock: bool = False) -> StoredRow: ...
    async def some(self, row_ids: Sequence[int]) -> list[StoredRow]: ...
    async def decide(
        self, row_id: int, status: RowStatus, payment_id: UUID | None, reason: str, at: datetime, by: str
    ) -> None: ...
    async def known(self, rows: Sequence[StoredRow], now: datetime, *, named_only: bool = False) -> Known: ...
    async def linked(self, payment_id: UUID) -> int | None: ...


class PaymentCodes(Protocol):
    async def use(self, invoice_id: UUID, amount_minor: int, payment_id: UUID) -> None: ...


class Work(paying.Work, Protocol):
    @property
    def bank(self) -> Bank: ...
    @property
    def payment_codes(self) -> PaymentCodes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class MatchBankRows:
    """Makes payments of rows, and takes that back."""

    def __init__(
        self, store: Store, *, timezone: str, numbering: Numbering = DEFAULT, taxes: PaymentTaxes = NO_TAXES
    ) -> None:
        self._store, self._timezone, self._numbering, self._taxes = store, timezone, numbering, taxes

    async def proposals(self, rows: Sequence[StoredRow], now: datetime) -> Mapping[int, Sequence[Proposal]]:
        """Return, by row, who it may be from, the surest first."""
        async with self._store.read() as work:
            return await _proposed(work, rows, now)

    async def match_all(self, row_ids: Sequence[int], auto: AutoMatch, *, actor: Actor, now: datetime) -> list[Matched]:
        """Make payments of those open rows that need nobody's word, each in a transaction of its own."""
        done: list[Matched] = []
        if auto is AutoMatch.OFF or not row_ids:
            return done
        async with self._store.read() as work:
            rows = [row for row in await work.bank.some(row_ids) if row.status is RowStatus.OPEN]
            proposed = await _proposed(work, rows, now, named_only=True)
        for row in rows:
            if _needs_nobody(proposed[row.id], auto):
                try:
                    done.append(await self.match(row.id, actor=actor, now=now, auto=auto))
                except RefusedError:
                    continue  # somebody was faster, or it fits no more: a person decides
        return done

    async def match(
        self,
        row_id: int,
        *,
        actor: Actor,
        now: datetime,
        to: str | None = None,
        invoice: str | None = None,
        payment: str | None = None,
        auto: AutoMatch | None = None,
    ) -> Matched:
        """Make a payment of a row.

        Args:
            row_id: of the row.
            actor: who says so.
            now: when.
            to: the subscriber it is from; None where an invoice or the proposal says it.
            invoice: what it is for.
            payment: the payment it is, where that is on record already.
            auto: nobody says so: only where it is as sure as that wants.

        Raises:
            NotFoundError: there is no such row, subscriber, invoice or payment.
            RefusedError: it is decided on already, or nothing was said and no proposal is sure.
        """
        doing = Doing(actor, now, local_date(now, self._timezone))
        async with self._store.write() as work:
            row = await work.bank.find(row_id)
            chosen = await self._chosen(work, row, to, invoice, payment, auto, now)
            if chosen.payment_id is not None:
                return await self._link(work, row_id, chosen, doing)
            subscriber = await (find_subscriber(work, to) if to else _of_number(work, chosen.subscriber_no))
            row = _open(await work.bank.find(row_id, lock=True))
            asked = Payment(
                id=uuid4(),
                subscriber_id=subscriber.id,
                amount_minor=row.amount_minor,
                currency=row.currency,
                method=row.method,
                reference=await _reference(work, row),
                received_on=row.booked_on,
                recorded_at=now,
                actor=actor.name,
                note=row.whole_text[:200],
            )
            by_code = chosen.reason is Reason.CODE
            receipt = await receive(
                work,
                subscriber,
                asked,
                doing,
                taxes=self._taxes,
                chosen=[Choice(chosen.invoice)] if chosen.invoice else (),
                rest_to_wallet=by_code,  # what the code adds is nobody's debt
            )
            payment_id = UUID(receipt.payment_id)
            if by_code and chosen.invoice:
                await work.payment_codes.use(await self._invoice_id(work, payment_id), row.amount_minor, payment_id)
            said = chosen.reason.name.lower() if not (to or invoice) else "by hand"
            await work.bank.decide(row.id, RowStatus.MATCHED, payment_id, said, now, actor.name)
            return Matched(row.id, said, payment_id, receipt)

    async def ignore(self, row_id: int, *, because: str, actor: Actor, now: datetime) -> StoredRow:
        """Say that a row is no subscriber's payment.

        Raises:
            NotFoundError: there is no such row.
            RefusedError: it is decided on already.
        """
        because = reason_text(because)
        async with self._store.write() as work:
            row = _open(await work.bank.find(row_id, lock=True))
            await work.bank.decide(row.id, RowStatus.IGNORED, None, because, now, actor.name)
            await work.changes.record(actor, now, "bank.ignore", "bank_row", row.id, {"because": because})
            return await work.bank.find(row_id)

    async def undo(self, row_id: int, *, because: str, actor: Actor, now: datetime) -> Reversal | None:
        """Take back what was decided on a row, which is open then; return what became of the payment made of it.

        A payment that was on record before the row stays.

        Raises:
            NotFoundError: there is no such row.
            RefusedError: nothing was decided on it.
        """
        because = reason_text(because)
        doing = Doing(actor, now, local_date(now, self._timezone))
        async with self._store.write() as work:
            row = await work.bank.find(row_id)
            if row.payment_id is not None:
                await find_payment(work, str(row.payment_id))  # its subscriber is locked before the row
            row = await work.bank.find(row_id, lock=True)
            if row.status is RowStatus.OPEN:
                raise RefusedError(f"nothing was decided on row {row_id}", code="row_open")
            reversal = None
            if row.payment_id is not None:
                payment, payer = await find_payment(work, str(row.payment_id))
                is_made_of_it = (payment.reference or "").partition("/")[0] == f"{row.account}-{row.id}"
                if payment.status is PaymentStatus.RECEIVED and is_made_of_it:
                    reversal = await reverse(work, payment, payer, because, doing, self._numbering)
            await work.bank.decide(row.id, RowStatus.OPEN, None, because, now, actor.name)
            await work.changes.record(actor, now, "bank.undo", "bank_row", row.id, {"because": because})
            return reversal

    async def _chosen(
        self,
        work: Work,
        row: StoredRow,
        to: str | None,
        invoice: str | None,
        payment: str | None,
        auto: AutoMatch | None,
        now: datetime,
    ) -> Proposal:
        if payment is not None:
            found = await work.payments.find(payment)
            payer = await payer_of(work, found.subscriber_id)
            return Proposal(Reason.RECORDED, payer.number, "", None, found.id)
        if to is not None:
            return Proposal(Reason.SUBSCRIBER_NUMBER, to, "", invoice)
        proposed = (await _proposed(work, [row], now, named_only=True))[row.id]
        if invoice is not None:
            return await self._of_invoice(work, invoice, proposed)
        _open(row)
        if not proposed or not (proposed[0].is_sure if auto is None else _needs_nobody(proposed, auto)):
            proposed = (await _proposed(work, [row], now))[row.id]
            may = ", ".join(f"{one.subscriber_no} ({one.reason.name.lower()})" for one in proposed) or "nobody"
            raise RefusedError(
                f"row {row.id} may be from {may}", hint="say --to U, --invoice N or --payment P", code="not_sure"
            )
        return proposed[0]

    async def _of_invoice(self, work: Work, invoice: str, proposed: Sequence[Proposal]) -> Proposal:
        for one in proposed:
            if one.invoice == invoice.strip().upper() and one.payment_id is None:
                return one
        document = await work.invoices.by_number(invoice)
        if document is None:
            raise NotFoundError(f"no invoice {invoice!r}")
        return Proposal(Reason.INVOICE_NUMBER, document.payer.number, "", invoice)

    async def _link(self, work: Work, row_id: int, chosen: Proposal, doing: Doing) -> Matched:
        payment, _ = await find_payment(work, str(chosen.payment_id))
        row = _open(await work.bank.find(row_id, lock=True))
        other = await work.bank.linked(payment.id)
        if other is not None:
            raise RefusedError(f"that payment is row {other}'s already", code="row_taken")
        if payment.amount_minor != row.amount_minor or payment.status is PaymentStatus.REVERSED:
            raise RefusedError(f"row {row.id} and that payment are not the same money", code="row_differs")
        await work.bank.decide(row.id, RowStatus.MATCHED, payment.id, "recorded", doing.now, doing.actor.name)
        details = {"payment": str(payment.id)}
        await work.changes.record(doing.actor, doing.now, "bank.link", "bank_row", row.id, details)
        return Matched(row.id, "recorded", payment.id, None)

    async def _invoice_id(self, work: Work, payment_id: UUID) -> UUID:
        [(invoice_id, _)] = await work.payments.settled_by(payment_id)
        return invoice_id


async def _reference(work: Work, row: StoredRow) -> str:
    """Return the reference of a payment made of a row; another one after it was taken back."""
    base, number = f"{row.account}-{row.id}", 1
    reference = base
    while (earlier := await work.payments.by_reference(row.method, reference)) and earlier.reversed_at:
        number += 1
        reference = f"{base}/{number}"
    return reference


async def _of_number(work: Work, number: str) -> Subscriber:
    subscriber = await work.subscribers.by_number(number, lock=True)
    assert subscriber is not None, "a proposal is a subscriber's"  # noqa: S101
    return subscriber


async def _proposed(
    work: Work, rows: Sequence[StoredRow], now: datetime, *, named_only: bool = False
) -> dict[int, list[Proposal]]:
    proposed: dict[int, list[Proposal]] = {}
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        known = await work.bank.known(some, now, named_only=named_only)
        proposed |= {row.id: propose(row.amount_minor, row.whole_text, row.booked_on, known) for row in some}
    return proposed


def _needs_nobody(proposed: Sequence[Proposal], auto: AutoMatch) -> bool:
    if not proposed or not proposed[0].is_sure or any(one.reason is Reason.RECORDED for one in proposed):
        return False
    return proposed[0].reason is Reason.CODE or auto is AutoMatch.SURE


def _open(row: StoredRow) -> StoredRow:
    if row.status is not RowStatus.OPEN:
        raise RefusedError(
            f"row {row.id} is {row.status.value} already, by {row.decided_by}: {row.reason}",
            hint="`netbilld bank undo` takes it back",
            code="already_decided",
        )
    return row
