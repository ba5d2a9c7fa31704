"""Tokens of the JSON API, their limits, and outgoing webhooks.

Revision: 0025
"""

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
