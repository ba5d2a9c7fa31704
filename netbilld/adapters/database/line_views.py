"""How a subscriber's connections are doing, for who works on a complaint; and outages in lists."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from netbilld.adapters.database.queries import ONLINE_STATES, Queries, first_username
from netbilld.adapters.database.subscribers import credential_key
from netbilld.adapters.database.tables import (
    auth_attempts,
    complaints,
    desired,
    nas,
    outage_subscribers,
    outages,
    plan_versions,
    services,
    sessions,
)
from netbilld.model.outage import Outage
from netbilld.services.complaint_views import LineNow, OutageLine, Suspect

_MOST_LINES: Final = 20  # of one subscriber
_DAY: Final = timedelta(days=1)


class LineQueries(Queries):
    """Read-only queries of one transaction."""

    async def lines_now(self, subscriber_id: UUID, now: datetime) -> Sequence[LineNow]:
        """Return how a subscriber's connections are doing; those that have ended are left out."""
        query = (
            select(
                services.c.id,
                first_username(services.c.id).label("username"),
                plan_versions.c.name.label("plan"),
                desired.c.access,
                desired.c.reason,
            )
            .join(plan_versions, plan_versions.c.id == services.c.plan_version_id)
            .outerjoin(desired, desired.c.service_id == services.c.id)
            .where(services.c.subscriber_id == subscriber_id, services.c.ended_at.is_(None))
            .order_by(services.c.created_at, services.c.id)
            .limit(_MOST_LINES)
        )
        return [
            await self._line_now(row["id"], row["username"] or "", row["plan"], row["access"], row["reason"], now)
            for row in await self._rows(query)
        ]

    async def _line_now(
        self, service_id: UUID, username: str, plan: str, access: str | None, reason: str | None, now: datetime
    ) -> LineNow:
        newest = await self._row(
            select(sessions, nas.c.name.label("nas"), nas.c.last_heard_at)
            .join(nas, nas.c.id == sessions.c.nas_id)
            .where(sessions.c.service_id == service_id)
            .order_by(sessions.c.started_at.desc(), sessions.c.id.desc())
            .limit(1)
        )
        today = await self._number(
            select(func.count()).where(sessions.c.service_id == service_id, sessions.c.started_at >= now - _DAY)
        )
        tried = await self._row(
            select(auth_attempts.c.at, auth_attempts.c.result, auth_attempts.c.reason)
            .where(auth_attempts.c.username_key == credential_key(username))
            .order_by(auth_attempts.c.at.desc())
            .limit(1)
        )
        online = newest is not None and newest["stopped_at"] is None and newest["state"] in ONLINE_STATES
        return LineNow(
            service_id=service_id,
            username=username,
            plan=plan,
            online=online,
            session_state=newest["state"] if newest else None,
            framed_ip=newest["framed_ip"] if newest else None,
            mac=newest["mac"] if newest else None,
            nas_id=newest["nas_id"] if newest else None,
            nas=newest["nas"] if newest else None,
            nas_last_heard_at=newest["last_heard_at"] if newest else None,
            started_at=newest["started_at"] if newest else None,
            seen_at=newest["updated_at"] if newest else None,
            stopped_at=newest["stopped_at"] if newest else None,
            terminate_cause=newest["terminate_cause"] if newest else None,
            upload_bps=newest["upload_bps"] if newest and online else 0,
            download_bps=newest["download_bps"] if newest and online else 0,
            access=access,
            reason=reason,
            sessions_today=today,
            last_try_at=tried["at"] if tried else None,
            last_try_result=tried["result"] if tried else None,
            last_try_reason=tried["reason"] if tried else None,
        )

    async def usernames(self, service_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        """Return the names that stand for services."""
        query = select(services.c.id, first_username(services.c.id).label("username")).where(
            services.c.id.in_(service_ids)
        )
        return {row["id"]: row["username"] or "" for row in await self._rows(query)}

    # -- outages -----------------------------------------------------------------------------------------------------

    async def outages(self, *, running: bool, most: int = 50) -> Sequence[OutageLine]:
        """Return outages that are running, or those that are over, the newest first."""
        over = outages.c.ended_at.is_(None) if running else outages.c.ended_at.is_not(None)
        return await self._outages(over, most)

    async def outage(self, number: str) -> OutageLine | None:
        """Return one outage."""
        return next(iter(await self._outages(outages.c.number == number, 1)), None)

    async def _outages(self, condition: ColumnElement[bool], most: int) -> list[OutageLine]:
        whom = (
            select(func.count())
            .where(outage_subscribers.c.outage_id == outages.c.id)
            .correlate(outages)
            .scalar_subquery()
        )
        what = select(func.count()).where(complaints.c.outage_id == outages.c.id).correlate(outages).scalar_subquery()
        query = (
            select(outages, nas.c.name.label("nas"), whom.label("subscribers"), what.label("complaints"))
            .outerjoin(nas, nas.c.id == outages.c.nas_id)
            .where(condition)
            .order_by(outages.c.declared_at.desc(), outages.c.number.desc())
            .limit(most)
        )
        return [
            OutageLine(
                Outage(**{name: row[name] for name in Outage.__dataclass_fields__}),
                row["nas"],
                row["subscribers"],
                row["complaints"],
            )
            for row in await self._rows(query)
        ]

    async def suspects(self) -> Sequence[Suspect]:
        """Return the NAS that have fallen silent, as their sessions show, and whose outage nobody has declared."""
        declared = select(outages.c.nas_id).where(outages.c.ended_at.is_(None), outages.c.nas_id.is_not(None))
        hanging = (
            select(func.count(func.distinct(services.c.subscriber_id)))
            .select_from(sessions)
            .join(services, services.c.id == sessions.c.service_id)
            .where(sessions.c.nas_id == nas.c.id, sessions.c.stopped_at.is_(None))
            .correlate(nas)
            .scalar_subquery()
        )
        query = (
            select(nas.c.name, nas.c.suspect_since_at, hanging.label("subscribers"))
            .where(nas.c.suspect_since_at.is_not(None), nas.c.removed_at.is_(None), nas.c.id.not_in(declared))
            .order_by(nas.c.suspect_since_at)
        )
        return [
            Suspect(row["name"], row["suspect_since_at"], row["subscribers"])
            for row in await self._rows(query)
            if row["subscribers"]
        ]
