"""What the meter doubts, and how a NAS counts.

Revision: 0005
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nas", sa.Column("counter_unit", sa.String(8), nullable=False, server_default="octets"))
    op.add_column("nas", sa.Column("ipv6_octets", sa.String(8), nullable=False, server_default="inside"))
    op.add_column("nas", sa.Column("port_bps", sa.BigInteger(), nullable=True))
    op.add_column("nas", sa.Column("clock_off_seconds", sa.BigInteger(), nullable=True))
    op.add_column("sessions", sa.Column("counting", sa.Integer(), nullable=False, server_default="0"))
    for kind in ("ahead", "held"):
        for way in ("upload", "download"):
            octets = sa.Column(f"{kind}_{way}_octets", sa.BigInteger(), nullable=False, server_default="0")
            op.add_column("sessions", octets)
    op.add_column("sessions", sa.Column("narrow_readings", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "usage_doubts",
        sa.Column("id", RecordId, nullable=False, autoincrement=True),
        sa.Column("session_id", RecordId, nullable=False),
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("start_at", Instant(), nullable=False),
        sa.Column("end_at", Instant(), nullable=False),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
        sa.Column("counter_upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("counter_download_octets", sa.BigInteger(), nullable=False),
        sa.Column("port_bps", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("noted_at", Instant(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.String(200), nullable=True),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name=op.f("fk_usage_doubts_nas_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_doubts")),
    )
    op.create_index("ix_usage_doubts_session_id", "usage_doubts", ["session_id"])
    is_open = sa.text("state = 'open'")
    op.create_index(
        "ix_usage_doubts_open", "usage_doubts", ["noted_at"], sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_table(
        "usage_corrections",
        sa.Column("id", RecordId, nullable=False, autoincrement=True),
        sa.Column("session_id", RecordId, nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("noted_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_corrections")),
    )
    op.create_index("ix_usage_corrections_session_id", "usage_corrections", ["session_id"])
