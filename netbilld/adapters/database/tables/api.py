"""Tokens of the JSON API, answers kept for repeated requests, and outgoing webhooks."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
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

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("name_key", String(100), nullable=False, unique=True),
    Column("token_hash", String(64), nullable=False, unique=True),  # the token itself is nowhere
    Column("hint", String(12), nullable=False),  # how it begins, to tell it from others
    Column("scopes", JSON, nullable=False),  # permissions
    Column("areas", JSON, nullable=False),  # none: everywhere
    Column("rate_per_minute", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Column("revoked_by", String(200)),
    Column("last_used_at", Instant),
    Column("last_used_from", String(100)),
)

api_answers = Table(  # what a request under an idempotency key was answered with
    "api_answers",
    metadata,
    Column("token_id", Uuid, ForeignKey("api_tokens.id"), primary_key=True),
    Column("key", String(100), primary_key=True),
    Column("request_digest", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", Text, nullable=False),  # sealed, in hexadecimal
    Column("at", Instant, nullable=False, index=True),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("name_key", String(100), nullable=False, unique=True),
    Column("url", String(500), nullable=False),
    Column("events", JSON, nullable=False),
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("active_since", Instant, nullable=False),  # nothing of before is told
    Column("created_at", Instant, nullable=False),
    Column("created_by", String(200), nullable=False),
)

webhook_deliveries = Table(  # one an event and webhook
    "webhook_deliveries",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("webhook_id", Uuid, ForeignKey("webhooks.id"), nullable=False),
    Column("event_id", String(100), nullable=False),
    Column("event", String(40), nullable=False),
    Column("body", Text, nullable=False),  # what is sent, to the octet
    Column("state", String(12), nullable=False),  # queued, delivered, dead
    Column("attempts", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),  # not before
    Column("last_at", Instant),
    Column("last_status", Integer),  # of HTTP; null: there was no answer
    Column("last_error", String(300)),
    Column("last_milliseconds", Integer),
    Column("ended_at", Instant),
    UniqueConstraint("webhook_id", "event_id"),
    Index("ix_webhook_deliveries_state", "state", "next_at"),
    Index("ix_webhook_deliveries_webhook", "webhook_id", "id"),
)

webhook_marks = Table(  # how far each source of events is read
    "webhook_marks",
    metadata,
    Column("source", String(16), primary_key=True),  # changes, crossings
    Column("last_id", BigInteger, nullable=False),
)
