"""The books summed by day, so that what months of them come to is read from few rows."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, String, Table

from netbilld.adapters.database.tables.base import RecordId, metadata

ledger_days = Table(  # a sum may be spread over rows: who books adds one, and none is changed
    "ledger_days",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("booked_on", Date, nullable=False),
    Column("kind", String(32), nullable=False),  # the entries'
    Column("account", String(64), nullable=False),  # its code; of subscribers' accounts what comes before the number
    Column("account_kind", String(16), nullable=False),
    Column("of_subscribers", Boolean, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("debit_minor", BigInteger, nullable=False),  # debits less credits
    Index("ix_ledger_days_booked_on", "booked_on"),
)
