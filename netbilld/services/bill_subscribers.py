"""Some subscribers' bills in one transaction: what is due of each, the document, its entries, and what is on record."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.allocation import Owed, Part, allocate
from netbilld.billing.bill import (
    BillingState,
    FeeMemo,
    ServiceBill,
    ServiceToBill,
    draft_of,
    in_order,
    refuse_absurd,
    service_bill,
    usual_minor,
)
from netbilld.billing.charges import BilledShare
from netbilld.billing.chart import LATE_FEES, Payer
from netbilld.billing.invoice import DocumentKind, Invoice, InvoiceLine, LineKind
from netbilld.billing.issuing import Issued, issued, kind_when_issued
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.numbering import DEFAULT, Numbering
from netbilld.billing.plan import Plan
from netbilld.billing.postings import deposit_returned, wallet_applied
from netbilld.billing.rating.period import RatedPeriod
from netbilld.billing.tax import NOTHING_TAXED, TaxPolicy
from netbilld.billing.terms import Stop, Terms, terms_on
from netbilld.billing.usage_lines import (
    LOOK_BACK,
    BilledUsage,
    charged_since,
    late_lines,
    usage_lines,
    usage_periods_due,
)
from netbilld.model.actor import Actor
from netbilld.model.errors import NetbilldError
from netbilld.model.periods import BillingPeriod, local_date
from netbilld.ports.changes import Changes
from netbilld.ports.outbox import Message, MessageKind, Outbox
from netbilld.services import rate_usage
from netbilld.services.rate_usage import rated

ABSURD_MINOR: Final = 100_000_000
A_TURN: Final = 100  # bills made up before others on the event loop have their turn
FINAL_NOTE: Final = "Tagihan akhir / Final bill"
_MONTH: Final = timedelta(days=31)


class BillableService(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def subscriber_id(self) -> UUID: ...
    @property
    def billing_day(self) -> int: ...
    @property
    def timezone(self) -> str: ...
    @property
    def site(self) -> str | None: ...
    @property
    def activated_on(self) -> date: ...
    @property
    def installed_on(self) -> date | None: ...
    @property
    def paid_until_on(self) -> date | None: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def state(self) -> BillingState | None: ...


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
    async def services(self, subscriber_ids: Collection[UUID]) -> Mapping[UUID, Sequence[BillableService]]: ...
    async def billed(self, service_ids: Collection[UUID]) -> Mapping[UUID, list[BilledShare]]: ...
    async def billed_usage(self, service_ids: Collection[UUID], from_on: date) -> Mapping[UUID, list[BilledUsage]]: ...
    async def deposits(self, service_ids: Collection[UUID]) -> Mapping[UUID, int]: ...
    async def top_ups(self, service_ids: Collection[UUID]) -> Sequence[WaitingTopUp]: ...
    async def late_fees(self, subscriber_ids: Collection[UUID]) -> Mapping[UUID, Sequence[WaitingLateFee]]: ...
    async def largest(self, subscriber_ids: Collection[UUID]) -> Mapping[UUID, int]: ...
    async def allowed(self, subscriber_ids: Collection[UUID]) -> Mapping[UUID, int]: ...
    async def save(
        self, billed: Iterable[tuple[ServiceBill, UUID | None, Sequence[BilledUsage]]], at: datetime
    ) -> None: ...
    async def look_again(self, bills: Iterable[ServiceBill], at: datetime) -> None: ...
    async def bill_top_ups(self, ids: Mapping[UUID, UUID]) -> None: ...
    async def bill_late_fees(self, ids: Mapping[int, UUID]) -> None: ...
    async def park(
        self, subscriber_id: UUID, reason: str, total_minor: int | None, as_of: date, at: datetime
    ) -> None: ...
    async def unpark(self, subscriber_ids: Collection[UUID]) -> None: ...


class TermsOfServices(Protocol):
    async def of(self, service_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Terms]]: ...
    async def stops(self, service_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Stop]]: ...


class Buyers(Protocol):
    async def as_issued(self, subscriber_ids: Iterable[UUID]) -> Mapping[UUID, Mapping[str, Any]]: ...


class Invoices(Protocol):
    async def lock_subscribers(self, subscriber_ids: Sequence[UUID]) -> None: ...
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


class Work(rate_usage.Work, Protocol):
    @property
    def billing(self) -> Billing: ...
    @property
    def terms(self) -> TermsOfServices: ...
    @property
    def buyers(self) -> Buyers: ...
    @property
    def invoices(self) -> Invoices: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def changes(self) -> Changes: ...


@dataclass(frozen=True, slots=True)
class BillingTerms:
    """What a provider bills by.

    Attributes:
        due_days: from issue to the last day to pay.
        timezone: of the provider.
        tax: what is taxed.
        absurd_minor: a larger bill waits for a person.
        numbering: of documents.
    """

    due_days: int
    timezone: str
    tax: TaxPolicy = NOTHING_TAXED
    absurd_minor: int = ABSURD_MINOR
    numbering: Numbering = DEFAULT


@dataclass(frozen=True, slots=True)
class Parked:
    """A subscriber left out of the run, and why; the others are billed."""

    subscriber_no: str
    reason: str


@dataclass(frozen=True, slots=True)
class BilledDocument:
    """What one subscriber was billed."""

    payer: Payer
    document: Invoice
    from_wallet_minor: int
    to_wallet_minor: int
    is_final: bool


@dataclass(slots=True)
class _Bill:
    """One subscriber's bill in the making."""

    payer: Payer
    services: list[ServiceBill]
    usage: dict[UUID, list[BilledUsage]] = field(default_factory=dict)
    late_fees: Sequence[WaitingLateFee] = ()
    top_ups: list[WaitingTopUp] = field(default_factory=list)
    draft: Invoice | None = None

    @property
    def is_final(self) -> bool:
        return any(bill.is_final for bill in self.services)

    @property
    def is_due(self) -> bool:
        """Tell whether it is issued now: a credit alone waits for the next one."""
        return any(part.is_due for part in self.services) or sum(_amounts(self)) > 0


@dataclass(slots=True)
class Chunk:
    """What one transaction has billed, and could not."""

    documents: list[BilledDocument] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    late_parts: list[tuple[UUID, UUID]] = field(default_factory=list)


class BillSubscribers:
    """Makes the bills of some subscribers within a transaction of the caller's."""

    def __init__(
        self, plans: Mapping[UUID, Plan], terms: BillingTerms, *, as_of: date, now: datetime, actor: Actor
    ) -> None:
        self._plans, self._terms = plans, terms
        self._as_of, self._now, self._actor = as_of, now, actor
        self._memo = FeeMemo()

    async def run(self, work: Work, payers: Sequence[Payer], *, dry_run: bool = False) -> Chunk:
        """Return what was billed, or would be.

        What is billed of a service is written down with the document and its entries, so that a period is billed once
        whenever the process ends. A document takes at once what the wallet holds.
        """
        if not dry_run:
            await work.invoices.lock_subscribers([payer.id for payer in payers])
        chunk = Chunk()
        bills, looked_at = await self._make_up(work, payers, chunk, dry_run=dry_run)
        if bills:
            await self._issue(work, bills, chunk, dry_run=dry_run)
        if not dry_run:
            await work.billing.look_again(looked_at, self._now)
        return chunk

    # -- what is due ---------------------------------------------------------------------------------------------------

    async def _make_up(
        self, work: Work, payers: Sequence[Payer], chunk: Chunk, *, dry_run: bool
    ) -> tuple[list[_Bill], list[ServiceBill]]:
        ids = [payer.id for payer in payers]
        found = await work.billing.services(ids)
        service_ids = [service.id for services in found.values() for service in services]
        terms, stops = await work.terms.of(service_ids), await work.terms.stops(service_ids)
        services = {
            payer_id: [
                _to_bill(one, terms[one.id], stops.get(one.id, ()))
                for one in of_payer
                if one.activated_on <= self._as_of  # before its first day there is nothing to look at
            ]
            for payer_id, of_payer in found.items()
        }
        changed = [one.id for of_payer in services.values() for one in of_payer if one.is_changed]
        before = await work.billing.billed(changed)
        bills: list[_Bill] = []
        for number, payer in enumerate(payers, 1):
            if number % A_TURN == 0:
                await asyncio.sleep(0)
            try:
                parts = [
                    service_bill(one, self._plans, before.get(one.id, ()), self._as_of, self._memo)
                    for one in services.get(payer.id, ())
                ]
            except NetbilldError as error:
                await self._park(work, payer, error, None, chunk, dry_run=dry_run)
                continue
            if parts:
                bills.append(_Bill(payer, parts))
        bills = await self._add_usage(work, bills, chunk, dry_run=dry_run)
        due: list[_Bill] = []
        looked_at: list[ServiceBill] = []
        for bill in bills:
            if bill.is_due:
                due.append(bill)
            else:
                looked_at += bill.services
        if due:
            await self._add_waiting(work, due)
        return await self._draft(work, due, chunk, dry_run=dry_run), looked_at

    async def _add_usage(self, work: Work, bills: list[_Bill], chunk: Chunk, *, dry_run: bool) -> list[_Bill]:
        """Add lines for usage of periods that are over, and for what came late."""
        wanted: list[dict[UUID, BillingPeriod]] = []
        parts: dict[UUID, ServiceBill] = {}
        kept = []
        for bill in bills:
            try:
                self._plan_usage(bill, wanted, parts)
            except NetbilldError as error:
                await self._park(work, bill.payer, error, None, chunk, dry_run=dry_run)
                continue
            kept.append(bill)
        if not parts:
            return kept
        of_bill = {part.service.id: bill for bill in kept for part in bill.services}
        billed = await work.billing.billed_usage(list(parts), self._as_of - (LOOK_BACK + 2) * _MONTH)
        for periods in wanted:
            for service_id, found in (await rated(work, periods)).items():
                self._add_rated(of_bill[service_id], parts[service_id], found)
        for back in range(LOOK_BACK):
            again = {}
            for service_id, rows in billed.items():
                if back < len(rows):
                    row = rows[-1 - back]
                    again[service_id] = BillingPeriod(row.start_on, row.end_on, parts[service_id].service.timezone)
            for service_id, found in (await rated(work, again)).items() if again else ():
                part = parts[service_id]
                lines, more = late_lines(part.service, self._plans, found, billed[service_id][-1 - back])
                if more is not None:
                    part.lines.extend(lines)
                    of_bill[service_id].usage.setdefault(service_id, []).append(more)
        return kept

    def _plan_usage(self, bill: _Bill, wanted: list[dict[UUID, BillingPeriod]], parts: dict[UUID, ServiceBill]) -> None:
        periods: dict[UUID, list[BillingPeriod]] = {}
        for part in bill.services:
            since_on = charged_since(part.service, self._plans)
            if since_on is None:
                continue
            due, following = usage_periods_due(part.service, self._as_of, is_final=part.is_final)
            next_on = min(on for on in (part.state.next_on, following.end_on) if on is not None)
            until_on = following.start_on if due else part.state.usage_until_on
            part.state = replace(part.state, next_on=None if part.is_final else next_on, usage_until_on=until_on)
            part.is_due = part.is_due or any(period.end_on > since_on for period in due)
            periods[part.service.id] = due
        if not bill.is_due:
            return
        for part in bill.services:  # what came late goes on whatever invoice is next
            if part.service.id not in periods:
                continue
            parts[part.service.id] = part
            for number, period in enumerate(periods[part.service.id]):
                if number == len(wanted):
                    wanted.append({})
                wanted[number][part.service.id] = period

    def _add_rated(self, bill: _Bill, part: ServiceBill, found: RatedPeriod) -> None:
        lines, usage = usage_lines(part.service, self._plans, found)
        part.lines.extend(lines)
        bill.usage.setdefault(part.service.id, []).append(usage)

    async def _add_waiting(self, work: Work, bills: Sequence[_Bill]) -> None:
        """Add what waits for the next invoice: top-ups and late fees."""
        of_service = {part.service.id: (bill, part) for bill in bills for part in bill.services}
        for top_up in await work.billing.top_ups(list(of_service)):
            bill, part = of_service[top_up.service_id]
            bill.top_ups.append(top_up)
            part.lines.append(self._top_up_line(part.service, top_up))
        fees = await work.billing.late_fees([bill.payer.id for bill in bills])
        for bill in bills:
            bill.late_fees = fees.get(bill.payer.id, ())

    def _top_up_line(self, service: ServiceToBill, top_up: WaitingTopUp) -> InvoiceLine:
        terms = terms_on(service.terms, top_up.bought_on) or service.terms[0]
        tax = self._plans[terms.plan_version_id].tax
        return InvoiceLine(
            LineKind.TOP_UP,
            service.id,
            f"{top_up.name}, {top_up.bought_on:%d/%m/%Y}",
            1,
            top_up.price_minor,
            1,
            top_up.price_minor,
            tax_code=tax.code,
            inclusive=tax.inclusive,
            revenue="revenue:top_up",
            site=service.site,
            details={"top_up": str(top_up.id)},
        )

    # -- documents -----------------------------------------------------------------------------------------------------

    async def _draft(self, work: Work, bills: Sequence[_Bill], chunk: Chunk, *, dry_run: bool) -> list[_Bill]:
        """Make up the documents; park what is absurd."""
        if not bills:
            return []
        ids = [bill.payer.id for bill in bills]
        buyers = await work.buyers.as_issued(ids)
        largest, allowed = await work.billing.largest(ids), await work.billing.allowed(ids)
        kept = []
        for number, bill in enumerate(bills, 1):
            if number % A_TURN == 0:
                await asyncio.sleep(0)
            payer = bill.payer
            total_minor = None
            try:
                lines = [line for part in bill.services for line in part.lines]
                lines += [_late_fee_line(fee) for fee in bill.late_fees]
                if lines:
                    draft = draft_of(
                        uuid4(),
                        payer,
                        bill.services[0].service.timezone,
                        in_order(lines, [part.service.id for part in bill.services]),
                        as_of=self._as_of,
                        tax=self._terms.tax,
                        buyer=buyers.get(payer.id, {}),
                        note=FINAL_NOTE if bill.is_final else "",
                    )
                    total_minor = draft.total_minor
                    refuse_absurd(
                        draft,
                        usual_minor=usual_minor(bill.services, largest.get(payer.id, 0)),
                        absurd_minor=self._terms.absurd_minor,
                        allowed_minor=allowed.get(payer.id, 0),
                    )
                    bill.draft = draft
            except NetbilldError as error:
                await self._park(work, payer, error, total_minor, chunk, dry_run=dry_run)
                continue
            kept.append(bill)
        return kept

    async def _park(
        self, work: Work, payer: Payer, error: NetbilldError, total_minor: int | None, chunk: Chunk, *, dry_run: bool
    ) -> None:
        chunk.parked.append(Parked(payer.number, str(error)))
        if not dry_run:
            await work.billing.park(payer.id, str(error), total_minor, self._as_of, self._now)

    async def _issue(self, work: Work, bills: Sequence[_Bill], chunk: Chunk, *, dry_run: bool) -> None:
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
        richer: list[_Bill] = []
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
                self._terms.due_days,
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
        chunk.documents += documents
        if dry_run:
            return
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
            await work.outbox.add_many([_message(one) for one in documents], self._now)
            details = {
                "numbers": [one.document.number for one in documents],
                "service_ids": sorted(str(part.service.id) for bill in bills for part in bill.services),
            }
            first = documents[0].document.number or ""
            await work.changes.record(self._actor, self._now, "invoice.issue", "invoice", first, details)

    async def _numbers(self, work: Work, bills: Sequence[_Bill], *, dry_run: bool) -> dict[UUID, str]:
        numbers: dict[UUID, str] = {}
        for kind in DocumentKind:
            drafts = [bill.draft for bill in bills if bill.draft and kind_when_issued(bill.draft) is kind]
            if not drafts:
                continue
            numbering = self._terms.numbering
            series = numbering.series(kind, self._as_of)
            first = 1 if dry_run else await work.invoices.take_numbers(series, len(drafts))
            for sequence, draft in enumerate(drafts, first):
                numbers[draft.id] = numbering.number(kind, self._as_of, sequence)
        return numbers

    async def _return_deposits(self, work: Work, bills: Sequence[_Bill], wallets: dict[UUID, int]) -> list[LedgerEntry]:
        """Turn the deposits of services that have ended into credit, which the final bill takes first."""
        final = {part.service.id: bill.payer for bill in bills for part in bill.services if part.is_final}
        entries = []
        for service_id, amount_minor in (await work.billing.deposits(list(final))).items():
            if amount_minor > 0:
                payer = final[service_id]
                entries.append(deposit_returned(payer, str(service_id), amount_minor, "Deposit returned"))
                wallets[payer.id] += amount_minor
        return entries

    async def _settle_older(
        self, work: Work, bills: Sequence[_Bill], wallets: dict[UUID, int], entries: list[LedgerEntry]
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
        return settled


def _to_bill(service: BillableService, terms: Sequence[Terms], stops: Sequence[Stop]) -> ServiceToBill:
    ends_on = None
    if service.ended_at is not None:
        ends_on = local_date(service.ended_at, service.timezone) + timedelta(days=1)
    return ServiceToBill(
        id=service.id,
        subscriber_id=service.subscriber_id,
        billing_day=service.billing_day,
        timezone=service.timezone,
        site=service.site,
        activated_on=service.activated_on,
        ends_on=ends_on,
        paid_until_on=service.paid_until_on,
        is_new=service.installed_on is None,
        terms=terms,
        stops=stops,
        state=service.state,
    )


def _amounts(bill: _Bill) -> Iterable[int]:
    return (line.amount_minor for part in bill.services for line in part.lines)


def _late_fee_line(fee: WaitingLateFee) -> InvoiceLine:
    text = f"Denda keterlambatan / Late fee, {fee.number}"
    details = {"number": fee.number, "stage": fee.stage}
    return InvoiceLine(
        LineKind.LATE_FEE,
        None,
        text,
        1,
        fee.amount_minor,
        1,
        fee.amount_minor,
        revenue=LATE_FEES.code,
        details=details,
    )


def _document(bill: _Bill, done: Issued) -> BilledDocument:
    from_wallet_minor = done.from_wallet.amount_minor if done.from_wallet else 0
    return BilledDocument(bill.payer, done.document, from_wallet_minor, done.to_wallet_minor, bill.is_final)


def _message(one: BilledDocument) -> Message:
    document = one.document
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
