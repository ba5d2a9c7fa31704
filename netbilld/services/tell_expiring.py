"""Prepaid services that run out soon and that the wallet won't renew: their subscribers are told, once a period."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from typing import Protocol

from netbilld.billing.chart import Payer
from netbilld.billing.renewal import next_renewal
from netbilld.billing.tax import TaxPolicy
from netbilld.model.periods import local_date
from netbilld.ports.outbox import Message, MessageKind, Outbox
from netbilld.services import renew_prepaid
from netbilld.services.renew_prepaid import CHUNK, prepaid_services


class Prepaid(renew_prepaid.Prepaid, Protocol):
    async def expiring(self, first: date, last: date) -> list[Payer]: ...


class Work(renew_prepaid.Work, Protocol):
    @property
    def prepaid(self) -> Prepaid: ...
    @property
    def outbox(self) -> Outbox: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class TellExpiring:
    """Safe to repeat: a message is made once for a service and the last day it is paid for."""

    def __init__(self, store: Store, days: int | None, tax: TaxPolicy) -> None:
        """Take how many days ahead it is told; None tells nobody."""
        self._store, self._days, self._tax = store, days, tax

    async def run(self, now: datetime) -> int:
        """Return how many were told that had not been."""
        if self._days is None:
            return 0
        ahead, told = timedelta(days=self._days), 0
        async with self._store.read() as work:  # no local day is further than one from that of UTC
            payers = await work.prepaid.expiring(now.date() - timedelta(days=1), now.date() + ahead + timedelta(days=1))
        for start in range(0, len(payers), CHUNK):
            some = payers[start : start + CHUNK]
            async with self._store.read() as work:
                messages = await self._messages(work, some, now, ahead)
            if messages:
                async with self._store.write() as work:
                    told += await work.outbox.add_many(messages, now)
        return told

    async def _messages(self, work: Work, payers: Sequence[Payer], now: datetime, ahead: timedelta) -> list[Message]:
        plans = await work.plans.plans_by_version()
        ids = [payer.id for payer in payers]
        services = await work.prepaid.services(ids)
        known = await prepaid_services(work, [row for rows in services.values() for row in rows])
        wallets, exempt = await work.ledger.wallets(ids), await work.buyers.exempt(ids)
        messages = []
        for payer in payers:
            left_minor = wallets[payer.id]
            for row in services.get(payer.id, ()):
                today = local_date(now, row.timezone)
                if row.paid_until_on is None or not today <= row.paid_until_on <= today + ahead:
                    continue
                found = next_renewal(known[row.id], plans, today, tax=self._tax, exempt=payer.id in exempt)
                if found is None:
                    continue
                _, renewal = found
                if renewal.price_minor <= left_minor and not row.is_by_hand:  # it renews itself
                    left_minor -= renewal.price_minor
                    continue
                context = {
                    "plan": renewal.plan.name,
                    "paid_until_on": row.paid_until_on.isoformat(),
                    "price_minor": renewal.price_minor,
                    "wallet_minor": wallets[payer.id],
                }
                key = f"expires:{row.id}:{row.paid_until_on}"
                messages.append(Message(MessageKind.EXPIRES, payer.id, context, key))
        return messages
