"""Complaints, work orders, outages of areas and what people thought of it.

Revision: 0027
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# code, name, English name, minutes to the first response and to the end, whether an outage explains it; a provider
# changes them as they like
CATEGORIES = (
    ("mati", "Internet mati total", "No internet at all", 60, 24 * 60, True),
    ("putus", "Sering putus", "Keeps dropping", 4 * 60, 48 * 60, True),
    ("lambat", "Internet lambat", "Slow internet", 4 * 60, 48 * 60, True),
    ("wifi", "Wi-Fi atau modem", "Wi-Fi or modem", 8 * 60, 72 * 60, False),
    ("tagihan", "Tagihan atau pembayaran", "Bill or payment", 8 * 60, 48 * 60, False),
    ("pindah", "Pindah atau pasang ulang", "Moving the line", 24 * 60, 7 * 24 * 60, False),
    ("lainnya", "Lainnya", "Something else", 24 * 60, 72 * 60, False),
)


def upgrade() -> None:
    _outages()
    _complaints()
    _work()
    op.add_column("outbox", sa.Column("staff_id", sa.Uuid(), nullable=True))
    categories = sa.table(
        "complaint_categories",
        *(sa.column(name) for name in ("code", "name", "name_en", "first_response_minutes", "resolution_minutes")),
        sa.column("about_line", sa.Boolean()),
        sa.column("position"),
    )
    rows = [
        {
            "code": code,
            "name": name,
            "name_en": name_en,
            "first_response_minutes": response,
            "resolution_minutes": resolution,
            "about_line": about_line,
            "position": position,
        }
        for position, (code, name, name_en, response, resolution, about_line) in enumerate(CATEGORIES, 1)
    ]
    op.bulk_insert(categories, rows)


def _outages() -> None:
    op.create_table(
        "outages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("area", sa.String(length=100), nullable=True),
        sa.Column("nas_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column("expected_at", Instant(), nullable=True),
        sa.Column("declared_at", Instant(), nullable=False),
        sa.Column("declared_by", sa.String(length=200), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_by", sa.String(length=200), nullable=True),
        sa.Column("ended_text", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name=op.f("fk_outages_nas_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outages")),
        sa.UniqueConstraint("number", name=op.f("uq_outages_number")),
    )
    op.create_index("ix_outages_ended", "outages", ["ended_at", "declared_at"])


def _complaints() -> None:
    op.create_table(
        "complaint_categories",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_en", sa.String(length=100), nullable=False),
        sa.Column("first_response_minutes", sa.Integer(), nullable=False),
        sa.Column("resolution_minutes", sa.Integer(), nullable=False),
        sa.Column("about_line", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_complaint_categories")),
    )
    op.create_table(
        "complaints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("via", sa.String(length=16), nullable=False),
        sa.Column("area", sa.String(length=100), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_since_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("outage_id", sa.Uuid(), nullable=True),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("opened_by", sa.String(length=200), nullable=False),
        sa.Column("respond_by", Instant(), nullable=False),
        sa.Column("resolve_by", Instant(), nullable=False),
        sa.Column("responded_at", Instant(), nullable=True),
        sa.Column("resolved_at", Instant(), nullable=True),
        sa.Column("resolved_by", sa.String(length=200), nullable=True),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_complaints_subscriber_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_complaints_service_id")),
        sa.ForeignKeyConstraint(["category"], ["complaint_categories.code"], name=op.f("fk_complaints_category")),
        sa.ForeignKeyConstraint(["assignee_id"], ["staff.id"], name=op.f("fk_complaints_assignee_id")),
        sa.ForeignKeyConstraint(["outage_id"], ["outages.id"], name=op.f("fk_complaints_outage_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaints")),
        sa.UniqueConstraint("number", name=op.f("uq_complaints_number")),
    )
    op.create_index("ix_complaints_assignee", "complaints", ["assignee_id", "state"])
    op.create_index("ix_complaints_opened", "complaints", ["opened_at"])
    op.create_index(op.f("ix_complaints_outage_id"), "complaints", ["outage_id"])
    op.create_index("ix_complaints_resolved", "complaints", ["resolved_at"])
    op.create_index("ix_complaints_state", "complaints", ["state", "opened_at"])
    op.create_index("ix_complaints_subscriber", "complaints", ["subscriber_id", "opened_at"])
    op.create_table(
        "complaint_steps",
        sa.Column("id", RecordId, nullable=False, autoincrement=True),
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("by_subscriber", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=True),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_complaint_steps_complaint_id")),
        sa.ForeignKeyConstraint(["assignee_id"], ["staff.id"], name=op.f("fk_complaint_steps_assignee_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_steps")),
    )
    op.create_index(op.f("ix_complaint_steps_complaint_id"), "complaint_steps", ["complaint_id"])
    op.create_table(
        "complaint_photos",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("file", sa.String(length=100), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_complaint_photos_complaint_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_photos")),
    )
    op.create_index(op.f("ix_complaint_photos_complaint_id"), "complaint_photos", ["complaint_id"])


def _work() -> None:
    op.create_table(
        "work_orders",
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column("done", sa.Text(), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("technician", sa.String(length=200), nullable=False),
        sa.Column("signed_by", sa.String(length=200), nullable=True),
        sa.Column("signed_at", Instant(), nullable=True),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_work_orders_complaint_id")),
        sa.PrimaryKeyConstraint("complaint_id", name=op.f("pk_work_orders")),
    )
    op.create_table(
        "subscriber_places",
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("latitude_micro", sa.Integer(), nullable=False),
        sa.Column("longitude_micro", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_subscriber_places_subscriber_id")),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_subscriber_places")),
    )
    op.create_table(
        "outage_subscribers",
        sa.Column("outage_id", sa.Uuid(), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("added_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["outage_id"], ["outages.id"], name=op.f("fk_outage_subscribers_outage_id")),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_outage_subscribers_subscriber_id")
        ),
        sa.PrimaryKeyConstraint("outage_id", "subscriber_id", name=op.f("pk_outage_subscribers")),
    )
    op.create_index("ix_outage_subscribers_subscriber", "outage_subscribers", ["subscriber_id"])
    op.create_table(
        "survey_answers",
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("overall", sa.Integer(), nullable=False),
        sa.Column("speed", sa.Integer(), nullable=False),
        sa.Column("manner", sa.Integer(), nullable=False),
        sa.Column("solved", sa.Boolean(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_survey_answers_complaint_id")),
        sa.PrimaryKeyConstraint("complaint_id", name=op.f("pk_survey_answers")),
    )
    op.create_index(op.f("ix_survey_answers_at"), "survey_answers", ["at"])
