"""Address pools and leases."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, Uuid

from netbilld.adapters.database.tables.base import WHERE, Instant, metadata

address_pools = Table(
    "address_pools",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("name_key", String(100), nullable=False),
    Column("kind", String(16), nullable=False),  # ipv4, ipv6_prefix, delegated
    Column("network", String(50), nullable=False),  # CIDR
    Column("prefix_length", Integer, nullable=False),  # of what one session gets: 32, 64, 56, …
    Column("excluded", JSON, nullable=False),  # addresses and ranges never given out, as text
    Column("revision", Integer, nullable=False),  # raised with each change: who gives by an older one must look again
    Column("created_at", Instant, nullable=False),
    Column("removed_at", Instant),
    Index("uq_address_pools_name_key", "name_key", unique=True, info={WHERE: "removed_at IS NULL"}),
)

address_leases = Table(  # one row an address ever given out: it stays its service's until another one needs it
    "address_leases",
    metadata,
    Column("pool_id", Uuid, ForeignKey("address_pools.id"), primary_key=True),
    Column("address", String(50), primary_key=True),  # or prefix in CIDR form
    Column("service_id", Uuid, ForeignKey("services.id"), nullable=False, index=True),
    Column("nas_id", Uuid, nullable=False),
    Column("session_key", String(253)),  # tells two sessions of one service apart
    Column("taken_at", Instant, nullable=False),
    Column("held_until_at", Instant),  # given in an Accept, not yet seen in a Start; or of a silent NAS
    Column("released_at", Instant),  # null: in use
)
