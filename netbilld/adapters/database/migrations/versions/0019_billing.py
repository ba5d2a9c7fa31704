"""What was billed, by service, period and price; bills that are parked, runs.

Revision: 0019
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "billing_states",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("closed_until_on", sa.Date(), nullable=True),
        sa.Column("billed_until_on", sa.Date(), nullable=True),
        sa.Column("usage_until_on", sa.Date(), nullable=True),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("billing_day", sa.Integer(), nullable=False),
        sa.Column("terms_digest", sa.BigInteger(), nullable=True),
        sa.Column("looked_at", Instant(), nullable=False),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_billing_states_service_id")),
        sa.PrimaryKeyConstraint("service_id", name=op.f("pk_billing_states")),
    )
    op.create_index("ix_billing_states_next", "billing_states", ["next_on"])
    op.create_table(
        "billed_fees",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("cycle_days", sa.Integer(), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("end_on", sa.Date(), nullable=False),
        sa.Column("of_days", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_code", sa.String(length=32), nullable=True),
        sa.Column("inclusive", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("revenue", sa.String(length=64), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=True),
        sa.Column("is_prepaid", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("service_id", "round", "position", name=op.f("pk_billed_fees")),
    )
    op.create_table(
        "billed_usage",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("end_on", sa.Date(), nullable=False),
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_billed_usage_service_id")),
        sa.PrimaryKeyConstraint("service_id", "round", "start_on", name=op.f("pk_billed_usage")),
    )
    op.create_table(
        "parked_bills",
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("parked_at", Instant(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=True),
        sa.Column("allowed_minor", sa.BigInteger(), nullable=True),
        sa.Column("allowed_at", Instant(), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_parked_bills_subscriber_id")),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_parked_bills")),
    )
    op.create_table(
        "billing_runs",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("subscribers", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("parked", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_runs")),
    )
    op.add_column("services", sa.Column("site", sa.String(length=100), nullable=True))
    # what was billed so far is closed: it is neither billed again nor given back
    op.execute(
        sa.text(
            "INSERT INTO billing_states"
            " (service_id, round, closed_until_on, billed_until_on, next_on, billing_day, looked_at, settled_at)"
            " SELECT services.id, 0, max(billed_periods.end_on), max(billed_periods.end_on),"
            " max(billed_periods.end_on), services.billing_day, services.created_at, services.ended_at"
            " FROM services LEFT JOIN billed_periods ON billed_periods.service_id = services.id"
            " WHERE services.status = 'ended' OR billed_periods.end_on IS NOT NULL"
            " GROUP BY services.id, services.billing_day, services.created_at, services.ended_at"
        )
    )
    op.drop_table("billed_periods")
