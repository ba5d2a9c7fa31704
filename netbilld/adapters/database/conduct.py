"""Receipts and hand-overs of collectors, as they are looked at for what is missing or late."""

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.collectors import lacking
from netbilld.adapters.database.tables import payments
from netbilld.services.collector_conduct import MOST_RECEIPTS, Lacked, Taken

_AT_ONCE: Final = 500
_CASH: Final = "cash"


class ConductStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def taken(self, since: datetime, collector: str | None = None) -> list[Taken]:
        """Return what collectors took and told since a moment, the newest 20,000 at most; of one where named."""
        of = payments.c
        query = (
            select(
                of.id.label("payment_id"), of.collector, of.receipt_no, of.reference, of.amount_minor, of.received_on,
                of.recorded_at, of.reversed_at.is_not(None).label("is_reversed"),
                of.moved_from.is_not(None).label("is_moved"),
            )
            .where(of.collector.is_not(None), of.recorded_at >= since)
            .order_by(of.recorded_at.desc(), of.id.desc())
            .limit(MOST_RECEIPTS)
        )  # fmt: skip
        if collector is not None:
            query = query.where(of.collector == collector)
        return [Taken(**row) for row in (await self._connection.execute(query)).mappings()]

    async def lacked(self, since: datetime, collector: str | None = None) -> list[Lacked]:
        """Return what hand-overs since a moment lacked anew; of one collector where named."""
        of = lacking().subquery().c
        query = select(of.collector, of.handed_on, of.lacked).where(of.recorded_at >= since)
        if collector is not None:
            query = query.where(of.collector == collector)
        return [Lacked(row.collector, row.handed_on, int(row.lacked)) for row in await self._connection.execute(query)]

    async def on_record(self, slips: list[str]) -> frozenset[str]:
        """Return which of these references payments of cash bear."""
        found: set[str] = set()
        for start in range(0, len(slips), _AT_ONCE):
            some = payments.c.reference.in_(slips[start : start + _AT_ONCE])
            query = select(payments.c.reference).where(payments.c.method == _CASH, some)
            found.update((await self._connection.execute(query)).scalars())
        return frozenset(found)
