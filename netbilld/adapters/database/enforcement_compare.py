"""What a comparison with a router goes over."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import sessions


class CompareQueries:
    """Open sessions by NAS."""

    _connection: AsyncConnection

    async def open_ids_on(self, nas_id: UUID) -> list[int]:
        """Return the open sessions of services on a NAS."""
        query = select(sessions.c.id).where(
            sessions.c.nas_id == nas_id, sessions.c.stopped_at.is_(None), sessions.c.service_id.is_not(None)
        )
        return list((await self._connection.execute(query.order_by(sessions.c.id))).scalars())
