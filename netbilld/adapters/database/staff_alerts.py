"""What staff have been told of what is wrong, and what of it is to be found in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import address_leases, alerts, nas, staff, staff_alerts
from netbilld.adapters.database.upsert import insert_into
from netbilld.services.raise_alerts import AlertKind
from netbilld.services.tell_staff import MOST_KEPT, Condition, Kept

_LAST: Final = "-"  # the row that says when somebody was told last; no condition is called so
_MOST: Final = 500


class StaffAlertStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def kept(self) -> list[Kept]:
        """Return what is on record."""
        query = select(staff_alerts).where(staff_alerts.c.key != _LAST).limit(2 * MOST_KEPT)
        return [
            Kept(Condition(row.key, row.kind, row.about), row.since_at, row.told_at, row.gone_at)
            for row in await self._connection.execute(query)
        ]

    async def put(self, kept: Kept) -> None:
        """Keep a condition as it stands."""
        values = {
            "kind": kept.condition.kind,
            "about": dict(kept.condition.values),
            "since_at": kept.since_at,
            "told_at": kept.told_at,
            "gone_at": kept.gone_at,
        }
        statement = insert_into(self._connection, staff_alerts).values(key=kept.condition.key, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))

    async def drop(self, keys: Sequence[str]) -> None:
        """Forget conditions."""
        for start in range(0, len(keys), _MOST):
            some = keys[start : start + _MOST]
            await self._connection.execute(delete(staff_alerts).where(staff_alerts.c.key.in_(some)))

    async def told_last_at(self) -> datetime | None:
        """Return when staff were told something last."""
        query = select(staff_alerts.c.told_at).where(staff_alerts.c.key == _LAST)
        found: datetime | None = await self._connection.scalar(query)
        return found

    async def put_told(self, now: datetime) -> None:
        """Note that they are told something."""
        await self.put(Kept(Condition(_LAST, _LAST), now, now))

    async def readers(self, roles: Sequence[str]) -> list[tuple[UUID, str | None]]:
        """Return who of the staff has one of these roles, with their language."""
        query = select(staff.c.id, staff.c.locale).where(staff.c.active, staff.c.role.in_(roles)).order_by(staff.c.id)
        return [(row.id, row.locale) for row in await self._connection.execute(query.limit(_MOST))]

    async def silent_routers(self) -> list[str]:
        """Return the names of the routers of which nothing is heard."""
        query = select(nas.c.name).where(nas.c.suspect_since_at.is_not(None), nas.c.removed_at.is_(None))
        return list((await self._connection.scalars(query.order_by(nas.c.name).limit(_MOST))).all())

    async def taken_addresses(self) -> dict[UUID, int]:
        """Return how many addresses of each pool are in use or held."""
        table = address_leases.c
        query = select(table.pool_id, func.count()).where(table.released_at.is_(None)).group_by(table.pool_id)
        return {pool_id: int(count) for pool_id, count in await self._connection.execute(query)}

    async def order_troubles(self) -> list[tuple[AlertKind, str, int, str]]:
        """Return the alerts that last, by kind and router: how many, and the reason of one."""
        query = (
            select(alerts.c.kind, nas.c.name, func.count(), func.max(alerts.c.reason))
            .join(nas, nas.c.id == alerts.c.nas_id)
            .where(alerts.c.cleared_at.is_(None))
            .group_by(alerts.c.kind, nas.c.name)
            .order_by(nas.c.name, alerts.c.kind)
            .limit(_MOST)
        )
        rows = await self._connection.execute(query)
        return [(AlertKind(kind), name, int(count), reason) for kind, name, count, reason in rows]
