"""Whether the wallet of a prepaid service buys its next period by itself, and buying it by hand."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from netbilld.billing.chart import Payer
from netbilld.billing.plan import Timing
from netbilld.billing.tax import TaxPolicy
from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.services import renew_prepaid
from netbilld.services.account_view import ServiceFile
from netbilld.services.renew_prepaid import Renewed, renew


class Portal(Protocol):
    async def service_file(self, service_id: UUID) -> ServiceFile | None: ...


class Prepaid(renew_prepaid.Prepaid, Protocol):
    async def by_hand(self, service_id: UUID) -> tuple[datetime, str] | None: ...
    async def renew_by_hand(self, service_id: UUID, at: datetime, actor: str) -> None: ...
    async def renew_by_clock(self, service_id: UUID) -> None: ...


class Work(renew_prepaid.Work, Protocol):
    @property
    def portal(self) -> Portal: ...
    @property
    def prepaid(self) -> Prepaid: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class ChooseRenewal:
    """For whoever may speak for a service: its subscriber, or staff."""

    def __init__(self, store: Store, tax: TaxPolicy) -> None:
        self._store, self._tax = store, tax

    async def run(self, service_id: UUID, *, by_clock: bool, actor: Actor, now: datetime) -> None:
        """Let the wallet buy the next period by itself, or not; the same again changes nothing.

        Raises:
            NotFoundError: there is no such service.
            RefusedError: it is not paid in advance by periods.
        """
        async with self._store.write() as work:
            file = await _prepaid(work, service_id)
            if by_clock == (await work.prepaid.by_hand(service_id) is None):
                return
            if by_clock:
                await work.prepaid.renew_by_clock(service_id)
            else:
                await work.prepaid.renew_by_hand(service_id, now, actor.name)
            details = {"service_ids": [str(service_id)], "number": file.subscriber_number, "by_itself": by_clock}
            await work.changes.record(actor, now, "service.renewal", "service", service_id, details)

    async def renew_now(self, service_id: UUID, *, actor: Actor, now: datetime) -> Sequence[Renewed]:
        """Buy what has expired out of the wallet, as a payment would; nothing is bought twice.

        Raises:
            NotFoundError: there is no such service.
            RefusedError: it is not paid in advance, or the wallet does not cover it.
        """
        async with self._store.write() as work:
            file = await _prepaid(work, service_id)
            await work.invoices.lock_subscribers([file.subscriber_id])
            plans = await work.plans.plans_by_version()
            payer = Payer(file.subscriber_id, file.subscriber_number, file.currency)
            renewed = await renew(work, [payer], plans, now=now, actor=actor, tax=self._tax)
            after = await _prepaid(work, service_id)
        if not renewed and (after.paid_until_on is None or after.paid_until_on < local_date(now, after.timezone)):
            raise RefusedError("the wallet does not cover it", code="no_credit")
        return renewed


async def _prepaid(work: Work, service_id: UUID) -> ServiceFile:
    file = await work.portal.service_file(service_id)
    if file is None:
        raise NotFoundError("no such service")
    if file.plan.timing is not Timing.PREPAID or file.plan.recurring is None:
        raise RefusedError("this service is not paid in advance", code="not_prepaid")
    return file
