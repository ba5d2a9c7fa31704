"""Top-ups that were sold."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import top_ups
from netbilld.services.sell_top_up import TopUpSold


class TopUpStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, sold: TopUpSold, actor: str, at: datetime) -> None:
        """Store one."""
        await self._connection.execute(insert(top_ups).values(**asdict(sold), actor=actor, created_at=at))

    async def of(self, service_id: UUID) -> list[TopUpSold]:
        """Return those of a service, newest first."""
        columns = [top_ups.c[name] for name in TopUpSold.__slots__]
        query = (
            select(*columns)
            .where(top_ups.c.service_id == service_id)
            .order_by(top_ups.c.bought_on.desc(), top_ups.c.created_at.desc(), top_ups.c.id)
        )
        return [TopUpSold(*row) for row in await self._connection.execute(query)]
