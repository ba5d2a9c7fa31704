"""RefundVouchers: the price of a voucher that was taken back, given back once as it was paid."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from netbilld.billing.chart import COMMISSION, Account
from netbilld.billing.chart import agent as agent_account
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.postings import money_account, vouchers_refunded
from netbilld.billing.tax import NOTHING_TAXED, TaxPolicy
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.voucher import Batch, Voucher, VoucherStatus, typed_code
from netbilld.ports.changes import Changes
from netbilld.services.make_vouchers import Digests, lookup
from netbilld.services.sell_vouchers import VoucherSale, earned
from netbilld.services.subscriber_fields import optional_text


@dataclass(frozen=True, slots=True)
class VoucherRefund:
    """Money that was given back for one voucher.

    Attributes:
        amount_minor: its price; of it an agent had kept the commission.
        method, collector, agent: as it was paid.
    """

    voucher_id: UUID
    sale_id: UUID
    amount_minor: int
    commission_minor: int
    currency: str
    method: str
    collector: str | None
    agent: str | None
    reason: str
    refunded_at: datetime
    actor: str

    def row(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return asdict(self)


class Vouchers(Protocol):
    async def find(self, lookup: bytes, *, lock: bool = False) -> tuple[Voucher, Batch] | None: ...
    async def sale(self, sale_id: UUID, *, lock: bool = False) -> VoucherSale | None: ...
    async def refunds_of(self, sale_id: UUID) -> Sequence[VoucherRefund]: ...
    async def add_refund(self, refund: VoucherRefund) -> None: ...


class Ledger(Protocol):
    async def post_many(
        self, entries: Sequence[LedgerEntry], *, at: datetime, booked_on: date, actor: Actor
    ) -> list[int]: ...


class Plans(Protocol):
    async def plans_by_version(self) -> Mapping[UUID, Any]: ...


class Work(Protocol):
    @property
    def vouchers(self) -> Vouchers: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def plans(self) -> Plans: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class RefundVouchers:
    """Gives money back for vouchers."""

    def __init__(
        self, store: Store, box: Digests, *, timezone: str, gateways: Sequence[str] = (), tax: TaxPolicy = NOTHING_TAXED
    ) -> None:
        """Take where they are kept, what finds codes, which gateways there are, and what of a price is tax."""
        self._store, self._box, self._tax, self._timezone = store, box, tax, timezone
        self._gateways = frozenset(gateways)

    async def run(self, code: str, reason: str, *, actor: Actor, now: datetime) -> VoucherRefund:
        """Book that the price of a voucher went back to who paid it; asked again, it was given back already.

        Raises:
            NotFoundError: no voucher has that code.
            RefusedError: it was not taken back, never sold, paid by a gateway, or its price was given back before.
            InvalidInputError: no reason.
        """
        why = optional_text("reason", reason, 200)
        if not why:
            raise InvalidInputError("say why", code="no_reason")
        async with self._store.write() as work:
            found = await work.vouchers.find(lookup(self._box, typed_code(code)))  # locked is its sale: void it stays
            if found is None:
                raise NotFoundError("no voucher has that code", code="no_voucher")
            voucher, batch = found
            sale = await work.vouchers.sale(voucher.sale_id, lock=True) if voucher.sale_id else None
            if sale is None:
                raise RefusedError("nobody has paid for that voucher", code="voucher_unsold")
            if voucher.status is not VoucherStatus.VOID:
                raise RefusedError(
                    "take the voucher back first, so that nobody uses what is not paid", code="voucher_not_void"
                )
            if sale.method in self._gateways and sale.buyer:
                raise RefusedError(
                    f"it was paid by {sale.method}: give it back there, as payment {sale.buyer}",
                    code="paid_by_gateway",
                    values={"gateway": sale.method, "ref": sale.buyer},
                )
            return await self.book(work, voucher, batch, sale, why, actor=actor, now=now)

    async def book(
        self, work: Work, voucher: Voucher, batch: Batch, sale: VoucherSale, why: str, *, actor: Actor, now: datetime
    ) -> VoucherRefund:
        """Book the refund of one voucher of a locked sale within the caller's transaction.

        Raises:
            RefusedError: its price was given back before.
        """
        earlier = await work.vouchers.refunds_of(sale.id)
        if any(one.voucher_id == voucher.id for one in earlier):
            raise RefusedError("its price was given back already", code="voucher_refunded")
        amount_minor, commission_minor = sale.paid_minor // sale.count, sale.commission_minor // sale.count
        refund = VoucherRefund(
            voucher_id=voucher.id,
            sale_id=sale.id,
            amount_minor=amount_minor,
            commission_minor=commission_minor,
            currency=sale.currency,
            method=sale.method,
            collector=sale.collector,
            agent=sale.agent,
            reason=why,
            refunded_at=now,
            actor=actor.name,
        )
        await work.vouchers.add_refund(refund)
        money = {money_account(sale.method, sale.collector): amount_minor}
        if sale.agent is not None:
            money = {agent_account(sale.agent): amount_minor - commission_minor, COMMISSION: commission_minor}
        plan = (await work.plans.plans_by_version())[batch.plan_version_id]
        sold_on = local_date(sale.sold_at, self._timezone)
        left_minor = sale.paid_minor - amount_minor * len(earlier)
        given_up = _difference(
            earned(self._tax, plan, left_minor, sold_on), earned(self._tax, plan, left_minor - amount_minor, sold_on)
        )
        memo = f"Voucher {batch.label}-{voucher.position:05d} {sale.receipt_no}: {why}"
        entry = vouchers_refunded(voucher.id, sale.currency, money, given_up, memo)
        if entry is not None:
            today = local_date(now, self._timezone)
            await work.ledger.post_many([entry], at=now, booked_on=today, actor=actor)
        details = {
            "number": batch.label,
            "position": voucher.position,
            "amount": amount_minor,
            "method": sale.method,
            "receipt_no": sale.receipt_no,
            "reason": why,
            "voucher_ids": [],
        }
        await work.changes.record(actor, now, "voucher.refund", "voucher_batch", batch.id, details)
        return refund


def _difference(before: Mapping[Account, int], after: Mapping[Account, int]) -> dict[Account, int]:
    """Return by account what less is earned: so all refunds of a sale take back its tax to the last rupiah."""
    return {one: minor - after.get(one, 0) for one, minor in before.items()}
