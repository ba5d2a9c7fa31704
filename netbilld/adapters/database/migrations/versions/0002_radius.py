"""Addresses, locks, and what RADIUS tells an operator.

Revision: 0002
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscribers", sa.Column("locale", sa.String(length=8), nullable=True))
    op.add_column("services", sa.Column("ipv6_prefix", sa.String(length=50), nullable=True))
    op.add_column("services", sa.Column("delegated_prefix", sa.String(length=50), nullable=True))
    _unique_while("services", "ipv6_prefix", "ended_at IS NULL")
    _unique_while("services", "delegated_prefix", "ended_at IS NULL")
    op.add_column("nas", sa.Column("wall_by", sa.String(length=8), nullable=True))
    op.add_column("nas", sa.Column("radsec_name", sa.String(length=253), nullable=True))
    op.add_column("nas", sa.Column("suspect_since_at", Instant(), nullable=True))
    op.add_column("auth_attempts", sa.Column("mac", sa.String(length=64), nullable=True))
    op.add_column("auth_attempts", sa.Column("detail", sa.String(length=200), nullable=True))
    op.create_table(
        "router_logins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("name_key", sa.String(length=253), nullable=False),
        sa.Column("router_group", sa.String(length=100), nullable=False),
        sa.Column("nas_id", sa.Uuid(), nullable=True),
        sa.Column("password_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name=op.f("fk_router_logins_nas_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_router_logins")),
        sa.UniqueConstraint("name_key", name=op.f("uq_router_logins_name_key")),
    )
    op.create_table(
        "service_locks",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=253), nullable=False),
        sa.Column("learned", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_service_locks_service_id")),
        sa.PrimaryKeyConstraint("service_id", "kind", "value", name=op.f("pk_service_locks")),
    )
    op.create_table(
        "address_pools",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_key", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("network", sa.String(length=50), nullable=False),
        sa.Column("prefix_length", sa.Integer(), nullable=False),
        sa.Column("excluded", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_pools")),
    )
    _unique_while("address_pools", "name_key", "removed_at IS NULL")
    op.create_table(
        "address_leases",
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.String(length=50), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("session_key", sa.String(length=253), nullable=True),
        sa.Column("taken_at", Instant(), nullable=False),
        sa.Column("held_until_at", Instant(), nullable=True),
        sa.Column("released_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["pool_id"], ["address_pools.id"], name=op.f("fk_address_leases_pool_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_address_leases_service_id")),
        sa.PrimaryKeyConstraint("pool_id", "address", name=op.f("pk_address_leases")),
    )
    op.create_index(op.f("ix_address_leases_service_id"), "address_leases", ["service_id"], unique=False)


def _unique_while(table: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(f"uq_{table}_{column}", table, [column], unique=True, sqlite_where=where, postgresql_where=where)
