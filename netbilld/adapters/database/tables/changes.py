"""Who did what: the audit trail, which running daemons also follow to learn of changes."""

from sqlalchemy import JSON, Column, Index, String, Table

from netbilld.adapters.database.tables.base import Instant, RecordId, metadata

changes = Table(
    "changes",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False, index=True),
    Column("actor", String(200), nullable=False),  # staff e-mail, operating-system user, "system"
    Column("origin", String(100), nullable=False),  # "cli", an address, "schedule"
    Column("action", String(64), nullable=False),  # subscriber.add, nas.set, payment.add, …
    Column("entity", String(32), nullable=False),  # subscriber, service, nas, plan, invoice, payment, session, staff
    Column("entity_id", String(64), nullable=False),
    Column("details", JSON, nullable=False),
    Index("ix_changes_entity", "entity", "entity_id"),
    Index("ix_changes_actor", "actor", "id"),
    Index("ix_changes_action", "action", "id"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("verb", String(64), primary_key=True),
    Column("request_digest", String(64), nullable=False),
    Column("result", JSON, nullable=False),
    Column("at", Instant, nullable=False),
)
