"""Several nodes on one database.

Revision: 0009
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "nodes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("roles", sa.String(length=200), nullable=False),
        sa.Column("leads", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("clock_ahead_ms", sa.BigInteger(), nullable=False),
        sa.Column("hearing_since", Instant(), nullable=True),
        sa.Column("journal_octets", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nodes")),
    )
    op.create_table(
        "duty_terms",
        sa.Column("duty", sa.String(length=16), nullable=False),
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.Column("connections", sa.String(length=64), nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("since_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("duty", name=op.f("pk_duty_terms")),
    )
