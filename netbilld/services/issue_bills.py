"""Bills that are made up become documents: numbers, entries, what the wallet settles, and who is told."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from uuid import UUID, uuid4

from netbilld.billing.allocation import Owed, Part, allocate
from netbilld.billing.bill import ServiceBill
from netbilld.billing.chart import Payer
from netbilld.billing.invoice import DocumentKind, Invoice
from netbilld.billing.issuing import Issued, issued, kind_when_issued
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.numbering import Numbering
from netbilld.billing.postings import deposit_returned, wallet_applied, write_off_taken_back
from netbilld.billing.usage_lines import BilledUsage
from netbilld.billing.write_off import WRITE_OFF, Lost, WriteOff, recovered
from netbilld.model.actor import Actor
from netbilld.ports.changes import Changes
from netbilld.ports.outbox import Message, MessageKind, Outbox


class WaitingTopUp(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def service_id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def price_minor(self) -> int: ...
    @property
    def bought_on(self) -> date: ...


class WaitingLateFee(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def number(self) -> str: ...
    @property
    def stage(self) -> int: ...
    @property
    def amount_minor(self) -> int: ...


class Billing(Protocol):
    async def deposits(self, service_ids: Collection[UUID]) -> Mapping[UUID, int]: ...
    async def save(
        self, billed: Iterable[tuple[ServiceBill, UUID | None, Sequence[BilledUsage]]], at: datetime
    ) -> None: ...
    async def bill_top_ups(self, ids: Mapping[UUID, UUID]) -> None: ...
    async def bill_late_fees(self, ids: Mapping[int, UUID]) -> None: ...
    async def unpark(self, subscriber_ids: Collection[UUID]) -> None: ...


class Invoices(Protocol):
    async def take_numbers(self, series: str, count: int) -> int: ...
    async def add(self, added: Sequence[Invoice], at: datetime) -> None: ...
    async def add_allocations(self, parts: Sequence[Part], payment_id: UUID | None, at: datetime) -> None: ...
    async def open_of(self, subscriber_id: UUID) -> Sequence[Invoice]: ...
    async def save_settled(self, invoice: Invoice) -> None: ...


class Ledger(Protocol):
    async def wallets(self, subscriber_ids: Sequence[UUID], *, lock: bool = False) -> Mapping[UUID, int]: ...
    async def post_many(
        self, entries: Sequence[LedgerEntry], *, at: datetime, booked_on: date, actor: Actor
    ) -> list[int]: ...


class Corrections(Protocol):
    async def losses_of(self, subscriber_id: UUID) -> Sequence[Lost]: ...
    async def add_write_off(self, one: WriteOff) -> None: ...
    async def add_settlement(
        self, invoice_id: UUID, document: str, document_id: UUID, amount_minor: int, at: datetime
    ) -> None: ...


class Work(Protocol):
    @property
    def corrections(self) -> Corrections: ...
    @property
    def billing(self) -> Billing: ...
    @property
    def invoices(self) -> Invoices: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def changes(self) -> Changes: ...


@dataclass(slots=True)
class Bill:
    """One subscriber's bill in the making; without a draft there is nothing to stand on a document."""

    payer: Payer
    services: list[ServiceBill]
    usage: dict[UUID, list[BilledUsage]] = field(default_factory=dict)
    late_fees: Sequence[WaitingLateFee] = ()
    top_ups: list[WaitingTopUp] = field(default_factory=list)
    draft: Invoice | None = None
    deposit_minor: int = 0  # that it returns

    @property
    def is_final(self) -> bool:
        return any(bill.is_final for bill in self.services)

    @property
    def is_due(self) -> bool:
        """Tell whether it is issued now: a credit alone waits for the next one."""
        return any(part.is_due for part in self.services) or sum(_amounts(self)) > 0


@dataclass(frozen=True, slots=True)
class BilledDocument:
    """What one subscriber was billed."""

    payer: Payer
    document: Invoice
    from_wallet_minor: int
    to_wallet_minor: int
    is_final: bool


class IssueBills:
    """Issues some subscribers' bills within a transaction of the caller's, who has locked them."""

    def __init__(self, *, due_days: int, numbering: Numbering, as_of: date, now: datetime, actor: Actor) -> None:
        self._due_days, self._numbering = due_days, numbering
        self._as_of, self._now, self._actor = as_of, now, actor

    async def run(self, work: Work, bills: Sequence[Bill], *, dry_run: bool = False) -> list[BilledDocument]:
        """Return the documents that were issued, or would be; a bill without a draft is only written down as billed."""
        ids = [bill.payer.id for bill in bills]
        wallets = dict(await work.ledger.wallets(ids, lock=not dry_run))
        entries = await self._return_deposits(work, bills, wallets)
        if not dry_run:  # before the numbers, for which others wait
            await work.billing.save(
                (
                    (part, bill.draft.id if bill.draft else None, bill.usage.get(part.service.id, ()))
                    for bill in bills
                    for part in bill.services
                ),
                self._now,
            )
        numbers = await self._numbers(work, bills, dry_run=dry_run)
        documents: list[BilledDocument] = []
        parts: list[Part] = []
        richer: list[Bill] = []
        for bill in bills:
            if bill.draft is None:
                if bill.is_final:  # its deposit settles what is owed all the same
                    richer.append(bill)
                continue
            done = issued(
                bill.draft,
                bill.payer,
                numbers[bill.draft.id],
                self._as_of,
                self._due_days,
                wallets[bill.payer.id],
            )
            entries += done.entries
            if done.from_wallet is not None:
                parts.append(done.from_wallet)
                wallets[bill.payer.id] -= done.from_wallet.amount_minor
            if done.to_wallet_minor:
                wallets[bill.payer.id] += done.to_wallet_minor
            if done.to_wallet_minor or bill.is_final:
                richer.append(bill)
            documents.append(_document(bill, done))
        if dry_run:
            return documents
        settled = await self._settle_older(work, richer, wallets, entries)
        await work.invoices.add([one.document for one in documents], self._now)
        await work.billing.bill_top_ups({one.id: bill.draft.id for bill in bills if bill.draft for one in bill.top_ups})
        await work.billing.bill_late_fees(
            {one.id: bill.draft.id for bill in bills if bill.draft for one in bill.late_fees}
        )
        await work.invoices.add_allocations([*parts, *settled], None, self._now)
        await work.ledger.post_many(entries, at=self._now, booked_on=self._as_of, actor=self._actor)
        await work.billing.unpark(ids)
        if documents:
            await work.outbox.add_many([issued_message(one.document) for one in documents], self._now)
            details = {
                "numbers": [one.document.number for one in documents],
                "service_ids": sorted(str(part.service.id) for bill in bills for part in bill.services),
            }
            first = documents[0].document.number or ""
            await work.changes.record(self._actor, self._now, "invoice.issue", "invoice", first, details)
        return documents

    async def _numbers(self, work: Work, bills: Sequence[Bill], *, dry_run: bool) -> dict[UUID, str]:
        numbers: dict[UUID, str] = {}
        for kind in DocumentKind:
            drafts = [bill.draft for bill in bills if bill.draft and kind_when_issued(bill.draft) is kind]
            if not drafts:
                continue
            numbering = self._numbering
            series = numbering.series(kind, self._as_of)
            first = 1 if dry_run else await work.invoices.take_numbers(series, len(drafts))
            for sequence, draft in enumerate(drafts, first):
                numbers[draft.id] = numbering.number(kind, self._as_of, sequence)
        return numbers

    async def _return_deposits(self, work: Work, bills: Sequence[Bill], wallets: dict[UUID, int]) -> list[LedgerEntry]:
        """Turn the deposits of services that have ended into credit, which the final bill takes first."""
        final = {part.service.id: bill for bill in bills for part in bill.services if part.is_final}
        entries = []
        for service_id, amount_minor in (await work.billing.deposits(list(final))).items():
            if amount_minor > 0:
                bill = final[service_id]
                entries.append(deposit_returned(bill.payer, str(service_id), amount_minor, "Deposit returned"))
                wallets[bill.payer.id] += amount_minor
                bill.deposit_minor += amount_minor
        return entries

    async def _settle_older(
        self, work: Work, bills: Sequence[Bill], wallets: dict[UUID, int], entries: list[LedgerEntry]
    ) -> list[Part]:
        """Let credit that a credit note or a deposit has given settle what is owed already, oldest due first."""
        settled = []
        for bill in bills:
            held_minor = wallets[bill.payer.id]
            if held_minor <= 0:
                continue
            open_invoices = {invoice.id: invoice for invoice in await work.invoices.open_of(bill.payer.id)}
            allocation = allocate(
                held_minor,
                [
                    Owed(one.id, one.number or "", one.due_on or date.max, one.outstanding_minor)
                    for one in open_invoices.values()
                ],
            )
            for part in allocation.parts:
                await work.invoices.save_settled(open_invoices[part.invoice_id].settle(part.amount_minor))
                entries.append(wallet_applied(bill.payer, part.number, part.amount_minor))
                settled.append(part)
            held_minor -= sum(part.amount_minor for part in allocation.parts)
            settled += await self._make_good(work, bill.payer, min(held_minor, bill.deposit_minor), entries)
        return settled

    async def _make_good(self, work: Work, payer: Payer, held_minor: int, entries: list[LedgerEntry]) -> Sequence[Part]:
        """Let what is left of a deposit make good what was written off, be it the deposit itself: it stood for that."""
        if held_minor <= 0:
            return []
        parts = []
        for lost in recovered(held_minor, await work.corrections.losses_of(payer.id)):
            one = WriteOff(
                uuid4(),
                lost.invoice_id,
                payer.id,
                -lost.amount_minor,
                self._as_of,
                "deposit",
                self._actor.name,
                self._now,
            )
            await work.corrections.add_write_off(one)
            await work.corrections.add_settlement(lost.invoice_id, WRITE_OFF, one.id, one.amount_minor, self._now)
            memo = f"Invoice {lost.number}: the deposit pays what was written off"
            entries.append(write_off_taken_back(payer, lost.number, lost.amount_minor, memo))
            entries.append(wallet_applied(payer, lost.number, lost.amount_minor))
            parts.append(Part(lost.invoice_id, lost.number, lost.amount_minor))
        return parts


def _amounts(bill: Bill) -> Iterable[int]:
    return (line.amount_minor for part in bill.services for line in part.lines)


def _document(bill: Bill, done: Issued) -> BilledDocument:
    from_wallet_minor = done.from_wallet.amount_minor if done.from_wallet else 0
    return BilledDocument(bill.payer, done.document, from_wallet_minor, done.to_wallet_minor, bill.is_final)


def issued_message(document: Invoice) -> Message:
    """Return what tells a subscriber of a document that was issued, once."""
    context = {
        "number": document.number,
        "total_minor": document.total_minor,
        "outstanding_minor": document.outstanding_minor,
        "due_on": document.due_on.isoformat() if document.due_on else None,
        "period_start_on": document.period_start_on.isoformat(),
        "period_end_on": document.period_end_on.isoformat(),
    }
    kind = MessageKind.INVOICE_ISSUED
    if document.kind is DocumentKind.CREDIT_NOTE:
        kind = MessageKind.CREDIT_NOTE_ISSUED
        context["credits"] = None
    return Message(kind, document.subscriber_id, context, f"{kind.value}:{document.number}")
