"""Agents who sell from a deposit, and how collectors' cash was counted when it was handed over."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Integer, String, Table, Uuid

from netbilld.adapters.database.tables.base import Instant, RecordId, metadata

agents = Table(
    "agents",
    metadata,
    Column("name", String(32), primary_key=True),  # one word: what they sign in as
    Column("full_name", String(200), nullable=False),
    Column("phone", String(40)),
    Column("password_hash", String(300), nullable=False),
    Column("status", String(16), nullable=False),  # active, ended
    Column("commission_permille", Integer, nullable=False),  # of what subscribers pay through them
    Column("created_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
)

agent_logins = Table(  # one row for each browser that is signed in
    "agent_logins",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("agent", String(32), ForeignKey("agents.name"), nullable=False, index=True),
    Column("csrf_token", String(64), nullable=False),
    Column("origin", String(100), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)

agent_subscribers = Table(  # whose bills they may take money for; nobody else's do they see
    "agent_subscribers",
    metadata,
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), primary_key=True),
    Column("agent", String(32), ForeignKey("agents.name"), nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
)

agent_deposits = Table(
    "agent_deposits",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("agent", String(32), ForeignKey("agents.name"), nullable=False, index=True),
    Column("amount_minor", BigInteger, nullable=False),  # below zero: paid out again
    Column("currency", String(3), nullable=False),
    Column("method", String(32), nullable=False),
    Column("collector", String(32)),  # whose cash it is
    Column("reference", String(200), nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
)

agent_payments = Table(  # subscribers' payments that came through an agent
    "agent_payments",
    metadata,
    Column("payment_id", Uuid, ForeignKey("payments.id"), primary_key=True),
    Column("agent", String(32), ForeignKey("agents.name"), nullable=False, index=True),
    Column("commission_minor", BigInteger, nullable=False),
    Column("recorded_at", Instant, nullable=False),
)

handover_counts = Table(  # how it was counted, and who signed for it
    "handover_counts",
    metadata,
    Column("handover_id", RecordId, ForeignKey("handovers.id"), primary_key=True, autoincrement=False),
    Column("pieces", JSON, nullable=False),  # {"100000": 12, …}
    Column("signed_by", String(200), nullable=False),  # the collector, by the name they signed with
)
