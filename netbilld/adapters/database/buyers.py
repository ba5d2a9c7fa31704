"""Subscribers as buyers: what invoices and fakturs say of them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import buyers, subscribers
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.buyer import HEAD_OFFICE, Buyer, BuyerKind, FakturKind

BATCH: Final = 10_000


class BuyerStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, subscriber_ids: Iterable[UUID]) -> dict[UUID, Buyer]:
        """Return those of these subscribers of whom more is known than of any person."""
        found: dict[UUID, Buyer] = {}
        wanted = list(subscriber_ids)
        for start in range(0, len(wanted), BATCH):
            query = select(buyers).where(buyers.c.subscriber_id.in_(wanted[start : start + BATCH]))
            for row in await self._connection.execute(query):
                found[row.subscriber_id] = _buyer(row)
        return found

    async def as_issued(self, subscriber_ids: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
        """Return what invoices issued now keep of these subscribers (`Invoice.buyer`); see `Buyer.as_issued`."""
        found: dict[UUID, dict[str, Any]] = {}
        wanted = list(subscriber_ids)
        for start in range(0, len(wanted), BATCH):
            some = wanted[start : start + BATCH]
            known = await self.of(some)
            query = select(subscribers.c.id, subscribers.c.name, subscribers.c.address)
            for row in await self._connection.execute(query.where(subscribers.c.id.in_(some))):
                found[row.id] = (known.get(row.id) or Buyer(row.id)).as_issued(row.name, row.address)
        return found

    async def exempt(self, subscriber_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of these subscribers to whom nothing is sold with tax."""
        found: set[UUID] = set()
        wanted = list(subscriber_ids)
        for start in range(0, len(wanted), BATCH):
            query = select(buyers.c.subscriber_id).where(
                buyers.c.subscriber_id.in_(wanted[start : start + BATCH]), buyers.c.exempt.is_(True)
            )
            found.update((await self._connection.execute(query)).scalars())
        return found

    async def save(self, subscriber_id: UUID, fields: Mapping[str, Any], now: datetime) -> None:
        """Set columns of a buyer; makes the row where there is none."""
        values = {**fields, "updated_at": now}
        new = {"subscriber_id": subscriber_id, "kind": BuyerKind.PERSON.value, "branch": HEAD_OFFICE, **values}
        statement = insert_into(self._connection, buyers).values(new)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["subscriber_id"], set_=values))

    async def niks(self, subscriber_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        """Return the sealed NIK of each of these subscribers who gave one."""
        wanted = list(subscriber_ids)
        found: dict[UUID, bytes] = {}
        for start in range(0, len(wanted), BATCH):
            query = select(buyers.c.subscriber_id, buyers.c.nik_sealed).where(
                buyers.c.subscriber_id.in_(wanted[start : start + BATCH]), buyers.c.nik_sealed.is_not(None)
            )
            found |= {row.subscriber_id: row.nik_sealed for row in await self._connection.execute(query)}
        return found

    async def with_nik_key(self, nik_key: str) -> list[str]:
        """Return the numbers of the subscribers who gave the NIK with that keyed hash."""
        query = (
            select(subscribers.c.number)
            .join(buyers, buyers.c.subscriber_id == subscribers.c.id)
            .where(buyers.c.nik_key == nik_key)
            .order_by(subscribers.c.number)
        )
        return list((await self._connection.execute(query)).scalars())


def _buyer(row: Row[Any]) -> Buyer:
    return Buyer(
        subscriber_id=row.subscriber_id,
        kind=BuyerKind(row.kind),
        name=row.name,
        address=row.address,
        tax_id=row.tax_id,
        branch=row.branch,
        nik_masked=row.nik_masked,
        po_number=row.po_number,
        faktur=FakturKind(row.faktur) if row.faktur else None,
        trx_code=row.trx_code,
        withholds_pph23=row.withholds_pph23,
        exempt=row.exempt,
    )
