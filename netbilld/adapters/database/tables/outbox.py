"""Messages to subscribers: written with what caused them, sent after."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Uuid, text

from netbilld.adapters.database.tables.base import WHERE, Instant, RecordId, metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),  # invoice_issued, reminder, isolir, …
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), index=True),  # null: it is to nobody's account
    Column("staff_id", Uuid),  # it goes to this member of the staff instead; the subscriber is whom it is about
    Column("dedupe_key", String(200), nullable=False, unique=True),  # what it is about: the same is never told twice
    Column("context", JSON, nullable=False),  # what its template names
    Column("while_open_id", Uuid),  # it is sent only while this invoice is open
    Column("state", String(12), nullable=False),  # queued, sending, sent, maybe_sent, failed, dead, withdrawn
    Column("channel", String(16)),  # email, …; null until it is sent
    Column("recipient", String(200)),
    Column("provider_id", String(200)),  # Message-ID of an e-mail
    Column("said", String(300)),  # the driver's words
    Column("attempts", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),  # not before
    Column("expires_at", Instant, nullable=False),  # nobody is told later than this
    Column("claimed_at", Instant),
    Column("ended_at", Instant),  # when it was sent, withdrawn or given up
    Column("driver", String(24)),  # who is to deliver it, or has; null until one is chosen
    Column("addressee", String(200)),  # in that driver's words, where it answers somebody; else by the subscriber
    Column("passed", String(200), nullable=False, server_default=""),  # drivers that can't, with commas between them
    Column("priority", Integer, nullable=False, server_default=text("1")),  # 0 before 1 before 2
    Column("reached", Integer, nullable=False, server_default=text("0")),  # accepted, sent, delivered, read: 1 to 4
    Column("reached_at", Instant),
    Column("cost_minor", BigInteger, nullable=False, server_default=text("0")),
    Index("ix_outbox_state", "state", "next_at"),
    Index("ix_outbox_waiting", "driver", "priority", "next_at", info={WHERE: "state IN ('queued', 'failed')"}),
    Index("ix_outbox_recipient", "recipient", "claimed_at"),
    Index("ix_outbox_provider_id", "provider_id"),
    Index("ix_outbox_addressee", "driver", "addressee", "id", info={WHERE: "addressee IS NOT NULL"}),
)

message_choices = Table(  # what a subscriber does not want to be told; without a row: everything
    "message_choices",
    metadata,
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), primary_key=True),
    Column("reminders", Boolean, nullable=False),
    Column("stopped", String(100), nullable=False, server_default=""),  # channels they don't want, with commas
    Column("channels", String(100), nullable=False, server_default=""),  # in this order; empty: as the settings say
    Column("actor", String(200), nullable=False),
    Column("changed_at", Instant, nullable=False),
)
