"""Money paid back, amounts that tell whose they are, money that nobody is known for, collectors, bank statements."""

from sqlalchemy import JSON, BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, UniqueConstraint, Uuid

from netbilld.adapters.database.tables.base import WHERE, Instant, RecordId, metadata

refunds = Table(  # paid back out of the wallet
    "refunds",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("method", String(32), nullable=False),
    Column("reference", String(200)),
    Column("collector", String(32)),  # out of whose cash
    Column("paid_on", Date, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("reason", String(200), nullable=False),
    UniqueConstraint("method", "reference"),
)

payment_codes = Table(  # an amount of which a transfer tells by itself which invoice it is for
    "payment_codes",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), nullable=False, index=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False),
    Column("code", Integer, nullable=False),  # 1 to 999, what is added
    Column("amount_minor", BigInteger, nullable=False),  # what was outstanding, and the code
    Column("currency", String(3), nullable=False),
    Column("status", String(16), nullable=False),  # open, used, over
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("payment_id", Uuid, ForeignKey("payments.id")),
    Column("actor", String(200), nullable=False),
    Index("uq_payment_codes_open_amount", "currency", "amount_minor", unique=True, info={WHERE: "status = 'open'"}),
    Index("ix_payment_codes_amount", "currency", "amount_minor"),
)

parked_payments = Table(  # money that came in and waits for a person to say whose it is
    "parked_payments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("method", String(32), nullable=False),
    Column("reference", String(200)),
    Column("received_on", Date, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("text", String(300), nullable=False),  # what came with it: the sender, why it waits
    Column("status", String(16), nullable=False, index=True),  # parked, released, returned
    Column("payment_id", Uuid, ForeignKey("payments.id")),  # what it became
    Column("decided_at", Instant),
    Column("decided_by", String(200)),
    Column("reason", String(200)),
    UniqueConstraint("method", "reference"),
)

collectors = Table(  # who takes cash, and holds it until it is handed over
    "collectors",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("full_name", String(200), nullable=False),
    Column("staff", String(200), unique=True, index=True),  # whose cash, recorded by themselves, is on this account
    Column("status", String(16), nullable=False),  # active, ended
    Column("created_at", Instant, nullable=False),
)

handovers = Table(  # setoran
    "handovers",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("collector", String(32), ForeignKey("collectors.name"), nullable=False, index=True),
    Column("currency", String(3), nullable=False),
    Column("held_minor", BigInteger, nullable=False),  # by the books, before it
    Column("counted_minor", BigInteger, nullable=False),
    Column("booked_minor", BigInteger, nullable=False),  # of the difference, what was booked as short or over
    Column("method", String(32), nullable=False),  # which cash it went to
    Column("handed_on", Date, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),  # who counted
    Column("reason", String(200), nullable=False),
)

bank_mappings = Table(  # how a bank writes its statements; the presets are in the program
    "bank_mappings",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
)

bank_rows = Table(  # money that came in by a bank's statement
    "bank_rows",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("account", String(32), nullable=False),
    Column("method", String(32), nullable=False),  # what a payment of it is recorded as
    Column("fingerprint", String(64), nullable=False, unique=True),  # the same row of another file is not another row
    Column("booked_on", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("text", String(500), nullable=False),
    Column("reference", String(200)),
    Column("file_name", String(200), nullable=False),
    Column("line", Integer, nullable=False),
    Column("imported_at", Instant, nullable=False),
    Column("status", String(16), nullable=False),  # open, matched, ignored
    Column("payment_id", Uuid, ForeignKey("payments.id"), index=True),
    Column("reason", String(200), nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", String(200)),
    Index("ix_bank_rows_status", "status", "booked_on"),
)
