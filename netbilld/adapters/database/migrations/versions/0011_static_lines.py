"""Static subscribers: queues and lists that are ours on routers.

Revision: 0011
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "static_lines",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.Column("cleared_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_static_lines_service_id")),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name=op.f("fk_static_lines_nas_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_static_lines")),
    )
    in_use, not_cleared = sa.text("removed_at IS NULL"), sa.text("cleared_at IS NULL")
    op.create_index(
        "uq_static_lines_service",
        "static_lines",
        ["service_id"],
        unique=True,
        sqlite_where=in_use,
        postgresql_where=in_use,
    )
    op.create_index(
        "ix_static_lines_nas", "static_lines", ["nas_id"], sqlite_where=not_cleared, postgresql_where=not_cleared
    )
    op.create_table(
        "static_states",
        sa.Column("line_id", RecordId, autoincrement=False, nullable=False),
        sa.Column("access", sa.String(length=16), nullable=True),
        sa.Column("profile_key", sa.String(length=16), nullable=False),
        sa.Column("observed_at", Instant(), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.Column("wanted_key", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", Instant(), nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["line_id"], ["static_lines.id"], name=op.f("fk_static_states_line_id")),
        sa.PrimaryKeyConstraint("line_id", name=op.f("pk_static_states")),
    )
    op.create_table(
        "static_attempts",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("line_id", RecordId, nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("access", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("profile_key", sa.String(length=16), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("verified_at", Instant(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(["line_id"], ["static_lines.id"], name=op.f("fk_static_attempts_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_static_attempts")),
    )
    op.create_index(op.f("ix_static_attempts_line_id"), "static_attempts", ["line_id"], unique=False)
    op.create_index("ix_static_attempts_service", "static_attempts", ["service_id", "sent_at"], unique=False)
    op.create_table(
        "static_routers",
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(length=300), nullable=True),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("lists", sa.JSON(), nullable=False),
        sa.Column("ticks", sa.BigInteger(), nullable=False),
        sa.Column("boots", sa.Integer(), nullable=False),
        sa.Column("began", sa.String(length=40), nullable=False),
        sa.Column("clock_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name=op.f("fk_static_routers_nas_id")),
        sa.PrimaryKeyConstraint("nas_id", name=op.f("pk_static_routers")),
    )
