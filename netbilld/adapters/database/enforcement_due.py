"""What services are due: the facts it is computed from, in a few bulk queries, and the result on record."""

import json
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from sys import intern
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, Text, cast, exists, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.among import among
from netbilld.adapters.database.buyers import BuyerStore
from netbilld.adapters.database.owing import OwingQueries
from netbilld.adapters.database.rating import RatingStore
from netbilld.adapters.database.tables import (
    accounts,
    brake_holds,
    credentials,
    desired,
    plan_versions,
    service_locks,
    services,
    subscribers,
    usage_periods,
    vouchers,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.overrides import with_overrides
from netbilld.billing.plan import Plan, SessionLimit
from netbilld.billing.plan_file import plan_from_definition
from netbilld.billing.rating.card import GivenUnits, RateCard, SharedAllowance
from netbilld.billing.rating.limits import NO_LIMITS, counts_usage, limits_of
from netbilld.billing.rating.windows import NO_HOLIDAYS
from netbilld.billing.standing import StandingPolicy, standing
from netbilld.billing.wallet_tax import with_tax_in_prices
from netbilld.enforcement.desired import DesiredService
from netbilld.enforcement.policy import PeriodUsage, ServiceFacts, ServiceStatus
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.model.periods import BillingPeriod, monthly_period, next_anchor
from netbilld.model.service_lock import LockKind
from netbilld.services.access_directory import SealedCredential

# Named ids in one statement: either database takes more than 32,000.
IDS_A_QUERY: Final = 10_000
ROWS_A_STATEMENT: Final = 1_000
ROWS_A_PAGE: Final = 4_000
_DUE_GATE: Final = 0x6E62_6475_0000  # advisory locks of PostgreSQL, one for each bucket of services
_BUCKETS: Final = 256
_A_DAY: Final = timedelta(days=1)
_LONGEST_PERIOD: Final = timedelta(days=33)
_ACCESSES: Final = {str(access): access for access in Access}
_STATUSES: Final = {str(status): status for status in ServiceStatus}
_ONE_DEVICE: Final = SessionLimit(1, "replace")  # of a voucher whose plan says nothing: the phone that came last


class DueQueries:
    """Facts, credentials and desired state."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._rating = RatingStore(connection)

    async def living_services(self) -> list[UUID]:
        """Return every service that can still be logged in to, or that has not ended."""
        query = select(services.c.id).where(_living()).order_by(services.c.id)
        return [service_id for (service_id,) in (await self._connection.execute(query)).all()]

    async def facts(self, service_ids: Iterable[UUID], policy: StandingPolicy, now: datetime) -> list[ServiceFacts]:
        """Return all that entitlement looks at, of those of the services that exist.

        Args:
            service_ids: the services wanted.
            policy: when an unpaid invoice makes overdue.
            now: decides on period and standing.
        """
        found: list[ServiceFacts] = []
        for narrowed in self._narrowed(_facts_query(), services.c.id, service_ids):
            found += await self._facts((await self._connection.execute(narrowed)).all(), policy, now)
        return found

    async def everyone(self, policy: StandingPolicy, now: datetime) -> AsyncIterator[list[ServiceFacts]]:
        """Yield the facts of every living service, some thousands at a time: a third of the work of asking by id."""
        query = _facts_query().where(_living())
        async with self._connection.stream(query, execution_options={"yield_per": ROWS_A_PAGE}) as result:
            async for rows in result.partitions():
                yield await self._facts(rows, policy, now)

    async def _facts(self, rows: Sequence[Sequence[Any]], policy: StandingPolicy, now: datetime) -> list[ServiceFacts]:
        if not rows:
            return []
        service_ids = [row[0] for row in rows]
        subscriber_ids = list({row[1] for row in rows})
        plans = await self._plans({row[2] for row in rows})
        usage = await self._usage(service_ids, now)
        owing = await OwingQueries(self._connection).of(subscriber_ids, policy, now)
        wallets = await self._wallets(subscriber_ids)
        locks = await self._locks(service_ids)
        beside = await self._beside(rows, plans, now)
        owes_nothing = standing((), policy, now)
        starts: dict[tuple[int, str], date] = {}
        exempt = await self._exempt(subscriber_ids, plans, policy)
        had: dict[tuple[UUID, str | None, bool, bool], Plan] = {}  # services with the same overrides share their plan
        found = []
        for (
            service_id, subscriber_id, plan_version_id, status, billing_day, timezone, paid_until_on, static_ip,
            ipv6_prefix, delegated_prefix, overrides, locale, held_at, activated_on, valid_until_at,
        ) in rows:  # fmt: skip
            key = (plan_version_id, overrides, subscriber_id in exempt, valid_until_at is not None)
            plan = had.get(key)
            if plan is None:
                own = json.loads(overrides) if overrides else None
                plan = with_overrides(plans[plan_version_id], own)
                if valid_until_at is not None and plan.sessions is None:
                    plan = replace(plan, sessions=_ONE_DEVICE)
                plan = had[key] = with_tax_in_prices(plan, policy.taxes, now.date(), exempt=key[2])
            calendar = (billing_day, timezone)
            start_on = starts.get(calendar)
            if start_on is None:
                start_on = starts[calendar] = monthly_period(now, *calendar).start_on
            owed = owing.get(subscriber_id)
            service_locks = locks.get(service_id)
            found.append(
                ServiceFacts(
                    service_id,
                    _STATUSES[status],
                    plan,
                    billing_day,
                    intern(timezone),  # facts stay in memory, one zone for all of them
                    usage.get((service_id, start_on)),
                    standing(owed.counting, policy, now, owed.terms) if owed else owes_nothing,
                    wallets.get(subscriber_id, 0),
                    paid_until_on,
                    static_ip,
                    ipv6_prefix,
                    delegated_prefix,
                    None if locale is None else intern(locale),
                    () if service_locks is None else tuple(service_locks),
                    held_at is not None,
                    *beside.of(service_id, plan, start_on, activated_on, calendar),
                    valid_until_at,
                )
            )
        return found

    async def _beside(self, rows: Sequence[Sequence[Any]], plans: Mapping[UUID, Plan], now: datetime) -> "_Beside":
        """Return what counts beside the plans' own allowances."""
        found = _Beside()
        if any(plan.happy_hours for plan in plans.values()):
            today = now.date()
            found.holidays = await self._rating.holidays(today - _A_DAY, today + 2 * _A_DAY)
        metered = {version_id for version_id, plan in plans.items() if counts_usage(plan)}
        zones = {row[0]: row[5] for row in rows if row[2] in metered}
        if zones:
            found.given = await self._rating.given(list(zones))
            found.shared = await self._rating.shared(zones)
            found.used = await self._rating.used_with(found.shared, zones, now)
            timed = [row[0] for row in rows if row[2] in metered and row[-1] is not None]
            found.earlier = await self._all_usage(timed) if timed else {}
        return found

    async def _all_usage(self, service_ids: Sequence[UUID]) -> dict[UUID, list[PeriodUsage]]:
        """Return the usage of every period of vouchers: what is theirs is theirs for their whole time."""
        table = usage_periods.c
        query = select(
            table.service_id,
            table.start_on,
            table.upload_octets,
            table.download_octets,
            table.counted_octets,
            table.seconds,
        )
        found: dict[UUID, list[PeriodUsage]] = {}
        for narrowed in self._narrowed(query, table.service_id, service_ids):
            for service_id, *usage in await self._connection.execute(narrowed):
                found.setdefault(service_id, []).append(PeriodUsage(*usage))
        return found

    async def _exempt(
        self, subscriber_ids: Sequence[UUID], plans: Mapping[UUID, Plan], policy: StandingPolicy
    ) -> Collection[UUID]:
        """Return whom no tax is added for, where any of these plans has one that comes on top of its prices."""
        if not policy.taxes.is_pkp or all(plan.tax.inclusive for plan in plans.values()):
            return ()
        return await BuyerStore(self._connection).exempt(subscriber_ids)

    async def _plans(self, version_ids: Iterable[UUID]) -> dict[UUID, Plan]:
        found: dict[UUID, Plan] = {}
        for part in _parts(version_ids):
            query = select(plan_versions.c.id, cast(plan_versions.c.definition, Text)).where(
                among(self._connection, plan_versions.c.id, part)
            )
            for version_id, definition in await self._connection.execute(query):
                found[version_id] = _plan(definition)
        return found

    async def _usage(self, service_ids: Sequence[UUID], now: datetime) -> dict[tuple[UUID, date], PeriodUsage]:
        # A day either side: which day it is depends on each service's own time zone.
        table = usage_periods.c
        query = select(
            table.service_id,
            table.start_on,
            table.upload_octets,
            table.download_octets,
            table.counted_octets,
            table.seconds,
        ).where(
            among(self._connection, table.service_id, service_ids),
            table.start_on >= (now - _LONGEST_PERIOD).date(),
            table.end_on >= (now - timedelta(days=1)).date(),
        )
        return {
            (row.service_id, row.start_on): PeriodUsage(
                row.start_on, row.upload_octets, row.download_octets, row.counted_octets, row.seconds
            )
            for row in await self._connection.execute(query)
        }

    async def _wallets(self, subscriber_ids: Sequence[UUID]) -> dict[UUID, int]:
        query = select(accounts.c.subscriber_id, accounts.c.balance_minor).where(accounts.c.code.like("wallet:%"))
        found: dict[UUID, int] = {}
        for narrowed in self._narrowed(query, accounts.c.subscriber_id, subscriber_ids):
            found.update((row.subscriber_id, row.balance_minor) for row in await self._connection.execute(narrowed))
        return found

    async def _locks(self, service_ids: Sequence[UUID]) -> dict[UUID, list[tuple[LockKind, str]]]:
        table = service_locks.c
        query = select(table.service_id, table.kind, table.value).where(
            among(self._connection, table.service_id, service_ids)
        )
        found: dict[UUID, list[tuple[LockKind, str]]] = {}
        for service_id, kind, value in await self._connection.execute(query.order_by(table.kind, table.value)):
            found.setdefault(service_id, []).append((kind, value))
        return found

    async def access_rows(self, service_ids: Iterable[UUID]) -> list[SealedCredential]:
        """Return the credentials of these services, with their secrets still sealed."""
        found: list[SealedCredential] = []
        for narrowed in self._narrowed(_credentials_query(), credentials.c.service_id, service_ids):
            found += _sealed((await self._connection.execute(narrowed)).all())
        return found

    async def every_access_row(self) -> AsyncIterator[list[SealedCredential]]:
        """Yield every credential, some thousands at a time, with their secrets still sealed."""
        query = _credentials_query()
        async with self._connection.stream(query, execution_options={"yield_per": ROWS_A_PAGE}) as result:
            async for rows in result.partitions():
                yield _sealed(rows)

    async def desired(self, service_ids: Iterable[UUID]) -> dict[UUID, DesiredService]:
        """Return what is on record as due, by service."""
        table = desired.c
        # as text: the few different profiles among many services are read once each
        query = select(
            table.service_id, table.access, table.reason, cast(table.profile, Text), table.profile_key, table.cause,
            table.since_at, table.until_at,
        )  # fmt: skip
        found: dict[UUID, DesiredService] = {}
        profiles: dict[str, ServiceProfile] = {}
        for narrowed in self._narrowed(query, table.service_id, service_ids):
            for service_id, access, reason, written, *rest in (await self._connection.execute(narrowed)).all():
                profile = profiles.get(written)
                if profile is None:
                    profile = profiles[written] = ServiceProfile.from_json(json.loads(written))
                found[service_id] = DesiredService(service_id, _ACCESSES[access], reason, profile, *rest)
        return found

    def _narrowed(self, query: Select[Any], column: Column[Any], ids: Iterable[UUID]) -> list[Select[Any]]:
        return [query.where(among(self._connection, column, part)) for part in _parts(ids)]

    async def due_by_time(self, now: datetime) -> list[UUID]:
        """Return the services that time alone may have changed by now."""
        query = select(desired.c.service_id).where(desired.c.until_at <= now)
        found: list[UUID] = []  # a page at a time: everybody may be due at once
        async with self._connection.stream(query, execution_options={"yield_per": ROWS_A_STATEMENT}) as result:
            async for rows in result.partitions():
                found += [service_id for (service_id,) in rows]
        return found

    async def hold_due(self, service_ids: Iterable[UUID]) -> bool:
        """Let nobody else put on record what these are due before this transaction ends.

        Returns:
            whether others could have: False on SQLite, where there is one daemon, which takes its own turns.
        """
        if self._connection.dialect.name == "sqlite":
            return False
        buckets = sorted({_DUE_GATE + service_id.int % _BUCKETS for service_id in service_ids})
        query = text("SELECT count(pg_advisory_xact_lock(bucket)) FROM unnest(CAST(:buckets AS bigint[])) AS bucket")
        await self._connection.execute(query, {"buckets": buckets})
        return True

    async def store_desired(self, wanted: Sequence[DesiredService]) -> None:
        """Put on record what services are due."""
        statement = insert_into(self._connection, desired)
        changed = {column.name: statement.excluded[column.name] for column in desired.c if not column.primary_key}
        upsert = statement.on_conflict_do_update(index_elements=["service_id"], set_=changed)
        for start in range(0, len(wanted), ROWS_A_STATEMENT):
            rows = [_desired_row(service) for service in wanted[start : start + ROWS_A_STATEMENT]]
            await self._connection.execute(upsert, rows)


class _Beside:
    """What counts beside the plans' own allowances, of services that are read together."""

    def __init__(self) -> None:
        self.given: Mapping[UUID, Sequence[GivenUnits]] = {}
        self.shared: Mapping[UUID, SharedAllowance] = {}
        self.used: Mapping[UUID, int] = {}
        self.earlier: Mapping[UUID, Sequence[PeriodUsage]] = {}
        self.holidays = NO_HOLIDAYS

    def of(
        self, service_id: UUID, plan: Plan, start_on: date, activated_on: date, calendar: tuple[int, str]
    ) -> tuple[int | None, int, int | None, date | None, frozenset[date]]:
        """Return the last fields of a service's facts: limit, octets of others, seconds, trial, holidays."""
        trial_until_on = activated_on + timedelta(days=plan.trial_days) if plan.trial_days else None
        if not counts_usage(plan):
            return *NO_LIMITS, trial_until_on, self.holidays
        period = BillingPeriod(start_on, next_anchor(start_on, calendar[0]), calendar[1])
        given = tuple(self.given.get(service_id, ()))
        card = RateCard(service_id, *calendar, activated_on, (), given, self.shared.get(service_id))
        octets, others_octets, seconds = limits_of(card, plan, period, self.used)
        before = [usage for usage in self.earlier.get(service_id, ()) if usage.start_on < start_on]
        others_octets += sum(usage.counts(plan) for usage in before)
        if seconds is not None:
            seconds = max(0, seconds - sum(usage.seconds for usage in before))
        return octets, others_octets, seconds, trial_until_on, self.holidays


def _facts_query() -> Select[Any]:
    return select(
        services.c.id,
        services.c.subscriber_id,
        services.c.plan_version_id,
        services.c.status,
        services.c.billing_day,
        services.c.timezone,
        services.c.paid_until_on,
        services.c.static_ip,
        services.c.ipv6_prefix,
        services.c.delegated_prefix,
        cast(services.c.overrides, Text),
        subscribers.c.locale,
        brake_holds.c.held_at,
        services.c.activated_on,
        vouchers.c.valid_until_at,  # last: see `_beside`
    ).select_from(
        services.join(subscribers, subscribers.c.id == services.c.subscriber_id)
        .outerjoin(brake_holds, (brake_holds.c.service_id == services.c.id) & brake_holds.c.released_at.is_(None))
        .outerjoin(vouchers, vouchers.c.id == services.c.id)
    )


def _living() -> ColumnElement[bool]:
    return or_(services.c.ended_at.is_(None), exists().where(credentials.c.service_id == services.c.id))


def _credentials_query() -> Select[Any]:
    table = credentials.c
    return select(
        table.id, table.service_id, table.kind, table.name, table.name_key, table.password_sealed,
        table.nt_hash_sealed,
    )  # fmt: skip


def _sealed(rows: Iterable[Sequence[Any]]) -> list[SealedCredential]:
    return [
        SealedCredential(
            credential_id,
            service_id,
            intern(kind),  # type: ignore[arg-type]  # one of few words
            name,
            name if name == name_key else name_key,
            password_sealed,
            nt_hash_sealed,
        )
        for credential_id, service_id, kind, name, name_key, password_sealed, nt_hash_sealed in rows
    ]


@lru_cache(maxsize=1024)  # services by the thousand are read with few plans, and share what is in memory of them
def _plan(definition: str) -> Plan:
    return plan_from_definition(json.loads(definition))


def _desired_row(service: DesiredService) -> dict[str, Any]:
    return {
        "service_id": service.service_id,
        "access": str(service.access),
        "reason": service.reason,
        "profile_key": service.profile_key,
        "profile": service.profile.to_json(),
        "cause": service.cause[:64],
        "since_at": service.since_at,
        "until_at": service.until_at,
    }


def _parts(ids: Iterable[UUID]) -> list[list[UUID]]:
    wanted = list(ids)
    return [wanted[start : start + IDS_A_QUERY] for start in range(0, len(wanted), IDS_A_QUERY)]
