"""Meters beside the sessions, and the devices that are read over SNMP."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, String, Table, Uuid

from netbilld.adapters.database.tables.base import WHERE, Instant, RecordId, metadata

meters = Table(
    "meters",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("service_id", Uuid, ForeignKey("services.id"), nullable=False),
    Column("nas_id", Uuid, ForeignKey("nas.id")),  # the device it is on; null: it speaks for itself
    Column("source", String(16), nullable=False),  # snmp, mqtt, api
    Column("key", String(400), nullable=False),  # names the series within its source
    Column("is_allowed", Boolean, nullable=False),
    Column("is_swapped", Boolean, nullable=False),  # the device's input is the subscriber's download
    Column("created_at", Instant, nullable=False),
    Column("upload_octets", BigInteger, nullable=False),  # booked since it was added
    Column("download_octets", BigInteger, nullable=False),
    Column("counter_upload_octets", BigInteger, nullable=False),  # of the last reading, to make deltas from
    Column("counter_download_octets", BigInteger, nullable=False),
    Column("clock", BigInteger),  # the device's own, with that reading
    Column("epoch", String(100), nullable=False),  # changes when the counters are no longer the same ones
    Column("past_epochs", JSON, nullable=False),
    Column("at", Instant),
    Column("state", String(16), nullable=False),  # what the last reading came to; waiting before the first
    Column("removed_at", Instant),  # what it metered stays, so its row does
    Index("uq_meters_key", "source", "key", unique=True, info={WHERE: "removed_at IS NULL"}),
    Index("ix_meters_service", "service_id"),
    Index("ix_meters_nas", "nas_id"),
)
