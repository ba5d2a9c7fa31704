"""Outages: whom they are about, and which complaints they explain."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.complaints import OPEN_STATES, next_in_series
from netbilld.adapters.database.tables import (
    complaint_categories,
    complaints,
    nas,
    outage_subscribers,
    outages,
    services,
    sessions,
    static_lines,
    subscribers,
)
from netbilld.billing.prices import area_parts, covers
from netbilld.model.outage import Outage
from netbilld.model.subscriber import SubscriberStatus

_BATCH: Final = 5_000  # values in one statement
_COLUMNS: Final = ("outage_id", "subscriber_id", "added_at")


class OutageStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def next_number(self) -> str:
        """Return a new number, such as G00001."""
        return await next_in_series(self._connection, "outage", "G")

    async def add(self, outage: Outage) -> None:
        """Store an outage."""
        await self._connection.execute(insert(outages).values(**asdict(outage)))

    async def by_number(self, number: str, *, lock: bool = False) -> Outage | None:
        """Return an outage; `lock` keeps others from changing it in this transaction."""
        query = select(outages).where(outages.c.number == number)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
        return Outage(**row) if row else None

    async def by_id(self, outage_id: UUID) -> Outage | None:
        """Return an outage."""
        row = (await self._connection.execute(select(outages).where(outages.c.id == outage_id))).mappings().first()
        return Outage(**row) if row else None

    async def change(self, outage_id: UUID, fields: Mapping[str, Any]) -> None:
        """Set columns of an outage."""
        await self._connection.execute(update(outages).where(outages.c.id == outage_id).values(dict(fields)))

    async def running_for(self, subscriber_id: UUID) -> Outage | None:
        """Return the newest outage that a subscriber is in now."""
        query = (
            select(outages)
            .join(outage_subscribers, outage_subscribers.c.outage_id == outages.c.id)
            .where(outage_subscribers.c.subscriber_id == subscriber_id, outages.c.ended_at.is_(None))
            .order_by(outages.c.declared_at.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).mappings().first()
        return Outage(**row) if row else None

    async def running_at(self, *, area: str | None, nas_id: UUID | None) -> Outage | None:
        """Return the outage that is running for just this area or NAS."""
        here = outages.c.nas_id == nas_id if nas_id is not None else outages.c.nas_id.is_(None)
        query = select(outages).where(outages.c.ended_at.is_(None), here)
        wanted = area_parts(area or "")
        for row in (await self._connection.execute(query)).mappings():
            if nas_id is not None or area_parts(row["area"] or "") == wanted:
                return Outage(**row)
        return None

    async def in_area(self, area: str) -> list[UUID]:
        """Return the subscribers in an area and in those below it.

        Areas are compared as prices compare them: by their parts, without regard to letter case.
        """
        if not area_parts(area):
            return []
        written = (await self._connection.scalars(select(subscribers.c.area).distinct())).all()
        inside = [path for path in written if path and covers(area, path)]
        found: list[UUID] = []
        for start in range(0, len(inside), _BATCH):
            query = select(subscribers.c.id).where(
                subscribers.c.area.in_(inside[start : start + _BATCH]),
                subscribers.c.status == SubscriberStatus.ACTIVE.value,
            )
            found += (await self._connection.scalars(query)).all()
        return found

    async def on_nas(self, nas_id: UUID, since_at: datetime) -> list[UUID]:
        """Return the subscribers who hang on a NAS: with a session there that is open or ended since, or a line."""
        by_session = select(sessions.c.service_id).where(
            sessions.c.nas_id == nas_id, or_(sessions.c.stopped_at.is_(None), sessions.c.stopped_at >= since_at)
        )
        by_line = select(static_lines.c.service_id).where(
            static_lines.c.nas_id == nas_id, static_lines.c.removed_at.is_(None)
        )
        query = (
            select(services.c.subscriber_id)
            .distinct()
            .where(services.c.id.in_(by_session.union(by_line)), services.c.ended_at.is_(None))
        )
        return list((await self._connection.scalars(query)).all())

    async def nas_id(self, name: str) -> UUID | None:
        """Return the NAS of that name."""
        query = select(nas.c.id).where(nas.c.name_key == name.strip().casefold(), nas.c.removed_at.is_(None))
        return await self._connection.scalar(query)

    async def tell(self, outage_id: UUID, subscriber_ids: Sequence[UUID], at: datetime) -> list[UUID]:
        """Put subscribers into an outage, and return those who were not in it yet."""
        known = set(await self.told(outage_id))
        new = [one for one in dict.fromkeys(subscriber_ids) if one not in known]
        await insert_rows(self._connection, outage_subscribers, _COLUMNS, [(outage_id, one, at) for one in new])
        return new

    async def told(self, outage_id: UUID) -> list[UUID]:
        """Return the subscribers of an outage."""
        query = select(outage_subscribers.c.subscriber_id).where(outage_subscribers.c.outage_id == outage_id)
        return list((await self._connection.scalars(query)).all())

    async def gatherable(self, subscriber_ids: Sequence[UUID]) -> list[str]:
        """Return the open complaints of subscribers about their lines that no outage explains yet."""
        found: list[str] = []
        for start in range(0, len(subscriber_ids), _BATCH):
            query = (
                select(complaints.c.number)
                .join(complaint_categories, complaint_categories.c.code == complaints.c.category)
                .where(
                    complaints.c.subscriber_id.in_(subscriber_ids[start : start + _BATCH]),
                    complaints.c.state.in_(OPEN_STATES),
                    complaints.c.outage_id.is_(None),
                    complaint_categories.c.about_line,
                )
            )
            found += (await self._connection.scalars(query)).all()
        return sorted(found)

    async def gathered(self, outage_id: UUID) -> list[str]:
        """Return the open complaints that an outage explains."""
        query = select(complaints.c.number).where(
            complaints.c.outage_id == outage_id, complaints.c.state.in_(OPEN_STATES)
        )
        return sorted((await self._connection.scalars(query)).all())
