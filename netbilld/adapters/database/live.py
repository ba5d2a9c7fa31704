"""What is published of services and NAS, read many at a time; and what is retained at the broker."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.among import among
from netbilld.adapters.database.rating import RatingStore
from netbilld.adapters.database.tables import (
    credentials,
    desired,
    mqtt_retained,
    nas,
    observed,
    plan_versions,
    services,
    sessions,
    subscribers,
    usage_periods,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.rating.limits import NO_LIMITS
from netbilld.services.live_views import LiveNas, LiveService, LiveSession

_TOPICS_A_STATEMENT: Final = 500
_A_DAY: Final = timedelta(days=1)  # a period may still be going on where the day is over by UTC


class LiveStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def services(self, service_ids: Collection[UUID], now: datetime) -> Sequence[LiveService]:
        """Return these services with their open sessions and the periods that go on now."""
        if not service_ids:
            return []
        open_sessions = await self._sessions(service_ids)
        names = await self._names(service_ids)
        periods, counted = await self._periods(service_ids, (now - _A_DAY).date())
        retained: dict[UUID, set[str]] = {}
        of_these = among(self._connection, mqtt_retained.c.service_id, service_ids)
        for topic, service_id in await self._connection.execute(
            select(mqtt_retained.c.topic, mqtt_retained.c.service_id).where(of_these)
        ):
            retained.setdefault(service_id, set()).add(topic)
        query = (
            select(
                services.c.id, services.c.status, services.c.plan_version_id, services.c.billing_day,
                services.c.timezone, services.c.activated_on, subscribers.c.number,
                desired.c.access, desired.c.reason, desired.c.since_at, desired.c.until_at,
            )
            .select_from(
                services.join(subscribers, subscribers.c.id == services.c.subscriber_id).outerjoin(
                    desired, desired.c.service_id == services.c.id
                )
            )
            .where(among(self._connection, services.c.id, service_ids))
        )  # fmt: skip
        rows = (await self._connection.execute(query)).all()
        limits = await RatingStore(self._connection).limits_of_versions(
            [(row.id, row.plan_version_id, row.billing_day, row.timezone, row.activated_on) for row in rows], now
        )
        return [
            LiveService(
                service_id=row.id,
                subscriber_no=row.number,
                username=names.get(row.id, ""),
                status=row.status,
                plan_version_id=row.plan_version_id,
                billing_day=row.billing_day,
                timezone=row.timezone,
                access=row.access,
                reason=row.reason,
                since_at=row.since_at,
                until_at=row.until_at,
                periods=periods.get(row.id, {}),
                sessions=open_sessions.get(row.id, ()),
                retained=frozenset(retained.get(row.id, ())),
                counted=counted.get(row.id, {}),
                limits=limits.get(row.id, NO_LIMITS),
            )
            for row in rows
        ]

    async def _sessions(self, service_ids: Collection[UUID]) -> dict[UUID, list[LiveSession]]:
        table = sessions.c
        query = (
            select(
                table.id, table.service_id, table.nas_id, nas.c.name, table.username, table.acct_session_id,
                table.state, table.framed_ip, table.ipv6_prefix, table.delegated_prefix, table.mac,
                table.started_at, table.updated_at, table.session_seconds, table.upload_octets,
                table.download_octets, table.upload_bps, table.download_bps, observed.c.access, observed.c.evidence,
            )
            .select_from(
                sessions.join(nas, nas.c.id == table.nas_id).outerjoin(observed, observed.c.session_id == table.id)
            )
            .where(among(self._connection, table.service_id, service_ids), table.stopped_at.is_(None))
            .order_by(table.id)
        )  # fmt: skip
        found: dict[UUID, list[LiveSession]] = {}
        for row in await self._connection.execute(query):
            found.setdefault(row.service_id, []).append(LiveSession(*tuple(row)))
        return found

    async def _names(self, service_ids: Collection[UUID]) -> dict[UUID, str]:
        query = (
            select(credentials.c.service_id, credentials.c.name)
            .where(among(self._connection, credentials.c.service_id, service_ids))
            .order_by(credentials.c.kind.desc(), credentials.c.created_at, credentials.c.name_key)
        )
        found: dict[UUID, str] = {}
        for service_id, name in await self._connection.execute(query):
            found.setdefault(service_id, name)
        return found

    async def _periods(
        self, service_ids: Collection[UUID], end_after: date
    ) -> tuple[dict[UUID, dict[date, tuple[date, int, int]]], dict[UUID, dict[date, int]]]:
        """Return periods, and what counts in those where the plan alone does not tell."""
        table = usage_periods.c
        query = select(
            table.service_id, table.start_on, table.end_on, table.upload_octets, table.download_octets,
            table.counted_octets,
        ).where(among(self._connection, table.service_id, service_ids), table.end_on >= end_after)  # fmt: skip
        found: dict[UUID, dict[date, tuple[date, int, int]]] = {}
        counted: dict[UUID, dict[date, int]] = {}
        for service_id, start_on, end_on, up, down, octets in await self._connection.execute(query):
            found.setdefault(service_id, {})[start_on] = end_on, up, down
            if octets is not None:
                counted.setdefault(service_id, {})[start_on] = octets
        return found, counted

    async def plan_definitions(self, plan_version_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
        """Return the definitions of plan versions."""
        query = select(plan_versions.c.id, plan_versions.c.definition).where(plan_versions.c.id.in_(plan_version_ids))
        return {row.id: dict(row.definition) for row in await self._connection.execute(query)}

    async def service_ids_after(self, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Return the next services of whom something is retained or should be, in the order of their ids."""
        something = select(mqtt_retained.c.service_id)
        query = (
            select(services.c.id)
            .where(or_(services.c.ended_at.is_(None), services.c.id.in_(something)))
            .order_by(services.c.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(services.c.id > after)
        return list((await self._connection.execute(query)).scalars())

    async def of_sessions(self, session_ids: Collection[int]) -> dict[int, UUID]:
        """Return whose these sessions are; those of nobody are left out."""
        query = select(sessions.c.id, sessions.c.service_id).where(
            sessions.c.id.in_(session_ids), sessions.c.service_id.is_not(None)
        )
        return {row.id: row.service_id for row in await self._connection.execute(query)}

    async def keep_retained(self, topics: Mapping[str, UUID]) -> None:
        """Write down that something is retained on these topics for these services."""
        statement = insert_into(self._connection, mqtt_retained).on_conflict_do_nothing()
        await self._connection.execute(
            statement, [{"topic": topic, "service_id": service_id} for topic, service_id in topics.items()]
        )

    async def drop_retained(self, topics: Collection[str]) -> None:
        """Forget these: they were cleared."""
        for part in _parts(topics):
            await self._connection.execute(delete(mqtt_retained).where(mqtt_retained.c.topic.in_(part)))

    async def all_nas(self) -> Sequence[LiveNas]:
        """Return every NAS, those removed too, with its open sessions counted."""
        counted = (
            select(sessions.c.nas_id, func.count().label("open"))
            .where(sessions.c.stopped_at.is_(None))
            .group_by(sessions.c.nas_id)
            .subquery()
        )
        query = (
            select(nas.c.id, nas.c.name, nas.c.vendor, nas.c.last_heard_at, counted.c.open, nas.c.removed_at)
            .select_from(nas.outerjoin(counted, counted.c.nas_id == nas.c.id))
            .order_by(nas.c.id)
        )
        return [
            LiveNas(row.id, row.name, row.vendor, row.last_heard_at, row.open or 0, row.removed_at is not None)
            for row in await self._connection.execute(query)
        ]


def _parts(topics: Iterable[str]) -> Iterable[list[str]]:
    listed = list(topics)
    for start in range(0, len(listed), _TOPICS_A_STATEMENT):
        yield listed[start : start + _TOPICS_A_STATEMENT]
