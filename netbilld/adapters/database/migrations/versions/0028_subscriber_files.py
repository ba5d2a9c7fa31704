"""Notes and files of subscribers, and long work that staff start.

Revision: 0028
"""

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
