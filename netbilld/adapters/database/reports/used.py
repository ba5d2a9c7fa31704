"""Usage for further analysis: octets by subscriber, plan, NAS or day, rolled up or not."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Subquery, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.queries import first_username
from netbilld.adapters.database.reports.source import stream, summed
from netbilld.adapters.database.tables import (
    nas,
    plan_versions,
    plans,
    service_terms,
    services,
    subscribers,
    usage_days,
    usage_hours,
    usage_nas_days,
    usage_nas_hours,
)
from netbilld.adapters.database.usage import UsageStore
from netbilld.model.periods import local_date, local_midnight
from netbilld.services.reports.table import Span, Sums, Table


async def usage(connection: AsyncConnection, table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield octets from the subscriber's point of view; days are the service's, a NAS's the provider's."""
    rows = {"subscriber": _by_subscriber, "plan": _by_plan, "nas": _by_nas, "day": _by_day}[table.by]
    async for row in rows(connection, span):
        yield row


async def _by_subscriber(connection: AsyncConnection, span: Span) -> AsyncIterator[Sequence[Any]]:
    async for row in stream(connection, _of_subscribers(await _used(connection, span))):
        yield _subscriber(row)


async def first_used(
    connection: AsyncConnection, table: Table, span: Span, most: int
) -> tuple[list[Sequence[Any]], Sums]:
    """Return what the first subscribers used, and the sums of all."""
    used = await _used(connection, span)
    count, up, down = (
        await connection.execute(select(func.count(), summed(used.c.up), summed(used.c.down)).select_from(used))
    ).one()
    sums = Sums(table)
    places = [table.keys.index(key) for key in ("upload_octets", "download_octets", "total_octets")]
    if count:
        sums.take("", count, dict(zip(places, (up, down, up + down), strict=True)))
    return [_subscriber(row) for row in await connection.execute(_of_subscribers(used).limit(most))], sums


async def _used(connection: AsyncConnection, span: Span) -> Subquery:
    """Return what each service used."""
    used = union_all(*await UsageStore(connection).parts(span.from_on, span.end_on)).subquery()
    up, down = summed(used.c.upload_octets).label("up"), summed(used.c.download_octets).label("down")
    return select(used.c.service_id, up, down).group_by(used.c.service_id).subquery()


def _of_subscribers(used: Subquery) -> Select[Any]:
    return (
        select(
            subscribers.c.number,
            first_username(used.c.service_id).label("username"),
            subscribers.c.name,
            plans.c.code,
            used.c.up,
            used.c.down,
        )
        .join(services, services.c.id == used.c.service_id)
        .join(subscribers, subscribers.c.id == services.c.subscriber_id)
        .join(plan_versions, plan_versions.c.id == services.c.plan_version_id)
        .join(plans, plans.c.id == plan_versions.c.plan_id)
        .order_by(subscribers.c.number, services.c.created_at, services.c.id)
    )


def _subscriber(row: Any) -> Sequence[Any]:
    return (row.number, row.username, row.name, row.code, row.up, row.down, row.up + row.down)


async def _days(connection: AsyncConnection, span: Span) -> AsyncIterator[tuple[UUID, date, int, int]]:
    """Yield services' days, those that are not rolled up hour by hour; a day may come more than once."""
    days = select(usage_days).where(usage_days.c.day_on >= span.from_on, usage_days.c.day_on <= span.to_on)
    async for row in stream(connection, days):
        yield row.service_id, row.day_on, row.upload_octets, row.download_octets
    async for zone, hours in _open_hours(connection, span):
        async for row in stream(connection, hours):
            yield row.service_id, local_date(row.hour_at, zone), row.upload_octets, row.download_octets


async def _open_hours(connection: AsyncConnection, span: Span) -> AsyncIterator[tuple[str, Select[Any]]]:
    """Yield, zone by zone, the query for hours of a span that are not rolled up."""
    store = UsageStore(connection)
    mark = await store.mark()
    for zone in await store.zones():
        from_at, to_at = local_midnight(span.from_on, zone), local_midnight(span.end_on, zone)
        hours = (
            select(usage_hours)
            .join(services, services.c.id == usage_hours.c.service_id)
            .where(
                services.c.timezone == zone,
                usage_hours.c.hour_at >= (max(from_at, mark) if mark else from_at),
                usage_hours.c.hour_at < to_at,
            )
        )
        yield zone, hours


async def _by_day(connection: AsyncConnection, span: Span) -> AsyncIterator[Sequence[Any]]:
    days: dict[date, list[int]] = defaultdict(lambda: [0, 0])
    table = usage_days.c
    rolled = select(table.day_on, summed(table.upload_octets).label("up"), summed(table.download_octets).label("down"))
    rolled = rolled.where(table.day_on >= span.from_on, table.day_on <= span.to_on).group_by(table.day_on)
    async for row in stream(connection, rolled):
        days[row.day_on] = [row.up, row.down]
    async for zone, hours in _open_hours(connection, span):
        at = usage_hours.c.hour_at
        up, down = summed(usage_hours.c.upload_octets).label("up"), summed(usage_hours.c.download_octets).label("down")
        async for row in stream(connection, hours.with_only_columns(at, up, down).group_by(at)):
            day = days[local_date(row.hour_at, zone)]
            day[0] += row.up
            day[1] += row.down
    for on, (upload, download) in sorted(days.items()):
        yield (on, upload, download, upload + download)


async def _by_plan(connection: AsyncConnection, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield sums by the plan that each service had on each day."""
    plan_of = await _plans(connection)
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    whose: dict[str, set[UUID]] = defaultdict(set)
    async for service_id, on, upload, download in _days(connection, span):
        code = ""
        for from_on, plan in plan_of.get(service_id, ()):
            if not code or from_on <= on:
                code = plan
        sums[code][0] += upload
        sums[code][1] += download
        whose[code].add(service_id)
    for code, (upload, download) in sorted(sums.items()):
        yield (code or None, len(whose[code]), upload, download, upload + download)


async def _plans(connection: AsyncConnection) -> dict[UUID, list[tuple[date, str]]]:
    """Return the plans that each service had, each with its first day, in order."""
    named = select(services.c.id, plans.c.code).join(plan_versions, plan_versions.c.plan_id == plans.c.id)
    kept = named.add_columns(services.c.activated_on.label("from_on")).join(
        services, services.c.plan_version_id == plan_versions.c.id
    )
    terms = (
        select(service_terms.c.service_id.label("id"), service_terms.c.from_on, plans.c.code)
        .join(plan_versions, plan_versions.c.id == service_terms.c.plan_version_id)
        .join(plans, plans.c.id == plan_versions.c.plan_id)
        .order_by(service_terms.c.service_id, service_terms.c.from_on)
    )
    found: dict[UUID, list[tuple[date, str]]] = {}
    async for row in stream(connection, terms):
        found.setdefault(row.id, []).append((row.from_on, row.code))
    async for row in stream(connection, kept):
        found.setdefault(row.id, [(row.from_on, row.code)])
    return found


async def _by_nas(connection: AsyncConnection, span: Span) -> AsyncIterator[Sequence[Any]]:
    mark = await UsageStore(connection).mark()
    from_at, to_at = local_midnight(span.from_on, span.timezone), local_midnight(span.end_on, span.timezone)
    days = select(usage_nas_days.c.nas_id, usage_nas_days.c.upload_octets, usage_nas_days.c.download_octets).where(
        usage_nas_days.c.day_on >= span.from_on, usage_nas_days.c.day_on <= span.to_on
    )
    hours = select(usage_nas_hours.c.nas_id, usage_nas_hours.c.upload_octets, usage_nas_hours.c.download_octets).where(
        usage_nas_hours.c.hour_at >= (max(from_at, mark) if mark else from_at), usage_nas_hours.c.hour_at < to_at
    )
    used = union_all(days, hours).subquery()
    query = (
        select(nas.c.name, summed(used.c.upload_octets).label("up"), summed(used.c.download_octets).label("down"))
        .select_from(used)
        .outerjoin(nas, nas.c.id == used.c.nas_id)
        .group_by(nas.c.name)
        .order_by(nas.c.name)
    )
    async for row in stream(connection, query):
        yield (row.name, row.up, row.down, row.up + row.down)
