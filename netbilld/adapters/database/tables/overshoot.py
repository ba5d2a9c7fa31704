"""How far services have run past their limits."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Integer, String, Table, UniqueConstraint, Uuid

from netbilld.adapters.database.tables.base import Instant, RecordId, metadata

quota_crossings = Table(  # one a service and billing period: when its allowance was found used up, and by how much
    "quota_crossings",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("service_id", Uuid, nullable=False),
    Column("start_on", Date, nullable=False),
    Column("at", Instant, nullable=False, index=True),
    Column("session_id", RecordId),  # whose report crossed; null: it is not certain
    Column("nas_id", Uuid),
    Column("limit_octets", BigInteger, nullable=False),
    Column("over_octets", BigInteger, nullable=False),
    Column("line_rate_bps", BigInteger, nullable=False),
    Column("interval_seconds", Integer, nullable=False),  # between the report that crossed and the one before
    Column("was_watched", Boolean, nullable=False),  # it was read by us then
    UniqueConstraint("service_id", "start_on"),
)

nas_readings = Table(  # how it goes with reading a NAS ourselves
    "nas_readings",
    metadata,
    Column("nas_id", Uuid, primary_key=True),
    Column("at", Instant, nullable=False),  # when this was written
    Column("interval_milliseconds", Integer),  # longest from one reading to the next at the edge; null: none yet
    Column("error", String(200)),  # why the last question had no answer
)
