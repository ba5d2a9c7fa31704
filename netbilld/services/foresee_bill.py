"""What a service's next bill would be by all that is known now: as it runs, or under another plan from a day on.

The same code makes it up as makes the bill, so that what is shown before is what is billed after, unless something
happens between. Nothing is kept.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.chart import Payer
from netbilld.billing.invoice import DocumentKind, InvoiceLine
from netbilld.billing.plan import Plan, Timing
from netbilld.billing.renewal import next_renewal
from netbilld.billing.terms import Stop, Terms, plan_under, terms_on
from netbilld.model.actor import Actor
from netbilld.model.subscriber import Service
from netbilld.services import bill_subscribers, change_terms, renew_prepaid
from netbilld.services.bill_subscribers import BillingTerms, BillSubscribers
from netbilld.services.change_terms import TermsOfService
from netbilld.services.renew_prepaid import prepaid_services

_NOBODY: Final = Actor("system", "portal")


class Billing(bill_subscribers.Billing, Protocol):
    async def billed(self, service_ids: Collection[UUID], *, is_prepaid: bool = ...) -> Mapping[UUID, list[Any]]: ...


class Buyers(bill_subscribers.Buyers, renew_prepaid.Buyers, Protocol): ...


class TermsBook(bill_subscribers.TermsOfServices, change_terms.TermsBook, Protocol): ...


class Services(change_terms.Services, Protocol):
    async def of_subscriber(self, subscriber_id: UUID) -> Sequence[Service]: ...


class Work(change_terms.Work, bill_subscribers.Work, Protocol):
    @property
    def services(self) -> Services: ...
    @property
    def billing(self) -> Billing: ...
    @property
    def buyers(self) -> Buyers: ...
    @property
    def terms(self) -> TermsBook: ...
    @property
    def prepaid(self) -> renew_prepaid.Prepaid: ...


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A bill that is not made yet.

    Attributes:
        on: the day on which it is made, as far as is known.
        total_minor: with taxes; below zero where more is given back than charged.
        is_renewal: the wallet pays it; else it is an invoice.
        is_by_hand: the wallet does so only when its subscriber says so.
    """

    on: date
    total_minor: int
    tax_minor: int
    lines: tuple[InvoiceLine, ...]
    is_renewal: bool
    is_by_hand: bool = False


async def foresee(
    work: Work,
    service: Service,
    payer: Payer,
    plans: Mapping[UUID, Plan],
    billing: BillingTerms,
    now: datetime,
    *,
    as_if: Sequence[Terms] | None = None,
) -> Foreseen | None:
    """Return the next bill of a service and what is billed with it; None where nothing will be billed.

    Args:
        work: where it is read.
        service: of which the next period is looked for.
        payer: its subscriber: an invoice is of all their services that are due on that day.
        plans: the versions that the subscriber's services have; see plans_of.
        billing: what the provider bills by.
        now: the instant.
        as_if: terms that the service is taken to have instead of its own.
    """
    terms = await TermsOfService.load(work, service)
    today = terms.today(now)
    rows = as_if if as_if is not None else (await work.terms.of([service.id]))[service.id]
    due = terms_on(rows, today) or rows[0]
    plan = plan_under(plans[due.plan_version_id], due)
    seen = _AsIf(work, {service.id: rows})
    if plan.timing is Timing.PREPAID:
        return await _renewal(seen, service, payer, plans, billing, today)
    on = terms.starting_day("next", today, None)
    run = BillSubscribers(plans, billing, as_of=on, now=now, actor=_NOBODY)
    chunk = await run.run(seen, [payer], dry_run=True)
    if not chunk.documents:
        return None
    document = chunk.documents[0].document
    sign = -1 if document.kind is DocumentKind.CREDIT_NOTE else 1
    return Foreseen(on, sign * document.total_minor, sign * document.tax_minor, document.lines, is_renewal=False)


async def plans_of(work: Work, subscriber_id: UUID, *beside: UUID) -> dict[UUID, Plan]:
    """Return the plan versions that a subscriber's services have or had, and those named beside."""
    services = await work.services.of_subscriber(subscriber_id)
    terms = await work.terms.of([one.id for one in services])
    wanted = {row.plan_version_id for rows in terms.values() for row in rows} | set(beside)
    return {key: version.plan for key, version in (await work.plans.versions(wanted)).items()}


async def _renewal(
    work: "_AsIf", service: Service, payer: Payer, plans: Mapping[UUID, Plan], billing: BillingTerms, today: date
) -> Foreseen | None:
    found = await work.prepaid.services([payer.id])
    rows = [one for one in found.get(payer.id, ()) if one.id == service.id]
    known = await prepaid_services(work, rows)
    if not known:
        return None
    exempt = payer.id in await work.buyers.exempt([payer.id])
    bought = next_renewal(known[service.id], plans, today, tax=billing.tax, exempt=exempt)
    if bought is None:
        return None
    on, renewal = bought
    tax_minor = sum(line.tax_minor for line in renewal.lines)
    return Foreseen(on, renewal.price_minor, tax_minor, renewal.lines, is_renewal=True, is_by_hand=rows[0].is_by_hand)


class _AsIf:
    """A transaction in which some services have other terms; everything else is as it is."""

    def __init__(self, work: Work, rows: Mapping[UUID, Sequence[Terms]]) -> None:
        self._work, self._rows = work, rows
        self.billing = work.billing
        self.corrections = work.corrections
        self.buyers = work.buyers
        self.prepaid = work.prepaid
        self.invoices = work.invoices
        self.ledger = work.ledger
        self.outbox = work.outbox
        self.changes = work.changes
        self.rating = work.rating

    @property
    def terms(self) -> "_AsIf":
        return self

    async def of(self, service_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Terms]]:
        """Return the terms of services."""
        found = dict(await self._work.terms.of(service_ids))
        return found | {key: rows for key, rows in self._rows.items() if key in found}

    async def stops(self, service_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Stop]]:
        """Return the stops of services."""
        return await self._work.terms.stops(service_ids)
