"""What payment gateways were asked for, what they said, and what of it stands in the books."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from netbilld.adapters.database.tables.base import Instant, RecordId, metadata

gateway_attempts = Table(  # a payment that a gateway was asked for
    "gateway_attempts",
    metadata,
    Column("ref", String(50), primary_key=True),  # our own name of it, which the gateway was told
    Column("gateway", String(32), nullable=False),
    Column("method", String(32), nullable=False),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id")),  # null: nobody's yet, as of a voucher that is bought
    Column("invoice_id", Uuid, ForeignKey("invoices.id")),  # which comes first; null: oldest due first
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("state", String(20), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("gateway_ref", String(200)),  # the gateway's name of it; null until it was made there
    Column("pay_url", Text),
    Column("qr_string", Text),
    Column("number", String(64)),
    Column("number_at", String(32)),
    Column("biller_code", String(32)),
    Column("raw_status", String(60), nullable=False),
    Column("paid_at", Instant),
    Column("notices", Integer, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("next_look_at", Instant),  # null: nobody asks any more
    Column("trouble", String(300), nullable=False),
    Index("ix_gateway_attempts_subscriber", "subscriber_id", "created_at"),
    Index("ix_gateway_attempts_look", "next_look_at"),
    Index("ix_gateway_attempts_created", "created_at"),
)

gateway_transactions = Table(  # one payment at a gateway, and what stands in the books of it
    "gateway_transactions",
    metadata,
    Column("ref", String(50), ForeignKey("gateway_attempts.ref"), primary_key=True),
    Column("transaction_name", String(100), primary_key=True),
    Column("gateway", String(32), nullable=False),
    Column("credited_minor", BigInteger, nullable=False),
    Column("refunded_minor", BigInteger, nullable=False),
    Column("is_reversed", Boolean, nullable=False),
    Column("fee_minor", BigInteger),  # that was booked; null: not told yet
    Column("payment_id", Uuid, ForeignKey("payments.id"), index=True),
    Column("paid_on", Date),
    Column("settlement_id", Uuid, ForeignKey("gateway_settlements.id"), index=True),
    Index("ix_gateway_transactions_open", "gateway", "settlement_id", "paid_on"),
)

gateway_facts = Table(  # everything that was ever said of a transaction; a set, which knows no order
    "gateway_facts",
    metadata,
    Column("ref", String(50), ForeignKey("gateway_attempts.ref"), primary_key=True),
    Column("transaction_name", String(100), primary_key=True),
    Column("state", String(20), primary_key=True),
    Column("refunded_minor", BigInteger, nullable=False),  # the most that was said
    Column("first_at", Instant, nullable=False),
)

gateway_inbox = Table(  # what came to /hook, octet by octet
    "gateway_inbox",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("gateway", String(32), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("source", String(100), nullable=False),
    Column("body_sealed", LargeBinary),  # null: let go after its time
    Column("notice", JSON),  # what was read of it; null: nothing could be
    Column("ref", String(100), index=True),
    Column("state", String(12), nullable=False),  # new, done, parked, refused, decided
    Column("verdict", String(32), nullable=False),
    Column("detail", String(300), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("decided_by", String(200)),
    Index("ix_gateway_inbox_state", "state", "next_at"),
    Index("ix_gateway_inbox_received", "received_at"),
)

gateway_refunds = Table(  # asked for by staff: on record before the gateway is asked, so that it is asked once
    "gateway_refunds",
    metadata,
    Column("id", Uuid, primary_key=True),  # the gateway is told it as the key
    Column("ref", String(50), ForeignKey("gateway_attempts.ref"), nullable=False, index=True),
    Column("transaction_name", String(100), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),  # given back of the transaction, once it is done
    Column("reason", String(200), nullable=False),
    Column("state", String(12), nullable=False),  # asked, done, refused
    Column("detail", String(300), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("ended_at", Instant),
)

gateway_settlements = Table(  # what a gateway has paid out
    "gateway_settlements",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("gateway", String(32), nullable=False),
    Column("reference", String(200), nullable=False),
    Column("method", String(32), nullable=False),  # which account of ours it came to
    Column("settled_on", Date, nullable=False),
    Column("gross_minor", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    Column("net_minor", BigInteger, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("bank_row_id", BigInteger().with_variant(Integer, "sqlite"), ForeignKey("bank_rows.id")),
    UniqueConstraint("gateway", "reference"),
)

gateway_findings = Table(  # where gateway, bank and ledger differ
    "gateway_findings",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("gateway", String(32), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("theirs_minor", BigInteger),
    Column("ours_minor", BigInteger),
    Column("text", String(300), nullable=False),
    Column("found_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ended_by", String(200)),
    Column("reason", String(200)),
    UniqueConstraint("gateway", "kind", "subject"),
    Index("ix_gateway_findings_ended", "ended_at"),
)
