"""Vouchers, from the batch that is printed to the first use.

Revision: 0031
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "voucher_batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("code_kind", sa.String(length=16), nullable=False),
        sa.Column("has_password", sa.Boolean(), nullable=False),
        sa.Column("validity_seconds", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.String(length=16), nullable=False),
        sa.Column("is_only_sold", sa.Boolean(), nullable=False),
        sa.Column("use_by_at", Instant(), nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("agent_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_version_id"], ["plan_versions.id"], name=op.f("fk_voucher_batches_plan_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voucher_batches")),
        sa.UniqueConstraint("number", name=op.f("uq_voucher_batches_number")),
    )
    op.create_table(
        "voucher_sales",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("receipt_no", sa.String(length=32), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("commission_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("collector", sa.String(length=32), nullable=True),
        sa.Column("agent", sa.String(length=32), nullable=True),
        sa.Column("buyer", sa.String(length=200), nullable=False),
        sa.Column("sold_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["voucher_batches.id"], name=op.f("fk_voucher_sales_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voucher_sales")),
        sa.UniqueConstraint("receipt_no", name=op.f("uq_voucher_sales_receipt_no")),
    )
    for column in ("batch_id", "agent", "sold_at"):
        op.create_index(op.f(f"ix_voucher_sales_{column}"), "voucher_sales", [column])
    op.create_table(
        "vouchers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("lookup", sa.LargeBinary(), nullable=False),
        sa.Column("code_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("password_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("sale_id", sa.Uuid(), nullable=True),
        sa.Column("sold_at", Instant(), nullable=True),
        sa.Column("first_used_at", Instant(), nullable=True),
        sa.Column("first_nas_id", sa.Uuid(), nullable=True),
        sa.Column("valid_until_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_reason", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["voucher_batches.id"], name=op.f("fk_vouchers_batch_id")),
        sa.ForeignKeyConstraint(["sale_id"], ["voucher_sales.id"], name=op.f("fk_vouchers_sale_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vouchers")),
        sa.UniqueConstraint("lookup", name=op.f("uq_vouchers_lookup")),
    )
    op.create_index(op.f("ix_vouchers_sale_id"), "vouchers", ["sale_id"])
    op.create_index("uq_vouchers_position", "vouchers", ["batch_id", "position"], unique=True)
    op.create_index("ix_vouchers_status", "vouchers", ["batch_id", "status"])
    where = sa.text("status = 'active'")
    op.create_index("ix_vouchers_until", "vouchers", ["valid_until_at"], sqlite_where=where, postgresql_where=where)
