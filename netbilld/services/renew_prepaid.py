"""Prepaid services with a fee: at expiry the wallet buys the next period where it covers it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.charges import BilledShare
from netbilld.billing.chart import Account, Payer, account
from netbilld.billing.chart import tax as tax_account
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.plan import Plan
from netbilld.billing.postings import OTHER_RENEWAL, RENEWAL, wallet_charged
from netbilld.billing.renewal import PrepaidService, Renewal, renewal_due
from netbilld.billing.tax import NOTHING_TAXED, TaxPolicy
from netbilld.billing.terms import Stop, Terms
from netbilld.model.actor import Actor
from netbilld.model.periods import local_date
from netbilld.ports.changes import Changes

CHUNK: Final = 200  # subscribers in one transaction


class Plans(Protocol):
    async def plans_by_version(self) -> dict[UUID, Plan]: ...


class Prepaid(Protocol):
    async def expired_payers(self, plans: Mapping[UUID, Plan], before: date) -> list[Payer]: ...
    async def services(self, subscriber_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Any]]: ...
    async def save(self, bought: Sequence[tuple[Any, Sequence[BilledShare]]], at: datetime) -> None: ...


class Billing(Protocol):
    async def billed(
        self, service_ids: Collection[UUID], *, is_prepaid: bool = ...
    ) -> Mapping[UUID, list[BilledShare]]: ...


class TermsOfServices(Protocol):
    async def of(self, service_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Terms]]: ...
    async def stops(self, service_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Stop]]: ...


class Invoices(Protocol):
    async def lock_subscribers(self, subscriber_ids: Sequence[UUID]) -> None: ...


class Buyers(Protocol):
    async def exempt(self, subscriber_ids: Collection[UUID]) -> Collection[UUID]: ...


class Services(Protocol):
    async def update(self, service_id: UUID, fields: Mapping[str, Any]) -> None: ...


class Ledger(Protocol):
    async def wallets(self, subscriber_ids: Sequence[UUID], *, lock: bool = False) -> dict[UUID, int]: ...
    async def post_many(
        self, entries: Sequence[LedgerEntry], *, at: datetime, booked_on: date, actor: Actor
    ) -> list[int]: ...


class TermsWork(Protocol):
    @property
    def billing(self) -> Billing: ...
    @property
    def terms(self) -> TermsOfServices: ...


class Work(TermsWork, Protocol):
    @property
    def plans(self) -> Plans: ...
    @property
    def prepaid(self) -> Prepaid: ...
    @property
    def invoices(self) -> Invoices: ...
    @property
    def buyers(self) -> Buyers: ...
    @property
    def services(self) -> Services: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Renewed:
    """A period that a wallet has bought (or would buy)."""

    subscriber_no: str
    service_id: UUID
    plan: str
    price_minor: int
    renewed_on: date
    paid_until_on: date


class RenewPrepaid:
    """Renews what has expired; run often, for access waits for it. Safe to repeat and to kill at any point."""

    def __init__(self, store: Store, *, tax: TaxPolicy = NOTHING_TAXED) -> None:
        self._store, self._tax = store, tax

    async def run(
        self, *, now: datetime, actor: Actor, today: date | None = None, dry_run: bool = False
    ) -> list[Renewed]:
        """Return the renewals made; suspended, paused and ended services are left alone.

        Args:
            now: the instant it is written down with.
            actor: who.
            today: the local day to renew on; None is each service's own today.
            dry_run: only tell.
        """
        renewed: list[Renewed] = []
        async with self._store.read() as work:
            plans = await work.plans.plans_by_version()
            latest = today or now.date() + timedelta(days=1)  # no local day is later than that
            payers = await work.prepaid.expired_payers(plans, latest) if plans else []
        for start in range(0, len(payers), CHUNK):
            some = payers[start : start + CHUNK]
            if dry_run:
                async with self._store.read() as work:
                    due = await _renewals(work, some, plans, now, today, self._tax, lock=False, by_clock=True)
                    renewed += [_renewed(one) for one in due if one.renewal.lines or one.is_longer]
                continue
            async with self._store.write() as work:
                await work.invoices.lock_subscribers([payer.id for payer in some])
                renewed += await renew(
                    work, some, plans, now=now, today=today, actor=actor, tax=self._tax, by_clock=True
                )
        return renewed


@dataclass(frozen=True, slots=True)
class _Due:
    payer: Payer
    row: Any
    renewal: Renewal
    on: date

    @property
    def is_longer(self) -> bool:
        paid_until_on: date | None = self.row.paid_until_on
        return paid_until_on is None or self.renewal.paid_until_on > paid_until_on


async def renew(
    work: Work,
    payers: Sequence[Payer],
    plans: Mapping[UUID, Plan],
    *,
    now: datetime,
    actor: Actor,
    today: date | None = None,
    tax: TaxPolicy,
    by_clock: bool = False,
) -> list[Renewed]:
    """Renew the expired services of these subscribers, whom the caller has locked, within its transaction.

    Where it is the clock that renews, services whose subscriber wants to do it by hand buy what costs nothing alone.
    """
    due = await _renewals(work, payers, plans, now, today, tax, lock=True, by_clock=by_clock)
    if not due:
        return []
    await work.prepaid.save([(one.row, one.renewal.shares) for one in due], now)
    for booked_on in sorted({one.on for one in due}):
        entries = [entry for one in due if one.on == booked_on for entry in _entries(one)]
        await work.ledger.post_many(entries, at=now, booked_on=booked_on, actor=actor)
    for one in due:
        await work.services.update(one.row.id, {"paid_until_on": one.renewal.paid_until_on})
        details = {
            "service_ids": [str(one.row.id)],
            "number": one.payer.number,
            "price": one.renewal.price_minor,
            "paid_until": one.renewal.paid_until_on.isoformat(),
        }
        await work.changes.record(actor, now, "service.renew", "service", one.row.id, details)
    return [_renewed(one) for one in due]


def _renewed(one: _Due) -> Renewed:
    return Renewed(
        subscriber_no=one.payer.number,
        service_id=one.row.id,
        plan=one.renewal.plan.code,
        price_minor=one.renewal.price_minor,
        renewed_on=one.on,
        paid_until_on=one.renewal.paid_until_on,
    )


def _entries(one: _Due) -> list[LedgerEntry]:
    """Return what a renewal books: each part earned on its own account, its tax owed by its code.

    What the plan says is no telecom service is an entry of its own: the levies on telecom revenue leave it out.
    """
    lines = defaultdict(list)
    for line in one.renewal.lines:
        lines[OTHER_RENEWAL if line.details.get("telecom") is False else RENEWAL].append(line)
    entries = []
    for kind, of_kind in lines.items():
        earned: dict[Account, int] = defaultdict(int)
        for line in of_kind:
            earned[account(line.revenue, one.payer)] += line.net_minor
            if line.tax_minor:
                earned[tax_account(line.tax_code or "none")] += line.tax_minor
        if any(earned.values()):
            entries.append(wallet_charged(one.payer, one.row.id, earned, of_kind[0].text, kind=kind))
    return entries


async def prepaid_services(work: TermsWork, rows: Sequence[Any]) -> dict[UUID, PrepaidService]:
    """Return services as renewals look at them, with their terms and what was billed of them; `rows` are of a store."""
    ids = [row.id for row in rows]
    if not ids:
        return {}
    terms, stops = await work.terms.of(ids), await work.terms.stops(ids)
    before = await work.billing.billed(ids, is_prepaid=True)
    return {
        row.id: PrepaidService(
            row.id,
            row.subscriber_id,
            row.billing_day,
            row.timezone,
            row.activated_on,
            row.paid_until_on,
            terms[row.id],
            stops.get(row.id, ()),
            before.get(row.id, ()),
            row.round,
        )
        for row in rows
    }


async def _renewals(
    work: Work,
    payers: Sequence[Payer],
    plans: Mapping[UUID, Plan],
    now: datetime,
    today: date | None,
    tax: TaxPolicy,
    *,
    lock: bool,
    by_clock: bool,
) -> list[_Due]:
    ids = [payer.id for payer in payers]
    services = await work.prepaid.services(ids)
    known = await prepaid_services(work, [one for of_payer in services.values() for one in of_payer])
    if not known:
        return []
    wallets = await work.ledger.wallets(ids, lock=lock)
    exempt = await work.buyers.exempt(ids)
    due = []
    for payer in payers:
        wallet_minor = wallets[payer.id]
        for row in services.get(payer.id, ()):
            day = today or local_date(now, row.timezone)
            may_pay_minor = 0 if by_clock and row.is_by_hand else wallet_minor
            renewal = renewal_due(known[row.id], plans, may_pay_minor, day, tax=tax, exempt=payer.id in exempt)
            if renewal is None:
                continue
            wallet_minor -= renewal.price_minor
            due.append(_Due(payer, row, renewal, day))
    return due
