"""Closed months, and what nobody expects to be paid any more."""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, String, Table, Uuid

from netbilld.adapters.database.tables.base import Instant, RecordId, metadata

closed_months = Table(  # the books are closed up to the latest day of those that were not opened again
    "closed_months",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("month", String(7), nullable=False, index=True),  # 2026-01
    Column("until_on", Date, nullable=False),  # its last day
    Column("closed_at", Instant, nullable=False),
    Column("closed_by", String(200), nullable=False),
    Column("reopened_at", Instant),
    Column("reopened_by", String(200)),
    Column("why", String(200)),
)

write_offs = Table(
    "write_offs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), nullable=False, index=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("booked_on", Date, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
)
