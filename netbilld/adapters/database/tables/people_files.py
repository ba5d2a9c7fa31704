"""What staff keep about subscribers beside the books, and long work that they start."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    Uuid,
    false,
)

from netbilld.adapters.database.tables.base import Instant, RecordId, metadata

subscriber_notes = Table(
    "subscriber_notes",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("at", Instant, nullable=False),
    Column("removed_at", Instant),
)

subscriber_files = Table(  # in the database, so that a backup and every node has them
    "subscriber_files",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("name", String(120), nullable=False),  # as staff called it; never a path
    Column("kind", String(8), nullable=False),  # by content: png, jpg, pdf
    Column("octets", Integer, nullable=False),
    Column("digest", String(64), nullable=False),  # SHA-256 of the content
    Column("content", LargeBinary),  # null where it was removed
    Column("actor", String(200), nullable=False),
    Column("at", Instant, nullable=False),
    Column("removed_at", Instant),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", String(32), nullable=False),  # suspend, resume, plan, price, message, import
    Column("state", String(12), nullable=False),  # proposed, waiting, running, done, stopped, failed
    Column("asked", JSON, nullable=False),  # what it was started with; no secrets
    Column("payload_sealed", LargeBinary),  # a file that it works through; null once it is not needed
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("stop_wanted", Boolean, nullable=False, default=False, server_default=false()),
    Column("said", String(300), nullable=False, default="", server_default=""),  # why it failed
    Column("actor", String(200), nullable=False),
    Column("origin", String(100), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Index("ix_jobs_state", "state", "created_at"),
    Index("ix_jobs_created", "created_at"),
)

job_items = Table(  # what a job does one by one; of an import the rows that did not go in
    "job_items",
    metadata,
    Column("job_id", Uuid, ForeignKey("jobs.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("subject_id", Uuid),  # a service, or for messages a subscriber
    Column("subject", String(300), nullable=False),  # as a person knows it
    Column("before", String(200), nullable=False, default="", server_default=""),
    Column("after", String(200), nullable=False, default="", server_default=""),
    Column("state", String(12), nullable=False),  # waiting, done, refused
    Column("said", String(300), nullable=False, default="", server_default=""),
    Index("ix_job_items_state", "job_id", "state", "position"),
)
