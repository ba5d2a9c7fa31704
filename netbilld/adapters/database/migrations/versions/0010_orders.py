"""Orders: their ladder, their pace, what was proved and what was not.

Revision: 0010
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("rung", "step", "tries"):
        op.add_column("pending_orders", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("pending_orders", sa.Column("change", sa.String(length=16), nullable=True))
    op.add_column("pending_orders", sa.Column("acked_at", Instant(), nullable=True))
    op.add_column("pending_orders", sa.Column("alerted_at", Instant(), nullable=True))
    op.execute(sa.text("UPDATE pending_orders SET rung = 1 WHERE coa_refused"))
    op.add_column("enforcement_attempts", sa.Column("disproved_at", Instant(), nullable=True))
    for name, default in (("via", "radius"), ("rung", "0"), ("step", "0")):
        kind = sa.String(length=8) if name == "via" else sa.Integer()
        op.add_column("enforcement_attempts", sa.Column(name, kind, nullable=False, server_default=default))
    op.add_column("enforcement_attempts", sa.Column("change", sa.String(length=16), nullable=True))
    for name in ("coa_per_second", "disconnects_per_second"):
        op.add_column("nas", sa.Column(name, sa.Integer(), nullable=True))
