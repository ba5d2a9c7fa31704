"""What becomes of unpaid invoices: rules, exemptions, promises, days off, what was done, and late fees to be billed."""

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
)

from netbilld.adapters.database.tables.base import Instant, RecordId, metadata

holidays = Table(
    "holidays",
    metadata,
    Column("on", Date, primary_key=True),
    Column("area", String(100), primary_key=True),  # and every area below it; empty: everywhere
    Column("name", String(100), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
)

dunning_rules = Table(  # what differs from the settings; null: as they say
    "dunning_rules",
    metadata,
    Column("scope", String(12), primary_key=True),  # group, subscriber
    Column("name", String(64), primary_key=True),  # of the group; a subscriber's number
    Column("grace_days", Integer),
    Column("remind_days", JSON),  # [-7, -3, 0, 3]
    Column("from_receipt", Boolean),  # days run from when the paper invoice arrived
    Column("actor", String(200), nullable=False),
    Column("changed_at", Instant, nullable=False),
)

dunning_exemptions = Table(  # nobody is walled, fined or terminated for money meanwhile
    "dunning_exemptions",
    metadata,
    Column("scope", String(12), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("until_on", Date),  # the last day; null: until it is taken back
    Column("reason", String(200), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
)

promises = Table(
    "promises",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("until_on", Date, nullable=False),  # the last day to pay
    Column("reason", String(200), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),  # taken back, or replaced by another
)

due_extensions = Table(  # the invoice itself stays as it was issued
    "due_extensions",
    metadata,
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), primary_key=True),
    Column("until_on", Date, nullable=False),  # its last day to pay
    Column("reason", String(200), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
)

isolirs = Table(  # from being walled for arrears until nothing is overdue
    "isolirs",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("began_at", Instant, nullable=False),
    Column("overdue_minor", BigInteger, nullable=False),  # when it began: a percentage is of this
    Column("restored_at", Instant),
    Column("cleared_at", Instant),  # nothing is overdue any more, or a later one has taken its place
)

dunning_steps = Table(  # the key is what keeps a step from being done twice
    "dunning_steps",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("key", String(120), nullable=False, unique=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), index=True),
    Column("step", String(24), nullable=False),  # reminder, warning, isolir, restored, late_fee, termination
    Column("outcome", String(12), nullable=False),  # done, missed, promised, proposed
    Column("at", Instant, nullable=False),
    Column("details", JSON, nullable=False),
    Index("ix_dunning_steps_lately", "subscriber_id", "at"),
)

late_fees = Table(
    "late_fees",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), nullable=False),  # the one that was late
    Column("stage", Integer, nullable=False),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("decided_on", Date, nullable=False),
    Column("billed_id", Uuid, ForeignKey("invoices.id"), index=True),  # the one it is a line of; null: to be billed
    Column("waived_at", Instant),
    Column("waived_by", String(200)),
    Column("waived_because", String(200)),
    UniqueConstraint("invoice_id", "stage"),
)
