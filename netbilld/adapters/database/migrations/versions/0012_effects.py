"""Seconds from cause to seen effect, and alerts.

Revision: 0012
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "effects",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", RecordId, nullable=True),
        sa.Column("line_id", RecordId, nullable=True),
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("access", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("profile_key", sa.String(length=16), nullable=False),
        sa.Column("is_return", sa.Boolean(), nullable=False),
        sa.Column("cause_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("acknowledged_at", Instant(), nullable=True),
        sa.Column("gone_at", Instant(), nullable=True),
        sa.Column("returned_at", Instant(), nullable=True),
        sa.Column("seen_at", Instant(), nullable=True),
        sa.Column("evidence", sa.String(length=16), nullable=True),
        sa.Column("ending", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_effects")),
        sa.UniqueConstraint("session_id", "due_at", name=op.f("uq_effects_session_id_due_at")),
        sa.UniqueConstraint("line_id", "due_at", name=op.f("uq_effects_line_id_due_at")),
    )
    open_only = sa.text("ending IS NULL")
    op.create_index("ix_effects_open", "effects", ["service_id"], postgresql_where=open_only, sqlite_where=open_only)
    op.create_index("ix_effects_service", "effects", ["service_id", "due_at"])
    op.create_index("ix_effects_seen", "effects", ["seen_at"])
    op.create_index("ix_effects_due", "effects", ["due_at"])
    op.create_table(
        "alerts",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("raised_at", Instant(), nullable=False),
        sa.Column("cleared_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name=op.f("fk_alerts_nas_id_nas")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    still_open = sa.text("cleared_at IS NULL")
    op.create_index(
        "ix_alerts_open", "alerts", ["subject"], unique=True, postgresql_where=still_open, sqlite_where=still_open
    )
    op.create_index("ix_alerts_raised", "alerts", ["raised_at"])
    op.create_index("ix_enforcement_attempts_nas", "enforcement_attempts", ["nas_id", "sent_at"])
