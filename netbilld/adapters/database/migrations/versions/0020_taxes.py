"""Tax rules, faktur and printed documents.

Revision: 0020
"""

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
