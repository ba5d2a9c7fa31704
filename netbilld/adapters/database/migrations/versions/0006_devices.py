"""Devices read over SNMP, and meters beside the sessions.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "meters",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("nas_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("is_allowed", sa.Boolean(), nullable=False),
        sa.Column("is_swapped", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
        sa.Column("counter_upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("counter_download_octets", sa.BigInteger(), nullable=False),
        sa.Column("clock", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.String(length=100), nullable=False),
        sa.Column("past_epochs", sa.JSON(), nullable=False),
        sa.Column("at", Instant(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_meters_service_id")),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name=op.f("fk_meters_nas_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meters")),
    )
    in_use = sa.text("removed_at IS NULL")
    op.create_index(
        "uq_meters_key", "meters", ["source", "key"], unique=True, sqlite_where=in_use, postgresql_where=in_use
    )
    op.create_index("ix_meters_service", "meters", ["service_id"], unique=False)
    op.create_index("ix_meters_nas", "meters", ["nas_id"], unique=False)
    op.create_table(
        "meter_doubts",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("meter_id", RecordId, nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("start_at", Instant(), nullable=False),
        sa.Column("end_at", Instant(), nullable=False),
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
        sa.Column("fastest_bps", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("noted_at", Instant(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["meter_id"], ["meters.id"], name=op.f("fk_meter_doubts_meter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter_doubts")),
    )
    op.create_index(op.f("ix_meter_doubts_meter_id"), "meter_doubts", ["meter_id"], unique=False)
    for column in (
        sa.Column("snmp_user_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("snmp_address", sa.String(length=253), nullable=True),
        sa.Column("snmp_port", sa.Integer(), nullable=True),
        sa.Column("snmp_uplink", sa.String(length=200), nullable=True),
    ):
        op.add_column("nas", column)
    op.create_table(
        "devices",
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(length=300), nullable=True),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("ticks", sa.BigInteger(), nullable=False),
        sa.Column("boots", sa.Integer(), nullable=False),
        sa.Column("is_host_clock", sa.Boolean(), nullable=False),
        sa.Column("began", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.String(length=300), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("cpu_percent", sa.Integer(), nullable=True),
        sa.Column("memory_octets", sa.BigInteger(), nullable=True),
        sa.Column("memory_used_octets", sa.BigInteger(), nullable=True),
        sa.Column("temperature_decidegrees", sa.Integer(), nullable=True),
        sa.Column("ppp_sessions", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name=op.f("fk_devices_nas_id")),
        sa.PrimaryKeyConstraint("nas_id", name=op.f("pk_devices")),
    )
    op.create_table(
        "cross_checks",
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("hour_at", Instant(), nullable=False),
        sa.Column("device_upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("device_download_octets", sa.BigInteger(), nullable=False),
        sa.Column("read_seconds", sa.Integer(), nullable=False),
        sa.Column("told_upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("told_download_octets", sa.BigInteger(), nullable=False),
        sa.Column("missing_octets", sa.BigInteger(), nullable=False),
        sa.Column("risk_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("checked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name=op.f("fk_cross_checks_nas_id")),
        sa.PrimaryKeyConstraint("nas_id", "hour_at", name=op.f("pk_cross_checks")),
    )
    op.create_index("ix_cross_checks_hour", "cross_checks", ["hour_at"], unique=False)
