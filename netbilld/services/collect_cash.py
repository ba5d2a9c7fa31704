"""Cash at the door: taken with or without a connection, told later perhaps, and booked once, on the day it was taken.

A phone numbers what it takes in a series of its own, `7F3A-0001` and so on, and the number is part of the payment's
reference. So a number that is missing is a receipt that was never handed in (see `CollectorStore.slips`), and one that
comes twice, from whatever log-in, is one payment.
"""

import re
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.payment import Payment, Plausibility, check_amount
from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.services import paying
from netbilld.services.areas import EVERYWHERE, Areas
from netbilld.services.idempotency import digest
from netbilld.services.paying import NO_TAXES, Doing, PaymentTaxes
from netbilld.services.receive_payment import CASH, PaymentReceipt, Taken, receive

VERB: Final = "cash collected"
NOTE: Final = "kolektor"
LONGEST_UNDERWAY: Final = timedelta(days=14)
SLIP: Final = re.compile(r"[0-9A-F]{4}-[0-9]{4,6}")


class Collectors(paying.Collectors, Protocol):
    async def by_staff(self, staff: str) -> tuple[str, bool] | None: ...


class Work(paying.Work, Protocol):
    @property
    def collectors(self) -> Collectors: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Collected:
    """What was booked."""

    payment_id: UUID
    receipt_no: str | None


class CollectCash:
    """Books cash that somebody took on their round."""

    def __init__(
        self,
        store: Store,
        *,
        timezone: str,
        plausibility: Plausibility | None = None,
        taxes: PaymentTaxes = NO_TAXES,
    ) -> None:
        self._store, self._timezone, self._plausibility, self._taxes = store, timezone, plausibility, taxes

    async def run(
        self,
        number: str,
        amount_minor: int,
        *,
        actor: Actor,
        now: datetime,
        key: str,
        areas: Areas = EVERYWHERE,
        slip: str | None = None,
        age: timedelta = timedelta(0),
    ) -> Collected:
        """Book what was taken of a subscriber; the same key or slip again is the same payment.

        Args:
            number: the subscriber's; a user name that looks like it is somebody else's.
            amount_minor: in the subscriber's currency.
            actor: who took it; it is on their account where they are a collector.
            now: when it was told.
            key: of what was taken.
            areas: where they may take anything.
            slip: the number that the phone gave it, `7F3A-0001`; None where it gave none.
            age: how long ago it was taken, by the phone's clock then and now, which may both be wrong by as much; less
                than nothing counts as none, more than 14 days as 14.

        Raises:
            NotFoundError: nobody in those areas has that number.
            RefusedError: an absurd or implausible amount; the slip is another payment's; or they collect no more
                (`collector_ended`), so that nobody would answer for it.
        """
        check_amount(amount_minor)
        taken_at = now - min(max(age, timedelta(0)), LONGEST_UNDERWAY)
        doing = Doing(actor, now, local_date(now, self._timezone))
        try:
            async with self._store.write() as work:
                asked = digest({"number": number, "amount_minor": amount_minor})
                done = await work.idempotency.claim(key, VERB, asked, now)
                if done is not None:
                    return Collected(UUID(done["payment_id"]), done["receipt_no"])
                subscriber = await work.subscribers.by_number(number, lock=True)
                if subscriber is None or not areas.include(subscriber.area):
                    raise NotFoundError(f"no subscriber {number!r}", code="not_found")
                collector = await self._collector(work, actor)
                payment = Payment(
                    id=uuid4(),
                    subscriber_id=subscriber.id,
                    amount_minor=amount_minor,
                    currency="",
                    method=CASH,
                    reference=f"{collector.upper()}-{slip}" if collector and slip else None,
                    received_on=local_date(taken_at, self._timezone),
                    recorded_at=now,
                    actor=actor.name,
                    collector=collector,
                    note=NOTE,
                )
                receipt = await receive(
                    work, subscriber, payment, doing, taxes=self._taxes, plausibility=self._plausibility
                )
                collected = _collected(receipt)
                kept = {**asdict(collected), "payment_id": receipt.payment_id}
                await work.idempotency.complete(key, VERB, kept)
                return collected
        except Taken as taken:
            return Collected(taken.payment.id, taken.payment.receipt_no)

    async def _collector(self, work: Work, actor: Actor) -> str | None:
        found = await work.collectors.by_staff(actor.name)
        if found is None:
            return None
        name, is_active = found
        if not is_active:
            raise RefusedError(
                f"collector {name} takes no more money",
                hint="`netbilld collector set --active yes` until all is handed over",
                code="collector_ended",
            )
        return name


def _collected(receipt: PaymentReceipt) -> Collected:
    return Collected(UUID(receipt.payment_id), receipt.receipt_no)
