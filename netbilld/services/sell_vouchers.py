"""SellVouchers: the next codes of a batch against money, booked in the transaction that hands them out."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.chart import COMMISSION, Account, account
from netbilld.billing.chart import agent as agent_account
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.payment import AGENT, payment_method
from netbilld.billing.plan import Plan
from netbilld.billing.postings import money_account, vouchers_sold
from netbilld.billing.tax import NOTHING_TAXED, TaxPolicy, taxed
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.voucher import MOST_IN_A_BATCH, Batch, ValidFrom, Voucher
from netbilld.ports.changes import Changes
from netbilld.services import open_vouchers
from netbilld.services.idempotency import Idempotency, digest
from netbilld.services.open_vouchers import Opener, OpenVoucher, opened
from netbilld.services.subscriber_fields import optional_text

VERB: Final = "voucher sell"
REVENUE: Final = "revenue:voucher"
CASH: Final = "cash"
_SERIES: Final = "voucher_receipt"


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
class Sold:
    """A sale with the codes that were sold; `repeated` where the same key had sold them before."""

    sale: VoucherSale
    batch: Batch
    vouchers: tuple[OpenVoucher, ...]
    repeated: bool = False


class Vouchers(open_vouchers.Vouchers, Protocol):
    async def batch(self, number: int, *, lock: bool = False) -> Batch: ...
    async def batch_by_id(self, batch_id: UUID) -> Batch: ...
    async def lock_unsold(self, batch_id: UUID, count: int) -> Sequence[Voucher]: ...
    async def mark_sold(
        self, voucher_ids: Sequence[UUID], sale: VoucherSale, valid_until_at: datetime | None
    ) -> None: ...
    async def add_sale(self, sale: VoucherSale) -> None: ...
    async def sale(self, sale_id: UUID) -> VoucherSale | None: ...
    async def of_sale(self, sale_id: UUID) -> Sequence[Voucher]: ...


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


class SellVouchers:
    """Sells vouchers, and shows what was sold."""

    def __init__(self, store: Store, box: Opener, *, timezone: str, tax: TaxPolicy = NOTHING_TAXED) -> None:
        """Take where they are kept, what opens their codes, and what of a price is tax."""
        self._store, self._box, self._tax, self._timezone = store, box, tax, timezone

    async def run(
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
            sold = await self._take(work, batch, sale, money, actor=actor)
            if idempotency_key:
                await work.idempotency.complete(idempotency_key, VERB, {"sale_id": str(sold.sale.id)})
            return sold

    async def from_deposit(
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
        return await self._take(work, batch, sale, money, actor=actor)

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

    async def _take(
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
        return await self.hand_out(work, batch, sale, money, [one.id for one in taken], actor=actor)

    async def hand_out(
        self,
        work: Work,
        batch: Batch,
        sale: VoucherSale,
        money: Mapping[Account, int],
        voucher_ids: Sequence[UUID],
        *,
        actor: Actor,
    ) -> Sold:
        """Mark these vouchers as sold and book what they bring, within the caller's transaction."""
        today = local_date(sale.sold_at, self._timezone)
        sequence = await work.invoices.take_numbers(f"{_SERIES}:{today:%Y}", 1)
        sale = replace(sale, receipt_no=f"VC-{today:%Y}-{sequence:06d}")
        from_sale = batch.valid_from is ValidFrom.SALE
        until_at = sale.sold_at + timedelta(seconds=batch.validity_seconds) if from_sale else None
        await work.vouchers.add_sale(sale)
        await work.vouchers.mark_sold(voucher_ids, sale, until_at)
        plan = (await work.plans.plans_by_version())[batch.plan_version_id]
        memo = f"{sale.count} voucher {batch.label} {batch.plan}"
        entry = vouchers_sold(sale.id, sale.currency, money, earned(self._tax, plan, sale.paid_minor, today), memo)
        if entry is not None:
            await work.ledger.post_many([entry], at=sale.sold_at, booked_on=today, actor=actor)
        details = {
            "number": batch.label,
            "count": sale.count,
            "paid": sale.paid_minor,
            "method": sale.method,
            "receipt_no": sale.receipt_no,
            "voucher_ids": [str(one) for one in voucher_ids],
            **({"agent": sale.agent, "commission": sale.commission_minor} if sale.agent else {}),
            **({"collector": sale.collector} if sale.collector else {}),
        }
        await work.changes.record(actor, sale.sold_at, "voucher.sell", "voucher_batch", batch.id, details)
        kept = await work.vouchers.of_sale(sale.id)
        return Sold(sale, batch, tuple(await opened(self._box, work, batch, kept)))

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
        return Sold(sale, batch, tuple(await opened(self._box, work, batch, kept)), repeated)


def earned(tax: TaxPolicy, plan: Plan, price_minor: int, on: date) -> dict[Account, int]:
    """Return what of a price is revenue and what is tax, by account, as of a day."""
    revenue, rule = account(REVENUE), tax.rule(plan.tax.code, on)
    if rule is None:
        return {revenue: price_minor}
    parts = taxed(price_minor, rule, inclusive=True)  # what is printed on a voucher is what it costs
    return {revenue: parts.net_minor, account(f"tax:{rule.code}"): parts.tax_minor}
