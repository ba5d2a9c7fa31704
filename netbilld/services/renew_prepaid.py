"""Prepaid services with a fee: at expiry the wallet buys the next period where it covers it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.chart import Payer
from netbilld.billing.invoice_builder import PeriodCharge
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.plan import Plan, Timing
from netbilld.billing.postings import renewal_charged
from netbilld.billing.renewal import PrepaidService, renewal_due
from netbilld.model.actor import Actor
from netbilld.model.periods import local_date
from netbilld.ports.changes import Changes

CHUNK: Final = 200  # subscribers in one transaction


class Plans(Protocol):
    async def plans_by_version(self) -> dict[UUID, Plan]: ...


class Invoices(Protocol):
    async def expired_payers(self, versions: dict[UUID, Plan], before: date) -> list[Payer]: ...
    async def lock_subscribers(self, subscriber_ids: Sequence[UUID]) -> None: ...
    async def prepaid_services(
        self, subscriber_ids: Sequence[UUID], versions: dict[UUID, Plan]
    ) -> dict[UUID, list[PrepaidService]]: ...
    async def mark_billed(self, charges: Sequence[tuple[PeriodCharge, UUID | None]]) -> None: ...


class Services(Protocol):
    async def update(self, service_id: UUID, fields: Mapping[str, Any]) -> None: ...


class Ledger(Protocol):
    async def wallets(self, subscriber_ids: Sequence[UUID], *, lock: bool = False) -> dict[UUID, int]: ...
    async def post_many(
        self, entries: Sequence[LedgerEntry], *, at: datetime, booked_on: date, actor: Actor
    ) -> list[int]: ...


class Work(Protocol):
    @property
    def plans(self) -> Plans: ...
    @property
    def invoices(self) -> Invoices: ...
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

    def __init__(self, store: Store) -> None:
        self._store = store

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
            versions = prepaid_versions(await work.plans.plans_by_version())
            latest = today or now.date() + timedelta(days=1)  # no local day is later than that
            payers = await work.invoices.expired_payers(versions, latest) if versions else []
        for start in range(0, len(payers), CHUNK):
            some = payers[start : start + CHUNK]
            if dry_run:
                async with self._store.read() as work:
                    renewed += [one for one, _ in await _renewals(work, some, versions, now, today, lock=False)]
                continue
            async with self._store.write() as work:
                await work.invoices.lock_subscribers([payer.id for payer in some])
                renewed += await renew(work, some, versions, now=now, today=today, actor=actor)
        return renewed


def prepaid_versions(plans: Mapping[UUID, Plan]) -> dict[UUID, Plan]:
    """Return the plan versions that are prepaid and have a fee."""
    return {key: plan for key, plan in plans.items() if plan.timing is Timing.PREPAID and plan.recurring}


async def renew(
    work: Work,
    payers: Sequence[Payer],
    versions: dict[UUID, Plan],
    *,
    now: datetime,
    actor: Actor,
    today: date | None = None,
) -> list[Renewed]:
    """Renew the expired services of these subscribers, whom the caller has locked, within its transaction."""
    due = await _renewals(work, payers, versions, now, today, lock=True)
    by_number = {payer.number: payer for payer in payers}
    await work.invoices.mark_billed([(charge, None) for _, charge in due])
    for booked_on in sorted({one.renewed_on for one, _ in due}):
        entries = [
            renewal_charged(by_number[one.subscriber_no], one.service_id, one.price_minor, charge.line.text)
            for one, charge in due
            if one.price_minor and one.renewed_on == booked_on
        ]
        await work.ledger.post_many(entries, at=now, booked_on=booked_on, actor=actor)
    for one, _ in due:
        await work.services.update(one.service_id, {"paid_until_on": one.paid_until_on})
        details = {
            "service_ids": [str(one.service_id)],
            "number": one.subscriber_no,
            "price": one.price_minor,
            "paid_until": one.paid_until_on.isoformat(),
        }
        await work.changes.record(actor, now, "service.renew", "service", one.service_id, details)
    return [one for one, _ in due]


async def _renewals(
    work: Work,
    payers: Sequence[Payer],
    versions: dict[UUID, Plan],
    now: datetime,
    today: date | None,
    *,
    lock: bool,
) -> list[tuple[Renewed, PeriodCharge]]:
    ids = [payer.id for payer in payers]
    services = await work.invoices.prepaid_services(ids, versions)
    wallets = await work.ledger.wallets(ids, lock=lock)
    due = []
    for payer in payers:
        wallet_minor = wallets[payer.id]
        for service in services.get(payer.id, ()):
            day = today or local_date(now, service.timezone)
            renewal = renewal_due(service, wallet_minor, day)
            if renewal is None:
                continue
            wallet_minor -= renewal.price_minor
            one = Renewed(
                subscriber_no=payer.number,
                service_id=service.id,
                plan=service.plan.code,
                price_minor=renewal.price_minor,
                renewed_on=day,
                paid_until_on=renewal.paid_until_on,
            )
            due.append((one, renewal.charge))
    return due
