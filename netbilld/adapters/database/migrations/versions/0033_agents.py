"""Agents who sell from a deposit, and what collectors hand over.

Revision: 0033
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("full_name", sa.String(length=200), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("password_hash", sa.String(length=300), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("commission_permille", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_agents")),
    )
    op.create_table(
        "agent_logins",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=32), nullable=False),
        sa.Column("csrf_token", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=100), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["agent"], ["agents.name"], name=op.f("fk_agent_logins_agent")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_agent_logins")),
    )
    op.create_index(op.f("ix_agent_logins_agent"), "agent_logins", ["agent"])
    op.create_index(op.f("ix_agent_logins_expires_at"), "agent_logins", ["expires_at"])
    op.create_table(
        "agent_subscribers",
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.String(length=32), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_agent_subscribers_subscriber_id")),
        sa.ForeignKeyConstraint(["agent"], ["agents.name"], name=op.f("fk_agent_subscribers_agent")),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_agent_subscribers")),
    )
    op.create_index(op.f("ix_agent_subscribers_agent"), "agent_subscribers", ["agent"])
    op.create_table(
        "agent_deposits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.String(length=32), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("collector", sa.String(length=32), nullable=True),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["agent"], ["agents.name"], name=op.f("fk_agent_deposits_agent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_deposits")),
    )
    op.create_index(op.f("ix_agent_deposits_agent"), "agent_deposits", ["agent"])
    op.create_table(
        "agent_payments",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.String(length=32), nullable=False),
        sa.Column("commission_minor", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_agent_payments_payment_id")),
        sa.ForeignKeyConstraint(["agent"], ["agents.name"], name=op.f("fk_agent_payments_agent")),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_agent_payments")),
    )
    op.create_index(op.f("ix_agent_payments_agent"), "agent_payments", ["agent"])
    op.create_table(
        "handover_counts",
        sa.Column("handover_id", RecordId, autoincrement=False, nullable=False),
        sa.Column("pieces", sa.JSON(), nullable=False),
        sa.Column("signed_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["handover_id"], ["handovers.id"], name=op.f("fk_handover_counts_handover_id")),
        sa.PrimaryKeyConstraint("handover_id", name=op.f("pk_handover_counts")),
    )
