"""Payments reversed and refunded, unique amounts, bank statements.

Revision: 0021
"""

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
