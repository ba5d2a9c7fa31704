"""Agents: who sells for us, from what deposit, and for which subscribers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    accounts,
    agent_deposits,
    agent_logins,
    agent_payments,
    agent_subscribers,
    agents,
    invoices,
    payments,
    subscribers,
    voucher_batches,
    vouchers,
)
from netbilld.adapters.database.tables.money import UNPAID
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.chart import agent as agent_account
from netbilld.model.agent import Agent, AgentDeposit, AgentLogin, AgentPayment, OnSale, Served
from netbilld.model.voucher import VoucherStatus

_MOST_SHOWN = 500


class AgentStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- who they are --------------------------------------------------------------------------------------------------

    async def add(self, agent: Agent, password_hash: str, actor: str) -> bool:
        """Store an agent; False where the name is taken."""
        statement = (
            insert_into(self._connection, agents)
            .values(
                name=agent.name,
                full_name=agent.full_name,
                phone=agent.phone,
                password_hash=password_hash,
                status=agent.status,
                commission_permille=agent.commission_permille,
                created_at=agent.created_at,
                actor=actor,
            )
            .on_conflict_do_nothing()
            .returning(agents.c.name)
        )
        return (await self._connection.execute(statement)).first() is not None

    async def update(self, name: str, fields: Mapping[str, Any]) -> None:
        """Set columns of an agent."""
        await self._connection.execute(update(agents).where(agents.c.name == name).values(dict(fields)))

    async def by_name(self, name: str, *, lock: bool = False) -> Agent | None:
        """Return an agent with what their deposit holds; `lock` keeps others from selling from it meanwhile."""
        if lock:
            await self._connection.execute(select(agents.c.name).where(agents.c.name == name).with_for_update())
        query = _agents().where(agents.c.name == name)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return Agent(**row) if row else None

    async def all(self) -> list[Agent]:
        """Return every agent, by name."""
        query = _agents().order_by(agents.c.name).limit(_MOST_SHOWN)
        return [Agent(**row) for row in (await self._connection.execute(query)).mappings()]

    # -- their log-ins -------------------------------------------------------------------------------------------------

    async def password_of(self, name: str) -> str | None:
        """Return the hash of an active agent's password."""
        query = select(agents.c.password_hash).where(agents.c.name == name, agents.c.status == "active")
        found: str | None = await self._connection.scalar(query)
        return found

    async def add_login(self, login: AgentLogin) -> None:
        """Keep a new log-in, and forget those that are over."""
        await self._connection.execute(delete(agent_logins).where(agent_logins.c.expires_at <= login.created_at))
        await self._connection.execute(
            insert(agent_logins).values(
                token_hash=login.token_hash,
                agent=login.agent,
                csrf_token=login.csrf_token,
                origin=login.origin,
                created_at=login.created_at,
                expires_at=login.expires_at,
            )
        )

    async def login(self, token_hash: str, now: datetime) -> AgentLogin | None:
        """Return the log-in with that token while it lasts and the agent is active."""
        query = (
            select(agent_logins)
            .join(agents, agents.c.name == agent_logins.c.agent)
            .where(
                agent_logins.c.token_hash == token_hash,
                agent_logins.c.expires_at > now,
                agents.c.status == "active",
            )
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return AgentLogin(**row) if row else None

    async def end_logins(self, name: str, *, but: str | None = None, only: str | None = None) -> None:
        """End the log-ins of an agent: all, all but one, or one."""
        statement = delete(agent_logins).where(agent_logins.c.agent == name)
        if but is not None:
            statement = statement.where(agent_logins.c.token_hash != but)
        if only is not None:
            statement = statement.where(agent_logins.c.token_hash == only)
        await self._connection.execute(statement)

    # -- money ---------------------------------------------------------------------------------------------------------

    async def add_deposit(self, deposit: AgentDeposit) -> None:
        """Store what an agent paid in."""
        await self._connection.execute(insert(agent_deposits).values(deposit.row()))

    async def add_payment(self, payment_id: UUID, agent: str, commission_minor: int, at: datetime) -> None:
        """Store that a payment came through an agent."""
        await self._connection.execute(
            insert(agent_payments).values(
                payment_id=payment_id, agent=agent, commission_minor=commission_minor, recorded_at=at
            )
        )

    async def taken_by(self, payment_id: UUID) -> tuple[str, int] | None:
        """Return through which agent a payment came, and the commission; None where it came through none."""
        query = select(agent_payments.c.agent, agent_payments.c.commission_minor).where(
            agent_payments.c.payment_id == payment_id
        )
        row = (await self._connection.execute(query)).one_or_none()
        return (row.agent, int(row.commission_minor)) if row else None

    async def payment(self, agent: str, payment_id: UUID) -> AgentPayment | None:
        """Return a payment that came through that agent; None for any other."""
        found = await self._payments(agent, payment_id=payment_id, limit=1)
        return found[0] if found else None

    async def payments(self, agent: str, limit: int = 50) -> list[AgentPayment]:
        """Return the newest payments that came through an agent."""
        return await self._payments(agent, limit=limit)

    async def _payments(self, agent: str, *, limit: int, payment_id: UUID | None = None) -> list[AgentPayment]:
        query = (
            select(
                payments.c.id,
                payments.c.receipt_no,
                payments.c.amount_minor,
                payments.c.currency,
                agent_payments.c.commission_minor,
                agent_payments.c.recorded_at,
                subscribers.c.number,
                subscribers.c.name,
                payments.c.reversed_at.is_not(None).label("is_reversed"),
            )
            .join(payments, payments.c.id == agent_payments.c.payment_id)
            .join(subscribers, subscribers.c.id == payments.c.subscriber_id)
            .where(agent_payments.c.agent == agent)
            .order_by(agent_payments.c.recorded_at.desc(), payments.c.id)
            .limit(limit)
        )
        if payment_id is not None:
            query = query.where(payments.c.id == payment_id)
        return [AgentPayment(**row) for row in (await self._connection.execute(query)).mappings()]

    # -- what they may sell, and to whom -------------------------------------------------------------------------------

    async def serve(self, agent: str, subscriber_id: UUID, at: datetime) -> None:
        """Let an agent, and no other, take a subscriber's money."""
        statement = insert_into(self._connection, agent_subscribers).values(
            subscriber_id=subscriber_id, agent=agent, created_at=at
        )
        upsert = statement.on_conflict_do_update(
            index_elements=["subscriber_id"], set_={"agent": agent, "created_at": at}
        )
        await self._connection.execute(upsert)

    async def leave(self, agent: str, subscriber_id: UUID) -> None:
        """Let an agent see a subscriber no more."""
        of = agent_subscribers.c
        await self._connection.execute(
            delete(agent_subscribers).where(of.agent == agent, of.subscriber_id == subscriber_id)
        )

    async def served(self, agent: str, number: str | None = None) -> list[Served]:
        """Return an agent's subscribers with what they owe; of one number only, where it is given."""
        owed = (
            select(
                invoices.c.subscriber_id, func.sum(invoices.c.total_minor - invoices.c.paid_minor).label("owed_minor")
            )
            .where(text(UNPAID))
            .group_by(invoices.c.subscriber_id)
            .subquery()
        )
        query = (
            select(
                subscribers.c.id,
                subscribers.c.number,
                subscribers.c.name,
                subscribers.c.currency,
                func.coalesce(owed.c.owed_minor, 0).label("owed_minor"),
            )
            .join(agent_subscribers, agent_subscribers.c.subscriber_id == subscribers.c.id)
            .outerjoin(owed, owed.c.subscriber_id == subscribers.c.id)
            .where(agent_subscribers.c.agent == agent)
            .order_by(subscribers.c.name, subscribers.c.number)
            .limit(_MOST_SHOWN)
        )
        if number is not None:
            query = query.where(subscribers.c.number == number)
        return [
            Served(row.id, row.number, row.name, row.currency, int(row.owed_minor))
            for row in await self._connection.execute(query)
        ]

    async def on_sale(self, now: datetime, number: int | None = None) -> list[OnSale]:
        """Return the batches that agents sell from: those that work once sold, with a price for agents.

        Of one number only, where it is given.
        """
        left = (
            select(vouchers.c.batch_id, func.count().label("left"))
            .where(
                vouchers.c.status == VoucherStatus.CREATED.value,
                vouchers.c.batch_id.in_(select(voucher_batches.c.id).where(*_for_agents(now, number))),
            )
            .group_by(vouchers.c.batch_id)
            .subquery()
        )
        batch = voucher_batches.c
        query = (
            select(
                batch.number, batch.name, batch.price_minor, batch.agent_price_minor, batch.currency,
                batch.validity_seconds, left.c.left,
            )
            .join(left, left.c.batch_id == batch.id)
            .order_by(batch.price_minor, batch.number)
            .limit(_MOST_SHOWN)
        )  # fmt: skip
        return [OnSale(**row) for row in (await self._connection.execute(query)).mappings()]


def _for_agents(now: datetime, number: int | None) -> list[ColumnElement[bool]]:
    batch = voucher_batches.c
    sold = [
        batch.is_only_sold,
        batch.agent_price_minor < batch.price_minor,
        batch.use_by_at.is_(None) | (batch.use_by_at > now),
    ]
    return sold if number is None else [*sold, batch.number == number]


def _agents() -> Select[Any]:
    return select(
        agents.c.name,
        agents.c.full_name,
        agents.c.phone,
        agents.c.status,
        agents.c.commission_permille,
        agents.c.created_at,
        func.coalesce(accounts.c.balance_minor, 0).label("deposit_minor"),
    ).outerjoin(accounts, accounts.c.code == agent_account("").code + agents.c.name)
