"""How closely a service near its limit is watched.

Revision: 0008
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nas", sa.Column("holds_limits", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_table(
        "quota_crossings",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("session_id", RecordId, nullable=True),
        sa.Column("nas_id", sa.Uuid(), nullable=True),
        sa.Column("limit_octets", sa.BigInteger(), nullable=False),
        sa.Column("over_octets", sa.BigInteger(), nullable=False),
        sa.Column("line_rate_bps", sa.BigInteger(), nullable=False),
        sa.Column("interval_seconds", sa.Integer(), nullable=False),
        sa.Column("was_watched", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota_crossings")),
        sa.UniqueConstraint("service_id", "start_on", name=op.f("uq_quota_crossings_service_id_start_on")),
    )
    op.create_index("ix_quota_crossings_at", "quota_crossings", ["at"], unique=False)
    op.create_table(
        "nas_readings",
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("interval_milliseconds", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("nas_id", name=op.f("pk_nas_readings")),
    )
