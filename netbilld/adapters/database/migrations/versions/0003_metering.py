"""What thousands of accounting records a second ask of the tables they end in.

Revision: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# The meter has just read or written what these rows point to, in the same transaction, and nobody deletes sessions or
# services; to have each row looked up once more would cost as much as all the rest of it.
_UNCHECKED = {
    "usage_slices": ("service_id", "session_id"),
    "usage_hours": ("service_id",),
    "usage_periods": ("service_id",),
    "observed": ("session_id", "service_id"),
}
# Rows that are updated over and over: with room on their page that touches no index.
_ROOM = {"sessions": 60, "usage_hours": 70, "usage_periods": 60}


def upgrade() -> None:
    for table, columns in _UNCHECKED.items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_constraint(f"fk_{table}_{column}", type_="foreignkey")
    # An open session is one that has not stopped, whatever its state; and a state changes where an address does not.
    op.drop_index("ix_sessions_open", table_name="sessions")
    addressed = sa.text("stopped_at IS NULL AND framed_ip IS NOT NULL")
    op.create_index("ix_sessions_open", "sessions", ["framed_ip"], sqlite_where=addressed, postgresql_where=addressed)
    if op.get_context().dialect.name == "postgresql":
        for table, percent in _ROOM.items():
            op.execute(f"ALTER TABLE {table} SET (fillfactor = {percent})")
