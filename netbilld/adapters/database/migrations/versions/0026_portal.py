"""What subscribers do by themselves: one-time codes, consents, requests.

Revision: 0026
"""

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
