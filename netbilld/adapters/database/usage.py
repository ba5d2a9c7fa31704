"""Usage: slices and their roll-ups, written by the meter, read by everyone."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.accounting.usage import MeteredService, PeriodTotals, UsageSlice
from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.tables import (
    credentials,
    plan_versions,
    services,
    sessions,
    subscribers,
    usage_hours,
    usage_periods,
    usage_slices,
)
from netbilld.model.periods import local_midnight

By = Literal["hour", "day", "month", "session"]

_BATCH: Final = 5_000
_SLICE_COLUMNS: Final = (
    "service_id",
    "session_id",
    "start_at",
    "end_at",
    "upload_octets",
    "download_octets",
    "source",
    "estimated",
)
_ADD: Final = (
    "DO UPDATE SET upload_octets = {table}.upload_octets + excluded.upload_octets, "
    "download_octets = {table}.download_octets + excluded.download_octets"
)
_ADD_HOUR: Final = f"ON CONFLICT (service_id, hour_at) {_ADD.format(table='usage_hours')}"
_ADD_PERIOD: Final = f"ON CONFLICT (service_id, start_on) {_ADD.format(table='usage_periods')}"


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


class UsageStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- the meter ----------------------------------------------------------------------------------------------------

    async def metered_services(self, service_ids: Collection[UUID]) -> dict[UUID, MeteredService]:
        """Return what the meter needs to know of these services."""
        found: dict[UUID, MeteredService] = {}
        wanted = list(service_ids)
        for start in range(0, len(wanted), _BATCH):
            query = (
                select(
                    services.c.id,
                    services.c.billing_day,
                    services.c.timezone,
                    services.c.plan_version_id,
                    services.c.subscriber_id,
                    subscribers.c.number,
                    subscribers.c.currency,
                )
                .join(subscribers, subscribers.c.id == services.c.subscriber_id)
                .where(services.c.id.in_(wanted[start : start + _BATCH]))
            )
            found.update({row[0]: MeteredService(*row) for row in await self._connection.execute(query)})
        return found

    async def plan_definitions(self, plan_version_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
        """Return the definitions of plan versions."""
        query = select(plan_versions.c.id, plan_versions.c.definition).where(plan_versions.c.id.in_(plan_version_ids))
        return {row.id: dict(row.definition) for row in await self._connection.execute(query)}

    async def add_slices(self, slices: Iterable[UsageSlice], source: str = "radius") -> None:
        """Append slices."""
        rows = [
            (
                part.service_id,
                part.session_id,
                part.start_at,
                part.end_at,
                part.upload_octets,
                part.download_octets,
                source,
                part.estimated,
            )
            for part in slices
        ]
        await insert_rows(self._connection, usage_slices, _SLICE_COLUMNS, rows)

    async def add_hours(self, rows: Sequence[tuple[UUID, datetime, int, int]]) -> None:
        """Add octets to local hours: service, hour, upload, download; each hour of a service at most once."""
        columns = ("service_id", "hour_at", "upload_octets", "download_octets", "charged_minor")
        await insert_rows(self._connection, usage_hours, columns, [(*row, 0) for row in rows], _ADD_HOUR)

    async def add_periods(self, rows: Sequence[tuple[UUID, date, date, int, int]]) -> None:
        """Add octets to billing periods: service, start, end, upload, download; each period at most once."""
        columns = ("service_id", "start_on", "end_on", "upload_octets", "download_octets", "charged_minor")
        await insert_rows(self._connection, usage_periods, columns, [(*row, 0) for row in rows], _ADD_PERIOD)

    async def periods(self, keys: Collection[tuple[UUID, date]]) -> list[PeriodTotals]:
        """Return the totals of billing periods, by service and first day."""
        query = (
            select(usage_periods)
            .where(tuple_(usage_periods.c.service_id, usage_periods.c.start_on).in_(list(keys)))
            .order_by(usage_periods.c.service_id, usage_periods.c.start_on)
        )
        return [_period(row) for row in (await self._connection.execute(query)).mappings()]

    async def add_charge(self, service_id: UUID, start_on: date, hour_at: datetime, amount_minor: int) -> None:
        """Note a usage charge on its billing period and its hour; both have octets already."""
        await self._connection.execute(
            update(usage_periods)
            .where(usage_periods.c.service_id == service_id, usage_periods.c.start_on == start_on)
            .values(charged_minor=usage_periods.c.charged_minor + amount_minor)
        )
        await self._connection.execute(
            update(usage_hours)
            .where(usage_hours.c.service_id == service_id, usage_hours.c.hour_at == hour_at)
            .values(charged_minor=usage_hours.c.charged_minor + amount_minor)
        )

    # -- everyone -----------------------------------------------------------------------------------------------------

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
