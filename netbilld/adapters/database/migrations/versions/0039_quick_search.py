"""What a search looks through, put together once; and of what rows about one thing lie apart, indexes that spare them.

Revision: 0039
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

# a word that is looked for has no space in it, so it is found within one of these or not at all
_SAID = (
    "lower(name || ' ' || number || ' ' || "
    + " || ' ' || ".join(f"coalesce({column}, '')" for column in ("phone", "address", "area", "email"))
    + ")"
)


def upgrade() -> None:
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    kept = (
        "VIRTUAL" if is_sqlite else "STORED"
    )  # SQLite can't add one that is stored; PostgreSQL before 18 has no other
    connection.exec_driver_sql(f"ALTER TABLE subscribers ADD COLUMN said TEXT GENERATED ALWAYS AS ({_SAID}) {kept}")
    op.drop_index("ix_invoices_unpaid", "invoices")  # it began with the day on which they are due
    unpaid = sa.text("status IN ('issued', 'part_paid')")
    columns = ["subscriber_id", "due_on", "kind", "currency", "issued_on", "total_minor", "paid_minor", "id"]
    op.create_index("ix_invoices_unpaid", "invoices", columns, postgresql_where=unpaid, sqlite_where=unpaid)
    aside = sa.text("substr(revenue, 1, 8) <> 'revenue:'")
    op.create_index(
        "ix_invoice_lines_aside", "invoice_lines", ["invoice_id"], postgresql_where=aside, sqlite_where=aside
    )
    still_open = sa.text("stopped_at IS NULL")
    op.create_index(
        "ix_sessions_online", "sessions", ["service_id"], postgresql_where=still_open, sqlite_where=still_open
    )
    if not is_sqlite:
        # rows lie in order of time: one NAS's day of them is a page each
        connection.exec_driver_sql(
            "ALTER TABLE nas_samples DROP CONSTRAINT pk_nas_samples, ADD CONSTRAINT pk_nas_samples "
            "PRIMARY KEY (nas_id, at) INCLUDE (upload_bps, download_bps)"
        )
