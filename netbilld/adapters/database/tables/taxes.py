"""Buyers as taxes see them, and what became of documents at the tax office."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    Uuid,
    false,
)

from netbilld.adapters.database.tables.base import Instant, RecordId, metadata

buyers = Table(  # subscribers without a row are persons of whom nothing more is known
    "buyers",
    metadata,
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), primary_key=True),
    Column("kind", String(16), nullable=False),  # person, company
    Column("name", String(200)),  # on invoices; null: the subscriber's
    Column("address", Text),  # likewise
    Column("tax_id", String(16)),  # NPWP
    Column("branch", String(6), nullable=False),
    Column("nik_sealed", LargeBinary),
    Column("nik_key", String(64), index=True),  # keyed hash, to find a person by
    Column("nik_masked", String(16)),
    Column("po_number", String(60)),
    Column("faktur", String(8)),  # none, retail, full; null: as the settings say
    Column("trx_code", String(2)),
    Column("withholds_pph23", Boolean, nullable=False, default=False, server_default=false()),
    Column("exempt", Boolean, nullable=False, default=False, server_default=false()),
    Column("updated_at", Instant, nullable=False),
)

tax_invoices = Table(  # what became of an invoice at the tax office; corrections are made there, and noted here
    "tax_invoices",
    metadata,
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), primary_key=True),
    Column("status", String(16), nullable=False),  # exported, uploaded, approved, replaced, cancelled
    Column("nsfp", String(20)),  # its number, once Coretax has given one
    Column("vat_minor", BigInteger, nullable=False),  # as exported, whole rupiah
    Column("file", String(100)),
    Column("exported_at", Instant),
    Column("changed_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
)

document_stamps = Table(  # stamp duty: the serial number that a distributor gave
    "document_stamps",
    metadata,
    Column("document", String(64), primary_key=True),  # number of an invoice or receipt
    Column("serial", String(60), nullable=False),
    Column("duty_minor", BigInteger, nullable=False),
    Column("stamped_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
)

levy_deductions = Table(  # what is taken off the base of BHP and USO and is in no ledger of ours
    "levy_deductions",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("year", Integer, nullable=False, index=True),
    Column("month_on", Date, nullable=False),  # the first of its month
    Column("amount_minor", BigInteger, nullable=False),
    Column("note", String(200), nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
)
