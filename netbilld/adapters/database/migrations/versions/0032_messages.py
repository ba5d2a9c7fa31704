"""Messages over several channels: where each stands, and what people write back.

Revision: 0032
"""

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
