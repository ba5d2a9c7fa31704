"""Vouchers bought in the captive portal, and money that is given back for vouchers.

Revision: 0036
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _payments_of_nobody()
    op.add_column("voucher_batches", sa.Column("is_online", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "voucher_orders",
        sa.Column("ref", sa.String(length=50), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("router", sa.String(length=300), nullable=False),
        sa.Column("hotspot", sa.JSON(), nullable=False),
        sa.Column("sale_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["ref"], ["gateway_attempts.ref"], name=op.f("fk_voucher_orders_ref")),
        sa.ForeignKeyConstraint(["batch_id"], ["voucher_batches.id"], name=op.f("fk_voucher_orders_batch_id")),
        sa.ForeignKeyConstraint(["sale_id"], ["voucher_sales.id"], name=op.f("fk_voucher_orders_sale_id")),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_voucher_orders")),
        sa.UniqueConstraint("sale_id", name=op.f("uq_voucher_orders_sale_id")),
    )
    for name in ("client", "router"):
        op.create_index(f"ix_voucher_orders_{name}", "voucher_orders", [name, "created_at"])
    op.create_index("ix_voucher_orders_created", "voucher_orders", ["created_at"])
    op.create_table(
        "voucher_refunds",
        sa.Column("voucher_id", sa.Uuid(), nullable=False),
        sa.Column("sale_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("commission_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("collector", sa.String(length=32), nullable=True),
        sa.Column("agent", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("refunded_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["voucher_id"], ["vouchers.id"], name=op.f("fk_voucher_refunds_voucher_id")),
        sa.ForeignKeyConstraint(["sale_id"], ["voucher_sales.id"], name=op.f("fk_voucher_refunds_sale_id")),
        sa.PrimaryKeyConstraint("voucher_id", name=op.f("pk_voucher_refunds")),
    )
    op.create_index(op.f("ix_voucher_refunds_sale_id"), "voucher_refunds", ["sale_id"])


def _payments_of_nobody() -> None:
    """Let a payment by a gateway have no subscriber.

    SQLite can't drop a table that others refer to while it minds their references, as a copy under another name would
    need. What its manual has for that is to write the table's definition anew (ALTER TABLE, "making other kinds of
    table schema changes": what is on disk stays as it is).
    """
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        op.alter_column("gateway_attempts", "subscriber_id", existing_type=sa.Uuid(), nullable=True)
        return
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, 'subscriber_id CHAR(32) NOT NULL', 'subscriber_id CHAR(32)')"
        " WHERE type = 'table' AND name = 'gateway_attempts'"
        " AND sql LIKE '%subscriber_id CHAR(32) NOT NULL%'"
    )
    if changed.rowcount != 1:
        raise RuntimeError("the definition of gateway_attempts is not the one that was made")
    connection.exec_driver_sql(f"PRAGMA schema_version = {int(version) + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")
