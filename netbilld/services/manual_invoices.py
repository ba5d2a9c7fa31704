"""Invoices that staff write: drafts that may be changed and given up, and what becomes of them when they are issued."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.allocation import Part
from netbilld.billing.buyer import Buyer
from netbilld.billing.chart import Payer
from netbilld.billing.invoice import Invoice, InvoiceLine, InvoiceStatus
from netbilld.billing.issuing import issued, kind_when_issued
from netbilld.billing.manual_line import is_by_hand
from netbilld.billing.numbering import Numbering
from netbilld.billing.tax import TaxPolicy, document_lines
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.periods import local_date
from netbilld.services import correct_invoice
from netbilld.services.correct_invoice import Document, found_one, issue_day
from netbilld.services.find_subscriber import Subscribers, find_subscriber
from netbilld.services.idempotency import digest, once
from netbilld.services.issue_bills import issued_message

TOTAL_LIMIT_MINOR: Final = 10**12
LINES_LIMIT: Final = 200
NOTE_LIMIT: Final = 500


class Corrections(correct_invoice.Corrections, Protocol):
    async def save_draft(self, draft: Invoice) -> None: ...
    async def issue(self, issued: Invoice) -> None: ...
    async def discard(self, draft_id: UUID) -> None: ...


class Invoices(correct_invoice.Invoices, Protocol):
    async def add_allocations(self, parts: Sequence[Part], payment_id: UUID | None, at: datetime) -> None: ...


class Ledger(correct_invoice.Ledger, Protocol):
    async def wallets(self, subscriber_ids: Sequence[UUID], *, lock: bool = False) -> dict[UUID, int]: ...


class Buyers(Protocol):
    async def of(self, subscriber_ids: Sequence[UUID]) -> Mapping[UUID, Buyer]: ...
    async def as_issued(self, subscriber_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]: ...


class Work(correct_invoice.Work, Protocol):
    @property
    def corrections(self) -> Corrections: ...
    @property
    def invoices(self) -> Invoices: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def buyers(self) -> Buyers: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class ManualInvoices:
    """Adds, edits, issues and discards invoices by hand; each change is one transaction and stands in the trail."""

    def __init__(self, store: Store, *, numbering: Numbering, taxes: TaxPolicy, due_days: int, timezone: str) -> None:
        self._store, self._numbering, self._taxes = store, numbering, taxes
        self._due_days, self._timezone = due_days, timezone

    async def add(
        self,
        name: str,
        lines: Sequence[InvoiceLine],
        *,
        note: str = "",
        is_draft: bool = False,
        due_days: int | None = None,
        actor: Actor,
        now: datetime,
        idempotency_key: str | None = None,
    ) -> Mapping[str, Any]:
        """Make an invoice of these lines and issue it, or keep it as a draft; return what was made.

        Args:
            name: any user name of the subscriber, or the subscriber number.
            lines: without their tax, which is worked out here by the rule of the day.
            note: what the document says beside its lines.
            is_draft: keep it open.
            due_days: until it is due; None is what the settings say.
            actor: who.
            now: when.
            idempotency_key: the same request under it is done once.

        Raises:
            NotFoundError: nobody has that name.
            InvalidInputError: there are no lines, or too many, or a tax is not known.
            RefusedError: the total is absurd, or the books of the day are closed.
        """
        request = {"name": name, "lines": [repr(line) for line in lines], "note": note, "draft": is_draft}

        async def make(work: Work) -> dict[str, Any]:
            subscriber = await find_subscriber(work, name)
            payer = Payer(subscriber.id, subscriber.number, subscriber.currency)
            on = local_date(now, self._timezone)
            draft = await self._filled(work, _empty(payer, on, self._timezone), lines, note, on)
            await work.invoices.add([draft], now)
            if is_draft:
                await self._record(work, "invoice.draft", draft, payer, actor, now)
                return _told(draft, payer)
            return await self._issue(work, draft, payer, on, due_days, actor, now)

        return await once(self._store, idempotency_key, "invoice add", request, now, make)

    async def edit(
        self,
        reference: str,
        *,
        add: Sequence[InvoiceLine] = (),
        remove: Sequence[int] = (),
        note: str | None = None,
        actor: Actor,
        now: datetime,
    ) -> Mapping[str, Any]:
        """Change a draft: take lines away by their position, then add others; return what it is now.

        Raises:
            NotFoundError: there is no such draft.
            RefusedError: it is issued; the hint says how it is corrected.
            InvalidInputError: a position does not exist, or no line would be left.
        """
        async with self._store.write() as work:
            found = await _draft(work, reference)
            for position in remove:
                if not 1 <= position <= len(found.invoice.lines):
                    raise InvalidInputError(f"the draft has no line {position}; it has {len(found.invoice.lines)}")
            kept = [line for position, line in enumerate(found.invoice.lines, 1) if position not in remove]
            said = found.invoice.note if note is None else note
            on = local_date(now, self._timezone)
            draft = await self._filled(work, found.invoice, [*kept, *add], said, on)
            await work.corrections.save_draft(draft)
            await self._record(work, "invoice.edit", draft, found.payer, actor, now)
            return _told(draft, found.payer)

    async def rewrite(
        self,
        reference: str,
        lines: Sequence[InvoiceLine],
        *,
        note: str,
        seen: str,
        actor: Actor,
        now: datetime,
    ) -> Mapping[str, Any]:
        """Put other lines into a draft, in the place of all that were written by hand; return what it is now.

        Args:
            reference: of the draft.
            lines: those by hand, all of them.
            note: what the document says beside its lines.
            seen: the mark of the draft as it was when somebody began to write.
            actor: who.
            now: when.

        Raises:
            NotFoundError: there is no such draft.
            RefusedError: it is issued, or was changed since it was seen.
            InvalidInputError: no line would be left.
        """
        async with self._store.write() as work:
            found = await _draft(work, reference, seen)
            kept = [line for line in found.invoice.lines if not is_by_hand(line)]
            on = local_date(now, self._timezone)
            draft = await self._filled(work, found.invoice, [*kept, *lines], note, on)
            await work.corrections.save_draft(draft)
            await self._record(work, "invoice.edit", draft, found.payer, actor, now)
            return _told(draft, found.payer)

    async def issue(
        self,
        reference: str,
        *,
        due_days: int | None = None,
        seen: str | None = None,
        actor: Actor,
        now: datetime,
        idempotency_key: str | None = None,
    ) -> Mapping[str, Any]:
        """Issue a draft: it gets its number, its tax by today's rule and its entry; return what it is now.

        Raises:
            NotFoundError: there is no such draft.
            RefusedError: it is issued already, was changed since it was `seen`, or the books of today are closed.
        """

        async def make(work: Work) -> dict[str, Any]:
            found = await _draft(work, reference, seen)
            on = local_date(now, self._timezone)
            draft = await self._filled(work, found.invoice, found.invoice.lines, found.invoice.note, on)
            return await self._issue(work, draft, found.payer, on, due_days, actor, now)

        return await once(self._store, idempotency_key, "invoice issue", {"reference": reference}, now, make)

    async def discard(self, reference: str, *, actor: Actor, now: datetime) -> Mapping[str, Any]:
        """Give up a draft; it never had a number. Return what it was.

        Raises:
            NotFoundError: there is no such draft.
            RefusedError: it is issued; the hint says how it is taken back.
        """
        async with self._store.write() as work:
            found = await _draft(work, reference)
            await work.corrections.discard(found.invoice.id)
            await self._record(work, "invoice.discard", found.invoice, found.payer, actor, now)
            return _told(found.invoice, found.payer)

    async def _filled(self, work: Work, draft: Invoice, lines: Sequence[InvoiceLine], note: str, on: date) -> Invoice:
        if not 0 < len(lines) <= LINES_LIMIT:
            raise InvalidInputError(f"an invoice has 1 to {LINES_LIMIT} lines", hint="--line 'text=…,amount=…'")
        if len(note) > NOTE_LIMIT:
            raise InvalidInputError(f"a note has at most {NOTE_LIMIT} characters")
        buyer = (await work.buyers.of([draft.subscriber_id])).get(draft.subscriber_id)
        exempt = buyer is not None and buyer.exempt
        taxed = document_lines(lines, self._taxes, on, draft.currency, exempt=exempt)
        total_minor = sum(line.gross_minor for line in taxed)
        if abs(total_minor) > TOTAL_LIMIT_MINOR:
            raise RefusedError(f"the total would be {total_minor}", hint="look at the amounts", code="absurd")
        return replace(
            draft, lines=taxed, note=note, tax_minor=sum(line.tax_minor for line in taxed), total_minor=total_minor
        )

    async def _issue(
        self, work: Work, draft: Invoice, payer: Payer, on: date, due_days: int | None, actor: Actor, now: datetime
    ) -> dict[str, Any]:
        await issue_day(work.ledger, on)
        kind = kind_when_issued(draft)
        sequence = await work.invoices.take_numbers(self._numbering.series(kind, on), 1)
        number = self._numbering.number(kind, on, sequence)
        wallet_minor = (await work.ledger.wallets([payer.id], lock=True))[payer.id]
        buyer = (await work.buyers.as_issued([payer.id])).get(payer.id, {})
        dated = replace(draft, period_start_on=on, period_end_on=on, buyer=buyer)
        made = issued(dated, payer, number, on, self._due_days if due_days is None else due_days, wallet_minor)
        await work.corrections.issue(made.document)
        if made.from_wallet is not None:
            await work.invoices.add_allocations([made.from_wallet], None, now)
        await work.ledger.post_many(made.entries, at=now, booked_on=on, actor=actor)
        await self._record(work, "invoice.issue", made.document, payer, actor, now)
        await work.outbox.add(issued_message(made.document), now)
        return _told(made.document, payer) | {
            "from_wallet": made.from_wallet.amount_minor if made.from_wallet else 0,
            "to_wallet": made.to_wallet_minor,
        }

    async def _record(
        self, work: Work, action: str, document: Invoice, payer: Payer, actor: Actor, now: datetime
    ) -> None:
        services = await work.services.of_subscriber(payer.id)
        details = {
            "service_ids": [str(service.id) for service in services if service.status != "ended"],
            "number": document.number,
            "subscriber": payer.number,
            "total": document.total_minor,
            "tax": document.tax_minor,
            "lines": [[line.text, line.amount_minor] for line in document.lines[:20]],
        }
        await work.changes.record(actor, now, action, "invoice", document.number or document.id, details)


def _empty(payer: Payer, on: date, timezone: str) -> Invoice:
    return Invoice(
        id=uuid4(),
        subscriber_id=payer.id,
        status=InvoiceStatus.DRAFT,
        number=None,
        issued_on=None,
        due_on=None,
        period_start_on=on,
        period_end_on=on,
        timezone=timezone,
        currency=payer.currency,
        lines=(),
        tax_minor=0,
        total_minor=0,
        paid_minor=0,
    )


def draft_mark(draft: Invoice) -> str:
    """Return a mark of what a draft says, which is another one when anybody has changed it."""
    return digest({"lines": [repr(line) for line in draft.lines], "note": draft.note})[:20]


async def _draft(work: Work, reference: str, mark: str | None = None) -> Document:
    seen = found_one(await work.corrections.found(reference), reference)
    await work.invoices.lock_subscribers([seen.payer.id])
    found = found_one(await work.corrections.found(reference), reference)
    if found.invoice.status is not InvoiceStatus.DRAFT:
        number = found.invoice.number
        raise RefusedError(
            f"{number} is issued and stays as it is",
            hint=f"correct it by `netbilld invoice credit {number} --line N --amount A --why …`, "
            f"or take it back whole by `netbilld invoice void {number} --why …` and make another",
            code="issued",
        )
    if mark is not None and mark != draft_mark(found.invoice):
        raise RefusedError("the draft was changed meanwhile", hint="look at it again", code="draft_changed")
    return found


def _told(document: Invoice, payer: Payer) -> dict[str, Any]:
    return {
        "id": str(document.id),
        "kind": document.kind.value,
        "number": document.number,
        "subscriber_no": payer.number,
        "status": document.status.value,
        "currency": document.currency,
        "tax": document.tax_minor,
        "total": document.total_minor,
        "paid": document.paid_minor,
        "outstanding": document.outstanding_minor,
        "due_on": document.due_on.isoformat() if document.due_on else None,
    }
