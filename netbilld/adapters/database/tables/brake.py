"""The brake: whether mass closings for money wait for a person, and whom it holds open."""

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table, Uuid

from netbilld.adapters.database.tables.base import Instant, metadata

brake = Table(  # one row: it is one brake for everybody, on however many nodes
    "brake",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("is_on", Boolean, nullable=False),
    Column("pulled_for", String(8), nullable=False),  # share, person
    Column("because", String(200), nullable=False),
    Column("closing", Integer, nullable=False),  # how many were about to be closed when it was pulled
    Column("base", Integer, nullable=False),  # of how many
    Column("since_at", Instant, nullable=False),
    Column("by", String(200), nullable=False),
    Column("released_at", Instant),
    Column("released_by", String(200)),
)

brake_holds = Table(
    "brake_holds",
    metadata,
    Column("service_id", Uuid, ForeignKey("services.id"), primary_key=True),
    Column("held_at", Instant, nullable=False),
    Column("released_at", Instant),  # a released one is kept for a while: its closing is not counted again
)
