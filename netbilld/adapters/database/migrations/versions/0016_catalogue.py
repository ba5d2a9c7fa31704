"""Who may take a plan, coupons, top-ups sold, shared allowances; from when on a version is sold; a service's own terms.

Revision: 0016
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("service_terms", sa.Column("timing", sa.String(length=16), nullable=True))
    op.add_column("service_terms", sa.Column("customer_group", sa.String(length=64), nullable=True))
    op.add_column("service_terms", sa.Column("area", sa.String(length=100), nullable=True))
    op.execute(
        sa.text(
            "UPDATE service_terms SET area = (SELECT subscribers.area FROM subscribers"
            " JOIN services ON services.subscriber_id = subscribers.id WHERE services.id = service_terms.service_id)"
        )
    )
    op.add_column("subscribers", sa.Column("customer_group", sa.String(length=64), nullable=True))
    op.add_column("services", sa.Column("overrides", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("plan_versions", sa.Column("effective_on", sa.Date(), nullable=True))
    op.create_table(
        "customer_groups",
        sa.Column("code_key", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("code_key", name=op.f("pk_customer_groups")),
    )
    op.create_table(
        "areas",
        sa.Column("path_key", sa.String(length=100), nullable=False),
        sa.Column("path", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("path_key", name=op.f("pk_areas")),
    )
    op.create_table(
        "coupons",
        sa.Column("code_key", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("percent_hundredths", sa.Integer(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("periods", sa.Integer(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("most_uses", sa.Integer(), nullable=True),
        sa.Column("plans", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("code_key", name=op.f("pk_coupons")),
    )
    op.create_table(
        "coupon_uses",
        sa.Column("code_key", sa.String(length=64), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["code_key"], ["coupons.code_key"], name=op.f("fk_coupon_uses_code_key")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_coupon_uses_service_id")),
        sa.PrimaryKeyConstraint("code_key", "service_id", name=op.f("pk_coupon_uses")),
    )
    op.create_table(
        "top_ups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("data_octets", sa.BigInteger(), nullable=True),
        sa.Column("time_seconds", sa.BigInteger(), nullable=True),
        sa.Column("bought_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("paid_from", sa.String(length=16), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_top_ups_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_top_ups")),
    )
    op.create_index(op.f("ix_top_ups_service_id"), "top_ups", ["service_id"])
    op.create_index(op.f("ix_top_ups_invoice_id"), "top_ups", ["invoice_id"])
    op.create_table(
        "shared_allowances",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_key", sa.String(length=100), nullable=False),
        sa.Column("data_octets", sa.BigInteger(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_shared_allowances_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shared_allowances")),
        sa.UniqueConstraint("name_key", name=op.f("uq_shared_allowances_name_key")),
    )
    op.create_index(op.f("ix_shared_allowances_subscriber_id"), "shared_allowances", ["subscriber_id"])
    op.create_table(
        "shared_services",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("shared_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_shared_services_service_id")),
        sa.ForeignKeyConstraint(["shared_id"], ["shared_allowances.id"], name=op.f("fk_shared_services_shared_id")),
        sa.PrimaryKeyConstraint("service_id", name=op.f("pk_shared_services")),
    )
    op.create_index(op.f("ix_shared_services_shared_id"), "shared_services", ["shared_id"])
