"""Messages to be sent, reminders, promises, days off, late fees to be billed, and paper invoices.

Revision: 0022
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _messages()
    _rules()
    _done()
    _paper()


def _messages() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("dedupe_key", sa.String(length=200), nullable=False),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("while_open_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=True),
        sa.Column("recipient", sa.String(length=200), nullable=True),
        sa.Column("provider_id", sa.String(length=200), nullable=True),
        sa.Column("said", sa.String(length=300), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("next_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("claimed_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_outbox_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_outbox_dedupe_key")),
    )
    op.create_index(op.f("ix_outbox_subscriber_id"), "outbox", ["subscriber_id"])
    op.create_index("ix_outbox_state", "outbox", ["state", "next_at"])
    op.create_table(
        "message_choices",
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("reminders", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_message_choices_subscriber_id")),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_message_choices")),
    )


def _rules() -> None:
    op.create_table(
        "holidays",
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("area", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("on", "area", name=op.f("pk_holidays")),
    )
    op.create_table(
        "dunning_rules",
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=True),
        sa.Column("remind_days", sa.JSON(), nullable=True),
        sa.Column("from_receipt", sa.Boolean(), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", name=op.f("pk_dunning_rules")),
    )
    op.create_table(
        "dunning_exemptions",
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", name=op.f("pk_dunning_exemptions")),
    )
    op.create_table(
        "promises",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_promises_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promises")),
    )
    op.create_index(op.f("ix_promises_subscriber_id"), "promises", ["subscriber_id"])
    op.create_table(
        "due_extensions",
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_due_extensions_invoice_id")),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("pk_due_extensions")),
    )


def _done() -> None:
    op.create_table(
        "isolirs",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column("overdue_minor", sa.BigInteger(), nullable=False),
        sa.Column("restored_at", Instant(), nullable=True),
        sa.Column("cleared_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_isolirs_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_isolirs")),
    )
    op.create_index(op.f("ix_isolirs_subscriber_id"), "isolirs", ["subscriber_id"])
    op.create_table(
        "dunning_steps",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("step", sa.String(length=24), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_dunning_steps_subscriber_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_dunning_steps_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dunning_steps")),
        sa.UniqueConstraint("key", name=op.f("uq_dunning_steps_key")),
    )
    op.create_index(op.f("ix_dunning_steps_subscriber_id"), "dunning_steps", ["subscriber_id"])
    op.create_index(op.f("ix_dunning_steps_invoice_id"), "dunning_steps", ["invoice_id"])
    op.create_table(
        "late_fees",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("billed_id", sa.Uuid(), nullable=True),
        sa.Column("waived_at", Instant(), nullable=True),
        sa.Column("waived_by", sa.String(length=200), nullable=True),
        sa.Column("waived_because", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_late_fees_invoice_id")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_late_fees_subscriber_id")),
        sa.ForeignKeyConstraint(["billed_id"], ["invoices.id"], name=op.f("fk_late_fees_billed_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_late_fees")),
        sa.UniqueConstraint("invoice_id", "stage", name=op.f("uq_late_fees_invoice_id_stage")),
    )
    op.create_index(op.f("ix_late_fees_subscriber_id"), "late_fees", ["subscriber_id"])
    op.create_index(op.f("ix_late_fees_billed_id"), "late_fees", ["billed_id"])


def _paper() -> None:
    op.create_table(
        "paper_invoices",
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("courier", sa.String(length=100), nullable=True),
        sa.Column("tracking_number", sa.String(length=100), nullable=True),
        sa.Column("printed_on", sa.Date(), nullable=False),
        sa.Column("handed_on", sa.Date(), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.Column("receiver", sa.String(length=200), nullable=True),
        sa.Column("proof", sa.String(length=100), nullable=True),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_paper_invoices_invoice_id")),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("pk_paper_invoices")),
    )
    op.create_index("ix_paper_invoices_state", "paper_invoices", ["state"])
    op.create_table(
        "paper_steps",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_paper_steps_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_steps")),
    )
    op.create_index(op.f("ix_paper_steps_invoice_id"), "paper_steps", ["invoice_id"])
