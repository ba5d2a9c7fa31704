"""Vouchers after they were made: sold, found, taken back, extended, and over."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.chart import COMMISSION, Account, account
from netbilld.billing.chart import agent as agent_account
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.payment import payment_method
from netbilld.billing.plan import Plan
from netbilld.billing.postings import money_account, vouchers_sold
from netbilld.billing.tax import NOTHING_TAXED, TaxPolicy, taxed
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.subscriber import password_place
from netbilld.model.voucher import (
    MOST_IN_A_BATCH,
    UNUSED,
    Batch,
    SealedVoucher,
    ValidFrom,
    Voucher,
    VoucherStatus,
    code_place,
    typed_code,
)
from netbilld.ports.changes import Changes
from netbilld.services.idempotency import Idempotency, digest
from netbilld.services.make_vouchers import lookup
from netbilld.services.subscriber_fields import optional_text

VERB: Final = "voucher sell"
REVENUE: Final = "revenue:voucher"
AGENT: Final = "agent"  # the method of what an agent sells from their deposit
CASH: Final = "cash"
RETIRED_AFTER: Final = timedelta(days=1)  # so long an expired code is told why it is refused
RETIRED_AT_ONCE: Final = 250
_SERIES: Final = "voucher_receipt"
_A_TURN: Final = 500  # codes opened before other work gets its turn


@dataclass(frozen=True, slots=True)
class VoucherSale:
    """What was sold together.

    Attributes:
        paid_minor: by the buyer; of it an agent keeps the commission.
        collector: whose cash it is.
        agent: who has sold it from their deposit.
    """

    id: UUID
    receipt_no: str
    batch_id: UUID
    count: int
    paid_minor: int
    commission_minor: int
    currency: str
    method: str
    collector: str | None
    agent: str | None
    buyer: str
    sold_at: datetime
    actor: str

    def row(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class OpenVoucher:
    """A voucher with its code, for who may see it."""

    voucher: Voucher
    batch: Batch
    code: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sold:
    """A sale with the codes that were sold; `repeated` where the same key had sold them before."""

    sale: VoucherSale
    batch: Batch
    vouchers: tuple[OpenVoucher, ...]
    repeated: bool = False


class Box(Protocol):
    """Opens codes, and knows by what they are found."""

    def open(self, sealed: bytes, place: str) -> bytes: ...
    def keyed_digest(self, purpose: str, data: bytes) -> bytes: ...


class Vouchers(Protocol):
    async def batch(self, number: int, *, lock: bool = False) -> Batch: ...
    async def batch_by_id(self, batch_id: UUID) -> Batch: ...
    async def find(self, lookup: bytes, *, lock: bool = False) -> tuple[Voucher, Batch] | None: ...
    async def sealed(self, voucher_ids: Sequence[UUID]) -> Mapping[UUID, SealedVoucher]: ...
    async def lock_unsold(self, batch_id: UUID, count: int) -> Sequence[Voucher]: ...
    async def lock_unused(self, batch_id: UUID) -> Sequence[Voucher]: ...
    async def mark_sold(
        self, voucher_ids: Sequence[UUID], sale: VoucherSale, valid_until_at: datetime | None
    ) -> None: ...
    async def void(self, voucher_ids: Sequence[UUID], reason: str, now: datetime) -> None: ...
    async def set_use_by(self, batch_id: UUID, use_by_at: datetime | None) -> None: ...
    async def set_until(self, voucher_id: UUID, valid_until_at: datetime) -> None: ...
    async def subscriber_of(self, voucher_id: UUID) -> UUID | None: ...
    async def end_services(
        self, service_ids: Sequence[UUID], subscriber_ids: Sequence[UUID], now: datetime
    ) -> None: ...
    async def add_sale(self, sale: VoucherSale) -> None: ...
    async def sale(self, sale_id: UUID) -> VoucherSale | None: ...
    async def of_sale(self, sale_id: UUID) -> Sequence[Voucher]: ...
    async def over(self, before: datetime, limit: int) -> Sequence[tuple[UUID, UUID, bool]]: ...
    async def retire(self, ended: Sequence[tuple[UUID, UUID, bool]], now: datetime) -> None: ...


class OpenWork(Protocol):
    @property
    def vouchers(self) -> Vouchers: ...


class Ledger(Protocol):
    async def post_many(
        self, entries: Sequence[LedgerEntry], *, at: datetime, booked_on: date, actor: Actor
    ) -> list[int]: ...


class Collectors(Protocol):
    async def of_staff(self, actor: str) -> str | None: ...
    async def check(self, name: str) -> None: ...


class Plans(Protocol):
    async def plans_by_version(self) -> Mapping[UUID, Plan]: ...


class Numbers(Protocol):
    async def take_numbers(self, series: str, count: int) -> int: ...


class Work(Protocol):
    @property
    def vouchers(self) -> Vouchers: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def collectors(self) -> Collectors: ...
    @property
    def plans(self) -> Plans: ...
    @property
    def invoices(self) -> Numbers: ...
    @property
    def changes(self) -> Changes: ...
    @property
    def idempotency(self) -> Idempotency: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class KeepVouchers:
    """Everything that people do to vouchers that exist."""

    def __init__(self, store: Store, box: Box, *, timezone: str, currency: str, tax: TaxPolicy = NOTHING_TAXED) -> None:
        self._store, self._box, self._tax = store, box, tax
        self._timezone, self._currency = timezone, currency

    # -- looking -------------------------------------------------------------------------------------------------------

    async def find(self, code: str) -> OpenVoucher:
        """Return the voucher of a code as somebody has typed it.

        Raises:
            NotFoundError: there is none.
        """
        async with self._store.read() as work:
            voucher, batch = await self._found(work, code)
            return (await self.opened(work, batch, [voucher]))[0]

    async def opened(self, work: OpenWork, batch: Batch, found: Sequence[Voucher]) -> list[OpenVoucher]:
        """Return vouchers of a batch with their codes, in that order; for who may see them."""
        sealed = await work.vouchers.sealed([one.id for one in found])
        opened = []
        for count, one in enumerate(found, 1):
            opened.append(self._open(one, batch, sealed[one.id]))
            if count % _A_TURN == 0:
                await asyncio.sleep(0)
        return opened

    def _open(self, voucher: Voucher, batch: Batch, sealed: SealedVoucher) -> OpenVoucher:
        code = self._box.open(sealed.code_sealed, code_place(voucher.id)).decode()
        password = code
        if sealed.password_sealed is not None:
            password = self._box.open(sealed.password_sealed, password_place(voucher.id)).decode()
        return OpenVoucher(voucher, batch, code, password)

    async def _found(self, work: Work, code: str, *, lock: bool = False) -> tuple[Voucher, Batch]:
        found = await work.vouchers.find(lookup(self._box, typed_code(code)), lock=lock)
        if found is None:
            raise NotFoundError("no voucher has that code", code="no_voucher")
        return found

    # -- selling -------------------------------------------------------------------------------------------------------

    async def sell(
        self,
        batch_number: int,
        count: int,
        *,
        actor: Actor,
        now: datetime,
        method: str = CASH,
        buyer: str = "",
        collector: str | None = None,
        idempotency_key: str | None = None,
    ) -> Sold:
        """Sell the next vouchers of a batch at its price, and return them; the same key again returns the same.

        Args:
            batch_number: of the batch.
            count: how many.
            actor: who sells.
            now: when.
            method: how they are paid for.
            buyer: a name, as far as it was said.
            collector: whose cash it is; None is, of cash, the actor's if they are one.
            idempotency_key: of the request.

        Raises:
            NotFoundError: there is no such batch, or no collector that name.
            RefusedError: it has not so many left.
        """
        method = payment_method(method)
        if method == AGENT:
            raise InvalidInputError("an agent sells for themselves", code="bad_method")
        async with self._store.write() as work:
            asked = {"batch": batch_number, "count": count, "method": method, "buyer": buyer}
            done = await self._claimed(work, idempotency_key, asked, now)
            if done is not None:
                return done
            batch = await work.vouchers.batch(batch_number)
            if collector is not None:
                await work.collectors.check(collector)
            elif method == CASH:
                collector = await work.collectors.of_staff(actor.name)
            price_minor = batch.price_minor * count
            money = {money_account(method, collector): price_minor}
            sale = self._sale(batch, count, actor, now, method=method, buyer=buyer, collector=collector)
            sold = await self.take(work, batch, sale, money, actor=actor)
            if idempotency_key:
                await work.idempotency.complete(idempotency_key, VERB, {"sale_id": str(sold.sale.id)})
            return sold

    async def sell_from_deposit(
        self,
        work: Work,
        batch: Batch,
        count: int,
        agent: str,
        *,
        actor: Actor,
        now: datetime,
        buyer: str = "",
    ) -> Sold:
        """Sell vouchers for an agent within the caller's transaction, which has seen that the deposit covers them.

        Raises:
            RefusedError: the batch has not so many left.
        """
        owed_minor = batch.agent_price_minor * count
        kept_minor = batch.price_minor * count - owed_minor
        money = {agent_account(agent): owed_minor, COMMISSION: kept_minor}
        sale = self._sale(batch, count, actor, now, method=AGENT, buyer=buyer, agent=agent, commission_minor=kept_minor)
        return await self.take(work, batch, sale, money, actor=actor)

    def _sale(
        self,
        batch: Batch,
        count: int,
        actor: Actor,
        now: datetime,
        *,
        method: str,
        buyer: str,
        collector: str | None = None,
        agent: str | None = None,
        commission_minor: int = 0,
    ) -> VoucherSale:
        if not 1 <= count <= MOST_IN_A_BATCH:
            raise InvalidInputError(f"{count} vouchers can't be sold", code="bad_count")
        return VoucherSale(
            id=uuid4(),
            receipt_no="",
            batch_id=batch.id,
            count=count,
            paid_minor=batch.price_minor * count,
            commission_minor=commission_minor,
            currency=batch.currency,
            method=method,
            collector=collector,
            agent=agent,
            buyer=optional_text("buyer", buyer, 200) or "",
            sold_at=now,
            actor=actor.name,
        )

    async def take(
        self, work: Work, batch: Batch, sale: VoucherSale, money: Mapping[Account, int], *, actor: Actor
    ) -> Sold:
        """Mark the next vouchers of a batch as sold and book what they bring, within the caller's transaction.

        Raises:
            RefusedError: it has not so many left, or the last day to begin is over.
        """
        if batch.use_by_at is not None and batch.use_by_at <= sale.sold_at:
            raise RefusedError(f"batch {batch.label}: the last day to begin is over", code="bad_use_by")
        taken = await work.vouchers.lock_unsold(batch.id, sale.count)
        if len(taken) < sale.count:
            raise RefusedError(
                f"batch {batch.label} has {len(taken)} unsold vouchers left, not {sale.count}",
                code="sold_out",
                values={"left": len(taken)},
            )
        today = local_date(sale.sold_at, self._timezone)
        sequence = await work.invoices.take_numbers(f"{_SERIES}:{today:%Y}", 1)
        sale = replace(sale, receipt_no=f"VC-{today:%Y}-{sequence:06d}")
        from_sale = batch.valid_from is ValidFrom.SALE
        until_at = sale.sold_at + timedelta(seconds=batch.validity_seconds) if from_sale else None
        await work.vouchers.add_sale(sale)
        await work.vouchers.mark_sold([one.id for one in taken], sale, until_at)
        plan = (await work.plans.plans_by_version())[batch.plan_version_id]
        memo = f"{sale.count} voucher {batch.label} {batch.plan}"
        entry = vouchers_sold(sale.id, sale.currency, money, self._earned(plan, sale.paid_minor, today), memo)
        if entry is not None:
            await work.ledger.post_many([entry], at=sale.sold_at, booked_on=today, actor=actor)
        details = {
            "number": batch.label,
            "count": sale.count,
            "paid": sale.paid_minor,
            "method": sale.method,
            "receipt_no": sale.receipt_no,
            "voucher_ids": [str(one.id) for one in taken],
            **({"agent": sale.agent, "commission": sale.commission_minor} if sale.agent else {}),
            **({"collector": sale.collector} if sale.collector else {}),
        }
        await work.changes.record(actor, sale.sold_at, "voucher.sell", "voucher_batch", batch.id, details)
        kept = await work.vouchers.of_sale(sale.id)
        return Sold(sale, batch, tuple(await self.opened(work, batch, kept)))

    async def sold(self, sale_id: UUID) -> Sold:
        """Return a sale with its codes.

        Raises:
            NotFoundError: there is none.
        """
        async with self._store.read() as work:
            return await self._sold(work, sale_id)

    async def sold_in(self, work: Work, sale_id: UUID) -> Sold:
        """Return a sale with its codes, within the caller's transaction.

        Raises:
            NotFoundError: there is none.
        """
        return await self._sold(work, sale_id, repeated=True)

    async def _claimed(self, work: Work, key: str | None, asked: Mapping[str, Any], now: datetime) -> Sold | None:
        if not key:
            return None
        done = await work.idempotency.claim(key, VERB, digest(asked), now)
        return None if done is None else await self._sold(work, UUID(done["sale_id"]), repeated=True)

    async def _sold(self, work: Work, sale_id: UUID, *, repeated: bool = False) -> Sold:
        sale = await work.vouchers.sale(sale_id)
        if sale is None:
            raise NotFoundError("no such sale", code="no_sale")
        batch = await work.vouchers.batch_by_id(sale.batch_id)
        kept = await work.vouchers.of_sale(sale.id)
        return Sold(sale, batch, tuple(await self.opened(work, batch, kept)), repeated)

    def _earned(self, plan: Plan, price_minor: int, on: date) -> dict[Account, int]:
        revenue, rule = account(REVENUE), self._tax.rule(plan.tax.code, on)
        if rule is None:
            return {revenue: price_minor}
        parts = taxed(price_minor, rule, inclusive=True)  # what is printed on a voucher is what it costs
        return {revenue: parts.net_minor, account(f"tax:{rule.code}"): parts.tax_minor}

    # -- taking back, extending ----------------------------------------------------------------------------------------

    async def revoke(self, code: str, reason: str, *, actor: Actor, now: datetime) -> Voucher:
        """Take a voucher back; who is online with it goes offline. What was paid for it stays booked.

        Raises:
            NotFoundError: no voucher has that code.
            RefusedError: it is over already.
        """
        why = _reason(reason)
        async with self._store.write() as work:
            voucher, batch = await self._found(work, code, lock=True)
            if voucher.status not in UNUSED and voucher.status is not VoucherStatus.ACTIVE:
                raise RefusedError(f"that voucher is over: {voucher.status}", code="voucher_over")
            await work.vouchers.void([voucher.id], why, now)
            services = []
            if voucher.status is VoucherStatus.ACTIVE:
                subscriber_id = await work.vouchers.subscriber_of(voucher.id)
                await work.vouchers.end_services([voucher.id], [subscriber_id] if subscriber_id else [], now)
                services = [str(voucher.id)]
            details = {
                "number": batch.label,
                "position": voucher.position,
                "reason": why,
                "voucher_ids": [str(voucher.id)],
                "service_ids": services,
            }
            await work.changes.record(actor, now, "voucher.revoke", "voucher_batch", batch.id, details)
        return voucher

    async def revoke_unused(self, batch_number: int, reason: str, *, actor: Actor, now: datetime) -> int:
        """Take back whatever of a batch nobody has used, and return how many that were.

        Raises:
            NotFoundError: there is no such batch.
        """
        why = _reason(reason)
        async with self._store.write() as work:
            batch = await work.vouchers.batch(batch_number)
            unused = await work.vouchers.lock_unused(batch.id)
            if unused:
                await work.vouchers.void([one.id for one in unused], why, now)
                details = {"number": batch.label, "count": len(unused), "reason": why}
                await work.changes.record(actor, now, "voucher.revoke", "voucher_batch", batch.id, details)
        return len(unused)

    async def extend(self, code: str, by_seconds: int, *, actor: Actor, now: datetime) -> datetime:
        """Let a voucher be valid for longer, counted from its end or, where that is over, from now; return its end.

        Raises:
            NotFoundError: no voucher has that code.
            RefusedError: it has no end yet, or it was taken back or given up.
        """
        async with self._store.write() as work:
            voucher, batch = await self._found(work, code, lock=True)
            if voucher.status not in {VoucherStatus.ACTIVE, VoucherStatus.SOLD}:
                raise RefusedError(f"that voucher is {voucher.status}: it can't be extended", code="voucher_over")
            if voucher.valid_until_at is None:
                raise RefusedError("its time begins with the first use: there is no end to move", code="no_end")
            until_at = max(voucher.valid_until_at, now) + timedelta(seconds=by_seconds)
            await work.vouchers.set_until(voucher.id, until_at)
            details = {
                "number": batch.label,
                "position": voucher.position,
                "until": [voucher.valid_until_at.isoformat(), until_at.isoformat()],
                "voucher_ids": [str(voucher.id)],
                "service_ids": [str(voucher.id)] if voucher.status is VoucherStatus.ACTIVE else [],
            }
            await work.changes.record(actor, now, "voucher.extend", "voucher_batch", batch.id, details)
        return until_at

    async def set_use_by(self, batch_number: int, use_by_at: datetime | None, *, actor: Actor, now: datetime) -> None:
        """Say by when the vouchers of a batch must have begun; None for no such day.

        Raises:
            NotFoundError: there is no such batch.
        """
        async with self._store.write() as work:
            batch = await work.vouchers.batch(batch_number, lock=True)
            await work.vouchers.set_use_by(batch.id, use_by_at)
            days = [at.isoformat() if at else None for at in (batch.use_by_at, use_by_at)]
            details = {"number": batch.label, "use_by": days, "voucher_ids": []}
            await work.changes.record(actor, now, "voucher.extend", "voucher_batch", batch.id, details)

    # -- the end -------------------------------------------------------------------------------------------------------

    async def retire(self, *, actor: Actor, now: datetime) -> int:
        """Give up vouchers that were over a day ago: services end, names are free; return how many."""
        count = 0
        while True:
            async with self._store.write() as work:
                ended = await work.vouchers.over(now - RETIRED_AFTER, RETIRED_AT_ONCE)
                if ended:
                    await work.vouchers.retire(ended, now)
                    news: list[tuple[UUID | int | str, Mapping[str, Any]]] = [
                        (voucher_id, {"service_ids": [str(voucher_id)], "used_up": used_up})
                        for voucher_id, _, used_up in ended
                    ]
                    await work.changes.record_many(actor, now, "voucher.retire", "voucher", news)
            count += len(ended)
            if len(ended) < RETIRED_AT_ONCE:
                return count


def _reason(text: str) -> str:
    why = optional_text("reason", text, 200)
    if not why:
        raise InvalidInputError("say why", code="no_reason")
    return why
