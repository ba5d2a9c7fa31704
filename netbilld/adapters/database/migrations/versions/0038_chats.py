"""Chats that staff read and answer: whose they are, what waits for a person; and what staff are told of what is wrong.

Revision: 0038
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_ADDRESSES = {
    "postgresql": "UPDATE messenger_events SET address = body->>'address' WHERE kind = 'incoming'",
    "sqlite": "UPDATE messenger_events SET address = json_extract(body, '$.address') WHERE kind = 'incoming'",
}
_LAST = (
    "UPDATE chats SET last_event_id = (SELECT max(id) FROM messenger_events"
    " WHERE messenger_events.driver = chats.driver AND messenger_events.address = chats.address)"
)
_PEOPLE = "UPDATE chats SET person_id = (SELECT subscriber_id FROM messenger_events WHERE id = chats.last_event_id)"
_WORDS = {
    "postgresql": "UPDATE chats SET last_text = coalesce((SELECT substr(body->>'text', 1, 200)"
    " FROM messenger_events WHERE id = chats.last_event_id), '')",
    "sqlite": "UPDATE chats SET last_text = coalesce((SELECT substr(json_extract(body, '$.text'), 1, 200)"
    " FROM messenger_events WHERE id = chats.last_event_id), '')",
}


def upgrade() -> None:
    op.add_column("messenger_events", sa.Column("address", sa.String(200), nullable=True))
    for column in (
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("last_text", sa.String(200), nullable=False, server_default=""),
        sa.Column("last_event_id", sa.BigInteger(), nullable=True),
        sa.Column("waits_since_at", Instant(), nullable=True),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("media", sa.Text(), nullable=True),
    ):
        op.add_column("chats", column)
    bind = op.get_bind()
    dialect = bind.dialect.name
    bind.exec_driver_sql(_ADDRESSES[dialect])
    said = sa.text("address IS NOT NULL")
    op.create_index(
        "ix_messenger_events_chat", "messenger_events", ["driver", "address", "id"],
        postgresql_where=said, sqlite_where=said,
    )  # fmt: skip
    op.create_index("ix_messenger_events_received_at", "messenger_events", ["received_at"])
    for statement in (_LAST, _PEOPLE, _WORDS[dialect]):
        bind.exec_driver_sql(statement)
    op.create_table(
        "staff_alerts",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("since_at", Instant(), nullable=False),
        sa.Column("told_at", Instant(), nullable=True),
        sa.Column("gone_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_staff_alerts")),
    )
    op.create_index("ix_chats_heard_at", "chats", ["heard_at"])
    op.create_index("ix_chats_person_id", "chats", ["person_id"])
    waits = sa.text("waits_since_at IS NOT NULL")
    op.create_index("ix_chats_waits_since_at", "chats", ["waits_since_at"], postgresql_where=waits, sqlite_where=waits)
    to_chat = sa.text("addressee IS NOT NULL")
    op.create_index(
        "ix_outbox_addressee", "outbox", ["driver", "addressee", "id"], postgresql_where=to_chat, sqlite_where=to_chat
    )
