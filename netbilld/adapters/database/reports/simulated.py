"""What a simulation reads: services with all that their fees follow from, and what was billed of them."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import case, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.among import among
from netbilld.adapters.database.queries import first_username
from netbilld.adapters.database.reports.source import summed
from netbilld.adapters.database.tables import (
    billed_fees,
    billed_usage,
    billing_states,
    plan_versions,
    plans,
    services,
    subscribers,
    usage_periods,
)
from netbilld.adapters.database.terms import TermsStore
from netbilld.billing.bill import ONCE
from netbilld.billing.fees import FeePeriod
from netbilld.billing.plan import Timing
from netbilld.billing.what_if import PricedService
from netbilld.model.periods import local_date
from netbilld.services.simulate_plan import Named


class SimulationStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def named(self, from_at: datetime, to_on: date, plan_code: str | None) -> list[Named]:
        """Return the services that lived in a span, in order of number; where a plan is given, those of it."""
        query = (
            select(services.c.id, subscribers.c.number, first_username(services.c.id).label("username"), plans.c.code)
            .join(subscribers, subscribers.c.id == services.c.subscriber_id)
            .join(plan_versions, plan_versions.c.id == services.c.plan_version_id)
            .join(plans, plans.c.id == plan_versions.c.plan_id)
            .where(
                services.c.activated_on <= to_on,
                or_(services.c.ended_at.is_(None), services.c.ended_at >= from_at),
            )
            .order_by(subscribers.c.number, services.c.created_at, services.c.id)
        )
        if plan_code is not None:
            query = query.where(plans.c.code_key == plan_code.strip().casefold())
        rows = await self._connection.execute(query)
        return [Named(row.id, row.number, row.username or "", row.code) for row in rows]

    async def priced(self, service_ids: Collection[UUID]) -> dict[UUID, PricedService]:
        """Return what the fees of services follow from."""
        store = TermsStore(self._connection)
        terms, stops = await store.of(service_ids), await store.stops(service_ids)
        known = await self._known(service_ids)
        query = (
            select(services, billing_states.c.closed_until_on)
            .outerjoin(billing_states, billing_states.c.service_id == services.c.id)
            .where(among(self._connection, services.c.id, service_ids))
        )
        return {
            row.id: PricedService(
                id=row.id,
                billing_day=row.billing_day,
                timezone=row.timezone,
                activated_on=row.activated_on,
                ends_on=local_date(row.ended_at, row.timezone) + timedelta(days=1) if row.ended_at else None,
                paid_until_on=row.paid_until_on,
                terms=terms[row.id],
                stops=stops.get(row.id, ()),
                closed_until_on=row.closed_until_on,
                known=known.get(row.id, {}),
            )
            for row in await self._connection.execute(query)
        }

    async def _known(self, service_ids: Collection[UUID]) -> dict[UUID, dict[Timing, list[FeePeriod]]]:
        table = billed_fees.c
        found: dict[UUID, dict[Timing, list[FeePeriod]]] = {}
        query = (
            select(table.service_id, table.is_prepaid, table.cycle_days, table.start_on, table.end_on, table.of_days)
            .where(among(self._connection, table.service_id, service_ids), table.item.not_in(ONCE))
            .distinct()
        )
        for service_id, is_prepaid, *period in await self._connection.execute(query):
            timing = Timing.PREPAID if is_prepaid else Timing.POSTPAID
            found.setdefault(service_id, {}).setdefault(timing, []).append(FeePeriod(*period))
        return found

    async def billed(self, service_ids: Collection[UUID], from_on: date, to_on: date) -> dict[UUID, int]:
        """Return what was billed, or taken from wallets, for fee periods and usage that begin in a span."""
        sums: dict[UUID, int] = {}
        fees = select(billed_fees.c.service_id, summed(billed_fees.c.amount_minor)).where(
            among(self._connection, billed_fees.c.service_id, service_ids),
            billed_fees.c.start_on >= from_on,
            billed_fees.c.start_on <= to_on,
            billed_fees.c.item.not_in(ONCE),
        )
        begins_on = case(
            (billed_usage.c.start_on < services.c.activated_on, services.c.activated_on), else_=billed_usage.c.start_on
        )
        used = (
            select(billed_usage.c.service_id, summed(billed_usage.c.amount_minor))
            .join(services, services.c.id == billed_usage.c.service_id)
            .where(
                among(self._connection, billed_usage.c.service_id, service_ids),
                begins_on >= from_on,
                begins_on <= to_on,
            )
        )
        begins_on = case(
            (usage_periods.c.start_on < services.c.activated_on, services.c.activated_on),
            else_=usage_periods.c.start_on,
        )
        charged = (
            select(usage_periods.c.service_id, summed(usage_periods.c.charged_minor))
            .join(services, services.c.id == usage_periods.c.service_id)
            .where(
                among(self._connection, usage_periods.c.service_id, service_ids),
                begins_on >= from_on,
                begins_on <= to_on,
            )
        )
        for query in (fees, used, charged):
            whose = query.selected_columns[0]
            for service_id, minor in await self._connection.execute(query.group_by(whose)):
                sums[service_id] = sums.get(service_id, 0) + int(minor)
        return sums
