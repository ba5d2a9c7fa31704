"""Reminders, promises, holidays, messages to be sent, and paper invoices.

Revision: 0022
"""

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
