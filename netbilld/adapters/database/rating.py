"""What rating reads and writes: services' calendars and plans, metered usage, allowances beside the plans' own."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.accounting.usage import PeriodTotals
from netbilld.adapters.database.among import among
from netbilld.adapters.database.tables import (
    allowance_uses,
    holidays,
    plan_versions,
    rollovers,
    services,
    sessions,
    top_ups,
    usage_hours,
    usage_periods,
    usage_slices,
    usage_windows,
)
from netbilld.adapters.database.terms import TermsStore
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.plan import Plan
from netbilld.billing.plan_file import plan_from_definition
from netbilld.billing.rating.allowance import GrantKind, Unit
from netbilld.billing.rating.card import GivenUnits, RateCard
from netbilld.billing.rating.period import Sums, UsageIn
from netbilld.billing.rating.stretch import PlanTerms
from netbilld.billing.terms import Terms

_MAX_PLANS: Final = 4096
_IDS_A_QUERY: Final = 5_000
_plans: Final[dict[UUID, Plan]] = {}  # a version never changes
_timed_plans: Final[dict[tuple[UUID, str], Plan]] = {}  # with the timing that a service's own terms say


class RatingStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def cards(self, service_ids: Collection[UUID]) -> dict[UUID, RateCard]:
        """Return what rating needs to know of those of the services that exist."""
        found: dict[UUID, RateCard] = {}
        for part in _parts(service_ids):
            query = select(services.c.id, services.c.billing_day, services.c.timezone, services.c.activated_on).where(
                among(self._connection, services.c.id, part)
            )
            rows = (await self._connection.execute(query)).all()
            terms = await TermsStore(self._connection).of([row.id for row in rows])
            await self._learn({one.plan_version_id for of_service in terms.values() for one in of_service})
            given = await self._given(part)
            for service_id, billing_day, timezone, activated_on in rows:
                found[service_id] = RateCard(
                    service_id,
                    billing_day,
                    timezone,
                    activated_on,
                    tuple(_plan_terms(one) for one in terms.get(service_id, ())),
                    tuple(given.get(service_id, ())),
                )
        return found

    async def _learn(self, version_ids: Collection[UUID]) -> None:
        unknown = [version_id for version_id in version_ids if version_id not in _plans]
        if not unknown:
            return
        if len(_plans) > _MAX_PLANS:
            _plans.clear()
            _timed_plans.clear()
            unknown = list(version_ids)
        query = select(plan_versions.c.id, plan_versions.c.definition).where(plan_versions.c.id.in_(unknown))
        for version_id, definition in await self._connection.execute(query):
            _plans[version_id] = plan_from_definition(definition)

    async def _given(self, service_ids: Sequence[UUID]) -> dict[UUID, list[GivenUnits]]:
        found: dict[UUID, list[GivenUnits]] = {}
        rolled = rollovers.c
        query = select(rolled.id, rolled.service_id, rolled.unit, rolled.units, rolled.from_on, rolled.until_on)
        for row in await self._connection.execute(query.where(among(self._connection, rolled.service_id, service_ids))):
            one = GivenUnits(row.id, GrantKind.ROLLOVER, Unit(row.unit), row.units, row.from_on, row.until_on)
            found.setdefault(row.service_id, []).append(one)
        bought = select(top_ups).where(among(self._connection, top_ups.c.service_id, service_ids))
        for row in await self._connection.execute(bought):
            unit, units = (Unit.DATA, row.data_octets) if row.data_octets else (Unit.TIME, row.time_seconds)
            one = GivenUnits(row.id, GrantKind.TOP_UP, unit, units or 0, row.bought_on, row.until_on)
            found.setdefault(row.service_id, []).append(one)
        if not found:
            return found
        uses: dict[UUID, list[tuple[date, int]]] = {}
        ids = [one.id for of_service in found.values() for one in of_service]
        for part in _parts(ids):
            used = select(allowance_uses).where(among(self._connection, allowance_uses.c.grant_id, part))
            for row in await self._connection.execute(used):
                uses.setdefault(row.grant_id, []).append((row.start_on, row.units))
        return {
            service_id: [one._replace(uses=tuple(uses.get(one.id, ()))) for one in of_service]
            for service_id, of_service in found.items()
        }

    async def hours(
        self, service_ids: Collection[UUID], from_at: datetime, to_at: datetime
    ) -> dict[UUID, list[UsageIn]]:
        """Return the local hours of services in a span."""
        return await self._usage(usage_hours, usage_hours.c.hour_at, service_ids, from_at, to_at)

    async def slices(
        self, service_ids: Collection[UUID], from_at: datetime, to_at: datetime
    ) -> dict[UUID, list[UsageIn]]:
        """Return the slices of services in a span."""
        return await self._usage(usage_slices, usage_slices.c.start_at, service_ids, from_at, to_at)

    async def _usage(
        self, table: Table, at: Any, service_ids: Collection[UUID], from_at: datetime, to_at: datetime
    ) -> dict[UUID, list[UsageIn]]:
        found: dict[UUID, list[UsageIn]] = {}
        for part in _parts(service_ids):
            query = select(table.c.service_id, at, table.c.upload_octets, table.c.download_octets).where(
                among(self._connection, table.c.service_id, part), at >= from_at, at < to_at
            )
            for service_id, *usage in await self._connection.execute(query):
                found.setdefault(service_id, []).append(UsageIn(*usage))
        return found

    async def periods(
        self, service_ids: Collection[UUID], first_on: date, last_on: date
    ) -> dict[UUID, list[PeriodTotals]]:
        """Return what the billing periods hold that begin from one day to another, both included."""
        columns = [usage_periods.c[name] for name in PeriodTotals._fields]
        found: dict[UUID, list[PeriodTotals]] = {}
        for part in _parts(service_ids):
            query = select(*columns).where(
                among(self._connection, usage_periods.c.service_id, part),
                usage_periods.c.start_on >= first_on,
                usage_periods.c.start_on <= last_on,
            )
            for row in await self._connection.execute(query):
                found.setdefault(row.service_id, []).append(PeriodTotals(*row))
        return found

    async def online(
        self, service_ids: Collection[UUID], from_at: datetime, to_at: datetime
    ) -> dict[UUID, list[tuple[datetime, datetime]]]:
        """Return when services had sessions in a span: (begin, end), of an open one up to its last word."""
        end = func.coalesce(sessions.c.stopped_at, sessions.c.updated_at)
        found: dict[UUID, list[tuple[datetime, datetime]]] = {}
        for part in _parts(service_ids):
            query = select(
                sessions.c.service_id, sessions.c.started_at, sessions.c.stopped_at, sessions.c.updated_at
            ).where(among(self._connection, sessions.c.service_id, part), sessions.c.started_at < to_at, end >= from_at)
            for service_id, started_at, stopped_at, updated_at in await self._connection.execute(query):
                found.setdefault(service_id, []).append((started_at, stopped_at or updated_at))
        return found

    async def holidays(self, first_on: date, last_on: date) -> frozenset[date]:
        """Return the holidays from one day to another, both included, that are holidays everywhere."""
        query = select(holidays.c.on).where(holidays.c.area == "", holidays.c.on >= first_on, holidays.c.on <= last_on)
        return frozenset((await self._connection.execute(query)).scalars())

    # -- sums by stretch and window ------------------------------------------------------------------------------------

    async def window_sums(self, periods: Collection[tuple[UUID, date]]) -> dict[tuple[UUID, date], Sums]:
        """Return what was summed up by stretch and window, of billing periods by service and first day."""
        table = usage_windows.c
        found: dict[tuple[UUID, date], dict[tuple[date, int], tuple[int, int]]] = {}
        for part in _parts(periods):
            query = select(
                table.service_id,
                table.start_on,
                table.from_on,
                table.window_number,
                table.upload_octets,
                table.download_octets,
            ).where(tuple_(table.service_id, table.start_on).in_(part))
            for service_id, start_on, from_on, window, *octets in await self._connection.execute(query):
                found.setdefault((service_id, start_on), {})[from_on, window] = (octets[0], octets[1])
        return {**found}

    async def put_window_sums(self, sums: Mapping[tuple[UUID, date], Sums], anew: Iterable[tuple[UUID, date]]) -> None:
        """Keep sums by stretch and window, as they are now; those `anew` have no others."""
        for part in _parts(list(anew)):
            table = usage_windows.c
            await self._connection.execute(
                delete(usage_windows).where(tuple_(table.service_id, table.start_on).in_(part))
            )
        rows = [
            {
                "service_id": service_id,
                "start_on": start_on,
                "from_on": from_on,
                "window_number": window,
                "upload_octets": octets[0],
                "download_octets": octets[1],
            }
            for (service_id, start_on), of_period in sums.items()
            for (from_on, window), octets in of_period.items()
        ]
        if not rows:
            return
        statement = insert_into(self._connection, usage_windows)
        kept = {name: statement.excluded[name] for name in ("upload_octets", "download_octets")}
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["service_id", "start_on", "from_on", "window_number"], set_=kept
            ),
            rows,
        )


def _plan_terms(terms: Terms) -> PlanTerms:
    plan = _plans[terms.plan_version_id]
    if terms.timing is not None and terms.timing is not plan.timing:
        key = terms.plan_version_id, terms.timing.value
        if key not in _timed_plans:
            _timed_plans[key] = replace(plan, timing=terms.timing)
        plan = _timed_plans[key]
    return PlanTerms(terms.from_on, plan, terms.free, terms.is_reset)


def _parts(ids: Collection[Any]) -> list[list[Any]]:
    listed = list(ids)
    return [listed[start : start + _IDS_A_QUERY] for start in range(0, len(listed), _IDS_A_QUERY)]
