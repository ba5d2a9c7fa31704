"""What people have decided about dunning: exemptions, promises, extensions, rules of their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.owing import UNPAID
from netbilld.adapters.database.tables import (
    customer_groups,
    due_extensions,
    dunning_exemptions,
    dunning_rules,
    invoices,
    promises,
    services,
    subscribers,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.services.dunning_views import ExemptionLine, RuleLine


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise to pay; `ended_at` where it was taken back or replaced."""

    id: int
    subscriber_no: str
    subscriber_name: str
    until_on: date
    reason: str
    actor: str
    created_at: datetime
    ended_at: datetime | None
    outstanding_minor: int


class DunningTermsStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def group_code(self, name: str) -> str | None:
        """Return a customer group's code as it is written."""
        query = select(customer_groups.c.code).where(customer_groups.c.code_key == name.strip().casefold())
        code: str | None = await self._connection.scalar(query)
        return code

    async def service_ids(self, scope: str, name: str) -> list[UUID]:
        """Return the living services of a subscriber or a group."""
        mine: ColumnElement[bool] = (
            subscribers.c.customer_group == name if scope == "group" else subscribers.c.number == name
        )
        query = (
            select(services.c.id)
            .join(subscribers, subscribers.c.id == services.c.subscriber_id)
            .where(mine, services.c.ended_at.is_(None))
        )
        return list((await self._connection.scalars(query)).all())

    async def owing_service_ids(self) -> list[UUID]:
        """Return the living services of everybody who owes."""
        owing = select(invoices.c.subscriber_id).where(invoices.c.status.in_(UNPAID))
        query = select(services.c.id).where(services.c.subscriber_id.in_(owing), services.c.ended_at.is_(None))
        return list((await self._connection.scalars(query)).all())

    # -- exemptions ----------------------------------------------------------------------------------------------------

    async def exempt(
        self, scope: str, name: str, until_on: date | None, reason: str, actor: str, now: datetime
    ) -> None:
        """Keep an exemption; it takes the place of an earlier one."""
        values = {"until_on": until_on, "reason": reason, "actor": actor, "created_at": now}
        statement = insert_into(self._connection, dunning_exemptions).values(scope=scope, name=name, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["scope", "name"], set_=values))

    async def end_exemption(self, scope: str, name: str) -> bool:
        """Take an exemption back; return False where there is none."""
        table = dunning_exemptions
        done = await self._connection.execute(delete(table).where(table.c.scope == scope, table.c.name == name))
        return int(done.rowcount) == 1

    async def exemption(self, scope: str, name: str) -> ExemptionLine | None:
        """Return the exemption of a group or a subscriber, one that has run out too."""
        query = select(dunning_exemptions).where(dunning_exemptions.c.scope == scope, dunning_exemptions.c.name == name)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else ExemptionLine(**row)

    async def exemptions(self) -> list[ExemptionLine]:
        """Return every exemption, those that have run out too."""
        query = select(dunning_exemptions).order_by(dunning_exemptions.c.scope, dunning_exemptions.c.name)
        return [ExemptionLine(**row) for row in (await self._connection.execute(query)).mappings()]

    # -- promises ------------------------------------------------------------------------------------------------------

    async def promises_since(self, subscriber_id: UUID, since: datetime) -> int:
        """Return how many promises somebody has made since."""
        query = select(func.count()).where(promises.c.subscriber_id == subscriber_id, promises.c.created_at >= since)
        return int((await self._connection.scalar(query)) or 0)

    async def promise(
        self, subscriber_id: UUID, until_on: date, reason: str, actor: str, today: date, now: datetime
    ) -> None:
        """Keep a promise; an earlier one that is not over ends with it."""
        await self.end_promises(subscriber_id, today, now)
        await self._connection.execute(
            insert(promises).values(
                subscriber_id=subscriber_id, until_on=until_on, reason=reason, actor=actor, created_at=now
            )
        )

    async def end_promises(self, subscriber_id: UUID, today: date, now: datetime) -> int:
        """Take promises back that are not over; return how many."""
        standing = (promises.c.ended_at.is_(None), promises.c.until_on >= today)
        done = await self._connection.execute(
            update(promises).where(promises.c.subscriber_id == subscriber_id, *standing).values(ended_at=now)
        )
        return int(done.rowcount)

    async def promises(self, *, from_on: date | None = None, subscriber_id: UUID | None = None) -> list[Promise]:
        """Return promises with what is owed now, the next to fall due first; those until `from_on` or later."""
        outstanding = (
            select(func.coalesce(func.sum(invoices.c.total_minor - invoices.c.paid_minor), 0))
            .where(
                invoices.c.subscriber_id == subscribers.c.id,
                invoices.c.status.in_(UNPAID),
                invoices.c.kind == "invoice",
            )
            .scalar_subquery()
        )
        query = (
            select(
                promises.c.id, subscribers.c.number, subscribers.c.name, promises.c.until_on, promises.c.reason,
                promises.c.actor, promises.c.created_at, promises.c.ended_at, outstanding,
            )
            .join(subscribers, subscribers.c.id == promises.c.subscriber_id)
            .order_by(promises.c.until_on, promises.c.id)
        )  # fmt: skip
        if from_on is not None:
            query = query.where(promises.c.until_on >= from_on, promises.c.ended_at.is_(None))
        if subscriber_id is not None:
            query = query.where(promises.c.subscriber_id == subscriber_id)
        return [Promise(*row[:8], int(row[8])) for row in await self._connection.execute(query)]

    # -- extensions and rules ------------------------------------------------------------------------------------------

    async def extend(self, invoice_id: UUID, until_on: date, reason: str, actor: str, now: datetime) -> None:
        """Keep another last day to pay of an invoice, which itself stays as it was issued."""
        values = {"until_on": until_on, "reason": reason, "actor": actor, "created_at": now}
        statement = insert_into(self._connection, due_extensions).values(invoice_id=invoice_id, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["invoice_id"], set_=values))

    async def rule(self, scope: str, name: str) -> RuleLine | None:
        """Return what differs for a group or a subscriber."""
        return next((one for one in await self.rules() if (one.scope, one.name) == (scope, name)), None)

    async def rules(self) -> list[RuleLine]:
        """Return everything that differs from the settings."""
        table = dunning_rules.c
        query = select(table.scope, table.name, table.grace_days, table.remind_days, table.from_receipt).order_by(
            table.scope, table.name
        )
        return [RuleLine(*row) for row in await self._connection.execute(query)]

    async def set_rule(self, scope: str, name: str, wanted: Mapping[str, Any], actor: str, now: datetime) -> None:
        """Set some of what differs; what is not named stays."""
        values = {**wanted, "actor": actor, "changed_at": now}
        statement = insert_into(self._connection, dunning_rules).values(scope=scope, name=name, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["scope", "name"], set_=values))

    async def drop_rule(self, scope: str, name: str) -> bool:
        """Let a group or a subscriber be as the settings say; return False where they were."""
        table = dunning_rules
        done = await self._connection.execute(delete(table).where(table.c.scope == scope, table.c.name == name))
        return int(done.rowcount) == 1
