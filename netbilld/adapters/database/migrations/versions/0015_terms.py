"""What services are billed by, day by day; documents that bear tax, and credit notes.

Revision: 0015
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "service_terms",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("speed", sa.JSON(), nullable=True),
        sa.Column("free", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("add_ons", sa.JSON(), nullable=True),
        sa.Column("discounts", sa.JSON(), nullable=True),
        sa.Column("is_reset", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("applied_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_service_terms_service_id")),
        sa.ForeignKeyConstraint(
            ["plan_version_id"], ["plan_versions.id"], name=op.f("fk_service_terms_plan_version_id")
        ),
        sa.PrimaryKeyConstraint("service_id", "from_on", name=op.f("pk_service_terms")),
    )
    op.create_index("ix_service_terms_waiting", "service_terms", ["applied_at", "from_on"])
    op.execute(
        sa.text(
            "INSERT INTO service_terms (service_id, from_on, plan_version_id, actor, created_at, applied_at)"
            " SELECT id, activated_on, plan_version_id, 'migration', created_at, created_at FROM services"
        )
    )
    op.create_table(
        "service_stops",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_service_stops_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_stops")),
    )
    op.create_index(op.f("ix_service_stops_service_id"), "service_stops", ["service_id"])
    op.add_column("invoices", sa.Column("kind", sa.String(length=16), server_default="invoice", nullable=False))
    op.add_column("invoices", sa.Column("credits_id", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_invoices_credits_id"), "invoices", ["credits_id"])
    op.add_column("invoices", sa.Column("buyer", sa.JSON(), nullable=True))
    op.add_column("invoices", sa.Column("note", sa.String(length=500), server_default="", nullable=False))
    for column in (
        sa.Column("tax_code", sa.String(length=32), nullable=True),
        sa.Column("tax_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("inclusive", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("revenue", sa.String(length=64), server_default="revenue:recurring", nullable=False),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("site", sa.String(length=100), nullable=True),
        sa.Column("details", sa.JSON(), nullable=True),
    ):
        op.add_column("invoice_lines", column)
