"""The first schema.

Revision: 0001
"""

from alembic import op

from netbilld.adapters.database.tables import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
