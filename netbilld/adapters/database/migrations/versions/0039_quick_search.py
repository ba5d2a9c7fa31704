"""What is put together once: what a search looks through, and a day's usage; indexes of what lies apart.

Revision: 0039
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import RecordId

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
    op.create_table(
        "usage_all_days",
        sa.Column("id", RecordId, primary_key=True, autoincrement=True),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_usage_all_days_day", "usage_all_days", ["day_on"])
    connection.exec_driver_sql(
        "INSERT INTO usage_all_days (day_on, upload_octets, download_octets) "
        "SELECT day_on, sum(upload_octets), sum(download_octets) FROM usage_days GROUP BY day_on"
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
