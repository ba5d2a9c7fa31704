"""Seconds from cause to seen effect, and alerts.

Revision: 0012
"""

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
