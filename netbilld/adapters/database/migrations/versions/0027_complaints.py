"""Complaints, work orders, outages of areas and what people thought of it.

Revision: 0027
"""

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
