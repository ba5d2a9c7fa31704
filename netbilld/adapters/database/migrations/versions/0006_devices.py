"""Devices read over SNMP, and meters beside the sessions.

Revision: 0006
"""

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
