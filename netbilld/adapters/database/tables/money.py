"""Ledger, invoices and payments."""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    true,
)

from netbilld.adapters.database.tables.base import WHERE, Instant, RecordId, metadata

UNPAID: Final = "status IN ('issued', 'part_paid')"  # as the index has it: a query that says the same goes by it

# what settles an invoice but by a payment, or was taken back; said in queries as the index has it
OTHERWISE: Final = "(payment_id IS NULL OR amount_minor <= 0)"

# lines that are on no account of what is sold: deposits, stamp duty, discounts and so on; said as the index has it
ASIDE: Final = "substr(revenue, 1, 8) <> 'revenue:'"

accounts = Table(
    "accounts",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("code", String(64), nullable=False, unique=True),  # cash:cash, receivable:100001, wallet:100001
    Column("kind", String(16), nullable=False),  # asset, liability, income, expense
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), index=True),
    Column("currency", String(3), nullable=False),
    Column("balance_minor", BigInteger, nullable=False),  # normal side; `ledger check` proves it
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False, index=True),
    Column("booked_on", Date, nullable=False),
    Column("kind", String(32), nullable=False),  # invoice_issued, payment_received, wallet_applied, usage_charged, …
    Column("document", String(32), nullable=False),  # invoice, payment, service
    Column("document_id", String(64), nullable=False),
    Column("memo", String(200), nullable=False),
    Column("actor", String(200), nullable=False),
    Index("ix_ledger_entries_document", "document", "document_id"),
    Index("ix_ledger_entries_kind", "kind", "booked_on"),
)

postings = Table(
    "postings",
    metadata,
    Column("entry_id", RecordId, ForeignKey("ledger_entries.id"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("account_id", RecordId, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("side", String(6), nullable=False),  # debit, credit
    Column("amount_minor", BigInteger, nullable=False),  # positive
)

counters = Table(  # numbers given out in the same transaction as what carries them
    "counters",
    metadata,
    Column("series", String(64), primary_key=True),
    Column("last_number", BigInteger, nullable=False),
)

invoices = Table(
    "invoices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", String(40), unique=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("status", String(16), nullable=False),  # draft, issued, part_paid, paid, credited
    Column("issued_on", Date),
    Column("due_on", Date, index=True),
    Column("period_start_on", Date, nullable=False),
    Column("period_end_on", Date, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("tax_minor", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("paid_minor", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("kind", String(16), nullable=False, default="invoice", server_default="invoice"),  # invoice, credit_note
    Column("credits_id", Uuid, index=True),  # of a credit note
    Column("buyer", JSON),  # as it was when issued
    Column("note", String(500), nullable=False, default="", server_default=""),
    Index("ix_invoices_issued", "issued_on", "number"),
    Index(  # with all that sums of what is owed look at, so that they look at nothing else
        "ix_invoices_unpaid",
        "subscriber_id",
        "due_on",
        "kind",
        "currency",
        "issued_on",
        "total_minor",
        "paid_minor",
        "id",
        info={WHERE: UNPAID},
    ),
)

invoice_lines = Table(
    "invoice_lines",
    metadata,
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("service_id", Uuid, ForeignKey("services.id")),
    Column("kind", String(32), nullable=False),  # recurring, prorata, usage, …
    Column("text", String(300), nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    Column("per", BigInteger, nullable=False),  # unit_price is for this many units
    Column("amount_minor", BigInteger, nullable=False),
    Column("tax_code", String(32)),
    Column("tax_minor", BigInteger, nullable=False, default=0, server_default="0"),
    Column("inclusive", Boolean, nullable=False, default=True, server_default=true()),  # the amount has the tax in it
    Column("revenue", String(64), nullable=False, default="revenue:recurring", server_default="revenue:recurring"),
    Column("from_on", Date),  # the days it is for, half-open
    Column("until_on", Date),
    Column("site", String(100)),
    Column("details", JSON),  # what it is explained by
    Index("ix_invoice_lines_aside", "invoice_id", info={WHERE: ASIDE}),
)

payments = Table(
    "payments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("method", String(32), nullable=False),
    Column("reference", String(200)),
    Column("received_on", Date, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("status", String(16), nullable=False, default="received", server_default="received"),  # received, reversed
    Column("collector", String(32)),  # in whose cash it lies
    Column("receipt_no", String(40), index=True, unique=True),
    Column("part_of", Uuid, index=True),  # what was withheld from a payment is one of its own
    Column("moved_from", Uuid),  # the payment of another subscriber that this one was
    Column("note", String(200), nullable=False, default="", server_default=""),
    Column("reversed_at", Instant),
    Column("reversed_by", String(200)),
    Column("reversed_because", String(200)),
    UniqueConstraint("method", "reference"),
    Index("ix_payments_recorded", "recorded_at", "id"),
    Index("ix_payments_received", "received_on", "recorded_at"),
)

allocations = Table(
    "allocations",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), nullable=False, index=True),
    Column("payment_id", Uuid, ForeignKey("payments.id"), index=True),  # null: from the wallet, or by another document
    Column("amount_minor", BigInteger, nullable=False),  # below zero where it was taken back
    Column("at", Instant, nullable=False),
    Column("document", String(16)),  # credit_note, write_off; null: a payment or the wallet
    Column("document_id", Uuid, index=True),
    Index("ix_allocations_otherwise", "at", "invoice_id", info={WHERE: OTHERWISE}),
)
