"""Changes of the calendar, and the brake.

Revision: 0014
"""

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
