"""NAS told apart by name, replaced and taken over.

Revision: 0013
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nas", sa.Column("told_by", sa.String(253), nullable=False, server_default=""))
    op.drop_index("uq_nas_address", "nas")
    in_use = sa.text("removed_at IS NULL")
    op.create_index(
        "uq_nas_address", "nas", ["address", "told_by"], unique=True, sqlite_where=in_use, postgresql_where=in_use
    )
    op.add_column("sessions", sa.Column("is_local", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "local_accounts",
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("menu", sa.String(16), nullable=False),
        sa.Column("name", sa.String(253), nullable=False),
        sa.Column("disabled_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name=op.f("fk_local_accounts_nas_id")),
        sa.PrimaryKeyConstraint("nas_id", "menu", "name", name=op.f("pk_local_accounts")),
    )
