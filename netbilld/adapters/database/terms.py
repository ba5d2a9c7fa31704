"""What services are billed by, day by day, and the days on which they are stopped."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.among import among
from netbilld.adapters.database.tables import service_stops, service_terms, services, subscribers
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.plan import Timing
from netbilld.billing.plan_file import discount_definition, discount_from, speed_definition, speed_from
from netbilld.billing.terms import Stop, StopKind, Terms

_A_STATEMENT: Final = 5_000
_A_INSERT: Final = 1_000


@dataclass(frozen=True, slots=True)
class WaitingStop:
    """A pause whose service may not stand as it says; `starts` tells its beginning from its end."""

    service_id: UUID
    stop: Stop
    timezone: str
    starts: bool


class TermsStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, service_ids: Collection[UUID]) -> dict[UUID, list[Terms]]:
        """Return the terms of services, in order of their first days; a service that exists has some."""
        found: dict[UUID, list[Terms]] = {}
        for part in _parts(service_ids):
            query = (
                select(service_terms)
                .where(among(self._connection, service_terms.c.service_id, part))
                .order_by(service_terms.c.service_id, service_terms.c.from_on)
            )
            for row in await self._connection.execute(query):
                found.setdefault(row.service_id, []).append(_terms(row))
        if without := [service_id for service_id in service_ids if service_id not in found]:
            found |= await self._of_rows_without(without)
        return found

    async def _of_rows_without(self, service_ids: Collection[UUID]) -> dict[UUID, list[Terms]]:
        """Return what services are billed by that came by another way than `ServiceStore.add`."""
        found: dict[UUID, list[Terms]] = {}
        for part in _parts(service_ids):
            query = (
                select(
                    services.c.id,
                    services.c.activated_on,
                    services.c.plan_version_id,
                    subscribers.c.customer_group,
                    subscribers.c.area,
                )
                .join(subscribers, subscribers.c.id == services.c.subscriber_id)
                .where(among(self._connection, services.c.id, part))
            )
            for row in await self._connection.execute(query):
                found[row.id] = [
                    Terms(row.activated_on, row.plan_version_id, customer_group=row.customer_group, area=row.area)
                ]
        return found

    async def stops(self, service_ids: Collection[UUID]) -> dict[UUID, list[Stop]]:
        """Return the days on which services are stopped, oldest first; without those that never were."""
        found: dict[UUID, list[Stop]] = {}
        for part in _parts(service_ids):
            query = (
                select(service_stops)
                .where(among(self._connection, service_stops.c.service_id, part))
                .order_by(service_stops.c.from_on, service_stops.c.id)
            )
            for row in await self._connection.execute(query):
                stop = Stop(StopKind(row.kind), row.from_on, row.until_on, row.reason, row.actor)
                found.setdefault(row.service_id, []).append(stop)
        return found

    # -- terms ---------------------------------------------------------------------------------------------------------

    async def begin(self, service_ids: Sequence[UUID], actor: str) -> None:
        """Write down the first terms of services that have just been stored: their plan version, from activation on."""
        for start in range(0, len(service_ids), _A_STATEMENT):
            columns = (
                "service_id", "from_on", "plan_version_id", "customer_group", "area", "actor", "created_at",
                "applied_at",
            )  # fmt: skip
            first = (
                select(
                    services.c.id,
                    services.c.activated_on,
                    services.c.plan_version_id,
                    subscribers.c.customer_group,
                    subscribers.c.area,
                    literal(actor),
                    services.c.created_at,
                    services.c.created_at,
                )
                .join(subscribers, subscribers.c.id == services.c.subscriber_id)
                .where(among(self._connection, services.c.id, service_ids[start : start + _A_STATEMENT]))
            )
            await self._connection.execute(insert(service_terms).from_select(columns, first))

    async def replace_from(
        self, service_id: UUID, day: date, rows: Sequence[Terms], *, at: datetime, applied: Collection[date]
    ) -> None:
        """Store `rows` instead of whatever a service was billed by from `day` on.

        Args:
            service_id: of the service.
            day: the first day that changes.
            rows: in order; the first one is for `day`.
            at: now.
            applied: first days of those to which the service stands already.
        """
        table = service_terms.c
        await self._connection.execute(
            delete(service_terms).where(table.service_id == service_id, table.from_on >= day)
        )
        values = [_row(service_id, one, at, at if one.from_on in applied else None) for one in rows]
        await self._connection.execute(insert(service_terms), values)

    async def put_many(self, rows: Iterable[tuple[UUID, Terms]], *, at: datetime) -> None:
        """Store terms of many services, to be applied when their day has come; those of that very day are replaced."""
        values = [_row(service_id, one, at, None) for service_id, one in rows]
        statement = insert_into(self._connection, service_terms)
        changed = {column.name: statement.excluded[column.name] for column in service_terms.c if not column.primary_key}
        upsert = statement.on_conflict_do_update(index_elements=["service_id", "from_on"], set_=changed)
        for start in range(0, len(values), _A_INSERT):
            await self._connection.execute(upsert, values[start : start + _A_INSERT])

    async def waiting_zones(self, latest: date) -> list[str]:
        """Return the time zones of living services that are to be moved to terms up to a day."""
        query = select(services.c.timezone).distinct().join_from(service_terms, services).where(_is_waiting(latest))
        return sorted((await self._connection.execute(query)).scalars())

    async def waiting(self, timezone: str, until_on: date, limit: int) -> list[UUID]:
        """Return living services of a time zone that are not moved yet to terms up to a day, earliest first."""
        query = (
            select(service_terms.c.service_id)
            .join(services, services.c.id == service_terms.c.service_id)
            .where(_is_waiting(until_on), services.c.timezone == timezone)
            .order_by(service_terms.c.from_on, service_terms.c.service_id)
            .limit(limit)
        )
        return list(dict.fromkeys((await self._connection.execute(query)).scalars()))

    async def mark_applied(self, service_id: UUID, from_on: date, at: datetime) -> None:
        """Write down that a service stands by these terms, and with them by all before."""
        table = service_terms.c
        await self._connection.execute(
            update(service_terms)
            .where(table.service_id == service_id, table.from_on <= from_on, table.applied_at.is_(None))
            .values(applied_at=at)
        )

    # -- stops ---------------------------------------------------------------------------------------------------------

    async def add_stop(self, service_id: UUID, stop: Stop, at: datetime) -> None:
        """Write down that a service is stopped, or will be."""
        await self._connection.execute(
            insert(service_stops).values(
                service_id=service_id,
                kind=stop.kind.value,
                from_on=stop.from_on,
                until_on=stop.until_on,
                reason=stop.reason,
                actor=stop.actor,
                created_at=at,
            )
        )

    async def end_stops(self, service_id: UUID, on: date) -> None:
        """End every stop of a service on a day, from which on it runs; one that would begin then or later is gone."""
        table = service_stops.c
        mine = table.service_id == service_id
        await self._connection.execute(delete(service_stops).where(mine, table.from_on >= on))
        still = or_(table.until_on.is_(None), table.until_on > on)
        await self._connection.execute(update(service_stops).where(mine, still).values(until_on=on))

    async def waiting_stops(self, latest: date, limit: int) -> list[WaitingStop]:
        """Return pauses that may begin by a day while their services are active, or end while they are paused."""
        table = service_stops.c
        paused = table.kind == StopKind.PAUSED.value
        joined = select(table.service_id, table.from_on, table.until_on, services.c.timezone, table.reason).join(
            services, services.c.id == table.service_id
        )
        begins = joined.where(
            paused,
            table.from_on <= latest,
            or_(table.until_on.is_(None), table.until_on >= latest - timedelta(days=2)),
            services.c.status == "active",
        )
        other = service_stops.alias()
        goes_on = exists().where(
            other.c.service_id == table.service_id,
            other.c.id != table.id,
            other.c.kind == StopKind.PAUSED.value,
            or_(other.c.until_on.is_(None), other.c.until_on > table.until_on),
        )
        ends = joined.where(paused, table.until_on <= latest, services.c.status == "paused", ~goes_on)
        found = []
        for query, starts in ((begins, True), (ends, False)):
            for row in await self._connection.execute(query.order_by(table.from_on, table.id).limit(limit)):
                stop = Stop(StopKind.PAUSED, row.from_on, row.until_on, row.reason)
                found.append(WaitingStop(row.service_id, stop, row.timezone, starts))
        return found


def _is_waiting(until_on: date) -> ColumnElement[bool]:
    table = service_terms.c
    return and_(table.applied_at.is_(None), table.from_on <= until_on, services.c.ended_at.is_(None))


def _terms(row: Any) -> Terms:
    return Terms(
        from_on=row.from_on,
        plan_version_id=row.plan_version_id,
        price_minor=row.price_minor,
        speed=speed_from(row.speed) if row.speed else None,
        timing=Timing(row.timing) if row.timing else None,
        free=row.free,
        add_ons=tuple(row.add_ons or ()),
        discounts=tuple(discount_from(one) for one in row.discounts or ()),
        customer_group=row.customer_group,
        area=row.area,
        is_reset=row.is_reset,
        reason=row.reason,
        actor=row.actor,
    )


def _row(service_id: UUID, terms: Terms, at: datetime, applied_at: datetime | None) -> dict[str, Any]:
    return {
        "service_id": service_id,
        "from_on": terms.from_on,
        "plan_version_id": terms.plan_version_id,
        "price_minor": terms.price_minor,
        "speed": speed_definition(terms.speed) if terms.speed else None,
        "timing": terms.timing.value if terms.timing else None,
        "free": terms.free,
        "add_ons": list(terms.add_ons) or None,
        "discounts": [discount_definition(one) for one in terms.discounts] or None,
        "customer_group": terms.customer_group,
        "area": terms.area,
        "is_reset": terms.is_reset,
        "reason": terms.reason,
        "actor": terms.actor,
        "created_at": at,
        "applied_at": applied_at,
    }


def _parts(ids: Collection[UUID]) -> list[list[UUID]]:
    listed = list(ids)
    return [listed[start : start + _A_STATEMENT] for start in range(0, len(listed), _A_STATEMENT)]
