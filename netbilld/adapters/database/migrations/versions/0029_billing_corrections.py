"""The tax that a wallet pays for usage beside its price; on SQLite too the lines of a document are its total.

PostgreSQL has looked at that since 0018. SQLite looks where a document comes after its lines, where a draft is issued,
and where the one line comes that may follow a document without any.

Revision: 0029
"""

# ruff: noqa: S608 - statements are put together from names of our own

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_SUM = (
    "SELECT coalesce(sum(amount_minor + CASE WHEN inclusive THEN 0 ELSE tax_minor END), 0) "
    "FROM invoice_lines WHERE invoice_id = {}"
)
_REFUSE = "BEGIN SELECT RAISE(ABORT, 'invoice_lines: a document is issued with the lines that are its total'); END"


def upgrade() -> None:
    op.add_column("usage_periods", sa.Column("added_tax_minor", sa.BigInteger(), nullable=False, server_default="0"))
    # lists of bills and payments are by day, and of two years' a page shows one month
    op.create_index("ix_invoices_issued", "invoices", ["issued_on", "number"])
    op.create_index("ix_payments_received", "payments", ["received_on", "recorded_at"])
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for statement in _sqlite():
            connection.exec_driver_sql(statement)


def _sqlite() -> list[str]:
    of_document, of_line = _SUM.format("NEW.id"), _SUM.format("NEW.invoice_id")
    return [
        f"""CREATE TRIGGER invoices_come_with_their_total AFTER INSERT ON invoices
        WHEN NEW.number IS NOT NULL AND EXISTS (SELECT 1 FROM invoice_lines WHERE invoice_id = NEW.id)
        AND NEW.total_minor <> ({of_document}) {_REFUSE}""",
        f"""CREATE TRIGGER invoices_are_issued_whole AFTER UPDATE OF number ON invoices
        WHEN OLD.number IS NULL AND NEW.number IS NOT NULL AND NEW.total_minor <> ({of_document}) {_REFUSE}""",
        f"""CREATE TRIGGER invoice_lines_are_the_total AFTER INSERT ON invoice_lines
        WHEN EXISTS (SELECT 1 FROM invoices WHERE id = NEW.invoice_id AND number IS NOT NULL
        AND total_minor <> ({of_line})) {_REFUSE}""",
    ]
