"""Agents who sell from a deposit, and what collectors hand over.

Revision: 0033
"""

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
