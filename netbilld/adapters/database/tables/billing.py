"""What was billed of each service, bills that a person has to look at, and runs."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Uuid,
    false,
    true,
)

from netbilld.adapters.database.tables.base import Instant, RecordId, metadata

billing_states = Table(  # how far each service is billed; written in the transaction of its invoice
    "billing_states",
    metadata,
    Column("service_id", Uuid, ForeignKey("services.id"), primary_key=True),
    Column("round", Integer, nullable=False),  # how often it was billed; the next one is taken once
    Column("closed_until_on", Date),  # days before it were billed or paid before anything below was written down
    Column("billed_until_on", Date),  # fees: the end of the last period that was looked at
    Column("usage_until_on", Date),
    Column("next_on", Date),  # when its next period is to be billed; null: nothing recurs
    Column("billing_day", Integer, nullable=False),  # by which that was worked out
    Column("terms_digest", BigInteger),  # of what the days billed so far are billed by
    Column("looked_at", Instant, nullable=False),
    Column("settled_at", Instant),  # its final bill is made
    Index("ix_billing_states_next", "next_on"),
)

billed_fees = Table(  # the primary key is what keeps a round from being billed twice
    "billed_fees",
    metadata,
    Column("service_id", Uuid, primary_key=True),  # its state's row points at the service
    Column("round", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("item", String(80), nullable=False),  # fee, component:tv, addon:static_ip, discount:promo, installation
    Column("name", String(200), nullable=False),
    Column("cycle_days", Integer, nullable=False),  # 0: monthly
    Column("start_on", Date, nullable=False),
    Column("end_on", Date, nullable=False),
    Column("of_days", Integer, nullable=False),  # of the whole period
    Column("price_minor", BigInteger, nullable=False),
    Column("days", Integer, nullable=False),  # more or fewer than was billed before
    Column("amount_minor", BigInteger, nullable=False),  # below zero: given back, or a discount
    Column("tax_code", String(32)),
    Column("inclusive", Boolean, nullable=False, default=True, server_default=true()),
    Column("revenue", String(64), nullable=False),
    Column("plan_version_id", Uuid),
    Column("is_prepaid", Boolean, nullable=False, default=False, server_default=false()),  # bought from the wallet
    # null: paid from the wallet, or nothing to pay. Not a foreign key: SQLite would look for it in all rows, each time
    # that a document is stored after its lines
    Column("invoice_id", Uuid),
)

billed_usage = Table(
    "billed_usage",
    metadata,
    Column("service_id", Uuid, ForeignKey("services.id"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("start_on", Date, primary_key=True),
    Column("end_on", Date, nullable=False),
    Column("upload_octets", BigInteger, nullable=False),  # of the whole period, when it was billed
    Column("download_octets", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),  # more or less than was billed before
    Column("invoice_id", Uuid),
)

parked_bills = Table(  # subscribers whose bill a person has to look at
    "parked_bills",
    metadata,
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), primary_key=True),
    Column("parked_at", Instant, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("reason", String(300), nullable=False),
    Column("total_minor", BigInteger),  # null: it could not be made up
    Column("allowed_minor", BigInteger),  # up to which somebody let it through
    Column("allowed_at", Instant),
    Column("actor", String(200)),
)

billing_runs = Table(
    "billing_runs",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("as_of", Date, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),  # its newest sign of life
    Column("finished_at", Instant),
    Column("subscribers", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("documents", Integer, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("parked", Integer, nullable=False),
    Column("actor", String(200), nullable=False),
)
