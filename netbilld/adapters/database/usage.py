"""Usage as everyone reads it: slices and their roll-ups; how the meter writes them is beside this."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, Table, cast, func, or_, select, union_all

from netbilld.accounting.usage import PeriodTotals
from netbilld.adapters.database.metered_usage import MeteredUsage
from netbilld.adapters.database.queries import first_username
from netbilld.adapters.database.tables import (
    plan_versions,
    plans,
    services,
    sessions,
    subscribers,
    usage_days,
    usage_hours,
    usage_months,
    usage_periods,
    usage_slices,
)
from netbilld.model.periods import local_date, local_midnight
from netbilld.services.shown_usage import By, Direction, TopUsage, UsageBucket, UsageTotals


class UsageStore(MeteredUsage):
    """Queries of one transaction.

    Days are local ones of each service's own zone; what is rolled up and what is not yet are read together.
    """

    async def totals(self, service_id: UUID, first_on: date, end_on: date, timezone: str) -> UsageTotals:
        """Return a service's usage in the local days [first_on, end_on) of its zone."""
        days = await self._days(service_id, first_on, end_on, timezone)
        return UsageTotals(
            sum(day.upload_octets for day in days),
            sum(day.download_octets for day in days),
            sum(day.charged_minor or 0 for day in days),
        )

    async def buckets(self, service_id: UUID, first_on: date, end_on: date, by: By, timezone: str) -> list[UsageBucket]:
        """Return a service's usage in the local days [first_on, end_on) by `by`; oldest first."""
        from_at, to_at = local_midnight(first_on, timezone), local_midnight(end_on, timezone)
        if by == "session":
            return await self._by_session(service_id, from_at, to_at)
        if by == "hour":
            return await self._hours(service_id, from_at, to_at)
        days = await self._days(service_id, first_on, end_on, timezone)
        if by == "day":
            return days
        months: dict[datetime, list[UsageBucket]] = {}
        for day in days:
            on = local_date(day.start_at, timezone)
            months.setdefault(local_midnight(on.replace(day=1), timezone), []).append(day)
        return [_sum(start_at, some) for start_at, some in months.items()]

    async def _hours(self, service_id: UUID, from_at: datetime, to_at: datetime) -> list[UsageBucket]:
        query = (
            select(usage_hours)
            .where(
                usage_hours.c.service_id == service_id,
                usage_hours.c.hour_at >= from_at,
                usage_hours.c.hour_at < to_at,
            )
            .order_by(usage_hours.c.hour_at)
        )
        return [
            UsageBucket(row.hour_at, row.upload_octets, row.download_octets, row.charged_minor)
            for row in await self._connection.execute(query)
        ]

    async def _days(self, service_id: UUID, first_on: date, end_on: date, timezone: str) -> list[UsageBucket]:
        query = select(usage_days).where(
            usage_days.c.service_id == service_id, usage_days.c.day_on >= first_on, usage_days.c.day_on < end_on
        )
        days: dict[date, list[UsageBucket]] = {}
        for row in await self._connection.execute(query):
            start_at = local_midnight(row.day_on, timezone)
            day = UsageBucket(start_at, row.upload_octets, row.download_octets, row.charged_minor)
            days.setdefault(row.day_on, []).append(day)
        mark = await self.mark()
        from_at, to_at = local_midnight(first_on, timezone), local_midnight(end_on, timezone)
        for hour in await self._hours(service_id, max(from_at, mark) if mark else from_at, to_at):
            days.setdefault(local_date(hour.start_at, timezone), []).append(hour)
        return [_sum(local_midnight(on, timezone), days[on]) for on in sorted(days)]

    async def period_usage(self, service_id: UUID, on: date) -> PeriodTotals | None:
        """Return a service's usage in the billing period that holds a local day; None where nothing was metered."""
        query = select(usage_periods).where(
            usage_periods.c.service_id == service_id, usage_periods.c.start_on <= on, usage_periods.c.end_on > on
        )
        row = (await self._connection.execute(query.order_by(usage_periods.c.start_on.desc()))).mappings().first()
        return _period(row) if row else None

    async def top(
        self, first_on: date, end_on: date, limit: int, *, direction: Direction = "both", nas_id: UUID | None = None
    ) -> list[TopUsage]:
        """Return who used most in the local days [first_on, end_on), most first.

        With `nas_id` of those who had a session there in that time; what they used elsewhere counts as well.
        """
        parts = await self.parts(first_on, end_on)
        if nas_id is not None:
            there = await self._on_nas(nas_id, first_on, end_on)
            parts = [part.where(part.selected_columns.service_id.in_(there)) for part in parts]
        used = union_all(*parts).subquery()
        upload, download = (
            cast(func.sum(used.c.upload_octets), BigInteger),
            cast(func.sum(used.c.download_octets), BigInteger),
        )
        total = {"both": upload + download, "up": upload, "down": download}[direction]
        most = (
            select(
                used.c.service_id,
                upload.label("upload_octets"),
                download.label("download_octets"),
                total.label("total_octets"),
            )
            .group_by(used.c.service_id)
            .order_by(total.desc(), used.c.service_id)
            .limit(limit)
            .subquery()
        )
        query = (
            select(
                most,
                subscribers.c.number,
                subscribers.c.name,
                first_username(most.c.service_id).label("username"),
                plans.c.code.label("plan"),
            )
            .join(services, services.c.id == most.c.service_id)
            .join(subscribers, subscribers.c.id == services.c.subscriber_id)
            .join(plan_versions, plan_versions.c.id == services.c.plan_version_id)
            .join(plans, plans.c.id == plan_versions.c.plan_id)
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
                row.plan,
            )
            for row in await self._connection.execute(query)
        ]

    async def parts(self, first_on: date, end_on: date) -> list[Select[Any]]:
        """Return queries of service_id, upload_octets and download_octets that together are [first_on, end_on)."""
        return await self._rolled_parts(first_on, end_on) + await self._open_parts(first_on, end_on)

    async def _rolled_parts(self, first_on: date, end_on: date) -> list[Select[Any]]:
        """Return queries that read days, by whole months where there are any."""
        first_month, end_month = _month_after(first_on - timedelta(days=1)), end_on.replace(day=1)
        if end_month != end_on and end_month >= first_month:
            later = select(usage_days.c.day_on).where(usage_days.c.day_on >= end_on).limit(1)
            if await self._connection.scalar(later) is None:  # of a month that is not over, the days so far are all
                end_month = _month_after(end_on)
        if end_month <= first_month:
            return [_part(usage_days, usage_days.c.day_on, first_on, end_on)]
        parts = [_part(usage_months, usage_months.c.month_on, first_month, end_month)]
        if first_on < first_month:
            parts.append(_part(usage_days, usage_days.c.day_on, first_on, first_month))
        if end_month < end_on:
            parts.append(_part(usage_days, usage_days.c.day_on, end_month, end_on))
        return parts

    async def _open_parts(self, first_on: date, end_on: date) -> list[Select[Any]]:
        """Return queries that read the hours that are not rolled up, one a zone."""
        mark = await self.mark()
        parts = []
        for zone in await self.zones():
            from_at, to_at = local_midnight(first_on, zone), local_midnight(end_on, zone)
            from_at = max(from_at, mark) if mark else from_at
            if from_at < to_at:
                parts.append(
                    select(usage_hours.c.service_id, usage_hours.c.upload_octets, usage_hours.c.download_octets)
                    .join(services, services.c.id == usage_hours.c.service_id)
                    .where(services.c.timezone == zone, usage_hours.c.hour_at >= from_at, usage_hours.c.hour_at < to_at)
                )
        return parts

    async def _on_nas(self, nas_id: UUID, first_on: date, end_on: date) -> Select[Any]:
        zones = await self.zones() or ["UTC"]
        from_at = min(local_midnight(first_on, zone) for zone in zones)
        to_at = max(local_midnight(end_on, zone) for zone in zones)
        return select(sessions.c.service_id).where(
            sessions.c.nas_id == nas_id,
            sessions.c.service_id.is_not(None),
            sessions.c.started_at < to_at,
            or_(sessions.c.stopped_at.is_(None), sessions.c.stopped_at >= from_at),
        )

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


def _sum(start_at: datetime, some: Sequence[UsageBucket]) -> UsageBucket:
    return UsageBucket(
        start_at,
        sum(one.upload_octets for one in some),
        sum(one.download_octets for one in some),
        sum(one.charged_minor or 0 for one in some),
    )


def _part(table: Table, by: ColumnElement[Any], first_on: date, end_on: date) -> Select[Any]:
    return select(table.c.service_id, table.c.upload_octets, table.c.download_octets).where(by >= first_on, by < end_on)


def _month_after(on: date) -> date:
    return (on.replace(day=1) + timedelta(days=31)).replace(day=1)


def _period(row: Mapping[Any, Any]) -> PeriodTotals:
    return PeriodTotals(**{name: row[name] for name in PeriodTotals._fields})
