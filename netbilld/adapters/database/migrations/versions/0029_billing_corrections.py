"""The tax that a wallet pays for usage beside its price.

Revision: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("usage_periods", sa.Column("added_tax_minor", sa.BigInteger(), nullable=False, server_default="0"))
