"""Paper invoices on their way."""

from sqlalchemy import JSON, Column, Date, ForeignKey, Index, String, Table, Uuid

from netbilld.adapters.database.tables.base import Instant, RecordId, metadata

paper_invoices = Table(
    "paper_invoices",
    metadata,
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), primary_key=True),
    Column("state", String(16), nullable=False),  # printed, with_courier, received, returned
    Column("courier", String(100)),
    Column("tracking_number", String(100)),
    Column("printed_on", Date, nullable=False),
    Column("handed_on", Date),
    Column("received_on", Date),
    Column("returned_on", Date),
    Column("receiver", String(200)),
    Column("proof", String(100)),  # file in the documents of the data directory
    Column("changed_at", Instant, nullable=False),
    Index("ix_paper_invoices_state", "state"),
)

paper_steps = Table(
    "paper_steps",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("details", JSON, nullable=False),
)
