"""Nothing: reports read what others keep. The number stays, since it was given.

Revision: 0023
"""

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
