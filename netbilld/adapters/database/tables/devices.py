"""Meters beside the sessions, and the devices that are read over SNMP."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Uuid

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

meter_doubts = Table(  # octets that can't be true: kept here, and usage only once a person says so
    "meter_doubts",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("meter_id", RecordId, ForeignKey("meters.id"), nullable=False, index=True),
    Column("service_id", Uuid, nullable=False),
    Column("source", String(16), nullable=False),
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Column("fastest_bps", BigInteger, nullable=False),  # what they were judged by
    Column("state", String(16), nullable=False),  # open, accepted, rejected
    Column("noted_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", String(200)),
)

devices = Table(  # what a NAS last said of itself over SNMP, and its clock
    "devices",
    metadata,
    Column("nas_id", Uuid, ForeignKey("nas.id"), primary_key=True),
    Column("asked_at", Instant, nullable=False),
    Column("answered_at", Instant),
    Column("failures", Integer, nullable=False),  # in a row
    Column("trouble", String(300)),  # why it was not read, in words
    Column("notes", JSON, nullable=False),  # what is odd about it, in words
    Column("ticks", BigInteger, nullable=False),
    Column("boots", Integer, nullable=False),  # how often it was seen to have begun again
    Column("is_host_clock", Boolean, nullable=False),
    Column("began", String(40), nullable=False),
    Column("name", String(200), nullable=False),
    Column("description", String(300), nullable=False),
    Column("version", String(200), nullable=False),
    Column("cpu_percent", Integer),
    Column("memory_octets", BigInteger),
    Column("memory_used_octets", BigInteger),
    Column("temperature_decidegrees", Integer),
    Column("ppp_sessions", Integer),
)

cross_checks = Table(  # per NAS and hour: what its interfaces counted beside what RADIUS told
    "cross_checks",
    metadata,
    Column("nas_id", Uuid, ForeignKey("nas.id"), primary_key=True),
    Column("hour_at", Instant, primary_key=True),
    Column("device_upload_octets", BigInteger, nullable=False),
    Column("device_download_octets", BigInteger, nullable=False),
    Column("read_seconds", Integer, nullable=False),  # of the hour, between readings
    Column("told_upload_octets", BigInteger, nullable=False),
    Column("told_download_octets", BigInteger, nullable=False),
    Column("missing_octets", BigInteger, nullable=False),
    Column("risk_minor", BigInteger, nullable=False),
    Column("currency", String(3)),
    Column("state", String(16), nullable=False),  # open, agrees, missing, incomplete
    Column("checked_at", Instant),
    Index("ix_cross_checks_hour", "hour_at"),
)
