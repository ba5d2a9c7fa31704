"""The schema, as SQLAlchemy Core tables; migrations/ brings a database to it.

Three conventions hold everywhere: business objects carry random UUIDs, records and logs 64-bit integers; instants are
UTC and come back aware; money is whole minor units and octets are whole, both in 64 bits.
"""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    event,
    false,
    text,
)

SCHEMA_VERSION: Final = "0003"
WHERE: Final = "where"  # in an index's info: it is of these rows only

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant: timestamptz on PostgreSQL, sortable UTC text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant must be aware")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite gives rowids only to INTEGER, which is 64 bits wide there.
RecordId: Final = BigInteger().with_variant(Integer, "sqlite")

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

# -- who did what: the audit trail, which running daemons also follow to learn of changes ----------------------------

changes = Table(
    "changes",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False, index=True),
    Column("actor", String(200), nullable=False),  # staff e-mail, operating-system user, "system"
    Column("origin", String(100), nullable=False),  # "cli", an address, "schedule"
    Column("action", String(64), nullable=False),  # subscriber.add, nas.set, payment.add, …
    Column("entity", String(32), nullable=False),  # subscriber, service, nas, plan, invoice, payment, session, staff
    Column("entity_id", String(64), nullable=False),
    Column("details", JSON, nullable=False),
    Index("ix_changes_entity", "entity", "entity_id"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("verb", String(64), primary_key=True),
    Column("request_digest", String(64), nullable=False),
    Column("result", JSON, nullable=False),
    Column("at", Instant, nullable=False),
)

# -- staff and log-ins -----------------------------------------------------------------------------------------------

staff = Table(
    "staff",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", String(200), nullable=False),
    Column("email_key", String(200), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("password_hash", String(300), nullable=False),
    Column("role", String(32), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("must_change_password", Boolean, nullable=False, server_default=false()),  # somebody else made it
    Column("locale", String(8)),
    Column("created_at", Instant, nullable=False),
)

logins = Table(  # one row for each browser that is signed in, to the panel or to the portal
    "logins",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("realm", String(16), nullable=False),  # panel, portal
    Column("staff_id", Uuid, ForeignKey("staff.id")),
    Column("service_id", Uuid, ForeignKey("services.id")),
    Column("csrf_token", String(64), nullable=False),
    Column("origin", String(100), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("realm", String(16), primary_key=True),
    Column("key", String(200), primary_key=True),  # the name tried, or the address it came from
    Column("failures", Integer, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("locked_until", Instant),
)

# -- subscribers, plans, services, credentials -----------------------------------------------------------------------

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", String(20), nullable=False, unique=True),  # digits, never reused
    Column("name", String(200), nullable=False),
    Column("phone", String(40)),
    Column("email", String(200)),
    Column("address", Text),
    Column("area", String(100)),
    Column("currency", String(3), nullable=False),
    Column("status", String(16), nullable=False),  # active, terminated
    Column("created_at", Instant, nullable=False),
    Column("locale", String(8)),  # id, en; null: the provider's
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

# -- NAS -------------------------------------------------------------------------------------------------------------

nas = Table(
    "nas",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("name_key", String(100), nullable=False),
    Column("address", String(64), nullable=False),  # network in CIDR form
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("vendor", String(32), nullable=False),
    Column("coa_port", Integer, nullable=False),
    Column("require_message_authenticator", String(8), nullable=False),  # auto, true, false
    Column("seen_message_authenticator_at", Instant),
    Column("swap_octets", Boolean, nullable=False),
    Column("portal_sources", JSON, nullable=False),  # prefixes, as text
    Column("reported_ip", String(45)),  # NAS-IP-Address as it says itself
    Column("identifier", String(253)),  # NAS-Identifier as it says itself
    Column("api_url_sealed", LargeBinary),  # it carries a password
    Column("snmp_community_sealed", LargeBinary),
    Column("created_at", Instant, nullable=False),
    Column("last_heard_at", Instant),
    Column("removed_at", Instant),  # its sessions stay, so its row does; its secrets are wiped
    Column("wall_by", String(8)),  # pool, list, reject; null: what suits its vendor and service
    Column("radsec_name", String(253)),  # the name in the certificate it shows over RadSec
    Column(
        "suspect_since_at", Instant
    ),  # the whole NAS fell silent: its sessions are in doubt and hold their addresses
    Index(
        "uq_nas_name_key",
        "name_key",
        unique=True,
        info={WHERE: "removed_at IS NULL"},
    ),
    Index(
        "uq_nas_address",
        "address",
        unique=True,
        info={WHERE: "removed_at IS NULL"},
    ),
)

# -- addresses -------------------------------------------------------------------------------------------------------

address_pools = Table(
    "address_pools",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("name_key", String(100), nullable=False),
    Column("kind", String(16), nullable=False),  # ipv4, ipv6_prefix, delegated
    Column("network", String(50), nullable=False),  # CIDR
    Column("prefix_length", Integer, nullable=False),  # of what one session gets: 32, 64, 56, …
    Column("excluded", JSON, nullable=False),  # addresses and ranges never given out, as text
    Column("revision", Integer, nullable=False),  # raised with each change: who gives by an older one must look again
    Column("created_at", Instant, nullable=False),
    Column("removed_at", Instant),
    Index("uq_address_pools_name_key", "name_key", unique=True, info={WHERE: "removed_at IS NULL"}),
)

address_leases = Table(  # one row an address ever given out: it stays its service's until another one needs it
    "address_leases",
    metadata,
    Column("pool_id", Uuid, ForeignKey("address_pools.id"), primary_key=True),
    Column("address", String(50), primary_key=True),  # or prefix in CIDR form
    Column("service_id", Uuid, ForeignKey("services.id"), nullable=False, index=True),
    Column("nas_id", Uuid, nullable=False),
    Column("session_key", String(253)),  # tells two sessions of one service apart
    Column("taken_at", Instant, nullable=False),
    Column("held_until_at", Instant),  # given in an Accept, not yet seen in a Start; or of a silent NAS
    Column("released_at", Instant),  # null: in use
)

# -- metering --------------------------------------------------------------------------------------------------------

journal_cursors = Table(
    "journal_cursors",
    metadata,
    Column("journal", String(36), primary_key=True),  # the journal's own identity, in its directory
    Column("number", Integer, nullable=False, unique=True),  # keeps ids of sessions from several journals apart
    Column("segment", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("applied_at", Instant, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=False),  # journal number × 2⁴⁰ + sequence that opened it
    Column("nas_id", Uuid, ForeignKey("nas.id"), nullable=False),
    Column("service_id", Uuid, ForeignKey("services.id")),  # null: the user name is nobody's
    Column("username", String(253), nullable=False),
    Column("acct_session_id", String(253), nullable=False),  # as received: CoA must say it back exactly
    Column("acct_session_key", String(253), nullable=False),  # folded, to compare
    Column("state", String(16), nullable=False),  # starting, live, late, stale, closed
    Column("framed_ip", String(45)),
    Column("ipv6_prefix", String(50)),
    Column("delegated_prefix", String(50)),
    Column("mac", String(64)),
    Column("nas_port_id", String(253)),
    Column("nas_source", String(45)),  # where its accounting comes from; orders go there when the NAS is a prefix
    Column("started_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("stopped_at", Instant),
    Column("terminate_cause", String(40)),
    Column("session_seconds", BigInteger, nullable=False),
    Column("interval_seconds", Integer, nullable=False, default=0),  # between its last two reports; 0 before the second
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Column("counter_upload_octets", BigInteger, nullable=False),  # last absolute counters, to make deltas from
    Column("counter_download_octets", BigInteger, nullable=False),
    Column("swapped", Boolean, nullable=False),  # the NAS's flag when this session was metered
    Column("upload_bps", BigInteger, nullable=False),  # over the last reported interval
    Column("download_bps", BigInteger, nullable=False),
    Column("disconnect_requested_at", Instant),
    Column("disconnect_requested_by", String(200)),
    Index("ix_sessions_identity", "nas_id", "acct_session_key"),
    Index("ix_sessions_service", "service_id", "started_at"),
    Index(
        "ix_sessions_open",
        "framed_ip",
        info={WHERE: "stopped_at IS NULL AND framed_ip IS NOT NULL"},
    ),
    Index(
        "ix_sessions_open_nas",
        "nas_id",
        "mac",
        info={WHERE: "stopped_at IS NULL"},
    ),
)

# Nothing checks once more what these point to: the meter has just had it in its hands, thousands of times a second.

usage_slices = Table(  # the atoms of metering: never updated, corrected only by new slices
    "usage_slices",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("service_id", Uuid),
    Column("session_id", RecordId, nullable=False, index=True),
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Column("source", String(16), nullable=False),  # radius
    Column("estimated", Boolean, nullable=False),  # split in proportion to time at an edge
    Index("ix_usage_slices_service", "service_id", "start_at"),
)

usage_hours = Table(  # local hours; the roll-up that pages and `usage show` read
    "usage_hours",
    metadata,
    Column("service_id", Uuid, primary_key=True),
    Column("hour_at", Instant, primary_key=True),
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Column("charged_minor", BigInteger, nullable=False),
    Index("ix_usage_hours_hour", "hour_at"),
)

usage_periods = Table(  # one row a service and billing period: what the allowance and the wallet are measured by
    "usage_periods",
    metadata,
    Column("service_id", Uuid, primary_key=True),
    Column("start_on", Date, primary_key=True),
    Column("end_on", Date, nullable=False),
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
    Column("charged_minor", BigInteger, nullable=False),
)

throughput_samples = Table(  # the sum of what open sessions reported, for the chart of the last hours
    "throughput_samples",
    metadata,
    Column("at", Instant, primary_key=True),
    Column("upload_bps", BigInteger, nullable=False),
    Column("download_bps", BigInteger, nullable=False),
    Column("sessions", Integer, nullable=False),
)

auth_attempts = Table(
    "auth_attempts",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False, index=True),
    Column("nas_id", Uuid),
    Column("username", String(253), nullable=False),
    Column("username_key", String(253), nullable=False),
    Column("service_id", Uuid),
    Column("method", String(16), nullable=False),
    Column("result", String(16), nullable=False),  # accept, reject, challenge
    Column("reason", String(40), nullable=False),
    Column("latency_us", Integer, nullable=False),
    Column("mac", String(64)),  # the station's address, normalised where it is one
    Column("detail", String(200)),  # what a person needs beside the reason: the lock that failed, the method asked
    Index("ix_auth_attempts_username", "username_key", "at"),
)

# -- enforcement: three facts, three tables --------------------------------------------------------------------------

desired = Table(
    "desired",
    metadata,
    Column("service_id", Uuid, ForeignKey("services.id"), primary_key=True),
    Column("access", String(16), nullable=False),  # active, throttled, walled, blocked
    Column("reason", String(40), nullable=False),
    Column("profile_key", String(16), nullable=False),  # fingerprint of the profile
    Column("profile", JSON, nullable=False),
    Column("cause", String(64), nullable=False),  # what made us look: usage, payment.add, plan.set, timer, …
    Column("since_at", Instant, nullable=False),
    Column("until_at", Instant, index=True),  # when time alone may change it
)

observed = Table(
    "observed",
    metadata,
    Column("session_id", RecordId, primary_key=True, autoincrement=False),
    Column("service_id", Uuid, nullable=False, index=True),
    Column("access", String(16), nullable=False),
    Column("profile_key", String(16), nullable=False),
    Column("evidence", String(16), nullable=False),  # login, ack, traffic
    Column("observed_at", Instant, nullable=False),
)

pending_orders = Table(  # one a session that is not yet as it should be: survives a restart
    "pending_orders",
    metadata,
    Column("session_id", RecordId, ForeignKey("sessions.id"), primary_key=True),
    Column("service_id", Uuid, ForeignKey("services.id"), index=True),
    Column("profile_key", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Instant, nullable=False, index=True),
    Column("coa_refused", Boolean, nullable=False),  # the NAS said no to a CoA: a Disconnect comes next
    Column("last_error", String(200)),
)

enforcement_attempts = Table(
    "enforcement_attempts",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("service_id", Uuid, ForeignKey("services.id")),
    Column("session_id", RecordId, ForeignKey("sessions.id"), nullable=False, index=True),
    Column("nas_id", Uuid, ForeignKey("nas.id"), nullable=False),
    Column("action", String(16), nullable=False),  # coa, disconnect
    Column("access", String(16), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("profile_key", String(16), nullable=False),
    Column("due_at", Instant, nullable=False),  # when it became due: desired.since_at, or the command
    Column("sent_at", Instant, nullable=False),
    Column("answered_at", Instant),
    Column("verified_at", Instant),  # when its effect was seen: traffic at the new rate, the session gone
    Column("outcome", String(16), nullable=False),  # sent, acked, nacked, timed_out, verified, failed
    Column("error_cause", Integer),
    Column("detail", String(200)),
    Index("ix_enforcement_attempts_service", "service_id", "sent_at"),
)

# -- money -----------------------------------------------------------------------------------------------------------

accounts = Table(
    "accounts",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("code", String(64), nullable=False, unique=True),  # cash:cash, receivable:100001, wallet:100001
    Column("kind", String(16), nullable=False),  # asset, liability, income, expense
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), index=True),
    Column("currency", String(3), nullable=False),
    Column("balance_minor", BigInteger, nullable=False),  # normal side; `ledger check` proves it
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False, index=True),
    Column("booked_on", Date, nullable=False),
    Column("kind", String(32), nullable=False),  # invoice_issued, payment_received, wallet_applied, usage_charged, …
    Column("document", String(32), nullable=False),  # invoice, payment, service
    Column("document_id", String(64), nullable=False),
    Column("memo", String(200), nullable=False),
    Column("actor", String(200), nullable=False),
    Index("ix_ledger_entries_document", "document", "document_id"),
)

postings = Table(
    "postings",
    metadata,
    Column("entry_id", RecordId, ForeignKey("ledger_entries.id"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("account_id", RecordId, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("side", String(6), nullable=False),  # debit, credit
    Column("amount_minor", BigInteger, nullable=False),  # positive
)

counters = Table(  # numbers given out in the same transaction as what carries them
    "counters",
    metadata,
    Column("series", String(64), primary_key=True),
    Column("last_number", BigInteger, nullable=False),
)

invoices = Table(
    "invoices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", String(40), unique=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("status", String(16), nullable=False),  # draft, issued, part_paid, paid, credited
    Column("issued_on", Date),
    Column("due_on", Date, index=True),
    Column("period_start_on", Date, nullable=False),
    Column("period_end_on", Date, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("tax_minor", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("paid_minor", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
)

invoice_lines = Table(
    "invoice_lines",
    metadata,
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("service_id", Uuid, ForeignKey("services.id")),
    Column("kind", String(32), nullable=False),  # recurring, prorata, usage, …
    Column("text", String(300), nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("unit_price_minor", BigInteger, nullable=False),
    Column("per", BigInteger, nullable=False),  # unit_price is for this many units
    Column("amount_minor", BigInteger, nullable=False),
)

billed_periods = Table(  # the primary key is what keeps a period from being billed twice
    "billed_periods",
    metadata,
    Column("service_id", Uuid, ForeignKey("services.id"), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("start_on", Date, primary_key=True),
    Column("end_on", Date, nullable=False),
    Column("invoice_id", Uuid, ForeignKey("invoices.id")),  # null: paid from the wallet (prepaid renewal)
)

payments = Table(
    "payments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("method", String(32), nullable=False),
    Column("reference", String(200)),
    Column("received_on", Date, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    UniqueConstraint("method", "reference"),
)

allocations = Table(
    "allocations",
    metadata,
    Column("id", RecordId, primary_key=True, autoincrement=True),
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), nullable=False, index=True),
    Column("payment_id", Uuid, ForeignKey("payments.id"), index=True),  # null: from the wallet
    Column("amount_minor", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
)


@event.listens_for(metadata, "before_create")
def _limit_indexes(_target: MetaData, connection: Connection, **_options: object) -> None:
    """Tell the dialect in use what an index is of: naming both where it stands would load both, at every start."""
    for table in metadata.tables.values():
        for index in table.indexes:
            if WHERE in index.info:
                index.dialect_options[connection.dialect.name]["where"] = text(index.info[WHERE])
