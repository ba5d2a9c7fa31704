"""Devices read over SNMP, and meters beside the sessions.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "meters",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("nas_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("is_allowed", sa.Boolean(), nullable=False),
        sa.Column("is_swapped", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
        sa.Column("counter_upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("counter_download_octets", sa.BigInteger(), nullable=False),
        sa.Column("clock", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.String(length=100), nullable=False),
        sa.Column("past_epochs", sa.JSON(), nullable=False),
        sa.Column("at", Instant(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_meters_service_id")),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name=op.f("fk_meters_nas_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meters")),
    )
    in_use = sa.text("removed_at IS NULL")
    op.create_index(
        "uq_meters_key", "meters", ["source", "key"], unique=True, sqlite_where=in_use, postgresql_where=in_use
    )
    op.create_index("ix_meters_service", "meters", ["service_id"], unique=False)
    op.create_index("ix_meters_nas", "meters", ["nas_id"], unique=False)
