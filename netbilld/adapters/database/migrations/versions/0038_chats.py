"""Chats that staff read and answer, channels a subscriber prefers.

Revision: 0038
"""

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
