"""What the meter doubts, and why it has taken something back."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Uuid

from netbilld.adapters.database.tables.base import WHERE, Instant, RecordId, metadata

usage_doubts = Table(  # reported octets that can't be true: kept here, and usage only once a person says so
    "usage_doubts",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("session_id", RecordId, nullable=False, index=True),
    Column("nas_id", Uuid, ForeignKey("nas.id"), nullable=False),
    Column("service_id", Uuid),  # null: nobody's
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),
    Column("seconds", BigInteger, nullable=False),  # in which they were said to have moved
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Column("counter_upload_octets", BigInteger, nullable=False),  # as the NAS had reported them
    Column("counter_download_octets", BigInteger, nullable=False),
    Column("port_bps", BigInteger, nullable=False),  # what they were judged by
    Column("state", String(16), nullable=False),  # open, accepted, rejected, withdrawn
    Column("noted_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", String(200)),
    Index("ix_usage_doubts_open", "noted_at", info={WHERE: "state = 'open'"}),
)

usage_corrections = Table(  # why a slice of the source `correction` was made
    "usage_corrections",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("session_id", RecordId, nullable=False, index=True),
    Column("service_id", Uuid),
    Column("at", Instant, nullable=False),
    Column("upload_octets", BigInteger, nullable=False),  # negative where they were taken back
    Column("download_octets", BigInteger, nullable=False),
    Column("reason", String(40), nullable=False),  # ahead_of_nas
    Column("noted_at", Instant, nullable=False),
)
