"""What the store knows when a NAS is examined: a few bounded reads on indexes."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from netbilld.adapters.database.queries import Queries
from netbilld.adapters.database.tables import plan_versions, plans, services, sessions
from netbilld.enforcement.doctor.facts import SessionSample

_MOST_SESSIONS: Final = 5_000


class NasHealthStore(Queries):
    """Queries of one transaction."""

    async def sessions(self, nas_id: UUID) -> list[SessionSample]:
        """Return the open sessions of a NAS, the newest few thousand."""
        table = sessions.c
        query = (
            select(
                table.started_at,
                table.updated_at,
                table.interval_seconds,
                table.session_seconds,
                table.upload_octets,
                table.download_octets,
                (table.ahead_upload_octets + table.ahead_download_octets).label("ahead"),
            )
            .where(table.nas_id == nas_id, table.stopped_at.is_(None))
            .order_by(table.id.desc())
            .limit(_MOST_SESSIONS)
        )
        return [
            SessionSample(
                row["started_at"],
                # readings of ours move the session on, and its NAS has not spoken
                row["started_at"] + timedelta(seconds=row["session_seconds"]) if row["ahead"] else row["updated_at"],
                row["interval_seconds"],
                row["upload_octets"],
                row["download_octets"],
            )
            for row in await self._rows(query)
        ]

    async def open_sessions(self, nas_id: UUID) -> int:
        """Return how many sessions are open on a NAS."""
        query = select(func.count()).where(sessions.c.nas_id == nas_id, sessions.c.stopped_at.is_(None))
        return await self._number(query)

    async def source(self, nas_id: UUID) -> str | None:
        """Return the address that its newest open session reports from."""
        query = (
            select(sessions.c.nas_source)
            .where(sessions.c.nas_id == nas_id, sessions.c.stopped_at.is_(None), sessions.c.nas_source.is_not(None))
            .order_by(sessions.c.id.desc())
            .limit(1)
        )
        row = await self._row(query)
        return None if row is None else str(row["nas_source"])

    async def plan_pools(self) -> frozenset[str]:
        """Return the IPv4 pools that plans name: those on sale, and those that somebody still has."""
        newest = (
            select(plan_versions.c.plan_id, func.max(plan_versions.c.version).label("version"))
            .group_by(plan_versions.c.plan_id)
            .subquery()
        )
        in_use = select(services.c.plan_version_id).where(services.c.ended_at.is_(None)).distinct()
        query = (
            select(plan_versions.c.definition)
            .join(plans, plans.c.id == plan_versions.c.plan_id)
            .join(newest, newest.c.plan_id == plan_versions.c.plan_id)
            .where((plans.c.on_sale & (newest.c.version == plan_versions.c.version)) | plan_versions.c.id.in_(in_use))
        )
        named = ((row["definition"].get("address") or {}).get("pool") for row in await self._rows(query))
        return frozenset(pool for pool in named if pool)
