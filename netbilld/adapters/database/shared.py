"""Allowances that services share."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import shared_allowances, shared_services
from netbilld.services.share_allowance import Shared


class SharedStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def by_name(self, name: str, *, lock: bool = False) -> Shared | None:
        """Return the one of that name, in whatever case; `lock` lets nobody else change it meanwhile."""
        query = select(shared_allowances).where(shared_allowances.c.name_key == name.casefold())
        row = (await self._connection.execute(query.with_for_update() if lock else query)).one_or_none()
        return (await self._read([row]))[0] if row else None

    async def of_service(self, service_id: UUID) -> Shared | None:
        """Return the one that a service shares; None where it has its own."""
        query = (
            select(shared_allowances)
            .join(shared_services, shared_services.c.shared_id == shared_allowances.c.id)
            .where(shared_services.c.service_id == service_id)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return (await self._read([row]))[0] if row else None

    async def listed(self) -> list[Shared]:
        """Return all of them in order of their name."""
        query = select(shared_allowances).order_by(shared_allowances.c.name_key)
        return await self._read((await self._connection.execute(query)).all())

    async def add(self, shared: Shared, actor: str, at: datetime) -> None:
        """Store one, with nobody in it."""
        await self._connection.execute(
            insert(shared_allowances).values(
                id=shared.id,
                subscriber_id=shared.subscriber_id,
                kind=shared.kind,
                name=shared.name,
                name_key=shared.name.casefold(),
                data_octets=shared.data_octets,
                created_at=at,
                actor=actor,
            )
        )

    async def set_octets(self, shared_id: UUID, data_octets: int | None) -> None:
        """Say how much it includes."""
        mine = shared_allowances.c.id == shared_id
        await self._connection.execute(update(shared_allowances).where(mine).values(data_octets=data_octets))

    async def join(self, shared_id: UUID, service_ids: Sequence[UUID], at: datetime) -> None:
        """Let services share it that share none."""
        if service_ids:
            rows = [{"service_id": one, "shared_id": shared_id, "created_at": at} for one in service_ids]
            await self._connection.execute(insert(shared_services), rows)

    async def leave(self, service_id: UUID) -> None:
        """Let a service share it no longer."""
        await self._connection.execute(delete(shared_services).where(shared_services.c.service_id == service_id))

    async def _read(self, rows: Sequence[Any]) -> list[Shared]:
        query = (
            select(shared_services.c.shared_id, shared_services.c.service_id)
            .where(shared_services.c.shared_id.in_([row.id for row in rows]))
            .order_by(shared_services.c.created_at, shared_services.c.service_id)
        )
        members: dict[UUID, list[UUID]] = {}
        for shared_id, service_id in await self._connection.execute(query):
            members.setdefault(shared_id, []).append(service_id)
        return [
            Shared(row.id, row.subscriber_id, row.kind, row.name, row.data_octets, tuple(members.get(row.id, ())))
            for row in rows
        ]
