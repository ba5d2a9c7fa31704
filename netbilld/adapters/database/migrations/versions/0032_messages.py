"""Messages over several channels: where each stands, and what people write back.

Revision: 0032
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant, RecordId

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _outbox()
    _choices()
    _texts()
    _chats()


def _outbox() -> None:
    with op.batch_alter_table("outbox") as batch:
        batch.alter_column("subscriber_id", existing_type=sa.Uuid(), nullable=True)
        batch.add_column(sa.Column("driver", sa.String(length=24), nullable=True))
        batch.add_column(sa.Column("addressee", sa.String(length=200), nullable=True))
        batch.add_column(sa.Column("passed", sa.String(length=200), nullable=False, server_default=""))
        batch.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default=sa.text("1")))
        batch.add_column(sa.Column("reached", sa.Integer(), nullable=False, server_default=sa.text("0")))
        batch.add_column(sa.Column("reached_at", Instant(), nullable=True))
        batch.add_column(sa.Column("cost_minor", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    waiting = sa.text("state IN ('queued', 'failed')")
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["driver", "priority", "next_at"],
        postgresql_where=waiting,
        sqlite_where=waiting,
    )
    op.create_index("ix_outbox_recipient", "outbox", ["recipient", "claimed_at"])
    op.create_index("ix_outbox_provider_id", "outbox", ["provider_id"])


def _choices() -> None:
    op.add_column("message_choices", sa.Column("stopped", sa.String(length=100), nullable=False, server_default=""))
    op.add_column("message_choices", sa.Column("channels", sa.String(length=100), nullable=False, server_default=""))


def _texts() -> None:
    op.create_table(
        "message_texts",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("template_name", sa.String(length=200), nullable=False),
        sa.Column("template_language", sa.String(length=16), nullable=False),
        sa.Column("template_parameters", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "channel", "locale", name=op.f("pk_message_texts")),
    )
    op.create_table(
        "messenger_states",
        sa.Column("driver", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("said", sa.String(length=300), nullable=False),
        sa.Column("since_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("driver", name=op.f("pk_messenger_states")),
    )


def _chats() -> None:
    op.create_table(
        "messenger_events",
        sa.Column("id", RecordId, autoincrement=True, nullable=False),
        sa.Column("driver", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("event_key", sa.String(length=200), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("said", sa.String(length=300), nullable=False, server_default=""),
        sa.Column("subscriber_id", sa.Uuid(), nullable=True),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("next_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_messenger_events_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messenger_events")),
        sa.UniqueConstraint("driver", "kind", "event_key", name=op.f("uq_messenger_events_driver_kind_event_key")),
    )
    new = sa.text("state = 'new'")
    op.create_index("ix_messenger_events_new", "messenger_events", ["next_at"], postgresql_where=new, sqlite_where=new)
    op.create_index(op.f("ix_messenger_events_subscriber_id"), "messenger_events", ["subscriber_id"])
    op.create_table(
        "chats",
        sa.Column("driver", sa.String(length=24), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=True),
        sa.Column("known_until_at", Instant(), nullable=True),
        sa.Column("asked_id", sa.Uuid(), nullable=True),
        sa.Column("asked_digest", sa.String(length=64), nullable=True),
        sa.Column("asked_at", Instant(), nullable=True),
        sa.Column("asks", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("code_until_at", Instant(), nullable=True),
        sa.Column("tries_left", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("heard_at", Instant(), nullable=False),
        sa.Column("window_at", Instant(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("hinted_at", Instant(), nullable=True),
        sa.Column("last_digest", sa.String(length=64), nullable=True),
        sa.Column("last_digest_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_chats_subscriber_id")),
        sa.PrimaryKeyConstraint("driver", "address", name=op.f("pk_chats")),
    )
    op.create_table(
        "staff_chats",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=True),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("code_until_at", Instant(), nullable=True),
        sa.Column("linked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_chats_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff_chats")),
    )
