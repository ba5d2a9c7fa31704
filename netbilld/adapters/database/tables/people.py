"""Subscribers, plans, services and credentials."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from netbilld.adapters.database.tables.base import WHERE, Instant, metadata

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", String(20), nullable=False, unique=True),  # digits, never reused
    Column("name", String(200), nullable=False),
    Column("phone", String(40), index=True),
    Column("email", String(200)),
    Column("address", Text),
    Column("area", String(100), index=True),
    Column("currency", String(3), nullable=False),
    Column("status", String(16), nullable=False),  # active, terminated
    Column("created_at", Instant, nullable=False),
    Column("locale", String(8)),  # id, en; null: the provider's
    Column("customer_group", String(64)),  # code of one of customer_groups
    Column("said", Text),  # all that a search looks through, in lower case; the database makes it (migration 0039)
)

plans = Table(
    "plans",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("code", String(64), nullable=False),
    Column("code_key", String(64), nullable=False, unique=True),
    Column("on_sale", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
)

plan_versions = Table(
    "plan_versions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("plan_id", Uuid, ForeignKey("plans.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", String(200), nullable=False),
    Column("definition", JSON, nullable=False),  # the plan file as parsed; netbilld.billing.plan reads it
    Column("created_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("effective_on", Date),  # local; what is sold from that day on, from the first for null
    UniqueConstraint("plan_id", "version"),
)

services = Table(
    "services",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("plan_version_id", Uuid, ForeignKey("plan_versions.id"), nullable=False, index=True),
    Column("status", String(16), nullable=False),  # active, suspended, paused, ended
    Column("status_reason", String(200)),
    Column("status_since_at", Instant, nullable=False),
    Column("billing_day", Integer, nullable=False),  # as wanted, 1 to 31; clamped month by month
    Column("timezone", String(64), nullable=False),
    Column("activated_on", Date, nullable=False),  # fees begin here
    Column("installed_on", Date),  # before netbilld, for a service that came by an import
    Column("paid_until_on", Date),  # prepaid: last day that is paid for
    Column("static_ip", String(45)),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ipv6_prefix", String(50)),  # fixed, in CIDR form: Framed-IPv6-Prefix
    Column("delegated_prefix", String(50)),  # fixed, in CIDR form: Delegated-IPv6-Prefix
    Column("site", String(100)),  # where it is, for a company's invoice
    Column("overrides", JSON(none_as_null=True)),  # what its terms of today change in its plan; null for nothing
    Index(  # an address is fixed for one live service only
        "uq_services_static_ip",
        "static_ip",
        unique=True,
        info={WHERE: "ended_at IS NULL"},
    ),
    Index("uq_services_ipv6_prefix", "ipv6_prefix", unique=True, info={WHERE: "ended_at IS NULL"}),
    Index("uq_services_delegated_prefix", "delegated_prefix", unique=True, info={WHERE: "ended_at IS NULL"}),
)

router_logins = Table(  # who may log in to routers themselves
    "router_logins",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(253), nullable=False),
    Column("name_key", String(253), nullable=False, unique=True),
    Column("router_group", String(100), nullable=False),
    Column("nas_id", Uuid, ForeignKey("nas.id")),  # null: on every NAS
    Column("password_sealed", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

service_locks = Table(  # where a service may log in from; none of a kind: from anywhere
    "service_locks",
    metadata,
    Column("service_id", Uuid, ForeignKey("services.id"), primary_key=True),
    Column("kind", String(16), primary_key=True),  # mac, vlan, nas_port, nas
    Column("value", String(253), primary_key=True),  # normalised; a NAS by its id
    Column("learned", Boolean, nullable=False),  # at a log-in, not set by a person
    Column("created_at", Instant, nullable=False),
    Index("ix_service_locks_value", "value"),  # whose device is this?
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("service_id", Uuid, ForeignKey("services.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),  # password, mac
    Column("name", String(253), nullable=False),
    Column("name_key", String(253), nullable=False, unique=True),  # without regard to case; MACs normalised
    Column("password_sealed", LargeBinary),  # encrypted with the key of secret_key_file
    Column("nt_hash_sealed", LargeBinary),
    Column("created_at", Instant, nullable=False),
)
