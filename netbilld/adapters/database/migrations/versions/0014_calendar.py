"""Changes of the calendar, and the brake; what orders to a NAS carry beside what they ask.

Revision: 0014
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nas", sa.Column("coa_event_timestamp", sa.String(length=4), nullable=True))
    op.add_column("nas", sa.Column("coa_message_authenticator", sa.String(length=4), nullable=True))
    op.create_table(
        "brake",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("pulled_for", sa.String(length=8), nullable=False),
        sa.Column("because", sa.String(length=200), nullable=False),
        sa.Column("closing", sa.Integer(), nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("since_at", Instant(), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("released_at", Instant(), nullable=True),
        sa.Column("released_by", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brake")),
    )
    op.create_table(
        "brake_holds",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("held_at", Instant(), nullable=False),
        sa.Column("released_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_brake_holds_service_id")),
        sa.PrimaryKeyConstraint("service_id", name=op.f("pk_brake_holds")),
    )
