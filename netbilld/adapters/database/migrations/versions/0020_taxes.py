"""Buyers as taxes see them, what became of documents at the tax office, stamps, deductions from levies.

Revision: 0020
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "buyers",
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("tax_id", sa.String(length=16), nullable=True),
        sa.Column("branch", sa.String(length=6), nullable=False),
        sa.Column("nik_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("nik_key", sa.String(length=64), nullable=True),
        sa.Column("nik_masked", sa.String(length=16), nullable=True),
        sa.Column("po_number", sa.String(length=60), nullable=True),
        sa.Column("faktur", sa.String(length=8), nullable=True),
        sa.Column("trx_code", sa.String(length=2), nullable=True),
        sa.Column("withholds_pph23", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("exempt", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_buyers_subscriber_id")),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_buyers")),
    )
    op.create_index(op.f("ix_buyers_nik_key"), "buyers", ["nik_key"])
    op.create_table(
        "tax_invoices",
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("nsfp", sa.String(length=20), nullable=True),
        sa.Column("vat_minor", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.String(length=100), nullable=True),
        sa.Column("exported_at", Instant(), nullable=True),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_tax_invoices_invoice_id")),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("pk_tax_invoices")),
    )
    op.create_table(
        "document_stamps",
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=60), nullable=False),
        sa.Column("duty_minor", sa.BigInteger(), nullable=False),
        sa.Column("stamped_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("document", name=op.f("pk_document_stamps")),
    )
    op.create_table(
        "levy_deductions",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("month_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_levy_deductions")),
    )
    op.create_index(op.f("ix_levy_deductions_year"), "levy_deductions", ["year"])
