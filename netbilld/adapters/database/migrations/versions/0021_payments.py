"""Payments reversed and refunded, unique amounts, money that waits, collectors, bank statements.

Revision: 0021
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("status", sa.String(length=16), server_default="received", nullable=False),
        sa.Column("collector", sa.String(length=32), nullable=True),
        sa.Column("receipt_no", sa.String(length=40), nullable=True),
        sa.Column("part_of", sa.Uuid(), nullable=True),
        sa.Column("moved_from", sa.Uuid(), nullable=True),
        sa.Column("note", sa.String(length=200), server_default="", nullable=False),
        sa.Column("reversed_at", Instant(), nullable=True),
        sa.Column("reversed_by", sa.String(length=200), nullable=True),
        sa.Column("reversed_because", sa.String(length=200), nullable=True),
    ):
        op.add_column("payments", column)
    op.create_index(op.f("ix_payments_receipt_no"), "payments", ["receipt_no"], unique=True)
    op.create_index(op.f("ix_payments_part_of"), "payments", ["part_of"])
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("collector", sa.String(length=32), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_refunds_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("method", "reference", name=op.f("uq_refunds_method_reference")),
    )
    op.create_index(op.f("ix_refunds_subscriber_id"), "refunds", ["subscriber_id"])
    op.create_table(
        "payment_codes",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_payment_codes_invoice_id")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_payment_codes_subscriber_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_payment_codes_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_codes")),
    )
    op.create_index(op.f("ix_payment_codes_invoice_id"), "payment_codes", ["invoice_id"])
    op.create_index("ix_payment_codes_amount", "payment_codes", ["currency", "amount_minor"])
    op.create_index(
        "uq_payment_codes_open_amount",
        "payment_codes",
        ["currency", "amount_minor"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
        sqlite_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "parked_payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_parked_payments_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked_payments")),
        sa.UniqueConstraint("method", "reference", name=op.f("uq_parked_payments_method_reference")),
    )
    op.create_index(op.f("ix_parked_payments_status"), "parked_payments", ["status"])
    op.create_table(
        "collectors",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("full_name", sa.String(length=200), nullable=False),
        sa.Column("staff", sa.String(length=200), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_collectors")),
    )
    op.create_index(op.f("ix_collectors_staff"), "collectors", ["staff"], unique=True)
    op.create_table(
        "handovers",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("collector", sa.String(length=32), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("held_minor", sa.BigInteger(), nullable=False),
        sa.Column("counted_minor", sa.BigInteger(), nullable=False),
        sa.Column("booked_minor", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("handed_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["collector"], ["collectors.name"], name=op.f("fk_handovers_collector")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handovers")),
    )
    op.create_index(op.f("ix_handovers_collector"), "handovers", ["collector"])
    op.create_table(
        "bank_mappings",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_bank_mappings")),
    )
    op.create_table(
        "bank_rows",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("imported_at", Instant(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_bank_rows_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_rows")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_bank_rows_fingerprint")),
    )
    op.create_index(op.f("ix_bank_rows_payment_id"), "bank_rows", ["payment_id"])
    op.create_index("ix_bank_rows_status", "bank_rows", ["status", "booked_on"])
