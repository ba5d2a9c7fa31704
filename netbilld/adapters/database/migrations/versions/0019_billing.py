"""What was billed, by service, period and price; who is billed, and how.

Revision: 0019
"""

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
