"""NAS told apart by name, replaced and taken over.

Revision: 0013
"""

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
