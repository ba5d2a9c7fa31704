"""Subscribers: the list with its search, and one subscriber with all that a page shows."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, and_, case, or_, select

from netbilld.adapters.database.crossings import CrossingStore
from netbilld.adapters.database.locks import LockStore
from netbilld.adapters.database.rating import RatingStore
from netbilld.adapters.database.readmodels.enforcement import EnforcementQueries
from netbilld.adapters.database.readmodels.orders import OrderViewQueries
from netbilld.adapters.database.readmodels.sessions import SessionQueries
from netbilld.adapters.database.static_lines import StaticLineStore
from netbilld.adapters.database.subscribers import SUBSCRIBER, credential_key
from netbilld.adapters.database.tables import (
    address_leases,
    address_pools,
    auth_attempts,
    changes,
    credentials,
    desired,
    nas,
    plan_versions,
    service_terms,
    services,
    sessions,
    subscribers,
    usage_periods,
)
from netbilld.adapters.database.usage import UsageStore
from netbilld.billing.overrides import with_overrides
from netbilld.billing.plan import Plan
from netbilld.billing.plan_file import plan_from_definition
from netbilld.enforcement.edge import Edge, line_rate_bps
from netbilld.enforcement.profile import ServiceProfile
from netbilld.model.periods import local_date, monthly_period
from netbilld.services.address_pools import ServiceLease
from netbilld.services.overshoot import bounds_of
from netbilld.services.readmodels import (
    ChangeLine,
    DayOfUsage,
    DueNow,
    LogIn,
    Octets,
    ServiceFile,
    SubscriberFile,
)

_DAYS: Final = 30
_NEWEST: Final = 20
_MOST_SERVICES: Final = 100
_MOST_SESSIONS: Final = 50


class SubscriberQueries(SessionQueries, EnforcementQueries, OrderViewQueries):
    """Reads about people."""

    async def subscriber_file(self, number: str, now: datetime, timezone: str) -> SubscriberFile | None:
        """Return a subscriber; None where there is no such number."""
        row = await self._row(select(*SUBSCRIBER).where(subscribers.c.number == number))
        if row is None:
            return None
        files = await self.services_of(number, now)
        ids = [file.id for file in files]
        return SubscriberFile(
            **row,
            services=files,
            days=await self._days(ids, now, timezone),
            attempts=await self.subscriber_attempts(number, _NEWEST),
            enforced=await self.service_changes(number, _NEWEST),
            log_ins=await self._log_ins([name for file in files for _, name in file.usernames]),
            changes=await self._changes(row["id"], ids),
        )

    async def services_of(self, number: str, now: datetime) -> Sequence[ServiceFile]:
        """Return a subscriber's services, those that live first."""
        query = (
            select(services, plan_versions.c.definition, plan_versions.c.version)
            .select_from(
                services.join(subscribers, subscribers.c.id == services.c.subscriber_id).join(
                    plan_versions, plan_versions.c.id == services.c.plan_version_id
                )
            )
            .where(subscribers.c.number == number)
            .order_by(services.c.ended_at.is_not(None), services.c.created_at)
            .limit(_MOST_SERVICES)
        )
        return [await self._service(row, now) for row in await self._rows(query)]

    async def _service(self, row: RowMapping, now: datetime) -> ServiceFile:
        period = monthly_period(now, row["billing_day"], row["timezone"])
        names = (
            select(credentials.c.kind, credentials.c.name)
            .where(credentials.c.service_id == row["id"])
            .order_by(credentials.c.kind.desc(), credentials.c.created_at, credentials.c.name_key)
        )
        used = await self._row(
            select(usage_periods).where(
                usage_periods.c.service_id == row["id"], usage_periods.c.start_on == period.start_on
            )
        )
        due = await self._row(select(desired).where(desired.c.service_id == row["id"]))
        is_open = and_(sessions.c.service_id == row["id"], sessions.c.stopped_at.is_(None))
        plan = with_overrides(plan_from_definition(row["definition"]), row["overrides"])
        totals = Octets(used["upload_octets"], used["download_octets"]) if used else Octets(0, 0)
        limits = await RatingStore(self._connection).limits(row["id"], plan, now)
        counted = used["counted_octets"] if used else None
        counted = plan.counted_octets(totals.upload_octets, totals.download_octets) if counted is None else counted
        limit = limits.octets
        if limit is None and plan.allowance is not None:
            limit = plan.allowance.data_octets
        return ServiceFile(
            id=row["id"],
            usernames=[(name["kind"], name["name"]) for name in await self._rows(names)],
            plan=plan,
            plan_version=row["version"],
            status=row["status"],
            status_reason=row["status_reason"],
            status_since_at=row["status_since_at"],
            billing_day=row["billing_day"],
            timezone=row["timezone"],
            activated_on=row["activated_on"],
            paid_until_on=row["paid_until_on"],
            static_ip=row["static_ip"],
            due=_due(due) if due else None,
            period_start_on=period.start_on,
            period_end_on=period.end_on,
            used=totals,
            charged_minor=used["charged_minor"] if used else 0,
            sessions=await self._sessions_where(is_open, _MOST_SESSIONS),
            locks=await LockStore(self._connection).of(row["id"]),
            static_prefixes=[prefix for prefix in (row["ipv6_prefix"], row["delegated_prefix"]) if prefix],
            leases=await self._leases(row["id"]),
            at_most_over_octets=await self._at_most_over(row["id"], plan, limit, counted + limits.others_octets),
            counted_octets=counted + limits.others_octets,
            limit_octets=limit,
            line=next(iter(await StaticLineStore(self._connection).views(service_ids=[row["id"]])), None),
            planned=await self._planned(row["id"]),
            ipv6_prefix=row["ipv6_prefix"],
            delegated_prefix=row["delegated_prefix"],
            site=row["site"],
        )

    async def _planned(self, service_id: UUID) -> list[tuple[date, str]]:
        """Return the plans that a service is to have, and from when."""
        query = (
            select(service_terms.c.from_on, plan_versions.c.name)
            .join(plan_versions, plan_versions.c.id == service_terms.c.plan_version_id)
            .where(service_terms.c.service_id == service_id, service_terms.c.applied_at.is_(None))
            .order_by(service_terms.c.from_on)
        )
        return [(row["from_on"], row["name"]) for row in await self._rows(query)]

    async def _at_most_over(
        self, service_id: UUID, plan: Plan, limit_octets: int | None, used_octets: int
    ) -> int | None:
        """Return what the allowance can still be passed by; None where it is passed, offline, or nothing was seen."""
        if plan.allowance is None or limit_octets is None:
            return None
        left = limit_octets - used_octets
        if left <= 0:
            return None
        ahead = Edge(left, line_rate_bps(plan.speed, plan.allowance.counts))
        bound = (await bounds_of(CrossingStore(self._connection), {service_id: ahead}, 0)).get(service_id)
        return bound.octets if bound is not None and bound.is_observed else None

    async def _leases(self, service_id: UUID) -> list[ServiceLease]:
        held = address_leases.c.held_until_at.is_not(None)
        query = (
            select(
                address_leases.c.pool_id,
                address_pools.c.name.label("pool"),
                address_leases.c.address,
                case((held, "held"), else_="in_use").label("state"),
            )
            .join(address_pools, address_pools.c.id == address_leases.c.pool_id)
            .where(
                address_leases.c.service_id == service_id,
                address_leases.c.released_at.is_(None),
                address_pools.c.removed_at.is_(None),
            )
            .order_by(address_pools.c.name_key, address_leases.c.address)
            .limit(_MOST_SESSIONS)
        )
        return [ServiceLease(**row) for row in await self._rows(query)]

    async def _days(self, service_ids: Sequence[UUID], now: datetime, timezone: str) -> Sequence[DayOfUsage]:
        """Return the last thirty local days, those without usage included."""
        last_on = local_date(now, timezone)
        first_on = last_on - timedelta(days=_DAYS - 1)
        totals: dict[date, tuple[int, int]] = {}
        usage = UsageStore(self._connection)
        for service_id in service_ids:
            for day in await usage.buckets(service_id, first_on, last_on + timedelta(days=1), "day", timezone):
                on = local_date(day.start_at, timezone)
                upload_octets, download_octets = totals.get(on, (0, 0))
                totals[on] = (upload_octets + day.upload_octets, download_octets + day.download_octets)
        days = (first_on + timedelta(days=at) for at in range(_DAYS))
        return [DayOfUsage(on, *totals.get(on, (0, 0))) for on in days]

    async def _log_ins(self, names: Sequence[str]) -> Sequence[LogIn]:
        query = (
            select(
                auth_attempts.c.id,
                auth_attempts.c.at,
                auth_attempts.c.username,
                nas.c.name.label("nas"),
                auth_attempts.c.method,
                auth_attempts.c.result,
                auth_attempts.c.reason,
            )
            .select_from(auth_attempts.outerjoin(nas, nas.c.id == auth_attempts.c.nas_id))
            .where(auth_attempts.c.username_key.in_([credential_key(name) for name in names]))
            .order_by(auth_attempts.c.at.desc(), auth_attempts.c.id.desc())
            .limit(_NEWEST)
        )
        return [LogIn(**row) for row in await self._rows(query)]

    async def _changes(self, subscriber_id: UUID, service_ids: Sequence[UUID]) -> Sequence[ChangeLine]:
        about = or_(
            and_(changes.c.entity == "subscriber", changes.c.entity_id == str(subscriber_id)),
            and_(changes.c.entity == "service", changes.c.entity_id.in_([str(one) for one in service_ids])),
        )
        query = (
            select(
                changes.c.id,
                changes.c.at,
                changes.c.actor,
                changes.c.origin,
                changes.c.action,
                changes.c.details,
            )
            .where(about)
            .order_by(changes.c.id.desc())
            .limit(_NEWEST)
        )
        return [ChangeLine(**row) for row in await self._rows(query)]


def _due(row: Mapping[Any, Any]) -> DueNow:
    return DueNow(
        access=row["access"],
        reason=row["reason"],
        profile=ServiceProfile.from_json(row["profile"]),
        cause=row["cause"],
        since_at=row["since_at"],
        until_at=row["until_at"],
    )
