"""Complaints with their steps and photos, work orders, outages, and what subscribers thought of it."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, Uuid, true

from netbilld.adapters.database.tables.base import Instant, RecordId, metadata

complaint_categories = Table(
    "complaint_categories",
    metadata,
    Column("code", String(40), primary_key=True),
    Column("name", String(100), nullable=False),  # as subscribers read it in Indonesian
    Column("name_en", String(100), nullable=False),
    Column("first_response_minutes", Integer, nullable=False),  # around the clock
    Column("resolution_minutes", Integer, nullable=False),
    Column("about_line", Boolean, nullable=False),  # an outage explains it
    Column("position", Integer, nullable=False),  # in lists
    Column("active", Boolean, nullable=False, server_default=true()),  # may be chosen
)

complaints = Table(
    "complaints",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", String(20), nullable=False, unique=True),  # K00001; never reused
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False),
    Column("service_id", Uuid, ForeignKey("services.id")),
    Column("category", String(40), ForeignKey("complaint_categories.code"), nullable=False),
    Column("text", Text, nullable=False),
    Column("via", String(16), nullable=False),  # portal, staff, api, …
    Column("area", String(100)),  # of the subscriber when it was made
    Column("state", String(16), nullable=False),  # new, assigned, in_progress, resolved, closed, reopened
    Column("state_since_at", Instant, nullable=False),
    Column("version", Integer, nullable=False),  # grows with every step
    Column("assignee_id", Uuid, ForeignKey("staff.id")),
    Column("outage_id", Uuid, ForeignKey("outages.id"), index=True),
    Column("opened_at", Instant, nullable=False),
    Column("opened_by", String(200), nullable=False),
    Column("respond_by", Instant, nullable=False),  # by its category's targets when it was made
    Column("resolve_by", Instant, nullable=False),
    Column("responded_at", Instant),
    Column("resolved_at", Instant),  # the last time
    Column("resolved_by", String(200)),
    Column("closed_at", Instant),
    Column("reopened", Integer, nullable=False),  # how often
    Index("ix_complaints_state", "state", "opened_at"),
    Index("ix_complaints_assignee", "assignee_id", "state"),
    Index("ix_complaints_subscriber", "subscriber_id", "opened_at"),
    Index("ix_complaints_opened", "opened_at"),
    Index("ix_complaints_resolved", "resolved_at"),
)

complaint_steps = Table(  # what happened to one: append only
    "complaint_steps",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("complaint_id", Uuid, ForeignKey("complaints.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("by_subscriber", Boolean, nullable=False),
    Column("kind", String(16), nullable=False),  # state, note, photo, outage, work
    Column("state", String(16)),  # it went to, of kind state
    Column("assignee_id", Uuid, ForeignKey("staff.id")),
    Column("text", Text),
    Column("public", Boolean, nullable=False),  # the subscriber reads it
)

complaint_photos = Table(
    "complaint_photos",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("complaint_id", Uuid, ForeignKey("complaints.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),  # report, before, after, signature
    Column("file", String(100), nullable=False),  # its name in the directory: a hash of what is in it
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("public", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
)

work_orders = Table(  # what was done on the spot, and who of the household signed for it
    "work_orders",
    metadata,
    Column("complaint_id", Uuid, ForeignKey("complaints.id"), primary_key=True),
    Column("began_at", Instant, nullable=False),
    Column("done", Text, nullable=False),
    Column("material", Text, nullable=False),
    Column("technician", String(200), nullable=False),
    Column("signed_by", String(200)),
    Column("signed_at", Instant),
    Column("changed_at", Instant, nullable=False),
)

subscriber_places = Table(  # where the door is, for who drives there
    "subscriber_places",
    metadata,
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), primary_key=True),
    Column("latitude_micro", Integer, nullable=False),  # degrees × 10⁶, WGS 84
    Column("longitude_micro", Integer, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("changed_at", Instant, nullable=False),
)

outages = Table(
    "outages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", String(20), nullable=False, unique=True),  # G00001
    Column("area", String(100)),  # one of area and NAS: whom it is about
    Column("nas_id", Uuid, ForeignKey("nas.id")),
    Column("text", Text, nullable=False),  # for subscribers
    Column("began_at", Instant, nullable=False),
    Column("expected_at", Instant),  # when it should be over
    Column("declared_at", Instant, nullable=False),
    Column("declared_by", String(200), nullable=False),
    Column("ended_at", Instant),
    Column("ended_by", String(200)),
    Column("ended_text", Text),  # what it was
    Index("ix_outages_ended", "ended_at", "declared_at"),
)

outage_subscribers = Table(  # whom it is about, each told once
    "outage_subscribers",
    metadata,
    Column("outage_id", Uuid, ForeignKey("outages.id"), primary_key=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), primary_key=True),
    Column("added_at", Instant, nullable=False),
    Index("ix_outage_subscribers_subscriber", "subscriber_id"),
)

survey_answers = Table(
    "survey_answers",
    metadata,
    Column("complaint_id", Uuid, ForeignKey("complaints.id"), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("overall", Integer, nullable=False),  # 1 to 5
    Column("speed", Integer, nullable=False),
    Column("manner", Integer, nullable=False),
    Column("solved", Boolean, nullable=False),
    Column("remark", Text, nullable=False),
    Index("ix_survey_answers_at", "at"),
)
