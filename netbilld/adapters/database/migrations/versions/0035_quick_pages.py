"""What pages over two years of documents are read by: the books summed by day, and indexes.

Revision: 0035
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import RecordId

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_SUMS = """
INSERT INTO ledger_days (booked_on, kind, account, account_kind, of_subscribers, currency, debit_minor)
SELECT booked_on, kind, account, account_kind, of_subscribers, currency, sum(debit_minor) FROM (
    SELECT ledger_entries.booked_on, ledger_entries.kind, accounts.kind AS account_kind, accounts.currency,
        CASE WHEN accounts.subscriber_id IS NULL THEN accounts.code
            WHEN accounts.code LIKE 'receivable:%' THEN 'receivable'
            WHEN accounts.code LIKE 'wallet:%' THEN 'wallet' ELSE 'deposits' END AS account,
        accounts.subscriber_id IS NOT NULL AS of_subscribers,
        CASE WHEN postings.side = 'debit' THEN amount_minor ELSE -amount_minor END AS debit_minor
    FROM postings JOIN ledger_entries ON ledger_entries.id = postings.entry_id
    JOIN accounts ON accounts.id = postings.account_id
) AS posted GROUP BY booked_on, kind, account, account_kind, of_subscribers, currency
"""


def upgrade() -> None:
    op.create_table(
        "ledger_days",
        sa.Column("id", RecordId, primary_key=True, autoincrement=True),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("account_kind", sa.String(16), nullable=False),
        sa.Column("of_subscribers", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("debit_minor", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_ledger_days_booked_on", "ledger_days", ["booked_on"])
    op.get_bind().exec_driver_sql(_SUMS)
    op.create_index("ix_ledger_entries_kind", "ledger_entries", ["kind", "booked_on"])
    otherwise = sa.text("(payment_id IS NULL OR amount_minor <= 0)")
    op.create_index(
        "ix_allocations_otherwise", "allocations", ["at", "invoice_id"],
        postgresql_where=otherwise, sqlite_where=otherwise,
    )  # fmt: skip
    op.create_index("ix_dunning_steps_lately", "dunning_steps", ["subscriber_id", "at"])
    restricted = sa.text("access <> 'active' AND reason <> 'terminated'")
    op.create_index(
        "ix_desired_restricted", "desired", ["since_at"], postgresql_where=restricted, sqlite_where=restricted
    )
    op.drop_index("ix_invoices_unpaid", "invoices")
    unpaid = sa.text("status IN ('issued', 'part_paid')")
    columns = ["due_on", "subscriber_id", "kind", "currency", "issued_on", "total_minor", "paid_minor", "id"]
    op.create_index("ix_invoices_unpaid", "invoices", columns, postgresql_where=unpaid, sqlite_where=unpaid)
