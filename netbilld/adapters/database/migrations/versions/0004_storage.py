"""Usage kept by month, and rolled up further.

Revision: 0004
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import RecordId

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("usage_slices") as batch:
        batch.alter_column("session_id", existing_type=RecordId, nullable=True)
        batch.add_column(sa.Column("meter_id", RecordId, nullable=True))
    op.create_index("ix_usage_slices_meter_id", "usage_slices", ["meter_id"])
