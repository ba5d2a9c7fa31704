"""Usage kept by month, rolled up further, and by NAS; who held an address at a time; raw records.

Revision: 0004
"""

# ruff: noqa: S608 - statements are put together from names of our own

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# A row of these is updated while its hour, day or month runs: with room on its page that touches no index.
_HOURS_ROOM = 70
_ROOM = {"usage_days": 70, "usage_months": 70, "usage_nas_hours": 50, "usage_nas_days": 50, "usage_marks": 50}
# Updated over and over: a fifth of years of them, the default, would be far too much to wait for.
_BUSY = ("sessions", "observed", "usage_periods", "usage_days", "usage_months")
_BY_TIME = {"usage_days": ("day", "day_on"), "usage_months": ("month", "month_on")}


def upgrade() -> None:
    is_postgresql = op.get_context().dialect.name == "postgresql"
    _roll_ups()
    for column, name in (
        ("framed_ip", "ix_sessions_framed_ip"),
        ("ipv6_prefix", "ix_sessions_ipv6_prefix"),
        ("delegated_prefix", "ix_sessions_delegated"),
    ):
        known = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, "sessions", [column, "started_at"], sqlite_where=known, postgresql_where=known)
    if is_postgresql:
        for table, percent in _ROOM.items():
            op.execute(f"ALTER TABLE {table} SET (fillfactor = {percent})")
        for table in _BUSY:
            op.execute(
                f"ALTER TABLE {table} SET "
                "(autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02)"
            )
        _partition()
    else:
        _keep_whole()
    # what was metered on which NAS so far
    op.execute(
        "INSERT INTO usage_nas_hours (nas_id, hour_at, upload_octets, download_octets) "
        "SELECT sessions.nas_id, " + ("date_trunc('hour', s.start_at)" if is_postgresql else _SQLITE_HOUR) + ", "
        "sum(s.upload_octets), sum(s.download_octets) FROM usage_slices s "
        "JOIN sessions ON sessions.id = s.session_id GROUP BY 1, 2"
    )


_SQLITE_HOUR = "strftime('%Y-%m-%d %H:00:00.000000', s.start_at)"


def _octets() -> tuple[sa.Column[int], sa.Column[int]]:
    return (
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
    )


def _roll_ups() -> None:
    is_postgresql = op.get_context().dialect.name == "postgresql"
    for table, (word, column) in _BY_TIME.items():
        op.create_table(
            table,
            sa.Column("service_id", sa.Uuid(), nullable=False),
            sa.Column(column, sa.Date(), nullable=False),
            *_octets(),
            sa.Column("charged_minor", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint("service_id", column, name=op.f(f"pk_{table}")),
        )
        # rows come in order of time: an index of ranges of pages is tiny, and finds a day or month of everybody
        if is_postgresql:
            op.execute(
                f"CREATE INDEX ix_{table}_{word} ON {table} USING brin ({column}) "
                "WITH (pages_per_range = 16, autosummarize = on)"
            )
        else:
            op.create_index(f"ix_{table}_{word}", table, [column])
    for table, column, kind in (
        ("usage_nas_hours", "hour_at", Instant()),
        ("usage_nas_days", "day_on", sa.Date()),
    ):
        op.create_table(
            table,
            sa.Column("nas_id", sa.Uuid(), nullable=False),
            sa.Column(column, kind, nullable=False),
            *_octets(),
            sa.PrimaryKeyConstraint("nas_id", column, name=op.f(f"pk_{table}")),
        )
        op.create_index(f"ix_{table}_{column.partition('_')[0]}", table, [column])
    op.create_table(
        "nas_samples",
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("upload_bps", sa.BigInteger(), nullable=False),
        sa.Column("download_bps", sa.BigInteger(), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("nas_id", "at", name=op.f("pk_nas_samples")),
    )
    op.create_index("ix_nas_samples_at", "nas_samples", ["at"])
    op.create_table(
        "usage_marks",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_usage_marks")),
    )


def _keep_whole() -> None:
    """SQLite: the same tables in one piece; a slice needs no number of its own."""
    op.rename_table("usage_slices", "usage_slices_before")
    op.drop_index("ix_usage_slices_service")
    op.drop_index("ix_usage_slices_session_id")
    op.create_table(
        "usage_slices",
        sa.Column("service_id", sa.Uuid()),
        sa.Column("session_id", RecordId),
        sa.Column("meter_id", RecordId),
        sa.Column("start_at", Instant(), nullable=False),
        sa.Column("end_at", Instant(), nullable=False),
        *_octets(),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("estimated", sa.Boolean(), nullable=False),
    )
    op.execute(
        "INSERT INTO usage_slices SELECT service_id, session_id, NULL, start_at, end_at, upload_octets, "
        "download_octets, source, estimated FROM usage_slices_before ORDER BY id"
    )
    op.drop_table("usage_slices_before")
    op.create_index("ix_usage_slices_service", "usage_slices", ["service_id", "start_at"])
    op.create_index("ix_usage_slices_start", "usage_slices", ["start_at"])
    metered = sa.text("meter_id IS NOT NULL")
    op.create_index("ix_usage_slices_meter", "usage_slices", ["meter_id", "start_at"], sqlite_where=metered)
    op.create_table(
        "accounting_records",
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("acct_session_key", sa.String(length=253)),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("datagram", sa.LargeBinary(), nullable=False),
    )
    op.create_index(
        "ix_accounting_records_session", "accounting_records", ["nas_id", "acct_session_key", "received_at"]
    )


def _partition() -> None:
    """PostgreSQL: partitions by month (UTC), and one for what belongs to no month at hand."""
    op.execute("ALTER TABLE usage_slices RENAME TO usage_slices_before")
    op.execute("ALTER TABLE usage_hours RENAME TO usage_hours_before")
    op.execute("ALTER TABLE usage_hours_before DROP CONSTRAINT pk_usage_hours")
    for index in ("ix_usage_slices_service", "ix_usage_slices_session_id", "ix_usage_hours_hour"):
        op.execute(f"DROP INDEX {index}")
    op.execute(
        "CREATE TABLE usage_slices (service_id uuid, session_id bigint, meter_id bigint, "
        "start_at timestamptz NOT NULL, end_at timestamptz NOT NULL, upload_octets bigint NOT NULL, "
        "download_octets bigint NOT NULL, source varchar(16) NOT NULL, estimated boolean NOT NULL) "
        "PARTITION BY RANGE (start_at)"
    )
    op.execute("CREATE INDEX ix_usage_slices_service ON usage_slices (service_id, start_at)")
    op.execute(
        "CREATE INDEX ix_usage_slices_start ON usage_slices USING brin (start_at) "
        "WITH (pages_per_range = 32, autosummarize = on)"
    )
    op.execute("CREATE INDEX ix_usage_slices_meter ON usage_slices (meter_id, start_at) WHERE meter_id IS NOT NULL")
    op.execute(
        "CREATE TABLE usage_hours (service_id uuid NOT NULL, hour_at timestamptz NOT NULL, "
        "upload_octets bigint NOT NULL, download_octets bigint NOT NULL, charged_minor bigint NOT NULL, "
        "CONSTRAINT pk_usage_hours PRIMARY KEY (service_id, hour_at)) PARTITION BY RANGE (hour_at)"
    )
    op.execute(
        "CREATE INDEX ix_usage_hours_hour ON usage_hours USING brin (hour_at) "
        "WITH (pages_per_range = 16, autosummarize = on)"
    )
    op.execute(
        "CREATE TABLE accounting_records (received_at timestamptz NOT NULL, nas_id uuid NOT NULL, "
        "acct_session_key varchar(253), kind varchar(16) NOT NULL, datagram bytea NOT NULL) "
        "PARTITION BY RANGE (received_at)"
    )
    op.execute(
        "CREATE INDEX ix_accounting_records_session ON accounting_records (nas_id, acct_session_key, received_at)"
    )
    for table, settings in (
        ("usage_slices", "autovacuum_vacuum_insert_scale_factor = 0.5"),
        ("usage_hours", f"fillfactor = {_HOURS_ROOM}"),
        ("accounting_records", "autovacuum_vacuum_insert_scale_factor = 0.5"),
    ):
        op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT WITH ({settings})")
    for table, column, settings in (
        ("usage_slices", "start_at", ""),
        ("usage_hours", "hour_at", f"WITH (fillfactor = {_HOURS_ROOM})"),
    ):
        op.execute(
            f"""
            DO $$
            DECLARE month timestamp;
            BEGIN
              FOR month IN
                SELECT DISTINCT date_trunc('month', {column} AT TIME ZONE 'UTC') FROM {table}_before LIMIT 600
              LOOP
                EXECUTE format(
                  'CREATE TABLE {table}_%s PARTITION OF {table} FOR VALUES FROM (%L) TO (%L) {settings}',
                  to_char(month, '"y"YYYY"m"MM'), month AT TIME ZONE 'UTC',
                  (month + interval '1 month') AT TIME ZONE 'UTC');
              END LOOP;
            END $$
            """
        )
    op.execute(
        "INSERT INTO usage_slices SELECT service_id, session_id, NULL, start_at, end_at, upload_octets, "
        "download_octets, source, estimated FROM usage_slices_before ORDER BY id"
    )
    op.execute("INSERT INTO usage_hours SELECT * FROM usage_hours_before ORDER BY hour_at")
    op.execute("DROP TABLE usage_slices_before")
    op.execute("DROP TABLE usage_hours_before")
