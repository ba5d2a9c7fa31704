"""Closed months, deposits and what keeps the books balanced.

Revision: 0018
"""

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
