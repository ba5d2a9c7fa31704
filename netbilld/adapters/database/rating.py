"""What rating reads and writes: services' calendars and plans, metered usage, allowances beside the plans' own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, bindparam, delete, exists, func, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.accounting.usage import PeriodTotals
from netbilld.adapters.database.among import among
from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.queries import first_username
from netbilld.adapters.database.tables import (
    allowance_periods,
    allowance_thresholds,
    allowance_uses,
    holidays,
    plan_versions,
    rollovers,
    services,
    sessions,
    shared_allowances,
    shared_services,
    subscribers,
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
from netbilld.billing.rating.card import GivenUnits, RateCard, SharedAllowance
from netbilld.billing.rating.limits import NO_LIMITS, Limits, counts_usage, limits_of
from netbilld.billing.rating.period import UsageIn
from netbilld.billing.rating.stretch import PlanTerms
from netbilld.billing.terms import Terms
from netbilld.model.periods import local_date, monthly_period
from netbilld.services.charge_time import TimedService
from netbilld.services.close_allowances import ClosedPeriod, NewRollover, OpenAllowance
from netbilld.services.live_rating import Crossed, Key, WindowSums
from netbilld.services.rate_usage import counts_time

_MAX_PLANS: Final = 4096
_IDS_A_QUERY: Final = 5_000
_LATELY: Final = timedelta(days=40)
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
            given = await self.given(part)
            shared = await self.shared(part)
            for service_id, billing_day, timezone, activated_on in rows:
                found[service_id] = RateCard(
                    service_id,
                    billing_day,
                    timezone,
                    activated_on,
                    tuple(_plan_terms(one) for one in terms.get(service_id, ())),
                    tuple(given.get(service_id, ())),
                    shared.get(service_id),
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

    async def given(self, service_ids: Sequence[UUID]) -> dict[UUID, list[GivenUnits]]:
        """Return what services were given beside their plans' own allowances: rolled over, and bought."""
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

    async def shared(self, service_ids: Collection[UUID]) -> dict[UUID, SharedAllowance]:
        """Return the allowances that services share, of those that do."""
        ours = select(shared_services.c.shared_id).where(
            among(self._connection, shared_services.c.service_id, service_ids)
        )
        query = (
            select(
                shared_services.c.shared_id,
                shared_services.c.service_id,
                shared_services.c.created_at,
                shared_allowances.c.data_octets,
                services.c.plan_version_id,
            )
            .join(shared_allowances, shared_allowances.c.id == shared_services.c.shared_id)
            .join(services, services.c.id == shared_services.c.service_id)
            .where(shared_services.c.shared_id.in_(ours))
            .order_by(services.c.activated_on, services.c.id)
        )
        rows = (await self._connection.execute(query)).all()
        if not rows:
            return {}
        await self._learn({row.plan_version_id for row in rows})
        members: dict[UUID, list[Any]] = {}
        for row in rows:
            members.setdefault(row.shared_id, []).append(row)
        found: dict[UUID, SharedAllowance] = {}
        for shared_id, of_shared in members.items():
            limit_octets = of_shared[0].data_octets
            if limit_octets is None:
                included = (_plans[row.plan_version_id].allowance for row in of_shared)
                limit_octets = sum(one.data_octets for one in included if one is not None)
            ids = tuple(row.service_id for row in of_shared)
            joined_at = tuple(row.created_at for row in of_shared)
            found |= dict.fromkeys(ids, SharedAllowance(shared_id, limit_octets, ids, joined_at))
        return found

    async def used_octets(self, service_ids: Collection[UUID], on: date) -> dict[UUID, int]:
        """Return what counts of the usage of services in the billing period that a day is in."""
        found: dict[UUID, int] = {}
        for part in _parts(service_ids):
            query = (
                select(
                    usage_periods.c.service_id,
                    usage_periods.c.upload_octets,
                    usage_periods.c.download_octets,
                    usage_periods.c.counted_octets,
                    services.c.plan_version_id,
                )
                .join(services, services.c.id == usage_periods.c.service_id)
                .where(
                    among(self._connection, usage_periods.c.service_id, part),
                    usage_periods.c.start_on <= on,
                    usage_periods.c.end_on > on,
                )
                .order_by(usage_periods.c.start_on)
            )
            rows = (await self._connection.execute(query)).all()
            await self._learn({row.plan_version_id for row in rows})
            for row in rows:
                counted = _plans[row.plan_version_id].counted_octets(row.upload_octets, row.download_octets)
                found[row.service_id] = counted if row.counted_octets is None else row.counted_octets
        return found

    async def used_with(
        self, shared: Mapping[UUID, SharedAllowance], zones: Mapping[UUID, str], now: datetime
    ) -> dict[UUID, int]:
        """Return what counts of the usage of those whom services share an allowance with, in their running periods.

        Args:
            shared: by service.
            zones: of the services that are asked for: a period begins at local midnight.
            now: the instant.
        """
        by_day: dict[date, set[UUID]] = {}
        for service_id, one in shared.items():
            if service_id in zones:
                by_day.setdefault(local_date(now, zones[service_id]), set()).update(one.member_ids)
        found: dict[UUID, int] = {}
        for on, members in by_day.items():
            found |= await self.used_octets(members, on)
        return found

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

    async def limits(self, service_id: UUID, plan: Plan, now: datetime) -> Limits:
        """Return the limits of a service's running billing period, under the plan that it has."""
        if not counts_usage(plan):
            return NO_LIMITS
        query = select(services.c.billing_day, services.c.timezone, services.c.activated_on)
        row = (await self._connection.execute(query.where(services.c.id == service_id))).one()
        return (await self._limits([(service_id, plan, *row)], now))[service_id]

    async def limits_of_versions(
        self, rows: Sequence[tuple[UUID, UUID, int, str, date]], now: datetime
    ) -> dict[UUID, Limits]:
        """Return the limits of services now, given as id, plan version, billing day, zone and first day."""
        await self._learn({row[1] for row in rows})
        known = [(row[0], _plans[row[1]], *row[2:]) for row in rows]
        return await self._limits([row for row in known if counts_usage(row[1])], now)

    async def _limits(self, rows: Sequence[tuple[UUID, Plan, int, str, date]], now: datetime) -> dict[UUID, Limits]:
        if not rows:
            return {}
        ids = [row[0] for row in rows]
        given, shared = await self.given(ids), await self.shared(ids)
        used = await self.used_with(shared, {row[0]: row[3] for row in rows}, now)
        found = {}
        for service_id, plan, billing_day, timezone, activated_on in rows:
            beside = tuple(given.get(service_id, ()))
            card = RateCard(service_id, billing_day, timezone, activated_on, (), beside, shared.get(service_id))
            found[service_id] = limits_of(card, plan, monthly_period(now, billing_day, timezone), used)
        return found

    # -- while usage comes in ------------------------------------------------------------------------------------------

    async def window_sums(self, periods: Collection[Key]) -> dict[Key, WindowSums]:
        """Return what was summed up by stretch and window, of billing periods by service and first day."""
        table = usage_windows.c
        found: dict[Key, WindowSums] = {}
        for part in _parts(periods):
            wanted = set(part)
            first_on, last_on = min(on for _, on in part), max(on for _, on in part)
            query = select(usage_windows).where(
                among(self._connection, table.service_id, {service_id for service_id, _ in part}),
                table.start_on >= first_on,
                table.start_on <= last_on,
            )
            for row in await self._connection.execute(query):
                key = row.service_id, row.start_on
                if key in wanted:
                    of_period = found.setdefault(key, WindowSums({}, {}))
                    of_period.sums[row.from_on, row.window_number] = row.upload_octets, row.download_octets
                    of_period.digests[row.from_on] = row.plan_digest
        return found

    async def put_window_sums(self, sums: Mapping[Key, WindowSums], anew: Collection[Key]) -> None:
        """Keep sums by stretch and window, as they are now; those `anew` replace whatever there was."""
        table = usage_windows.c
        for service_id, start_on in anew:
            await self._connection.execute(
                delete(usage_windows).where(table.service_id == service_id, table.start_on == start_on)
            )
        rows = [
            {
                "service_id": service_id,
                "start_on": start_on,
                "from_on": from_on,
                "window_number": window,
                "plan_digest": of_period.digests[from_on],
                "upload_octets": octets[0],
                "download_octets": octets[1],
            }
            for (service_id, start_on), of_period in sums.items()
            for (from_on, window), octets in of_period.sums.items()
        ]
        if not rows:
            return
        statement = insert_into(self._connection, usage_windows)
        kept = {name: statement.excluded[name] for name in ("upload_octets", "download_octets")}
        keys = ["service_id", "start_on", "from_on", "window_number"]
        await self._connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=kept), rows)

    async def put_counted(self, counted: Mapping[Key, int | None]) -> None:
        """Keep what counts of billing periods, where the plan alone does not tell."""
        rows = [{"id": service_id, "on": on, "octets": octets} for (service_id, on), octets in counted.items()]
        if rows:
            await self._connection.execute(
                update(usage_periods)
                .where(usage_periods.c.service_id == bindparam("id"), usage_periods.c.start_on == bindparam("on"))
                .values(counted_octets=bindparam("octets")),
                rows,
            )

    async def raise_thresholds(self, crossed: Sequence[Crossed]) -> list[Crossed]:
        """Write down shares of allowances that are passed; return those that were not before."""
        table = allowance_thresholds.c
        there: set[tuple[UUID, date, str, int]] = set()
        for part in _parts({one.service_id for one in crossed}):
            query = select(table.service_id, table.start_on, table.unit, table.percent).where(
                among(self._connection, table.service_id, part),
                table.start_on >= min(one.start_on for one in crossed),
            )
            there.update((row[0], row[1], row[2], row[3]) for row in await self._connection.execute(query))
        fresh = [one for one in crossed if (one.service_id, one.start_on, one.unit.value, one.percent) not in there]
        rows = [(*one[:2], one.unit.value, *one[3:]) for one in fresh]
        await insert_rows(self._connection, allowance_thresholds, Crossed._fields, rows, "ON CONFLICT DO NOTHING")
        return fresh

    # -- time online -------------------------------------------------------------------------------------------------

    async def timed(self, since: datetime) -> list[TimedService]:
        """Return services whose time counts and who are online, or were since an instant."""
        rows = (await self._connection.execute(select(plan_versions.c.id))).scalars().all()
        await self._learn(rows)
        versions = [version_id for version_id in rows if counts_time(_plans[version_id])]
        if not versions:
            return []
        online = exists().where(
            sessions.c.service_id == services.c.id,
            or_(sessions.c.stopped_at.is_(None), sessions.c.stopped_at >= since),
        )
        query = (
            select(services.c.id, subscribers.c.id, subscribers.c.number, subscribers.c.currency)
            .join(subscribers, subscribers.c.id == services.c.subscriber_id)
            .where(services.c.plan_version_id.in_(versions), online)
            .order_by(services.c.id)
        )
        return [TimedService(*row) for row in await self._connection.execute(query)]

    async def put_seconds(self, rows: Sequence[tuple[UUID, date, int]]) -> None:
        """Keep the seconds online of billing periods, by service and first day."""
        if rows:
            await self._connection.execute(
                update(usage_periods)
                .where(usage_periods.c.service_id == bindparam("id"), usage_periods.c.start_on == bindparam("on"))
                .values(seconds=bindparam("online")),
                [{"id": service_id, "on": start_on, "online": seconds} for service_id, start_on, seconds in rows],
            )

    # -- at the end of a period ----------------------------------------------------------------------------------------

    async def open_allowances(self, today: date) -> list[OpenAllowance]:
        """Return living services that may hand something on, or have something beside their plan's allowance."""
        rows = (await self._connection.execute(select(plan_versions.c.id))).scalars().all()
        await self._learn(rows)
        versions = [one for one in rows if (allowance := _plans[one].allowance) is not None and allowance.rollover]
        lately = today - _LATELY
        beside = union(
            select(top_ups.c.service_id).where(top_ups.c.until_on >= lately),
            select(rollovers.c.service_id).where(rollovers.c.until_on >= lately),
        )
        closed_until_on = (
            select(func.max(allowance_periods.c.end_on))
            .where(allowance_periods.c.service_id == services.c.id)
            .scalar_subquery()
        )
        query = select(
            services.c.id, services.c.billing_day, services.c.timezone, services.c.activated_on, closed_until_on
        ).where(
            services.c.ended_at.is_(None),
            or_(services.c.plan_version_id.in_(versions), services.c.id.in_(beside)),
        )
        return [OpenAllowance(*row) for row in await self._connection.execute(query)]

    async def close(
        self,
        periods: Sequence[ClosedPeriod],
        uses: Sequence[tuple[UUID, date, int]],
        rolled: Sequence[NewRollover],
    ) -> None:
        """Write down periods that are over, what of bought and rolled units was used in them, and what is handed on."""
        for table, columns, rows in (
            (allowance_periods, ClosedPeriod._fields, [(one[0], one.unit.value, *one[2:]) for one in periods]),
            (allowance_uses, ("grant_id", "start_on", "units"), uses),
            (rollovers, NewRollover._fields, [(*one[:2], one.unit.value, *one[3:]) for one in rolled]),
        ):
            await insert_rows(self._connection, table, columns, rows, "ON CONFLICT DO NOTHING")

    async def owners(self, service_ids: Collection[UUID]) -> dict[UUID, tuple[UUID, str]]:
        """Return whose services are, and the name by which each logs in."""
        query = select(services.c.id, services.c.subscriber_id, first_username(services.c.id).label("username")).where(
            among(self._connection, services.c.id, service_ids)
        )
        return {row.id: (row.subscriber_id, row.username or "") for row in await self._connection.execute(query)}


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
