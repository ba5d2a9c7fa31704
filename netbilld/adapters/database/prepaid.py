"""Prepaid services: who may renew, what they are renewed by, and what was bought."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.among import among
from netbilld.adapters.database.billing import FEE_COLUMNS, fee_row
from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.driver import Driver
from netbilld.adapters.database.tables import (
    accounts,
    billing_states,
    manual_renewals,
    service_stops,
    service_terms,
    services,
    subscribers,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.charges import BilledShare
from netbilld.billing.chart import WALLET, Payer
from netbilld.billing.plan import Plan, Timing

_LATELY: Final = timedelta(days=31)
_ALL: Final = 10_000  # percent, in hundredths
_STATE: Final = ("service_id", "round", "next_on", "billing_day", "looked_at")


@dataclass(frozen=True, slots=True)
class PrepaidRow:
    """A prepaid service, before its terms are known.

    Attributes:
        is_by_hand: its subscriber has chosen that the wallet buys nothing by itself.
    """

    id: UUID
    subscriber_id: UUID
    billing_day: int
    timezone: str
    activated_on: date
    paid_until_on: date | None
    round: int
    is_by_hand: bool = False


class PrepaidStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def expired_payers(self, plans: Mapping[UUID, Plan], before: date) -> list[Payer]:
        """Return, in order of id, subscribers with a service not paid on a day, and credit or what may cost nothing.

        What a pause gives, or gives back, and a discount of one's own may be worth a period without any credit.
        """
        prepaid = [key for key, plan in plans.items() if plan.timing is Timing.PREPAID and plan.recurring]
        for_nothing = [key for key in prepaid if _may_cost_nothing(plans[key])]
        own = exists().where(
            service_terms.c.service_id == services.c.id,
            or_(service_terms.c.timing == Timing.PREPAID.value, service_terms.c.free.is_(True)),
        )
        stop = service_stops.c
        resumed = exists().where(stop.service_id == services.c.id, stop.until_on.between(before - _LATELY, before))
        given = exists().where(service_terms.c.service_id == services.c.id, service_terms.c.discounts.is_not(None))
        is_prepaid = services.c.plan_version_id.in_(prepaid)
        wallet = (accounts.c.subscriber_id == subscribers.c.id) & accounts.c.code.like(f"{WALLET}:%")
        query = (
            select(subscribers.c.id, subscribers.c.number, subscribers.c.currency)
            .distinct()
            .join(services, services.c.subscriber_id == subscribers.c.id)
            .outerjoin(accounts, wallet)
            .where(
                or_(is_prepaid, own),
                services.c.status == "active",
                services.c.paid_until_on.is_(None) | (services.c.paid_until_on < before),
                or_(
                    accounts.c.balance_minor > 0,
                    services.c.plan_version_id.in_(for_nothing),
                    own,
                    is_prepaid & or_(resumed, given),
                ),
            )
            .order_by(subscribers.c.id)
        )
        return [Payer(row.id, row.number, row.currency) for row in await self._connection.execute(query)]

    async def expiring(self, first: date, last: date) -> list[Payer]:
        """Return, in order of id, subscribers with an active service that is paid for until one of these days."""
        query = (
            select(subscribers.c.id, subscribers.c.number, subscribers.c.currency)
            .distinct()
            .join(services, services.c.subscriber_id == subscribers.c.id)
            .where(services.c.status == "active", services.c.paid_until_on.between(first, last))
            .order_by(subscribers.c.id)
        )
        return [Payer(row.id, row.number, row.currency) for row in await self._connection.execute(query)]

    async def services(self, subscriber_ids: Collection[UUID]) -> dict[UUID, list[PrepaidRow]]:
        """Return, by subscriber, the active services, those that expired first in front."""
        query = (
            select(services, billing_states.c.round, manual_renewals.c.since_at.label("by_hand_since_at"))
            .outerjoin(billing_states, billing_states.c.service_id == services.c.id)
            .outerjoin(manual_renewals, manual_renewals.c.service_id == services.c.id)
            .where(among(self._connection, services.c.subscriber_id, subscriber_ids), services.c.status == "active")
            .order_by(services.c.paid_until_on.nulls_first(), services.c.created_at, services.c.id)
        )
        found: dict[UUID, list[PrepaidRow]] = {}
        for row in await self._connection.execute(query):
            service = PrepaidRow(
                row.id,
                row.subscriber_id,
                row.billing_day,
                row.timezone,
                row.activated_on,
                row.paid_until_on,
                row.round or 0,
                row.by_hand_since_at is not None,
            )
            found.setdefault(service.subscriber_id, []).append(service)
        return found

    async def by_hand(self, service_id: UUID) -> tuple[datetime, str] | None:
        """Return since when a service's wallet buys nothing by itself, and who has chosen so; None where it does."""
        query = select(manual_renewals).where(manual_renewals.c.service_id == service_id)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else (row.since_at, row.actor)

    async def renew_by_hand(self, service_id: UUID, at: datetime, actor: str) -> None:
        """Let the wallet of a service buy nothing by itself."""
        insert = insert_into(self._connection, manual_renewals).values(service_id=service_id, since_at=at, actor=actor)
        await self._connection.execute(insert.on_conflict_do_nothing())

    async def renew_by_clock(self, service_id: UUID) -> None:
        """Let the wallet of a service buy its next period by itself."""
        await self._connection.execute(delete(manual_renewals).where(manual_renewals.c.service_id == service_id))

    async def save(self, bought: Sequence[tuple[PrepaidRow, Sequence[BilledShare]]], at: datetime) -> None:
        """Write down what was bought; the primary keys let no round of a service be bought twice."""
        states = [(one.id, one.round + 1, one.activated_on, one.billing_day, at) for one, _ in bought]
        fees = [
            fee_row(one.id, one.round + 1, position, share, None, is_prepaid=True)
            for one, shares in bought
            for position, share in enumerate(shares)
        ]
        await Driver(self._connection).append("billed_fees", FEE_COLUMNS, fees)
        conflict = "ON CONFLICT (service_id) DO UPDATE SET round = excluded.round"
        await insert_rows(self._connection, billing_states, _STATE, states, conflict)


def _may_cost_nothing(plan: Plan) -> bool:
    is_given = sum(one.percent_hundredths or 0 for one in plan.discounts) >= _ALL or any(
        one.amount_minor for one in plan.discounts
    )
    has_no_price = plan.recurring is not None and plan.recurring.price_minor == 0
    return plan.free or plan.trial_days > 0 or has_no_price or is_given
