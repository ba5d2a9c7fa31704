"""What subscribers do by themselves: codes to sign in with, consents, what they ask of the provider."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, Uuid

from netbilld.adapters.database.tables.base import Instant, RecordId, metadata

login_codes = Table(  # one that may be used for each who asked; a row of nobody is kept like one of somebody
    "login_codes",
    metadata,
    Column("key", String(64), primary_key=True),  # hash of the subscriber, or of what a stranger typed
    Column("code_hash", String(64), nullable=False),  # keyed: the code is in no row
    Column("tries_left", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)

consents = Table(  # the newest row of a purpose holds; the others say what held before
    "consents",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False),
    Column("purpose", String(32), nullable=False),  # offers, quality
    Column("given", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("origin", String(100), nullable=False),
    Index("ix_consents_subscriber_id", "subscriber_id", "purpose", "id"),
)

own_requests = Table(  # what a subscriber asks a person of the provider for
    "own_requests",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),  # deletion, invoice
    Column("invoice_id", Uuid, ForeignKey("invoices.id")),
    Column("text", Text, nullable=False),
    Column("state", String(12), nullable=False),  # open, done, refused, withdrawn
    Column("created_at", Instant, nullable=False),
    Column("origin", String(100), nullable=False),
    Column("ended_at", Instant),
    Column("ended_by", String(200)),
    Column("answer", Text),  # of the provider, as the subscriber reads it
    Index("ix_own_requests_state", "state", "created_at"),
)
