"""Allowances beside the plan's own, thresholds that were told, and usage by happy hours.

Revision: 0017
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rollovers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("left_of_on", sa.Date(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_rollovers_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollovers")),
        sa.UniqueConstraint("service_id", "unit", "left_of_on", name=op.f("uq_rollovers_service_id_unit_left_of_on")),
    )
    op.create_table(
        "allowance_uses",
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("grant_id", "start_on", name=op.f("pk_allowance_uses")),
    )
    op.create_table(
        "allowance_periods",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("end_on", sa.Date(), nullable=False),
        sa.Column("own_units", sa.BigInteger(), nullable=False),
        sa.Column("extra_units", sa.BigInteger(), nullable=False),
        sa.Column("used_units", sa.BigInteger(), nullable=False),
        sa.Column("rolled_units", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_allowance_periods_service_id")),
        sa.PrimaryKeyConstraint("service_id", "unit", "start_on", name=op.f("pk_allowance_periods")),
    )
    op.create_table(
        "allowance_thresholds",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("limit_units", sa.BigInteger(), nullable=False),
        sa.Column("used_units", sa.BigInteger(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("service_id", "start_on", "unit", "percent", name=op.f("pk_allowance_thresholds")),
    )
    op.create_index(op.f("ix_allowance_thresholds_at"), "allowance_thresholds", ["at"])
    op.create_table(
        "usage_windows",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("window_number", sa.SmallInteger(), nullable=False),
        sa.Column("plan_digest", sa.BigInteger(), nullable=False),
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("service_id", "start_on", "from_on", "window_number", name=op.f("pk_usage_windows")),
    )
    op.add_column("usage_periods", sa.Column("counted_octets", sa.BigInteger(), nullable=True))
    op.add_column("usage_periods", sa.Column("seconds", sa.BigInteger(), server_default="0", nullable=False))
