"""Usage for further analysis: octets by subscriber, plan, NAS or day, rolled up or not."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Subquery, case, func, select, union_all
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
    usage_all_days,
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


async def _days(
    connection: AsyncConnection, span: Span, which: Select[Any]
) -> AsyncIterator[tuple[UUID, date, int, int]]:
    """Yield the days of some services, those that are not rolled up hour by hour; a day may come more than once."""
    days = select(usage_days).where(
        usage_days.c.day_on >= span.from_on, usage_days.c.day_on <= span.to_on, usage_days.c.service_id.in_(which)
    )
    async for row in stream(connection, days):
        yield row.service_id, row.day_on, row.upload_octets, row.download_octets
    async for zone, hours in _open_hours(connection, span):
        async for row in stream(connection, hours.where(usage_hours.c.service_id.in_(which))):
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
    table = usage_all_days.c
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
    """Yield sums by the plan that each service had on each day.

    Whose plan is the same on all of them is summed by the database; those that changed it meanwhile day by day.
    """
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    whose: dict[str, int] = defaultdict(int)
    changed = _changed(span)
    used = await _used(connection, span)
    at_first = _plan_at(span.from_on)
    kept = plans.alias()
    code = func.coalesce(at_first.c.code, kept.c.code, "")
    query = (
        select(code.label("code"), func.count().label("services"), summed(used.c.up).label("up"))
        .add_columns(summed(used.c.down).label("down"))
        .select_from(used)
        .outerjoin(at_first, at_first.c.service_id == used.c.service_id)
        .outerjoin(services, services.c.id == used.c.service_id)
        .outerjoin(plan_versions, plan_versions.c.id == services.c.plan_version_id)
        .outerjoin(kept, kept.c.id == plan_versions.c.plan_id)
        .where(used.c.service_id.not_in(changed))
        .group_by(code)
    )
    async for row in stream(connection, query):
        sums[row.code] = [row.up, row.down]
        whose[row.code] = row.services
    plan_of = await _plans(connection, changed)
    those: dict[str, set[UUID]] = defaultdict(set)
    async for service_id, on, upload, download in _days(connection, span, changed):
        name = ""
        for from_on, plan in plan_of.get(service_id, ()):
            if not name or from_on <= on:
                name = plan
        sums[name][0] += upload
        sums[name][1] += download
        those[name].add(service_id)
    for name, (upload, download) in sorted(sums.items()):
        yield (name or None, whose[name] + len(those[name]), upload, download, upload + download)


def _changed(span: Span) -> Select[Any]:
    """Return the query for services that had another plan, or other terms, from a later day of the span on."""
    within = (service_terms.c.from_on > span.from_on, service_terms.c.from_on <= span.to_on)
    return select(service_terms.c.service_id).where(*within).distinct()


def _plan_at(on: date) -> Subquery:
    """Return the plan that each service with terms had on a day; before its first terms, that of these."""
    is_before = service_terms.c.from_on <= on
    place = func.row_number().over(
        partition_by=service_terms.c.service_id,
        order_by=(
            case((is_before, 0), else_=1),
            case((is_before, service_terms.c.from_on)).desc(),
            service_terms.c.from_on,
        ),
    )
    of_version, of_plan = plan_versions.alias(), plans.alias()
    found = (
        select(service_terms.c.service_id, of_plan.c.code, place.label("place"))
        .join(of_version, of_version.c.id == service_terms.c.plan_version_id)
        .join(of_plan, of_plan.c.id == of_version.c.plan_id)
        .subquery()
    )
    return select(found.c.service_id, found.c.code).where(found.c.place == 1).subquery("at_first")


async def _plans(connection: AsyncConnection, which: Select[Any]) -> dict[UUID, list[tuple[date, str]]]:
    """Return the plans that each of some services with terms had, each with its first day, in order."""
    terms = (
        select(service_terms.c.service_id.label("id"), service_terms.c.from_on, plans.c.code)
        .join(plan_versions, plan_versions.c.id == service_terms.c.plan_version_id)
        .join(plans, plans.c.id == plan_versions.c.plan_id)
        .where(service_terms.c.service_id.in_(which))
        .order_by(service_terms.c.service_id, service_terms.c.from_on)
    )
    found: dict[UUID, list[tuple[date, str]]] = {}
    async for row in stream(connection, terms):
        found.setdefault(row.id, []).append((row.from_on, row.code))
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
