"""What the staff may do where, how they prove who they are, and the audit trail that can be searched.

The audit trail is appended to and never changed, whoever writes to the database.

Revision: 0024
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_STAYS = "what is on record stays"


def upgrade() -> None:
    op.add_column("staff", sa.Column("phone", sa.String(length=40), nullable=True))
    op.add_column("staff", sa.Column("areas", sa.JSON(), server_default=sa.text("'[]'"), nullable=False))
    op.add_column("staff", sa.Column("totp_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("staff", sa.Column("totp_since_at", Instant(), nullable=True))
    op.add_column("staff", sa.Column("totp_last_step", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "recovery_codes",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_recovery_codes_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", "code_hash", name=op.f("pk_recovery_codes")),
    )
    op.add_column("logins", sa.Column("browser", sa.String(length=200), nullable=True))
    op.create_index(op.f("ix_logins_staff_id"), "logins", ["staff_id"])
    op.create_index(op.f("ix_subscribers_area"), "subscribers", ["area"])
    op.create_index("ix_changes_actor", "changes", ["actor", "id"])
    op.create_index("ix_changes_action", "changes", ["action", "id"])
    connection = op.get_bind()
    for statement in _postgresql() if connection.dialect.name == "postgresql" else _sqlite():
        connection.exec_driver_sql(statement)


def _postgresql() -> list[str]:
    return [
        f"""CREATE TRIGGER changes_append_only BEFORE UPDATE OR DELETE ON changes
        FOR EACH ROW EXECUTE FUNCTION refuse_change('{_STAYS}')""",
        f"""CREATE TRIGGER changes_never_emptied BEFORE TRUNCATE ON changes
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('{_STAYS}')""",
    ]


def _sqlite() -> list[str]:
    return [
        f"""CREATE TRIGGER changes_no_{verb.lower()} BEFORE {verb} ON changes
        BEGIN SELECT RAISE(ABORT, 'changes: {_STAYS}'); END"""
        for verb in ("UPDATE", "DELETE")
    ]
