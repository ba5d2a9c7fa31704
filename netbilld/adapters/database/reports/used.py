"""Usage for further analysis: octets by subscriber, plan, NAS or day, rolled up or not."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select, union_all
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
from netbilld.services.reports.table import Span, Table


async def usage(connection: AsyncConnection, table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield octets from the subscriber's point of view; days are the service's, a NAS's the provider's."""
    rows = {"subscriber": _by_subscriber, "plan": _by_plan, "nas": _by_nas, "day": _by_day}[table.by]
    async for row in rows(connection, span):
        yield row


async def _by_subscriber(connection: AsyncConnection, span: Span) -> AsyncIterator[Sequence[Any]]:
    used = union_all(*await UsageStore(connection).parts(span.from_on, span.end_on)).subquery()
    sums = (
        select(
            used.c.service_id, summed(used.c.upload_octets).label("up"), summed(used.c.download_octets).label("down")
        )
        .group_by(used.c.service_id)
        .subquery()
    )
    query = (
        select(
            subscribers.c.number,
            first_username(sums.c.service_id).label("username"),
            subscribers.c.name,
            plans.c.code,
            sums.c.up,
            sums.c.down,
        )
        .join(services, services.c.id == sums.c.service_id)
        .join(subscribers, subscribers.c.id == services.c.subscriber_id)
        .join(plan_versions, plan_versions.c.id == services.c.plan_version_id)
        .join(plans, plans.c.id == plan_versions.c.plan_id)
        .order_by(subscribers.c.number, services.c.created_at, services.c.id)
    )
    async for row in stream(connection, query):
        yield (row.number, row.username, row.name, row.code, row.up, row.down, row.up + row.down)


async def _days(connection: AsyncConnection, span: Span) -> AsyncIterator[tuple[UUID, date, int, int]]:
    """Yield services' days, those that are not rolled up hour by hour; a day may come more than once."""
    days = select(usage_days).where(usage_days.c.day_on >= span.from_on, usage_days.c.day_on <= span.to_on)
    async for row in stream(connection, days):
        yield row.service_id, row.day_on, row.upload_octets, row.download_octets
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
        async for row in stream(connection, hours):
            yield row.service_id, local_date(row.hour_at, zone), row.upload_octets, row.download_octets


async def _by_day(connection: AsyncConnection, span: Span) -> AsyncIterator[Sequence[Any]]:
    days: dict[date, list[int]] = defaultdict(lambda: [0, 0])
    async for _, on, upload, download in _days(connection, span):
        days[on][0] += upload
        days[on][1] += download
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
