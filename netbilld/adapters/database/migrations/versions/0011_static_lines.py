"""Static subscribers: queues and lists that are ours on routers.

Revision: 0011
"""

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
