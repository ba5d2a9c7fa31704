"""Lines with fixed addresses that a router's queue holds: what is wanted, what was done for it, what was seen."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Uuid

from netbilld.adapters.database.tables.base import WHERE, Instant, RecordId, metadata

static_lines = Table(
    "static_lines",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("service_id", Uuid, ForeignKey("services.id"), nullable=False),
    Column("nas_id", Uuid, ForeignKey("nas.id"), nullable=False),
    Column("targets", JSON, nullable=False),  # addresses and prefixes in CIDR form
    Column("created_at", Instant, nullable=False),
    Column("removed_at", Instant),  # it is to go from its router
    Column("cleared_at", Instant),  # nothing of it is there any more
    Index("uq_static_lines_service", "service_id", unique=True, info={WHERE: "removed_at IS NULL"}),
    Index("ix_static_lines_nas", "nas_id", info={WHERE: "cleared_at IS NULL"}),
)

static_states = Table(  # what was seen of a line on its router, and what is not as it should be
    "static_states",
    metadata,
    Column("line_id", RecordId, ForeignKey("static_lines.id"), primary_key=True, autoincrement=False),
    Column("access", String(16)),  # null: its router has nothing of it
    Column("profile_key", String(16), nullable=False),  # of the profile that it was last seen with; empty for none
    Column("observed_at", Instant, nullable=False),
    Column("agrees", Boolean, nullable=False),
    Column("wanted_key", String(16), nullable=False),  # what the orders under way are for
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Instant),
    Column("last_error", String(300)),
    Column("notes", JSON, nullable=False),  # what of others' is beside it, in words
)

static_attempts = Table(
    "static_attempts",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("line_id", RecordId, ForeignKey("static_lines.id"), nullable=False, index=True),
    Column("service_id", Uuid, nullable=False),
    Column("nas_id", Uuid, nullable=False),
    Column("access", String(16), nullable=False),  # empty: it is taken away
    Column("reason", String(40), nullable=False),
    Column("profile_key", String(16), nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("sent_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("verified_at", Instant),  # when it was read back as it should be
    Column("outcome", String(16), nullable=False),  # sent, acked, verified, failed
    Column("detail", String(300)),
    Index("ix_static_attempts_service", "service_id", "sent_at"),
)

static_routers = Table(  # how it goes with a router that has lines, and its clock
    "static_routers",
    metadata,
    Column("nas_id", Uuid, ForeignKey("nas.id"), primary_key=True),
    Column("asked_at", Instant, nullable=False),
    Column("answered_at", Instant),
    Column("failures", Integer, nullable=False),  # in a row
    Column("trouble", String(300)),
    Column("notes", JSON, nullable=False),
    Column("lists", JSON, nullable=False),  # every address list that entries of ours were made in
    Column("ticks", BigInteger, nullable=False),
    Column("boots", Integer, nullable=False),
    Column("began", String(40), nullable=False),
    Column("clock_at", Instant),
)
