"""What payment gateways are asked and what they say.

Revision: 0030
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _attempts()
    _settlements()
    _transactions()
    _facts()
    _inbox()
    _refunds()
    _findings()


def _attempts() -> None:
    op.create_table(
        "gateway_attempts",
        sa.Column("ref", sa.String(length=50), nullable=False),
        sa.Column("gateway", sa.String(length=32), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("gateway_ref", sa.String(length=200), nullable=True),
        sa.Column("pay_url", sa.Text(), nullable=True),
        sa.Column("qr_string", sa.Text(), nullable=True),
        sa.Column("number", sa.String(length=64), nullable=True),
        sa.Column("number_at", sa.String(length=32), nullable=True),
        sa.Column("biller_code", sa.String(length=32), nullable=True),
        sa.Column("raw_status", sa.String(length=60), nullable=False),
        sa.Column("paid_at", Instant(), nullable=True),
        sa.Column("notices", sa.Integer(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("next_look_at", Instant(), nullable=True),
        sa.Column("trouble", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_gateway_attempts_invoice_id")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_gateway_attempts_subscriber_id")),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_gateway_attempts")),
    )
    op.create_index("ix_gateway_attempts_created", "gateway_attempts", ["created_at"])
    op.create_index("ix_gateway_attempts_look", "gateway_attempts", ["next_look_at"])
    op.create_index("ix_gateway_attempts_subscriber", "gateway_attempts", ["subscriber_id", "created_at"])


def _settlements() -> None:
    op.create_table(
        "gateway_settlements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gateway", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("bank_row_id", RecordId, nullable=True),
        sa.ForeignKeyConstraint(["bank_row_id"], ["bank_rows.id"], name=op.f("fk_gateway_settlements_bank_row_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_settlements")),
        sa.UniqueConstraint("gateway", "reference", name=op.f("uq_gateway_settlements_gateway_reference")),
    )


def _transactions() -> None:
    op.create_table(
        "gateway_transactions",
        sa.Column("ref", sa.String(length=50), nullable=False),
        sa.Column("transaction_name", sa.String(length=100), nullable=False),
        sa.Column("gateway", sa.String(length=32), nullable=False),
        sa.Column("credited_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("is_reversed", sa.Boolean(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=True),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("settlement_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_gateway_transactions_payment_id")),
        sa.ForeignKeyConstraint(["ref"], ["gateway_attempts.ref"], name=op.f("fk_gateway_transactions_ref")),
        sa.ForeignKeyConstraint(
            ["settlement_id"], ["gateway_settlements.id"], name=op.f("fk_gateway_transactions_settlement_id")
        ),
        sa.PrimaryKeyConstraint("ref", "transaction_name", name=op.f("pk_gateway_transactions")),
    )
    op.create_index("ix_gateway_transactions_open", "gateway_transactions", ["gateway", "settlement_id", "paid_on"])
    op.create_index(op.f("ix_gateway_transactions_payment_id"), "gateway_transactions", ["payment_id"])
    op.create_index(op.f("ix_gateway_transactions_settlement_id"), "gateway_transactions", ["settlement_id"])


def _facts() -> None:
    op.create_table(
        "gateway_facts",
        sa.Column("ref", sa.String(length=50), nullable=False),
        sa.Column("transaction_name", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("first_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["ref"], ["gateway_attempts.ref"], name=op.f("fk_gateway_facts_ref")),
        sa.PrimaryKeyConstraint("ref", "transaction_name", "state", name=op.f("pk_gateway_facts")),
    )


def _inbox() -> None:
    op.create_table(
        "gateway_inbox",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("gateway", sa.String(length=32), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("notice", sa.JSON(), nullable=True),
        sa.Column("ref", sa.String(length=100), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_inbox")),
    )
    op.create_index("ix_gateway_inbox_received", "gateway_inbox", ["received_at"])
    op.create_index(op.f("ix_gateway_inbox_ref"), "gateway_inbox", ["ref"])
    op.create_index("ix_gateway_inbox_state", "gateway_inbox", ["state", "next_at"])


def _refunds() -> None:
    op.create_table(
        "gateway_refunds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ref", sa.String(length=50), nullable=False),
        sa.Column("transaction_name", sa.String(length=100), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["ref"], ["gateway_attempts.ref"], name=op.f("fk_gateway_refunds_ref")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_refunds")),
    )
    op.create_index(op.f("ix_gateway_refunds_ref"), "gateway_refunds", ["ref"])


def _findings() -> None:
    op.create_table(
        "gateway_findings",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("gateway", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("theirs_minor", sa.BigInteger(), nullable=True),
        sa.Column("ours_minor", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("found_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_by", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_findings")),
        sa.UniqueConstraint("gateway", "kind", "subject", name=op.f("uq_gateway_findings_gateway_kind_subject")),
    )
    op.create_index("ix_gateway_findings_ended", "gateway_findings", ["ended_at"])
