"""Closed months, what is written off, and what keeps the books right whoever writes to the database.

Entries and postings are appended and never changed; the postings of an entry balance; nothing is booked in a closed
month; an issued document changes in nothing but how much of it is settled.

PostgreSQL looks at what a statement has added together: entries come in one with all their postings, and all the lines
of a document in one. Row by row, and at the commit, would cost several times as much. SQLite has row triggers alone and
none at the commit: there the postings come first and the entry last, which seals them; likewise lines and document.

Revision: 0018
"""

# ruff: noqa: S608 - statements are put together from names of our own

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_APPENDED = ("ledger_entries", "postings")
_DOCUMENT = (
    "number",
    "subscriber_id",
    "issued_on",
    "due_on",
    "period_start_on",
    "period_end_on",
    "timezone",
    "currency",
    "tax_minor",
    "total_minor",
    "kind",
    "credits_id",
    "buyer",
    "note",
)
_CLOSED = "SELECT max(until_on) FROM closed_months WHERE reopened_at IS NULL"
_GROSS = "amount_minor + CASE WHEN inclusive THEN 0 ELSE tax_minor END"
_UNEVEN = "sum(CASE side WHEN 'debit' THEN amount_minor ELSE -amount_minor END) <> 0"


def upgrade() -> None:
    op.create_table(
        "closed_months",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=False),
        sa.Column("closed_by", sa.String(length=200), nullable=False),
        sa.Column("reopened_at", Instant(), nullable=True),
        sa.Column("reopened_by", sa.String(length=200), nullable=True),
        sa.Column("why", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closed_months")),
    )
    op.create_index(op.f("ix_closed_months_month"), "closed_months", ["month"])
    op.create_table(
        "write_offs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_write_offs_invoice_id")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_write_offs_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_write_offs")),
    )
    op.create_index(op.f("ix_write_offs_invoice_id"), "write_offs", ["invoice_id"])
    op.create_index(op.f("ix_write_offs_subscriber_id"), "write_offs", ["subscriber_id"])
    op.add_column("allocations", sa.Column("document", sa.String(length=16), nullable=True))
    op.add_column("allocations", sa.Column("document_id", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_allocations_document_id"), "allocations", ["document_id"])
    # what was owed before netbilld was booked on its clearing account all along
    op.execute(sa.text("UPDATE invoice_lines SET revenue = 'cash:opening_balance' WHERE kind = 'opening_balance'"))
    connection = op.get_bind()
    for statement in _postgresql() if connection.dialect.name == "postgresql" else _sqlite():
        connection.exec_driver_sql(statement)


def _postgresql() -> list[str]:
    old, new = (", ".join(_compared(row, column) for column in _DOCUMENT) for row in ("OLD", "NEW"))
    return [
        # 23514 is check_violation: the client's fault, and no trouble of the database
        """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '%: %', TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = '23514'; END $$""",
        f"""CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE wrong bigint;
        BEGIN
            SELECT entry_id INTO wrong FROM added GROUP BY entry_id
            HAVING {_UNEVEN} OR count(*) < 2 OR min(line) <> 0 LIMIT 1;
            IF wrong IS NOT NULL THEN
                RAISE EXCEPTION 'postings of entry %: all of them come in one statement and balance', wrong
                USING ERRCODE = '23514';
            END IF;
            RETURN NULL;
        END $$""",
        # planned each time, for a plan kept from when the tables were empty would read them whole; and a look-up by key
        # for each entry, for a join is done row against row while nothing is known of the table
        """CREATE FUNCTION refuse_without_postings() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE bare bigint;
        BEGIN
            EXECUTE 'SELECT id FROM added
                WHERE (SELECT line FROM postings WHERE entry_id = added.id AND line = 0) IS NULL LIMIT 1' INTO bare;
            IF bare IS NOT NULL THEN
                RAISE EXCEPTION 'entry % has no postings: they come in the statement that books it', bare
                USING ERRCODE = '23514';
            END IF;
            RETURN NULL;
        END $$""",
        """CREATE FUNCTION refuse_in_closed_month() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE until date;
        BEGIN
            SELECT max(until_on) INTO until FROM closed_months WHERE reopened_at IS NULL;
            IF until IS NOT NULL AND EXISTS (SELECT 1 FROM added WHERE booked_on <= until) THEN
                RAISE EXCEPTION 'the books are closed until %', until USING ERRCODE = '23514';
            END IF;
            RETURN NULL;
        END $$""",
        f"""CREATE FUNCTION refuse_other_lines() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE wrong text;
        BEGIN
            EXECUTE 'SELECT number FROM invoices
                WHERE id IN (SELECT invoice_id FROM added) AND number IS NOT NULL AND total_minor IS DISTINCT FROM
                (SELECT sum({_GROSS}) FROM invoice_lines WHERE invoice_id = invoices.id) LIMIT 1' INTO wrong;
            IF wrong IS NOT NULL THEN
                RAISE EXCEPTION 'document % is issued: its lines are its total', wrong USING ERRCODE = '23514';
            END IF;
            RETURN NULL;
        END $$""",
        f"""CREATE FUNCTION refuse_other_total() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.total_minor IS DISTINCT FROM
                (SELECT coalesce(sum({_GROSS}), 0) FROM invoice_lines WHERE invoice_id = NEW.id)
            THEN
                RAISE EXCEPTION 'document % is issued: its lines are its total', NEW.number USING ERRCODE = '23514';
            END IF;
            RETURN NULL;
        END $$""",
        """CREATE FUNCTION refuse_changed_lines() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE issued text;
        BEGIN
            SELECT number INTO issued FROM invoices WHERE id = OLD.invoice_id;
            IF issued IS NOT NULL THEN
                RAISE EXCEPTION 'document % is issued: correct it by a credit note', issued USING ERRCODE = '23514';
            END IF;
            RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
        END $$""",
        *(
            f"""CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change('what is booked stays; correct it by another entry')"""
            for table in _APPENDED
        ),
        *(
            f"""CREATE TRIGGER {table}_never_emptied BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('what is booked stays')"""
            for table in _APPENDED
        ),
        """CREATE TRIGGER postings_balance AFTER INSERT ON postings REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_unbalanced()""",
        """CREATE TRIGGER ledger_entries_have_postings AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_without_postings()""",
        """CREATE TRIGGER ledger_entries_in_open_month AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_in_closed_month()""",
        f"""CREATE TRIGGER invoices_stay BEFORE UPDATE OF {", ".join(_DOCUMENT)} ON invoices
        FOR EACH ROW WHEN (OLD.number IS NOT NULL AND ({old}) IS DISTINCT FROM ({new}))
        EXECUTE FUNCTION refuse_change('what is issued stays; correct it by a credit note')""",
        """CREATE TRIGGER invoices_stay_there BEFORE DELETE ON invoices FOR EACH ROW WHEN (OLD.number IS NOT NULL)
        EXECUTE FUNCTION refuse_change('what is issued stays; correct it by a credit note')""",
        """CREATE TRIGGER invoice_lines_stay BEFORE UPDATE OR DELETE ON invoice_lines
        FOR EACH ROW EXECUTE FUNCTION refuse_changed_lines()""",
        """CREATE TRIGGER invoice_lines_are_the_total AFTER INSERT ON invoice_lines REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_other_lines()""",
        """CREATE CONSTRAINT TRIGGER invoices_are_issued_whole AFTER UPDATE OF number ON invoices
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.number IS NULL AND NEW.number IS NOT NULL)
        EXECUTE FUNCTION refuse_other_total()""",
    ]


def _compared(row: str, column: str) -> str:
    return f"{row}.{column}{'::text' if column == 'buyer' else ''}"  # json has no equality


def _sqlite() -> list[str]:
    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in _DOCUMENT)
    issued = "SELECT 1 FROM invoices WHERE id = {}.invoice_id AND number IS NOT NULL"
    return [
        *(
            f"""CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}
            BEGIN SELECT RAISE(ABORT, '{table}: what is booked stays; correct it by another entry'); END"""
            for table in _APPENDED
            for verb in ("UPDATE", "DELETE")
        ),
        """CREATE TRIGGER postings_before_their_entry BEFORE INSERT ON postings
        WHEN EXISTS (SELECT 1 FROM ledger_entries WHERE id = NEW.entry_id)
        BEGIN SELECT RAISE(ABORT, 'postings: all of them come before their entry, which seals them'); END""",
        f"""CREATE TRIGGER ledger_entries_balance AFTER INSERT ON ledger_entries
        WHEN (SELECT {_UNEVEN} OR count(*) < 2 FROM postings WHERE entry_id = NEW.id) IS NOT 0
        BEGIN SELECT RAISE(ABORT, 'ledger_entries: the postings of an entry balance and come before it'); END""",
        f"""CREATE TRIGGER ledger_entries_in_open_month BEFORE INSERT ON ledger_entries
        WHEN NEW.booked_on <= ({_CLOSED})
        BEGIN SELECT RAISE(ABORT, 'ledger_entries: the books of that month are closed'); END""",
        f"""CREATE TRIGGER invoices_stay BEFORE UPDATE OF {", ".join(_DOCUMENT)} ON invoices
        WHEN OLD.number IS NOT NULL AND ({changed})
        BEGIN SELECT RAISE(ABORT, 'invoices: what is issued stays; correct it by a credit note'); END""",
        """CREATE TRIGGER invoices_stay_there BEFORE DELETE ON invoices WHEN OLD.number IS NOT NULL
        BEGIN SELECT RAISE(ABORT, 'invoices: what is issued stays; correct it by a credit note'); END""",
        *(
            f"""CREATE TRIGGER invoice_lines_no_{verb.lower()} BEFORE {verb} ON invoice_lines
            WHEN EXISTS ({issued.format("OLD")})
            BEGIN SELECT RAISE(ABORT, 'invoice_lines: the document is issued; correct it by a credit note'); END"""
            for verb in ("UPDATE", "DELETE")
        ),
        f"""CREATE TRIGGER invoice_lines_before_their_document BEFORE INSERT ON invoice_lines
        WHEN EXISTS ({issued.format("NEW")})
        AND EXISTS (SELECT 1 FROM invoice_lines WHERE invoice_id = NEW.invoice_id)
        BEGIN SELECT RAISE(ABORT, 'invoice_lines: all of them come before their document is issued'); END""",
    ]
