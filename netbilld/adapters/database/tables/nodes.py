"""Nodes on one database: who is there, and who does what is done by one at a time."""

from sqlalchemy import BigInteger, Boolean, Column, String, Table, Uuid

from netbilld.adapters.database.tables.base import Instant, metadata

nodes = Table(  # one row a data directory that has ever served; kept fresh while it does
    "nodes",
    metadata,
    Column("id", Uuid, primary_key=True),  # the identity of its journal
    Column("name", String(64), nullable=False),
    Column("roles", String(200), nullable=False),  # with commas
    Column("leads", String(200), nullable=False),  # duties, with commas
    Column("version", String(32), nullable=False),
    Column("started_at", Instant, nullable=False),  # by the database's clock, as seen_at
    Column("seen_at", Instant, nullable=False),
    Column("ended", Boolean, nullable=False),  # it said good-bye
    Column("clock_ahead_ms", BigInteger, nullable=False),  # its clock against the database's
    Column("hearing_since", Instant),  # null while it has accounting that is not applied
    Column("journal_octets", BigInteger, nullable=False),  # that are not applied
)

duty_terms = Table(  # whoever acts in a duty proves by its term's number that nobody has taken it over since
    "duty_terms",
    metadata,
    Column("duty", String(16), primary_key=True),
    Column("node_id", Uuid, nullable=False),
    Column("connections", String(64), nullable=False),  # what PostgreSQL calls those of that node
    Column("term", BigInteger, nullable=False),
    Column("since_at", Instant, nullable=False),
)
