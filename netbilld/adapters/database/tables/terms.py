"""What services are billed by, day by day."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, ForeignKey, Index, String, Table, Uuid, false

from netbilld.adapters.database.tables.base import Instant, RecordId, metadata

service_terms = Table(  # the row with the latest day that is not after a day says what that day is billed by
    "service_terms",
    metadata,
    Column("service_id", Uuid, ForeignKey("services.id"), primary_key=True),
    Column("from_on", Date, primary_key=True),  # local; a day to come is a change that is planned
    Column("plan_version_id", Uuid, ForeignKey("plan_versions.id"), nullable=False),
    Column("price_minor", BigInteger),  # overrides the price of the fee
    Column("speed", JSON),  # overrides the plan's speed, as a plan's definition writes one
    Column("free", Boolean, nullable=False, default=False, server_default=false()),  # complimentary
    Column("add_ons", JSON),  # codes of the plan's add-ons that are taken
    Column("discounts", JSON),  # its own, as a plan's definition writes them
    Column("is_reset", Boolean, nullable=False, default=False, server_default=false()),  # what was used counts no more
    Column("reason", String(200)),
    Column("actor", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("applied_at", Instant),  # null: the service is not moved to it yet
    Column("timing", String(16)),  # overrides the plan's: prepaid, postpaid
    Column("customer_group", String(64)),  # of the subscriber on these days
    Column("area", String(100)),
    Index("ix_service_terms_waiting", "applied_at", "from_on"),
)

service_stops = Table(  # whole days on which a service is stopped; billing looks at them by the plan's policy
    "service_stops",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("service_id", Uuid, ForeignKey("services.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),  # paused, suspended
    Column("from_on", Date, nullable=False),  # the first day it is stopped
    Column("until_on", Date),  # the day it runs again; null: it is stopped still
    Column("reason", String(200)),
    Column("actor", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
)
