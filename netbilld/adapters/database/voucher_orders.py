"""Vouchers that are bought in the captive portal: what is offered, and the orders."""

from dataclasses import asdict
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    gateway_attempts,
    gateway_facts,
    gateway_refunds,
    gateway_transactions,
    plan_versions,
    plans,
    voucher_batches,
    voucher_orders,
)
from netbilld.billing.gateway import GatewayState
from netbilld.ports.voucher_orders import OnlineOffer, VoucherOrder

MOST_OFFERS: Final = 20
_PAID: Final = [state.value for state in GatewayState if state.is_paid]


class VoucherOrderStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, order: VoucherOrder) -> None:
        """Put an order on record, whose attempt is there."""
        await self._connection.execute(voucher_orders.insert().values(asdict(order)))

    async def find(self, ref: str, *, lock: bool = False) -> VoucherOrder | None:
        """Return the order of a payment."""
        query = select(voucher_orders).where(voucher_orders.c.ref == ref)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
        return None if row is None else _order(row)

    async def paid(self, ref: str, sale_id: UUID) -> None:
        """Write down which sale an order has become."""
        await self._connection.execute(
            update(voucher_orders).where(voucher_orders.c.ref == ref).values(sale_id=sale_id)
        )

    async def begun_since(self, since: datetime, *, client: str | None = None, router: str | None = None) -> int:
        """Return how many orders were begun since then: by a client, behind a router, or at all."""
        chosen: list[ColumnElement[bool]] = [voucher_orders.c.created_at >= since]
        if client is not None:
            chosen.append(voucher_orders.c.client == client)
        if router is not None:
            chosen.append(voucher_orders.c.router == router)
        return int(await self._connection.scalar(select(func.count()).where(*chosen)) or 0)

    async def offers(self, now: datetime) -> list[OnlineOffer]:
        """Return what is sold in the captive portal, the cheapest first."""
        table = voucher_batches.c
        query = (
            select(
                table.number,
                table.name,
                plan_versions.c.name.label("plan"),
                plan_versions.c.definition,
                table.price_minor,
                table.currency,
                table.validity_seconds,
                table.valid_from,
                table.use_by_at,
            )
            .join_from(voucher_batches, plan_versions, plan_versions.c.id == table.plan_version_id)
            .join(plans, plans.c.id == plan_versions.c.plan_id)
            .where(table.is_online, or_(table.use_by_at.is_(None), table.use_by_at > now))
            .order_by(table.price_minor, table.number)
            .limit(MOST_OFFERS)
        )
        return [OnlineOffer(**row) for row in (await self._connection.execute(query)).mappings()]

    async def forget(self, unpaid_before: datetime, paid_before: datetime, limit: int) -> int:
        """Forget orders that nobody has paid, and of the paid what was only for the log-in; return how many of both.

        Args:
            unpaid_before: what ended before then and of which no money came in goes.
            paid_before: what was begun before then and has its voucher keeps neither address nor the router's words.
            limit: of each at most so many.
        """
        attempt = gateway_attempts.c
        booked = select(gateway_transactions.c.ref).where(gateway_transactions.c.ref == attempt.ref).exists()
        refunded = select(gateway_refunds.c.ref).where(gateway_refunds.c.ref == attempt.ref).exists()
        over = (
            select(attempt.ref)
            .join_from(voucher_orders, gateway_attempts, attempt.ref == voucher_orders.c.ref)
            .where(
                voucher_orders.c.created_at < unpaid_before,
                voucher_orders.c.sale_id.is_(None),
                attempt.subscriber_id.is_(None),
                attempt.expires_at < unpaid_before,
                attempt.state.not_in(_PAID),
                ~booked,
                ~refunded,
            )
            .limit(limit)
        )
        refs = list((await self._connection.execute(over)).scalars())
        for table in (voucher_orders, gateway_facts, gateway_attempts):
            await self._connection.execute(delete(table).where(table.c.ref.in_(refs)))
        told = (
            select(voucher_orders.c.ref)
            .where(voucher_orders.c.created_at < paid_before, voucher_orders.c.sale_id.is_not(None))
            .where(voucher_orders.c.client != "")
            .limit(limit)
        )
        old = list((await self._connection.execute(told)).scalars())
        await self._connection.execute(
            update(voucher_orders).where(voucher_orders.c.ref.in_(old)).values(client="", hotspot={})
        )
        return len(refs) + len(old)


def _order(row: RowMapping) -> VoucherOrder:
    return VoucherOrder(**row)
