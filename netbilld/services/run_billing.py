"""The billing run: everything that has come due becomes documents, once, some hundred subscribers at a time."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.charges import BilledShare
from netbilld.billing.chart import Payer
from netbilld.billing.invoice import DocumentKind
from netbilld.billing.numbering import DEFAULT, Numbering
from netbilld.billing.plan import Plan
from netbilld.billing.tax import NOTHING_TAXED, TaxPolicy
from netbilld.model.actor import Actor
from netbilld.model.errors import NetbilldError, RefusedError, StoreUnavailableError
from netbilld.model.periods import local_date
from netbilld.services import bill_subscribers, issue_bills, renew_prepaid
from netbilld.services.bill_subscribers import ABSURD_MINOR, BillingTerms, BillSubscribers, Chunk, Parked
from netbilld.services.correct_invoice import issue_day
from netbilld.services.renew_prepaid import Renewed, RenewPrepaid

CHUNK: Final = 1000  # subscribers in one transaction
AHEAD_DAYS_LIMIT: Final = 366
CLOCK_AHEAD_LIMIT: Final = timedelta(days=62)  # from one run by the clock to the next
BREATH_SECONDS: Final = 0.005  # between transactions, for others who write


class Billing(bill_subscribers.Billing, Protocol):
    async def billed(
        self, service_ids: Collection[UUID], *, is_prepaid: bool = ...
    ) -> Mapping[UUID, list[BilledShare]]: ...
    async def due_payers(self, as_of: date) -> list[Payer]: ...
    async def begin_run(self, as_of: date, subscribers_in_all: int, at: datetime, actor: str) -> int: ...
    async def advance_run(
        self, run_id: int, *, done: int, documents: int, total_minor: int, parked: int, at: datetime, is_over: bool
    ) -> None: ...
    async def newest_run_on(self) -> date | None: ...


class Buyers(bill_subscribers.Buyers, renew_prepaid.Buyers, Protocol):
    pass


class Invoices(bill_subscribers.Invoices, renew_prepaid.Invoices, Protocol):
    pass


class Ledger(issue_bills.Ledger, renew_prepaid.Ledger, Protocol):
    async def closed_until_on(self) -> date | None: ...
    async def wallets(self, subscriber_ids: Sequence[UUID], *, lock: bool = False) -> dict[UUID, int]: ...


class Work(bill_subscribers.Work, renew_prepaid.Work, Protocol):
    @property
    def billing(self) -> Billing: ...
    @property
    def buyers(self) -> Buyers: ...
    @property
    def invoices(self) -> Invoices: ...
    @property
    def ledger(self) -> Ledger: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Billed:
    """A document that was issued; without a number where the run was dry. A credit note's total is what it gives."""

    number: str | None
    subscriber_no: str
    issued_on: date
    due_on: date
    period_start_on: date
    period_end_on: date
    currency: str
    total_minor: int
    from_wallet_minor: int
    kind: DocumentKind = DocumentKind.INVOICE
    tax_minor: int = 0
    is_final: bool = False


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
        """Return what was billed, less what was given back."""
        return sum(one.total_minor if one.kind is DocumentKind.INVOICE else -one.total_minor for one in self.invoices)


class RunBilling:
    """Bills what is due: fees when their periods begin or have ended, usage after its period, and what changed since.

    One document for each subscriber, issued and due from the day of the run; what has not been billed since activation
    is caught up with. Safe to start twice, on two nodes, and to kill at any point: what is billed of a service is
    written down in the transaction of its document, under a key that lets it be billed once.
    """

    def __init__(
        self,
        store: Store,
        *,
        due_days: int,
        timezone: str,
        tax: TaxPolicy = NOTHING_TAXED,
        absurd_minor: int = ABSURD_MINOR,
        numbering: Numbering = DEFAULT,
        lanes: int = 1,
    ) -> None:
        """Prepare.

        Args:
            store: where everything is.
            due_days: from issue to the last day to pay.
            timezone: of the provider.
            tax: what is taxed.
            absurd_minor: a larger bill waits for a person.
            numbering: of documents.
            lanes: transactions at once: while the database writes one, the next is made up. SQLite has one writer.
        """
        self._store, self._timezone, self._lanes = store, timezone, lanes
        self._terms = BillingTerms(due_days, timezone, tax, absurd_minor, numbering)

    async def run(
        self,
        *,
        as_of: date | None,
        now: datetime,
        actor: Actor,
        dry_run: bool = False,
        progress: Callable[[int, int], None] | None = None,
        by_clock: bool = False,
        only: Collection[UUID] | None = None,
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
            by_clock: nobody asked for it, so a clock that is far off must not either.
            only: these subscribers alone; None for all.

        Raises:
            RefusedError: the day is more than a year ahead or in a closed month, or the clock is far off.
        """
        today = local_date(now, self._timezone)
        day = as_of or today
        if day > today + timedelta(days=AHEAD_DAYS_LIMIT):
            raise RefusedError(f"--as-of {day} is more than a year ahead of {today}", code="bad_date")
        report = BillingReport(day, dry_run)
        async with self._store.read() as work:
            if by_clock:
                _refuse_wrong_clock(await work.billing.newest_run_on(), day)
            await issue_day(work.ledger, day)
            plans = await work.plans.plans_by_version()
            payers = await work.billing.due_payers(day)
        if only is not None:
            payers = [payer for payer in payers if payer.id in only]
        if payers:
            await self._bill_all(payers, plans, report, now, actor, progress)
        if day >= today and only is None:
            renewing = RenewPrepaid(self._store, tax=self._terms.tax)
            report.renewals = await renewing.run(
                now=now, actor=actor, today=None if as_of is None else day, dry_run=dry_run
            )
        return report

    async def _bill_all(
        self,
        payers: Sequence[Payer],
        plans: Mapping[UUID, Plan],
        report: BillingReport,
        now: datetime,
        actor: Actor,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        billing = BillSubscribers(plans, self._terms, as_of=report.as_of, now=now, actor=actor)
        run_id = None
        if not report.dry_run:
            async with self._store.write() as work:
                run_id = await work.billing.begin_run(report.as_of, len(payers), now, actor.name)
        chunks = iter([payers[start : start + CHUNK] for start in range(0, len(payers), CHUNK)])
        done = 0

        async def lane() -> None:
            nonlocal done
            for some in chunks:
                await self._bill(billing, some, report)
                done += len(some)
                if progress is not None:
                    progress(done, len(payers))
                if run_id is not None:
                    await self._advance(run_id, done, report, now, is_over=done == len(payers))
                    await asyncio.sleep(BREATH_SECONDS)

        if self._lanes == 1 or report.dry_run:
            await lane()
            return
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._lanes):
                    group.create_task(lane())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _advance(self, run_id: int, done: int, report: BillingReport, now: datetime, *, is_over: bool) -> None:
        async with self._store.write() as work:
            await work.billing.advance_run(
                run_id,
                done=done,
                documents=len(report.invoices),
                total_minor=report.total_minor,
                parked=len(report.parked),
                at=now,
                is_over=is_over,
            )

    async def _bill(self, billing: BillSubscribers, payers: Sequence[Payer], report: BillingReport) -> None:
        """Bill them together; where that fails, in halves, so that one subscriber's fault is theirs alone."""
        try:
            if report.dry_run:
                async with self._store.read() as work:
                    chunk = await billing.run(work, payers, dry_run=True)
            else:
                async with self._store.write() as work:
                    chunk = await billing.run(work, payers)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - one subscriber's fault must not keep the others from theirs
            if len(payers) == 1:
                reason = str(error) if isinstance(error, NetbilldError) else type(error).__name__
                report.parked.append(Parked(payers[0].number, reason))
                return
            half = len(payers) // 2
            await self._bill(billing, payers[:half], report)
            await self._bill(billing, payers[half:], report)
            return
        report.invoices += _billed(chunk, dry_run=report.dry_run)
        report.parked += chunk.parked


def _billed(chunk: Chunk, *, dry_run: bool) -> Iterable[Billed]:
    for one in chunk.documents:
        document = one.document
        assert document.issued_on is not None, "it is issued"  # noqa: S101
        yield Billed(
            number=None if dry_run else document.number,
            subscriber_no=one.payer.number,
            issued_on=document.issued_on,
            due_on=document.due_on or document.issued_on,
            period_start_on=document.period_start_on,
            period_end_on=document.period_end_on,
            currency=document.currency,
            total_minor=document.total_minor,
            from_wallet_minor=one.from_wallet_minor,
            kind=document.kind,
            tax_minor=document.tax_minor,
            is_final=one.is_final,
        )


def _refuse_wrong_clock(newest_on: date | None, day: date) -> None:
    """Refuse a run by the clock that is far from the last one: more likely the clock is wrong than nobody billed."""
    if newest_on is None or newest_on - timedelta(days=1) <= day <= newest_on + CLOCK_AHEAD_LIMIT:
        return
    raise RefusedError(
        f"the clock says {day}, and the last billing run was for {newest_on}",
        hint=f"set the clock, or run `netbilld invoice run --as-of {day}` once if that is right",
        code="clock",
    )
