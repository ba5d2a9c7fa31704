"""SellOnline: the voucher of an order that is paid, made and sold in the transaction that books the payment."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid4

from netbilld.billing.postings import money_account
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.model.voucher import UNUSED, Batch, Voucher, VoucherStatus, code_place, make_codes
from netbilld.ports.gateway_records import Attempt
from netbilld.ports.voucher_orders import Orders
from netbilld.services import keep_vouchers, make_vouchers, refund_vouchers, sell_vouchers
from netbilld.services.keep_vouchers import take_back
from netbilld.services.make_vouchers import MadeVoucher, lookup
from netbilld.services.refund_vouchers import RefundVouchers
from netbilld.services.sell_vouchers import SellVouchers, VoucherSale

_TRIES = 100  # codes drawn before something must be wrong with their sort


class Vouchers(sell_vouchers.Vouchers, keep_vouchers.Ending, refund_vouchers.Vouchers, Protocol):
    async def sale(self, sale_id: UUID, *, lock: bool = False) -> VoucherSale | None: ...
    async def taken(self, lookups: Collection[bytes], name_keys: Collection[str]) -> tuple[set[bytes], set[str]]: ...
    async def lock_batch(self, batch_id: UUID) -> Batch: ...
    async def append(self, batch: Batch, made: MadeVoucher) -> None: ...
    async def of_sale(self, sale_id: UUID, *, lock: bool = False) -> Sequence[Voucher]: ...


class Work(sell_vouchers.Work, Protocol):
    @property
    def vouchers(self) -> Vouchers: ...
    @property
    def voucher_orders(self) -> Orders: ...


class SellOnline:
    """Turns what is paid into a voucher, and back."""

    def __init__(
        self, sell: SellVouchers, refund: RefundVouchers, box: make_vouchers.Box, entropy: Callable[[int], bytes]
    ) -> None:
        """Take what books sales and refunds, what seals codes, and unpredictable octets."""
        self._sell, self._refund, self._box, self._entropy = sell, refund, box, entropy

    async def sell(self, work: Work, attempt: Attempt, actor: Actor, now: datetime) -> None:
        """Make the voucher of an order and book its sale.

        Raises:
            RefusedError: there is no such order, it was paid before, or its vouchers can't begin any more.
        """
        order = await work.voucher_orders.find(attempt.ref, lock=True)
        if order is None:
            raise RefusedError(f"there is no order {attempt.ref}", code="unknown_order")
        if order.sale_id is not None:
            raise RefusedError(f"order {attempt.ref} was paid before and has its voucher", code="paid_twice")
        batch = await work.vouchers.lock_batch(order.batch_id)
        if batch.use_by_at is not None and batch.use_by_at <= now:
            raise RefusedError(f"batch {batch.label}: the last day to begin is over", code="bad_use_by")
        made = await self._made(work, batch)
        await work.vouchers.append(batch, made)
        sale = VoucherSale(
            id=uuid4(),
            receipt_no="",
            batch_id=batch.id,
            count=1,
            paid_minor=attempt.amount_minor,
            commission_minor=0,
            currency=attempt.currency,
            method=attempt.gateway,
            collector=None,
            agent=None,
            buyer=attempt.ref,
            sold_at=now,
            actor=actor.name,
        )
        money = {money_account(attempt.gateway): attempt.amount_minor}
        await self._sell.hand_out(work, batch, sale, money, [made.id], actor=actor)
        await work.voucher_orders.paid(attempt.ref, sale.id)

    async def check_unused(self, work: Work, attempt: Attempt) -> None:
        """Do nothing where the voucher of an order can be taken back, or is over.

        Raises:
            RefusedError: somebody uses it.
        """
        found = await self._voucher_of(work, attempt)
        if found is not None and found[0].status is VoucherStatus.ACTIVE:
            raise RefusedError("the voucher is in use: take it back first, or leave it", code="voucher_used")

    async def give_back(self, work: Work, attempt: Attempt, because: str, actor: Actor, now: datetime) -> None:
        """Book that the price of an order went back; nobody can use its voucher any more.

        Raises:
            RefusedError: somebody uses it, which a person has to end first.
        """
        found = await self._voucher_of(work, attempt)
        if found is None:
            raise RefusedError(f"order {attempt.ref} has no voucher", code="unknown_order")
        voucher, sale = found
        await self.check_unused(work, attempt)
        batch = await work.vouchers.batch_by_id(voucher.batch_id)
        if voucher.status in UNUSED:
            await take_back(work, voucher, batch, because[:200], actor=actor, now=now)
        await self._refund.book(work, voucher, batch, sale, because[:200], actor=actor, now=now)

    async def _voucher_of(self, work: Work, attempt: Attempt) -> tuple[Voucher, VoucherSale] | None:
        order = await work.voucher_orders.find(attempt.ref, lock=True)
        if order is None or order.sale_id is None:
            return None
        sale = await work.vouchers.sale(order.sale_id, lock=True)
        assert sale is not None, "a sale stays"  # noqa: S101
        return (await work.vouchers.of_sale(sale.id, lock=True))[0], sale

    async def _made(self, work: Work, batch: Batch) -> MadeVoucher:
        """Return one more voucher of a batch, of a code that nobody has."""
        for _ in range(_TRIES):
            code = make_codes(batch.code_kind, batch.code_kind.usual_length, "", 1, self._entropy)[0]
            found = lookup(self._box, code)
            digests, names = await work.vouchers.taken([found], [code.casefold()])
            if not digests and not names:
                voucher_id = uuid4()
                sealed = self._box.seal(code.encode(), code_place(voucher_id))
                return MadeVoucher(voucher_id, batch.count + 1, found, sealed, None)
        raise RefusedError(f"batch {batch.label}: no code is free", code="no_code")
