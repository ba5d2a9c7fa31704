"""Renewal from the wallet by choice, and mandates that gateways keep.

Revision: 0037
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "manual_renewals",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("since_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_manual_renewals_service_id")),
        sa.PrimaryKeyConstraint("service_id", name=op.f("pk_manual_renewals")),
    )
    op.create_table(
        "gateway_mandates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gateway", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(length=40), nullable=False),
        sa.Column("token_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("link_url", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("linked_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_by", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("next_look_at", Instant(), nullable=True),
        sa.Column("trouble", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_gateway_mandates_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_mandates")),
    )
    op.create_index("ix_gateway_mandates_subscriber", "gateway_mandates", ["subscriber_id", "asked_at"])
    op.create_index("ix_gateway_mandates_look", "gateway_mandates", ["next_look_at"])
    open_ones = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_gateway_mandates_one",
        "gateway_mandates",
        ["subscriber_id"],
        unique=True,
        postgresql_where=open_ones,
        sqlite_where=open_ones,
    )
    op.create_table(
        "mandate_charges",
        sa.Column("mandate_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("ref", sa.String(length=50), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("begun_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", Instant(), nullable=True),
        sa.Column("trouble", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["mandate_id"], ["gateway_mandates.id"], name=op.f("fk_mandate_charges_mandate_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_mandate_charges_invoice_id")),
        sa.ForeignKeyConstraint(["ref"], ["gateway_attempts.ref"], name=op.f("fk_mandate_charges_ref")),
        sa.PrimaryKeyConstraint("mandate_id", "invoice_id", name=op.f("pk_mandate_charges")),
        sa.UniqueConstraint("ref", name=op.f("uq_mandate_charges_ref")),
    )
    op.create_index("ix_mandate_charges_next", "mandate_charges", ["next_at"])
    op.create_index("ix_mandate_charges_invoice", "mandate_charges", ["invoice_id"])
