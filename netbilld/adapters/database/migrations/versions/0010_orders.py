"""Orders: their ladder, their pace, what was proved and what was not.

Revision: 0010
"""

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
