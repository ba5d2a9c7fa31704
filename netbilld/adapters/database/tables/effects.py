"""How changes of what is due came about in time, and what stays out."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, UniqueConstraint, Uuid

from netbilld.adapters.database.tables.base import WHERE, Instant, RecordId, metadata

effects = Table(  # one a change of what is due and session, or line with a fixed address, that it is to reach
    "effects",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("service_id", Uuid, nullable=False),
    Column("session_id", RecordId),
    Column("line_id", RecordId),  # of static_lines
    Column("nas_id", Uuid, nullable=False),
    Column("cause", String(64), nullable=False),  # as in desired
    Column("kind", String(16), nullable=False),  # payment, quota, calendar, command, start
    Column("access", String(16), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("profile_key", String(16), nullable=False),
    Column("is_return", Boolean, nullable=False),  # it gives access back
    Column("cause_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),  # desired.since_at, and enforcement_attempts.due_at
    Column("sent_at", Instant),
    Column("acknowledged_at", Instant),
    Column("gone_at", Instant),
    Column("returned_at", Instant),  # when the session began that the service came back with
    Column("seen_at", Instant),
    Column("evidence", String(16)),
    Column("ending", String(16)),  # seen, superseded, needless; null while it is waited for
    UniqueConstraint("session_id", "due_at"),
    UniqueConstraint("line_id", "due_at"),
    Index("ix_effects_open", "service_id", info={WHERE: "ending IS NULL"}),
    Index("ix_effects_service", "service_id", "due_at"),
    Index("ix_effects_seen", "seen_at"),
    Index("ix_effects_due", "due_at"),
)

alerts = Table(  # what did not come about and needs a person; kept when it has been mended
    "alerts",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),  # ladder_end, no_orders, not_back
    Column("subject", String(80), nullable=False),  # what it is about, once while it is open
    Column("service_id", Uuid),
    Column("nas_id", Uuid, ForeignKey("nas.id"), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("raised_at", Instant, nullable=False),
    Column("cleared_at", Instant),
    Index("ix_alerts_open", "subject", unique=True, info={WHERE: "cleared_at IS NULL"}),
    Index("ix_alerts_raised", "raised_at"),
)
