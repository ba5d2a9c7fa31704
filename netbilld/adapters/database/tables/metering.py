"""Sessions, usage and what the meter keeps."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    Uuid,
    false,
)

from netbilld.adapters.database.tables.base import WHERE, Instant, RecordId, metadata

journal_cursors = Table(
    "journal_cursors",
    metadata,
    Column("journal", String(36), primary_key=True),  # the journal's own identity, in its directory
    Column("number", Integer, nullable=False, unique=True),  # keeps ids of sessions from several journals apart
    Column("segment", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("applied_at", Instant, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=False),  # journal number × 2⁴⁰ + sequence that opened it
    Column("nas_id", Uuid, ForeignKey("nas.id"), nullable=False),
    Column("service_id", Uuid, ForeignKey("services.id")),  # null: the user name is nobody's
    Column("username", String(253), nullable=False),
    Column("acct_session_id", String(253), nullable=False),  # as received: CoA must say it back exactly
    Column("acct_session_key", String(253), nullable=False),  # folded, to compare
    Column("state", String(16), nullable=False),  # starting, live, late, stale, closed
    Column("framed_ip", String(45)),
    Column("ipv6_prefix", String(50)),
    Column("delegated_prefix", String(50)),
    Column("mac", String(64)),
    Column("nas_port_id", String(253)),
    Column("nas_source", String(45)),  # where its accounting comes from; orders go there when the NAS is a prefix
    Column("started_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("stopped_at", Instant),
    Column("terminate_cause", String(40)),
    Column("session_seconds", BigInteger, nullable=False),
    Column("interval_seconds", Integer, nullable=False, default=0),  # between its last two reports; 0 before the second
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Column("counter_upload_octets", BigInteger, nullable=False),  # last absolute counters, to make deltas from
    Column("counter_download_octets", BigInteger, nullable=False),
    Column("swapped", Boolean, nullable=False),  # the NAS's flag when this session was metered
    Column("upload_bps", BigInteger, nullable=False),  # over the last reported interval
    Column("download_bps", BigInteger, nullable=False),
    Column(
        "counting", Integer, nullable=False, default=0, server_default="0"
    ),  # units and IPv6: accounting/counting.py
    # metered by readings of ours, not said by the NAS so far; and said by it, not metered, since it can't be true
    Column("ahead_upload_octets", BigInteger, nullable=False, default=0, server_default="0"),
    Column("ahead_download_octets", BigInteger, nullable=False, default=0, server_default="0"),
    Column("held_upload_octets", BigInteger, nullable=False, default=0, server_default="0"),
    Column("held_download_octets", BigInteger, nullable=False, default=0, server_default="0"),
    Column("narrow_readings", Text, nullable=False, default="", server_default=""),  # the last of 32-bit counters
    Column(
        "is_local", Boolean, nullable=False, default=False, server_default=false()
    ),  # let in by the NAS's own account
    Column("disconnect_requested_at", Instant),
    Column("disconnect_requested_by", String(200)),
    Index("ix_sessions_identity", "nas_id", "acct_session_key"),
    Index("ix_sessions_service", "service_id", "started_at"),
    Index("ix_sessions_online", "service_id", info={WHERE: "stopped_at IS NULL"}),  # who is online, without the years
    # who held this address at that time
    Index("ix_sessions_framed_ip", "framed_ip", "started_at", info={WHERE: "framed_ip IS NOT NULL"}),
    Index("ix_sessions_ipv6_prefix", "ipv6_prefix", "started_at", info={WHERE: "ipv6_prefix IS NOT NULL"}),
    Index("ix_sessions_delegated", "delegated_prefix", "started_at", info={WHERE: "delegated_prefix IS NOT NULL"}),
    Index(
        "ix_sessions_open",
        "framed_ip",
        info={WHERE: "stopped_at IS NULL AND framed_ip IS NOT NULL"},
    ),
    Index(
        "ix_sessions_open_nas",
        "nas_id",
        "mac",
        info={WHERE: "stopped_at IS NULL"},
    ),
)

# Nothing checks once more what these point to: the meter has just had it in its hands, thousands of times a second.

# On PostgreSQL slices, hours and records are partitioned by month (partitions.py), so nothing there may be unique by a
# number alone.

usage_slices = Table(  # the atoms of metering: never updated, corrected only by new slices
    "usage_slices",
    metadata,
    Column("service_id", Uuid),
    Column("session_id", RecordId),  # or a meter beside the sessions
    Column("meter_id", RecordId),
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Column("source", String(16), nullable=False),  # radius, snmp, mqtt, api, correction
    Column("estimated", Boolean, nullable=False),  # split in proportion to time at an edge
    Index("ix_usage_slices_service", "service_id", "start_at"),
    Index("ix_usage_slices_start", "start_at"),  # for checks and exports of a day or a month
    Index("ix_usage_slices_meter", "meter_id", "start_at", info={WHERE: "meter_id IS NOT NULL"}),
)

usage_hours = Table(  # local hours; the roll-up that pages and `usage show` read
    "usage_hours",
    metadata,
    Column("service_id", Uuid, primary_key=True),
    Column("hour_at", Instant, primary_key=True),
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Column("charged_minor", BigInteger, nullable=False),
    Index("ix_usage_hours_hour", "hour_at"),
)

# Days and months hold the hours before the mark `rolled` and no other: whoever reads them adds the hours from it on.

usage_days = Table(  # local days of the service's zone
    "usage_days",
    metadata,
    Column("service_id", Uuid, primary_key=True),
    Column("day_on", Date, primary_key=True),
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Column("charged_minor", BigInteger, nullable=False),
    Index("ix_usage_days_day", "day_on"),
)

usage_all_days = Table(  # the same of all services together; a day's sum may be spread over rows
    "usage_all_days",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("day_on", Date, nullable=False),
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Index("ix_usage_all_days_day", "day_on"),
)

usage_months = Table(  # by their first local day
    "usage_months",
    metadata,
    Column("service_id", Uuid, primary_key=True),
    Column("month_on", Date, primary_key=True),
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Column("charged_minor", BigInteger, nullable=False),
    Index("ix_usage_months_month", "month_on"),
)

# What sessions on a NAS moved, also those of nobody's; under the nil UUID what meters beside the sessions did.

usage_nas_hours = Table(
    "usage_nas_hours",
    metadata,
    Column("nas_id", Uuid, primary_key=True),
    Column("hour_at", Instant, primary_key=True),
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Index("ix_usage_nas_hours_hour", "hour_at"),
)

usage_nas_days = Table(  # local days of the installation's zone; rolled up like those of services
    "usage_nas_days",
    metadata,
    Column("nas_id", Uuid, primary_key=True),
    Column("day_on", Date, primary_key=True),
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Index("ix_usage_nas_days_day", "day_on"),
)

usage_marks = Table(  # `rolled`: hours before it are in days and months; by a table's name: what is older was let go
    "usage_marks",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("at", Instant, nullable=False),
)

accounting_records = Table(  # as received, where the setting asks for them; nothing on a page reads them
    "accounting_records",
    metadata,
    Column("received_at", Instant, nullable=False),
    Column("nas_id", Uuid, nullable=False),
    Column("acct_session_key", String(253)),  # as in sessions; null: it named none
    Column("kind", String(16), nullable=False),  # start, interim, stop, on, off, other
    Column("datagram", LargeBinary, nullable=False),
    Index("ix_accounting_records_session", "nas_id", "acct_session_key", "received_at"),
)

usage_periods = Table(  # one row a service and billing period: what the allowance and the wallet are measured by
    "usage_periods",
    metadata,
    Column("service_id", Uuid, primary_key=True),
    Column("start_on", Date, primary_key=True),
    Column("end_on", Date, nullable=False),
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Column("charged_minor", BigInteger, nullable=False),
    Column("counted_octets", BigInteger),  # by windows and plans, where those make it another number than the plan does
    Column("seconds", BigInteger, nullable=False, default=0, server_default="0"),  # online, where time counts
    # what the wallet paid beside `charged_minor`, for prices that don't hold their tax
    Column("added_tax_minor", BigInteger, nullable=False, default=0, server_default="0"),
)

throughput_samples = Table(  # the sum of what open sessions reported, for the chart of the last hours
    "throughput_samples",
    metadata,
    Column("at", Instant, primary_key=True),
    Column("upload_bps", BigInteger, nullable=False),
    Column("download_bps", BigInteger, nullable=False),
    Column("sessions", Integer, nullable=False),
)

nas_samples = Table(  # the same of each NAS, once a minute
    "nas_samples",
    metadata,
    Column("nas_id", Uuid, primary_key=True),
    Column("at", Instant, primary_key=True),
    Column("upload_bps", BigInteger, nullable=False),
    Column("download_bps", BigInteger, nullable=False),
    Column("sessions", Integer, nullable=False),
    Index("ix_nas_samples_at", "at"),
)

auth_attempts = Table(
    "auth_attempts",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False, index=True),
    Column("nas_id", Uuid),
    Column("username", String(253), nullable=False),
    Column("username_key", String(253), nullable=False),
    Column("service_id", Uuid),
    Column("method", String(16), nullable=False),
    Column("result", String(16), nullable=False),  # accept, reject, challenge
    Column("reason", String(40), nullable=False),
    Column("latency_us", Integer, nullable=False),
    Column("mac", String(64)),  # the station's address, normalised where it is one
    Column("detail", String(200)),  # what a person needs beside the reason: the lock that failed, the method asked
    Index("ix_auth_attempts_username", "username_key", "at"),
)
