"""Messengers: what messages say, how drivers fare, what people write back, and whom it comes from."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from netbilld.adapters.database.tables.base import WHERE, Instant, RecordId, metadata

message_texts = Table(  # the provider's own words; without a row those that come with netbilld
    "message_texts",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("channel", String(16), primary_key=True),
    Column("locale", String(8), primary_key=True),
    Column("subject", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("template_name", String(200), nullable=False),  # one that the messenger has approved, or empty
    Column("template_language", String(16), nullable=False),
    Column("template_parameters", JSON, nullable=False),  # texts, filled as the body is
    Column("actor", String(200), nullable=False),
    Column("changed_at", Instant, nullable=False),
)

messenger_states = Table(
    "messenger_states",
    metadata,
    Column("driver", String(24), primary_key=True),
    Column("state", String(12), nullable=False),  # ok, paused, refused (a person has to look), off
    Column("said", String(300), nullable=False),
    Column("since_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
)

messenger_events = Table(  # what messengers told us, kept before it is answered
    "messenger_events",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("driver", String(24), nullable=False),
    Column("kind", String(12), nullable=False),  # incoming, progress, device
    Column("event_key", String(200), nullable=False),
    Column("body", JSON, nullable=False),
    Column("state", String(12), nullable=False),  # new, done, passed
    Column("said", String(300), nullable=False, server_default=""),  # what came of it
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), index=True),
    Column("received_at", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("address", String(200)),  # whose chat it belongs to, of what somebody wrote
    UniqueConstraint("driver", "kind", "event_key"),
    Index("ix_messenger_events_new", "next_at", info={WHERE: "state = 'new'"}),
    Index("ix_messenger_events_chat", "driver", "address", "id", info={WHERE: "address IS NOT NULL"}),
    Index("ix_messenger_events_received_at", "received_at"),
)

chats = Table(  # somebody who writes to us by a messenger, and what is known of who it is
    "chats",
    metadata,
    Column("driver", String(24), primary_key=True),
    Column("address", String(200), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id")),  # whom a code has shown them to be
    Column("known_until_at", Instant),
    Column("asked_id", Uuid),  # whom they say they are, until the code comes back
    Column("asked_digest", String(64)),  # of the number they gave, which may be nobody's
    Column("asked_at", Instant),
    Column("asks", Integer, nullable=False, server_default=text("0")),  # since `asked_at`'s day began
    Column("code_hash", String(64)),
    Column("code_until_at", Instant),
    Column("tries_left", Integer, nullable=False, server_default=text("0")),
    Column("heard_at", Instant, nullable=False),  # when they wrote last
    Column("window_at", Instant, nullable=False),  # from when `answers` are counted
    Column("answers", Integer, nullable=False, server_default=text("0")),
    Column("hinted_at", Instant),  # when they were last told what may be written
    Column("last_digest", String(64)),  # of what they wrote last
    Column("last_digest_at", Instant),
    Column("person_id", Uuid, index=True),  # whom we took them for when they wrote last, by telephone or code
    Column("last_text", String(200), nullable=False, server_default=""),
    Column("last_event_id", BigInteger),  # what they wrote last; a chat's name on pages
    Column("waits_since_at", Instant),  # for a person: they asked for one, or were not understood
    Column("answered_at", Instant),  # by somebody of the staff, last
    Column("media", Text),  # a picture that came without words, for the report that may follow
    Index("ix_chats_heard_at", "heard_at"),
    Index("ix_chats_waits_since_at", "waits_since_at", info={WHERE: "waits_since_at IS NOT NULL"}),
)

staff_alerts = Table(  # what is wrong now and whether the staff know; one row, `-`, says when they were told last
    "staff_alerts",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("kind", String(24), nullable=False),
    Column("about", JSON, nullable=False),  # what its words name
    Column("since_at", Instant, nullable=False),
    Column("told_at", Instant),
    Column("gone_at", Instant),  # since when it is away; it may come back
)

staff_chats = Table(
    "staff_chats",
    metadata,
    Column("staff_id", Uuid, ForeignKey("staff.id"), primary_key=True),
    Column("address", String(200)),
    Column("code_hash", String(64)),
    Column("code_until_at", Instant),
    Column("linked_at", Instant),
)
