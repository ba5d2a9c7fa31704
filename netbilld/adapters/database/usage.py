"""Usage as everyone reads it: slices and their roll-ups; how the meter writes them is beside this."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from netbilld.accounting.usage import PeriodTotals
from netbilld.adapters.database.metered_usage import MeteredUsage
from netbilld.adapters.database.tables import (
    credentials,
    services,
    sessions,
    subscribers,
    usage_hours,
    usage_periods,
    usage_slices,
)
from netbilld.model.periods import local_midnight

By = Literal["hour", "day", "month", "session"]


@dataclass(frozen=True, slots=True)
class UsageTotals:
    upload_octets: int
    download_octets: int
    charged_minor: int


@dataclass(frozen=True, slots=True)
class UsageBucket:
    """Usage from `start_at` on; by session, charges are not told apart and `charged_minor` is None."""

    start_at: datetime
    upload_octets: int
    download_octets: int
    charged_minor: int | None
    session_id: int | None = None


@dataclass(frozen=True, slots=True)
class TopUsage:
    """One of those who used most."""

    service_id: UUID
    subscriber_no: str
    name: str
    username: str
    upload_octets: int
    download_octets: int


class UsageStore(MeteredUsage):
    """Queries of one transaction."""

    async def totals(self, service_id: UUID, from_at: datetime, to_at: datetime) -> UsageTotals:
        """Return a service's usage in the local hours that begin in [from_at, to_at)."""
        query = select(
            func.coalesce(func.sum(usage_hours.c.upload_octets), 0),
            func.coalesce(func.sum(usage_hours.c.download_octets), 0),
            func.coalesce(func.sum(usage_hours.c.charged_minor), 0),
        ).where(_in(service_id, from_at, to_at))
        upload, download, charged = (await self._connection.execute(query)).one()
        return UsageTotals(int(upload), int(download), int(charged))

    async def buckets(
        self, service_id: UUID, from_at: datetime, to_at: datetime, by: By, timezone: str
    ) -> list[UsageBucket]:
        """Return a service's usage in [from_at, to_at) by local hour, day or month, or by session; oldest first."""
        if by == "session":
            return await self._by_session(service_id, from_at, to_at)
        query = select(usage_hours).where(_in(service_id, from_at, to_at)).order_by(usage_hours.c.hour_at)
        zone = ZoneInfo(timezone)
        sums: dict[datetime, list[int]] = {}
        for row in await self._connection.execute(query):
            start_at = row.hour_at
            if by != "hour":
                on = start_at.astimezone(zone).date()
                start_at = local_midnight(on if by == "day" else on.replace(day=1), timezone)
            bucket = sums.setdefault(start_at, [0, 0, 0])
            bucket[0] += row.upload_octets
            bucket[1] += row.download_octets
            bucket[2] += row.charged_minor
        return [UsageBucket(start_at, *bucket) for start_at, bucket in sums.items()]

    async def period_usage(self, service_id: UUID, on: date) -> PeriodTotals | None:
        """Return a service's usage in the billing period that holds a local day; None where nothing was metered."""
        query = select(usage_periods).where(
            usage_periods.c.service_id == service_id, usage_periods.c.start_on <= on, usage_periods.c.end_on > on
        )
        row = (await self._connection.execute(query.order_by(usage_periods.c.start_on.desc()))).mappings().first()
        return _period(row) if row else None

    async def top(self, from_at: datetime, to_at: datetime, limit: int) -> list[TopUsage]:
        """Return who used most in the local hours that begin in [from_at, to_at), most first."""
        total = func.sum(usage_hours.c.upload_octets + usage_hours.c.download_octets)
        most = (
            select(
                usage_hours.c.service_id,
                func.sum(usage_hours.c.upload_octets).label("upload_octets"),
                func.sum(usage_hours.c.download_octets).label("download_octets"),
                total.label("total_octets"),
            )
            .where(usage_hours.c.hour_at >= from_at, usage_hours.c.hour_at < to_at)
            .group_by(usage_hours.c.service_id)
            .order_by(total.desc(), usage_hours.c.service_id)
            .limit(limit)
            .subquery()
        )
        first_name = (
            select(credentials.c.name)
            .where(credentials.c.service_id == most.c.service_id)
            .order_by(credentials.c.kind.desc(), credentials.c.created_at, credentials.c.name_key)
            .limit(1)
            .scalar_subquery()
        )
        query = (
            select(most, subscribers.c.number, subscribers.c.name, first_name.label("username"))
            .join(services, services.c.id == most.c.service_id)
            .join(subscribers, subscribers.c.id == services.c.subscriber_id)
            .order_by(most.c.total_octets.desc(), most.c.service_id)
        )
        return [
            TopUsage(
                row.service_id,
                row.number,
                row.name,
                row.username or "",
                int(row.upload_octets),
                int(row.download_octets),
            )
            for row in await self._connection.execute(query)
        ]

    async def _by_session(self, service_id: UUID, from_at: datetime, to_at: datetime) -> list[UsageBucket]:
        query = (
            select(
                usage_slices.c.session_id,
                sessions.c.started_at,
                func.sum(usage_slices.c.upload_octets).label("upload_octets"),
                func.sum(usage_slices.c.download_octets).label("download_octets"),
            )
            .join(sessions, sessions.c.id == usage_slices.c.session_id)
            .where(
                usage_slices.c.service_id == service_id,
                usage_slices.c.start_at >= from_at,
                usage_slices.c.start_at < to_at,
            )
            .group_by(usage_slices.c.session_id, sessions.c.started_at)
            .order_by(sessions.c.started_at, usage_slices.c.session_id)
        )
        return [
            UsageBucket(row.started_at, int(row.upload_octets), int(row.download_octets), None, row.session_id)
            for row in await self._connection.execute(query)
        ]


def _in(service_id: UUID, from_at: datetime, to_at: datetime) -> Any:
    return (
        (usage_hours.c.service_id == service_id) & (usage_hours.c.hour_at >= from_at) & (usage_hours.c.hour_at < to_at)
    )


def _period(row: Mapping[Any, Any]) -> PeriodTotals:
    return PeriodTotals(**row)
