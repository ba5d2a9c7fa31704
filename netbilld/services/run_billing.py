"""The billing run: every fee whose billing day has come becomes an invoice, once."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.allocation import Part
from netbilld.billing.chart import Payer
from netbilld.billing.invoice import Invoice
from netbilld.billing.invoice_builder import (
    BilledService,
    PeriodCharge,
    charges_due,
    draft_invoice,
    revenue_by_account,
)
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.numbering import invoice_number, invoice_series
from netbilld.billing.plan import Plan, Timing
from netbilld.billing.postings import invoice_issued, wallet_applied
from netbilld.model.actor import Actor
from netbilld.model.errors import NetbilldError, RefusedError, StoreUnavailableError
from netbilld.model.periods import local_date
from netbilld.services import renew_prepaid
from netbilld.services.renew_prepaid import Renewed, RenewPrepaid

CHUNK: Final = 200  # subscribers in one transaction
AHEAD_DAYS_LIMIT: Final = 366


class Invoices(renew_prepaid.Invoices, Protocol):
    async def due_payers(self, version_ids: Iterable[UUID], as_of: date) -> list[Payer]: ...
    async def billed_services(
        self, subscriber_ids: Sequence[UUID], versions: dict[UUID, Plan]
    ) -> dict[UUID, list[BilledService]]: ...
    async def take_numbers(self, series: str, count: int) -> int: ...
    async def add(self, added: Sequence[Invoice], at: datetime) -> None: ...
    async def add_allocations(self, parts: Sequence[Part], payment_id: UUID | None, at: datetime) -> None: ...


class Work(renew_prepaid.Work, Protocol):
    @property
    def invoices(self) -> Invoices: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Billed:
    """An invoice that was issued; without a number where the run was dry."""

    number: str | None
    subscriber_no: str
    issued_on: date
    due_on: date
    period_start_on: date
    period_end_on: date
    currency: str
    total_minor: int
    from_wallet_minor: int


@dataclass(frozen=True, slots=True)
class Parked:
    """A subscriber left out of the run, and why; the others are billed."""

    subscriber_no: str
    reason: str


@dataclass(slots=True)
class BillingReport:
    """What a run has done, or would do."""

    as_of: date
    dry_run: bool
    invoices: list[Billed] = field(default_factory=list)
    renewals: list[Renewed] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)

    @property
    def total_minor(self) -> int:
        return sum(invoice.total_minor for invoice in self.invoices)


@dataclass(slots=True)
class _Chunk:
    """What one transaction writes."""

    invoices: list[Invoice] = field(default_factory=list)
    charges: list[tuple[PeriodCharge, UUID | None]] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    billed: list[Billed] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)


class RunBilling:
    """Bills fees in advance: on the billing day, for the period that begins with it.

    A service that is activated on another day owes the part of the month up to its first billing day, pro rata. A run
    catches up on every period since activation that has begun and is not billed, on one invoice a subscriber, issued
    and due from the day of the run. Suspended and paused services are billed as usual, ended ones not at all. Credit
    in the wallet is applied at once. Safe to start twice and to kill at any point: what is billed is written down in
    the transaction of its invoice.
    """

    def __init__(self, store: Store, *, due_days: int, timezone: str) -> None:
        self._store, self._due_days, self._timezone = store, due_days, timezone

    async def run(
        self,
        *,
        as_of: date | None,
        now: datetime,
        actor: Actor,
        dry_run: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> BillingReport:
        """Return what was billed, and what could not be.

        Prepaid services are renewed as well, on the day of the run, unless that day is past: a prepaid period is sold
        when it begins.

        Args:
            as_of: the local day to bill on; None is today.
            now: the instant it is written down with.
            actor: who.
            dry_run: only tell.
            progress: told (subscribers done, subscribers in all) after each transaction.

        Raises:
            RefusedError: the day is more than a year ahead.
        """
        today = local_date(now, self._timezone)
        day = as_of or today
        if day > today + timedelta(days=AHEAD_DAYS_LIMIT):
            raise RefusedError(f"--as-of {day} is more than a year ahead of {today}", code="bad_date")
        report = BillingReport(day, dry_run)
        async with self._store.read() as work:
            versions = {
                key: plan
                for key, plan in (await work.plans.plans_by_version()).items()
                if plan.timing is Timing.POSTPAID and plan.recurring
            }
            payers = await work.invoices.due_payers(versions, day) if versions else []
        for start in range(0, len(payers), CHUNK):
            await self._bill(payers[start : start + CHUNK], versions, report, now, actor)
            if progress is not None:
                progress(min(start + CHUNK, len(payers)), len(payers))
        if day >= today:
            renewing = RenewPrepaid(self._store)
            report.renewals = await renewing.run(
                now=now, actor=actor, today=None if as_of is None else day, dry_run=dry_run
            )
        return report

    async def _bill(
        self, payers: Sequence[Payer], versions: dict[UUID, Plan], report: BillingReport, now: datetime, actor: Actor
    ) -> None:
        try:
            chunk = await self._bill_together(payers, versions, report, now, actor)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - one subscriber's fault must not keep the others from theirs
            if len(payers) == 1:
                reason = str(error) if isinstance(error, NetbilldError) else type(error).__name__
                report.parked.append(Parked(payers[0].number, reason))
                return
            for payer in payers:
                await self._bill([payer], versions, report, now, actor)
            return
        report.invoices += chunk.billed
        report.parked += chunk.parked

    async def _bill_together(
        self, payers: Sequence[Payer], versions: dict[UUID, Plan], report: BillingReport, now: datetime, actor: Actor
    ) -> _Chunk:
        if report.dry_run:
            async with self._store.read() as work:
                return await self._prepare(work, payers, versions, report, lock=False)
        async with self._store.write() as work:
            await work.invoices.lock_subscribers([payer.id for payer in payers])
            chunk = await self._prepare(work, payers, versions, report, lock=True)
            await work.invoices.add(chunk.invoices, now)
            await work.invoices.mark_billed(chunk.charges)
            await work.invoices.add_allocations(chunk.parts, None, now)
            await work.ledger.post_many(chunk.entries, at=now, booked_on=report.as_of, actor=actor)
            if chunk.invoices:
                details = {
                    "numbers": [invoice.number for invoice in chunk.invoices],
                    "service_ids": sorted({str(charge.service_id) for charge, _ in chunk.charges}),
                }
                await work.changes.record(actor, now, "invoice.issue", "invoice", chunk.billed[0].number or "", details)
            return chunk

    async def _prepare(
        self, work: Work, payers: Sequence[Payer], versions: dict[UUID, Plan], report: BillingReport, *, lock: bool
    ) -> _Chunk:
        ids = [payer.id for payer in payers]
        services = await work.invoices.billed_services(ids, versions)
        chunk = _Chunk()
        drafts: list[tuple[Payer, Invoice]] = []
        for payer in payers:
            try:
                charges = [c for service in services.get(payer.id, ()) for c in charges_due(service, report.as_of)]
                timezone = services[payer.id][0].timezone if charges else self._timezone
                draft = draft_invoice(uuid4(), payer.id, payer.currency, timezone, charges) if charges else None
            except NetbilldError as error:
                chunk.parked.append(Parked(payer.number, str(error)))
                continue
            owes = draft is not None and draft.total_minor > 0
            chunk.charges += [(charge, draft.id if draft is not None and owes else None) for charge in charges]
            if draft is not None and owes:
                drafts.append((payer, draft))
        if drafts:
            first = 1 if report.dry_run else await work.invoices.take_numbers(invoice_series(report.as_of), len(drafts))
            wallets = await work.ledger.wallets([payer.id for payer, _ in drafts], lock=lock)
            for sequence, (payer, draft) in enumerate(drafts, first):
                self._issue(chunk, payer, draft, sequence, wallets[payer.id], report)
        return chunk

    def _issue(
        self, chunk: _Chunk, payer: Payer, draft: Invoice, sequence: int, wallet_minor: int, report: BillingReport
    ) -> None:
        number = invoice_number(report.as_of, sequence)
        invoice = draft.issue(number, report.as_of, self._due_days)
        chunk.entries.append(invoice_issued(payer, number, revenue_by_account(invoice)))
        from_wallet_minor = min(max(wallet_minor, 0), invoice.total_minor)
        if from_wallet_minor:
            invoice = invoice.settle(from_wallet_minor)
            chunk.parts.append(Part(invoice.id, number, from_wallet_minor))
            chunk.entries.append(wallet_applied(payer, number, from_wallet_minor))
        chunk.invoices.append(invoice)
        chunk.billed.append(
            Billed(
                number=None if report.dry_run else number,
                subscriber_no=payer.number,
                issued_on=report.as_of,
                due_on=report.as_of + timedelta(days=self._due_days),
                period_start_on=invoice.period_start_on,
                period_end_on=invoice.period_end_on,
                currency=invoice.currency,
                total_minor=invoice.total_minor,
                from_wallet_minor=from_wallet_minor,
            )
        )
