"""Who may take a plan, coupons, top-ups bought and plans' start days.

Revision: 0016
"""

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
