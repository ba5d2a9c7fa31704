"""Vouchers, from the batch that is printed to the first use.

Revision: 0031
"""

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
