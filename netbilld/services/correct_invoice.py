"""An issued invoice is corrected by a credit note, or what is owed on it written off: it never changes itself."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.allocation import Part
from netbilld.billing.chart import Payer
from netbilld.billing.credit_note import Asked, credit_note, is_all_credited, taken_back
from netbilld.billing.invoice import DocumentKind, Invoice, LineKind
from netbilld.billing.issuing import credit_note_issued
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.numbering import Numbering
from netbilld.billing.postings import reallocated, wallet_applied, write_off_taken_back, written_off
from netbilld.billing.write_off import WRITE_OFF, WriteOff, amount_written_off
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.ports.changes import Changes
from netbilld.ports.outbox import Message, MessageKind, Outbox
from netbilld.services.idempotency import Idempotency, once

CREDIT_NOTE: Final = "credit_note"
WHY_LIMIT: Final = 200


class Document(Protocol):
    @property
    def invoice(self) -> Invoice: ...
    @property
    def payer(self) -> Payer: ...


class Corrections(Protocol):
    async def found(self, reference: str) -> Sequence[Document]: ...
    async def notes_of(self, invoice_id: UUID) -> list[Invoice]: ...
    async def settled_by_money(self, invoice_id: UUID) -> list[tuple[UUID | None, int]]: ...
    async def add_settlement(
        self, invoice_id: UUID, document: str, document_id: UUID, amount_minor: int, at: datetime
    ) -> None: ...
    async def take_back(self, invoice_id: UUID, parts: Sequence[tuple[UUID | None, int]], at: datetime) -> None: ...
    async def add_write_off(self, one: WriteOff) -> None: ...
    async def settled_by_documents(self, invoice_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, int]]: ...


class Invoices(Protocol):
    async def lock_subscribers(self, subscriber_ids: Sequence[UUID]) -> None: ...
    async def take_numbers(self, series: str, count: int) -> int: ...
    async def add(self, added: Sequence[Invoice], at: datetime) -> None: ...
    async def add_allocations(self, parts: Sequence[Part], payment_id: UUID | None, at: datetime) -> None: ...
    async def save_settled(self, invoice: Invoice) -> None: ...


class Service(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def status(self) -> str: ...


class Services(Protocol):
    async def of_subscriber(self, subscriber_id: UUID) -> Sequence[Service]: ...


class OpenMonths(Protocol):
    async def closed_until_on(self) -> date | None: ...


class Ledger(OpenMonths, Protocol):
    async def wallets(self, subscriber_ids: Sequence[UUID], *, lock: bool = False) -> Mapping[UUID, int]: ...
    async def post_many(
        self, entries: Sequence[LedgerEntry], *, at: datetime, booked_on: date, actor: Actor
    ) -> list[int]: ...


class Work(Protocol):
    @property
    def corrections(self) -> Corrections: ...
    @property
    def invoices(self) -> Invoices: ...
    @property
    def services(self) -> Services: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def changes(self) -> Changes: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def idempotency(self) -> Idempotency: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class CorrectInvoice:
    """Credit notes and write-offs, each in one transaction with its entry, its effect on the invoice and the trail."""

    def __init__(self, store: Store, *, numbering: Numbering, timezone: str) -> None:
        self._store, self._numbering, self._timezone = store, numbering, timezone

    async def credit(
        self,
        number: str,
        asked: Sequence[Asked],
        *,
        why: str,
        actor: Actor,
        now: datetime,
        idempotency_key: str | None = None,
    ) -> Mapping[str, Any]:
        """Give back parts of an issued invoice, or all that is left of it, and return what was done.

        The note lessens what is owed on the invoice. Where more is given back than is owed, what had settled it goes
        to the wallet, the last payment first. A note for all of it leaves the invoice `credited`; its number stays.

        Args:
            number: of the invoice.
            asked: which lines and how much; none is all that is left.
            why: what the note says; never empty.
            actor: who.
            now: when; the note is issued on that local day.
            idempotency_key: the same request under it is done once.

        Raises:
            NotFoundError: no document has that number.
            RefusedError: it is a draft or a credit note, or nothing (that much) is left to credit.
            InvalidInputError: a line does not exist, or an amount or the reason is missing.
        """
        reason = _reason(why)
        request = {"number": number, "asked": [[one.position, one.gross_minor] for one in asked], "why": reason}

        async def make(work: Work) -> dict[str, Any]:
            return await self._credit(work, number, asked, reason, actor, now)

        return await once(self._store, idempotency_key, "invoice credit", request, now, make)

    async def write_off(
        self,
        number: str,
        amount_minor: int | None,
        *,
        why: str,
        actor: Actor,
        now: datetime,
        idempotency_key: str | None = None,
    ) -> Mapping[str, Any]:
        """Write off what is owed on an invoice, or a part of it, as a loss; return what was done.

        Raises:
            NotFoundError: no document has that number.
            RefusedError: nothing, or less, is owed on it.
            InvalidInputError: the reason is missing.
        """
        reason = _reason(why)
        request = {"number": number, "amount": amount_minor, "why": reason}

        async def make(work: Work) -> dict[str, Any]:
            return await self._write_off(work, number, amount_minor, reason, actor, now)

        return await once(self._store, idempotency_key, "invoice write-off", request, now, make)

    async def take_write_off_back(
        self, number: str, *, why: str, actor: Actor, now: datetime, idempotency_key: str | None = None
    ) -> Mapping[str, Any]:
        """Let what was written off on an invoice be owed again, since somebody pays after all; return what was done.

        Credit in the wallet settles it at once: there a payment for it has gone.

        Raises:
            NotFoundError: no document has that number.
            RefusedError: nothing of it is written off.
            InvalidInputError: the reason is missing.
        """
        reason = _reason(why)
        request = {"number": number, "take_back": True, "why": reason}

        async def make(work: Work) -> dict[str, Any]:
            return await self._take_write_off_back(work, number, reason, actor, now)

        return await once(self._store, idempotency_key, "invoice write-off", request, now, make)

    async def _credit(
        self, work: Work, number: str, asked: Sequence[Asked], why: str, actor: Actor, now: datetime
    ) -> dict[str, Any]:
        found = await _locked(work, number)
        invoice, payer = found.invoice, found.payer
        if any(line.kind is LineKind.REVERSED_PAYMENT for line in invoice.lines):
            raise RefusedError(
                f"invoice {invoice.number} is for what was spent of a payment that bounced: no revenue to take back",
                hint="`netbilld invoice write-off` gives it up",
                code="not_creditable",
            )
        notes = await work.corrections.notes_of(invoice.id)
        draft = credit_note(invoice, notes, asked, note_id=uuid4(), why=why)
        on = await issue_day(work.ledger, local_date(now, self._timezone))
        sequence = await work.invoices.take_numbers(self._numbering.series(DocumentKind.CREDIT_NOTE, on), 1)
        note_number = self._numbering.number(DocumentKind.CREDIT_NOTE, on, sequence)
        issued = credit_note_issued(draft, payer, note_number, on, draft.total_minor)
        note, entries = issued.document, list(issued.entries)
        to_wallet_minor = max(note.total_minor - invoice.outstanding_minor, 0)
        if to_wallet_minor:
            money = await work.corrections.settled_by_money(invoice.id)
            lost_minor = to_wallet_minor - sum(settled_minor for _, settled_minor in money)
            if lost_minor > 0:
                raise RefusedError(
                    f"{lost_minor} of that was never paid: it is written off, or credited",
                    hint=f"at most {note.total_minor - lost_minor} of invoice {invoice.number} can be credited",
                    code="over_credited",
                )
            await work.corrections.take_back(invoice.id, taken_back(to_wallet_minor, money), now)
            entries.insert(0, reallocated(payer, invoice.number or "", to_wallet_minor))
            invoice = invoice.unsettle(to_wallet_minor)
        invoice = invoice.credit(note.total_minor, is_all=is_all_credited(invoice, [*notes, note]))
        await work.invoices.add([note], now)
        await work.corrections.add_settlement(invoice.id, CREDIT_NOTE, note.id, note.total_minor, now)
        await work.invoices.save_settled(invoice)
        await work.ledger.post_many(entries, at=now, booked_on=on, actor=actor)
        details = {
            "service_ids": await _service_ids(work, payer),
            "number": note_number,
            "credits": invoice.number,
            "amount": note.total_minor,
            "to_wallet": to_wallet_minor,
            "status": invoice.status.value,
            "why": why,
        }
        await work.changes.record(actor, now, "invoice.credit", "invoice", invoice.number or "", details)
        context = {"number": note_number, "total_minor": note.total_minor, "credits": invoice.number}
        await work.outbox.add(
            Message(MessageKind.CREDIT_NOTE_ISSUED, payer.id, context, f"credit_note_issued:{note_number}"), now
        )
        return {
            "number": note_number,
            "credits": invoice.number,
            "subscriber_no": payer.number,
            "currency": invoice.currency,
            "total": note.total_minor,
            "tax": note.tax_minor,
            "to_wallet": to_wallet_minor,
            "invoice_status": invoice.status.value,
            "invoice_outstanding": invoice.outstanding_minor,
        }

    async def _write_off(
        self, work: Work, number: str, asked_minor: int | None, why: str, actor: Actor, now: datetime
    ) -> dict[str, Any]:
        found = await _locked(work, number)
        invoice, payer = found.invoice, found.payer
        amount_minor = amount_written_off(invoice, asked_minor)
        on = await issue_day(work.ledger, local_date(now, self._timezone))
        one = WriteOff(uuid4(), invoice.id, payer.id, amount_minor, on, why, actor.name, now)
        settled = invoice.settle(amount_minor)
        await work.corrections.add_write_off(one)
        await work.corrections.add_settlement(invoice.id, WRITE_OFF, one.id, amount_minor, now)
        await work.invoices.save_settled(settled)
        entry = written_off(payer, invoice.number or "", amount_minor, f"Invoice {invoice.number} written off: {why}")
        await work.ledger.post_many([entry], at=now, booked_on=on, actor=actor)
        details = {"service_ids": await _service_ids(work, payer), "amount": amount_minor, "why": why}
        await work.changes.record(actor, now, "invoice.write_off", "invoice", invoice.number or "", details)
        return {
            "number": invoice.number,
            "subscriber_no": payer.number,
            "currency": invoice.currency,
            "written_off": amount_minor,
            "invoice_status": settled.status.value,
            "invoice_outstanding": settled.outstanding_minor,
        }

    async def _take_write_off_back(
        self, work: Work, number: str, why: str, actor: Actor, now: datetime
    ) -> dict[str, Any]:
        found = await _locked(work, number)
        invoice, payer = found.invoice, found.payer
        settled = await work.corrections.settled_by_documents([invoice.id])
        amount_minor = settled.get(invoice.id, {}).get(WRITE_OFF, 0)
        if amount_minor <= 0:
            raise RefusedError(f"nothing of {invoice.number or number} is written off", code="not_written_off")
        on = await issue_day(work.ledger, local_date(now, self._timezone))
        one = WriteOff(uuid4(), invoice.id, payer.id, -amount_minor, on, why, actor.name, now)
        await work.corrections.add_write_off(one)
        await work.corrections.add_settlement(invoice.id, WRITE_OFF, one.id, -amount_minor, now)
        memo = f"Invoice {invoice.number} is owed again: {why}"
        entries = [write_off_taken_back(payer, invoice.number or "", amount_minor, memo)]
        owed = invoice.unsettle(amount_minor)
        wallet_minor = (await work.ledger.wallets([payer.id], lock=True))[payer.id]
        from_wallet_minor = min(max(wallet_minor, 0), amount_minor)
        if from_wallet_minor:
            owed = owed.settle(from_wallet_minor)
            part = Part(invoice.id, invoice.number or "", from_wallet_minor)
            await work.invoices.add_allocations([part], None, now)
            entries.append(wallet_applied(payer, part.number, from_wallet_minor))
        await work.invoices.save_settled(owed)
        await work.ledger.post_many(entries, at=now, booked_on=on, actor=actor)
        details = {
            "service_ids": await _service_ids(work, payer),
            "amount": -amount_minor,
            "from_wallet": from_wallet_minor,
            "why": why,
        }
        await work.changes.record(actor, now, "invoice.write_off", "invoice", invoice.number or "", details)
        return {
            "number": invoice.number,
            "subscriber_no": payer.number,
            "currency": invoice.currency,
            "written_off": -amount_minor,
            "from_wallet": from_wallet_minor,
            "invoice_status": owed.status.value,
            "invoice_outstanding": owed.outstanding_minor,
        }


async def issue_day(ledger: OpenMonths, on: date) -> date:
    """Return the day on which a document is issued.

    Raises:
        RefusedError: the books of that day are closed.
    """
    until_on = await ledger.closed_until_on()
    if until_on is not None and on <= until_on:
        raise RefusedError(
            f"the books are closed until {until_on}: nothing is issued on {on}",
            hint="take a later day, or see `netbilld ledger reopen`",
            code="closed_month",
        )
    return on


def found_one(documents: Sequence[Document], reference: str) -> Document:
    """Return the document that a number or the beginning of a draft's id leads to.

    Raises:
        NotFoundError: none.
        RefusedError: several drafts begin like this.
    """
    if not documents:
        raise NotFoundError(
            f"no invoice {reference!r}", hint="`netbilld invoice list` shows them, `invoice list --drafts` the drafts"
        )
    if len(documents) > 1:
        raise RefusedError(f"{len(documents)} drafts begin with {reference!r}", hint="give more of the id")
    return documents[0]


async def _locked(work: Work, number: str) -> Document:
    seen = found_one(await work.corrections.found(number), number)
    await work.invoices.lock_subscribers([seen.payer.id])
    return found_one(await work.corrections.found(number), number)


async def _service_ids(work: Work, payer: Payer) -> list[str]:
    return [str(service.id) for service in await work.services.of_subscriber(payer.id) if service.status != "ended"]


def _reason(why: str) -> str:
    reason = why.strip()
    if not reason or len(reason) > WHY_LIMIT or not reason.isprintable():
        raise InvalidInputError(f"why: say it in 1 to {WHY_LIMIT} characters", hint="--why 'Gangguan 3 hari'")
    return reason
