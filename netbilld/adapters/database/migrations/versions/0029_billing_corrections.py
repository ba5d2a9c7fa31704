"""What was found about money after reports: see the rules in docs/billing.md.

Revision: 0029
"""

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
