"""Some subscribers' bills in one transaction: what is due of each, the document, its entries, and what is on record."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

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
from netbilld.billing.invoice import InvoiceLine, LineKind
from netbilld.billing.numbering import DEFAULT, Numbering
from netbilld.billing.plan import Plan
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
from netbilld.services import issue_bills, rate_usage
from netbilld.services.issue_bills import Bill, BilledDocument, IssueBills, WaitingLateFee, WaitingTopUp
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


class Billing(issue_bills.Billing, Protocol):
    async def services(self, subscriber_ids: Collection[UUID]) -> Mapping[UUID, Sequence[BillableService]]: ...
    async def billed(self, service_ids: Collection[UUID]) -> Mapping[UUID, list[BilledShare]]: ...
    async def billed_usage(self, service_ids: Collection[UUID], from_on: date) -> Mapping[UUID, list[BilledUsage]]: ...
    async def top_ups(self, service_ids: Collection[UUID]) -> Sequence[WaitingTopUp]: ...
    async def late_fees(self, subscriber_ids: Collection[UUID]) -> Mapping[UUID, Sequence[WaitingLateFee]]: ...
    async def largest(self, subscriber_ids: Collection[UUID]) -> Mapping[UUID, int]: ...
    async def allowed(self, subscriber_ids: Collection[UUID]) -> Mapping[UUID, int]: ...
    async def look_again(self, bills: Iterable[ServiceBill], at: datetime) -> None: ...
    async def park(
        self, subscriber_id: UUID, reason: str, total_minor: int | None, as_of: date, at: datetime
    ) -> None: ...


class TermsOfServices(Protocol):
    async def of(self, service_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Terms]]: ...
    async def stops(self, service_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Stop]]: ...


class Buyers(Protocol):
    async def as_issued(self, subscriber_ids: Iterable[UUID]) -> Mapping[UUID, Mapping[str, Any]]: ...


class Invoices(issue_bills.Invoices, Protocol):
    async def lock_subscribers(self, subscriber_ids: Sequence[UUID]) -> None: ...


class Work(rate_usage.Work, issue_bills.Work, Protocol):
    @property
    def billing(self) -> Billing: ...
    @property
    def terms(self) -> TermsOfServices: ...
    @property
    def buyers(self) -> Buyers: ...
    @property
    def invoices(self) -> Invoices: ...


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


@dataclass(slots=True)
class Chunk:
    """What one transaction has billed, and could not."""

    documents: list[BilledDocument] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)


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
            issuing = IssueBills(
                due_days=self._terms.due_days,
                numbering=self._terms.numbering,
                as_of=self._as_of,
                now=self._now,
                actor=self._actor,
            )
            chunk.documents += await issuing.run(work, bills, dry_run=dry_run)
        if not dry_run:
            await work.billing.look_again(looked_at, self._now)
        return chunk

    # -- what is due ---------------------------------------------------------------------------------------------------

    async def _make_up(
        self, work: Work, payers: Sequence[Payer], chunk: Chunk, *, dry_run: bool
    ) -> tuple[list[Bill], list[ServiceBill]]:
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
        bills: list[Bill] = []
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
                bills.append(Bill(payer, parts))
        bills = await self._add_usage(work, bills, chunk, dry_run=dry_run)
        due: list[Bill] = []
        looked_at: list[ServiceBill] = []
        for bill in bills:
            if bill.is_due:
                due.append(bill)
            else:
                looked_at += bill.services
        if due:
            await self._add_waiting(work, due)
        return await self._draft(work, due, chunk, dry_run=dry_run), looked_at

    async def _add_usage(self, work: Work, bills: list[Bill], chunk: Chunk, *, dry_run: bool) -> list[Bill]:
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

    def _plan_usage(self, bill: Bill, wanted: list[dict[UUID, BillingPeriod]], parts: dict[UUID, ServiceBill]) -> None:
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

    def _add_rated(self, bill: Bill, part: ServiceBill, found: RatedPeriod) -> None:
        lines, usage = usage_lines(part.service, self._plans, found)
        part.lines.extend(lines)
        bill.usage.setdefault(part.service.id, []).append(usage)

    async def _add_waiting(self, work: Work, bills: Sequence[Bill]) -> None:
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

    async def _draft(self, work: Work, bills: Sequence[Bill], chunk: Chunk, *, dry_run: bool) -> list[Bill]:
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
