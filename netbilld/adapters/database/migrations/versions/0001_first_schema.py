"""The first schema.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op

from netbilld.adapters.database.tables import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite gives rowids only to INTEGER, which is 64 bits wide there
RECORD_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "auth_attempts",
        sa.Column("id", RECORD_ID, autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("nas_id", sa.Uuid(), nullable=True),
        sa.Column("username", sa.String(length=253), nullable=False),
        sa.Column("username_key", sa.String(length=253), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("result", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("latency_us", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_attempts")),
    )
    op.create_index(op.f("ix_auth_attempts_at"), "auth_attempts", ["at"], unique=False)
    op.create_index("ix_auth_attempts_username", "auth_attempts", ["username_key", "at"], unique=False)
    op.create_table(
        "changes",
        sa.Column("id", RECORD_ID, autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("origin", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("entity", sa.String(length=32), nullable=False),
        sa.Column("entity_id", sa.String(length=64), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    op.create_index(op.f("ix_changes_at"), "changes", ["at"], unique=False)
    op.create_index("ix_changes_entity", "changes", ["entity", "entity_id"], unique=False)
    op.create_table(
        "counters",
        sa.Column("series", sa.String(length=64), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("series", name=op.f("pk_counters")),
    )
    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("verb", sa.String(length=64), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("key", "verb", name=op.f("pk_idempotency")),
    )
    op.create_table(
        "journal_cursors",
        sa.Column("journal", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("segment", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("journal", name=op.f("pk_journal_cursors")),
        sa.UniqueConstraint("number", name=op.f("uq_journal_cursors_number")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("id", RECORD_ID, autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("document", sa.String(length=32), nullable=False),
        sa.Column("document_id", sa.String(length=64), nullable=False),
        sa.Column("memo", sa.String(length=200), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
    )
    op.create_index(op.f("ix_ledger_entries_at"), "ledger_entries", ["at"], unique=False)
    op.create_index("ix_ledger_entries_document", "ledger_entries", ["document", "document_id"], unique=False)
    op.create_table(
        "login_failures",
        sa.Column("realm", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("locked_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("realm", "key", name=op.f("pk_login_failures")),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "nas",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_key", sa.String(length=100), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("vendor", sa.String(length=32), nullable=False),
        sa.Column("coa_port", sa.Integer(), nullable=False),
        sa.Column("require_message_authenticator", sa.String(length=8), nullable=False),
        sa.Column("seen_message_authenticator_at", Instant(), nullable=True),
        sa.Column("swap_octets", sa.Boolean(), nullable=False),
        sa.Column("portal_sources", sa.JSON(), nullable=False),
        sa.Column("reported_ip", sa.String(length=45), nullable=True),
        sa.Column("identifier", sa.String(length=253), nullable=True),
        sa.Column("api_url_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("snmp_community_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("last_heard_at", Instant(), nullable=True),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nas")),
    )
    op.create_index(
        "uq_nas_address",
        "nas",
        ["address"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
        sqlite_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "uq_nas_name_key",
        "nas",
        ["name_key"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
        sqlite_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("code_key", sa.String(length=64), nullable=False),
        sa.Column("on_sale", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("code_key", name=op.f("uq_plans_code_key")),
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("email_key", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=300), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("email_key", name=op.f("uq_staff_email_key")),
    )
    op.create_table(
        "subscribers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("email", sa.String(length=200), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("area", sa.String(length=100), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscribers")),
        sa.UniqueConstraint("number", name=op.f("uq_subscribers_number")),
    )
    op.create_table(
        "throughput_samples",
        sa.Column("at", Instant(), nullable=False),
        sa.Column("upload_bps", sa.BigInteger(), nullable=False),
        sa.Column("download_bps", sa.BigInteger(), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("at", name=op.f("pk_throughput_samples")),
    )
    op.create_table(
        "accounts",
        sa.Column("id", RECORD_ID, autoincrement=True, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_accounts_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("code", name=op.f("uq_accounts_code")),
    )
    op.create_index(op.f("ix_accounts_subscriber_id"), "accounts", ["subscriber_id"], unique=False)
    op.create_table(
        "invoices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=True),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("period_start_on", sa.Date(), nullable=False),
        sa.Column("period_end_on", sa.Date(), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_invoices_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
        sa.UniqueConstraint("number", name=op.f("uq_invoices_number")),
    )
    op.create_index(op.f("ix_invoices_due_on"), "invoices", ["due_on"], unique=False)
    op.create_index(op.f("ix_invoices_subscriber_id"), "invoices", ["subscriber_id"], unique=False)
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_payments_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("method", "reference", name=op.f("uq_payments_method_reference")),
    )
    op.create_index(op.f("ix_payments_subscriber_id"), "payments", ["subscriber_id"], unique=False)
    op.create_table(
        "plan_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_versions_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_versions")),
        sa.UniqueConstraint("plan_id", "version", name=op.f("uq_plan_versions_plan_id_version")),
    )
    op.create_table(
        "allocations",
        sa.Column("id", RECORD_ID, autoincrement=True, nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_allocations_invoice_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_allocations_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocations")),
    )
    op.create_index(op.f("ix_allocations_invoice_id"), "allocations", ["invoice_id"], unique=False)
    op.create_index(op.f("ix_allocations_payment_id"), "allocations", ["payment_id"], unique=False)
    op.create_table(
        "postings",
        sa.Column("entry_id", RECORD_ID, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("account_id", RECORD_ID, nullable=False),
        sa.Column("side", sa.String(length=6), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_postings_account_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entries.id"], name=op.f("fk_postings_entry_id")),
        sa.PrimaryKeyConstraint("entry_id", "line", name=op.f("pk_postings")),
    )
    op.create_index(op.f("ix_postings_account_id"), "postings", ["account_id"], unique=False)
    op.create_table(
        "services",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subscriber_id", sa.Uuid(), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("status_reason", sa.String(length=200), nullable=True),
        sa.Column("status_since_at", Instant(), nullable=False),
        sa.Column("billing_day", sa.Integer(), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("activated_on", sa.Date(), nullable=False),
        sa.Column("installed_on", sa.Date(), nullable=True),
        sa.Column("paid_until_on", sa.Date(), nullable=True),
        sa.Column("static_ip", sa.String(length=45), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["plan_version_id"], ["plan_versions.id"], name=op.f("fk_services_plan_version_id")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_services_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
    )
    op.create_index(op.f("ix_services_plan_version_id"), "services", ["plan_version_id"], unique=False)
    op.create_index(op.f("ix_services_subscriber_id"), "services", ["subscriber_id"], unique=False)
    op.create_index(
        "uq_services_static_ip",
        "services",
        ["static_ip"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "billed_periods",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("end_on", sa.Date(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_billed_periods_invoice_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_billed_periods_service_id")),
        sa.PrimaryKeyConstraint("service_id", "kind", "start_on", name=op.f("pk_billed_periods")),
    )
    op.create_table(
        "credentials",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("name_key", sa.String(length=253), nullable=False),
        sa.Column("password_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("nt_hash_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_credentials_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credentials")),
        sa.UniqueConstraint("name_key", name=op.f("uq_credentials_name_key")),
    )
    op.create_index(op.f("ix_credentials_service_id"), "credentials", ["service_id"], unique=False)
    op.create_table(
        "desired",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("access", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("profile_key", sa.String(length=16), nullable=False),
        sa.Column("profile", sa.JSON(), nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("since_at", Instant(), nullable=False),
        sa.Column("until_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_desired_service_id")),
        sa.PrimaryKeyConstraint("service_id", name=op.f("pk_desired")),
    )
    op.create_index(op.f("ix_desired_until_at"), "desired", ["until_at"], unique=False)
    op.create_table(
        "invoice_lines",
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("per", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_invoice_lines_invoice_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_invoice_lines_service_id")),
        sa.PrimaryKeyConstraint("invoice_id", "position", name=op.f("pk_invoice_lines")),
    )
    op.create_table(
        "logins",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("realm", sa.String(length=16), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("csrf_token", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=100), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("last_seen_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_logins_service_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_logins_staff_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_logins")),
    )
    op.create_index(op.f("ix_logins_expires_at"), "logins", ["expires_at"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", RECORD_ID, autoincrement=False, nullable=False),
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("username", sa.String(length=253), nullable=False),
        sa.Column("acct_session_id", sa.String(length=253), nullable=False),
        sa.Column("acct_session_key", sa.String(length=253), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("framed_ip", sa.String(length=45), nullable=True),
        sa.Column("ipv6_prefix", sa.String(length=50), nullable=True),
        sa.Column("delegated_prefix", sa.String(length=50), nullable=True),
        sa.Column("mac", sa.String(length=64), nullable=True),
        sa.Column("nas_port_id", sa.String(length=253), nullable=True),
        sa.Column("nas_source", sa.String(length=45), nullable=True),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("stopped_at", Instant(), nullable=True),
        sa.Column("terminate_cause", sa.String(length=40), nullable=True),
        sa.Column("session_seconds", sa.BigInteger(), nullable=False),
        sa.Column("interval_seconds", sa.Integer(), nullable=False),
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
        sa.Column("counter_upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("counter_download_octets", sa.BigInteger(), nullable=False),
        sa.Column("swapped", sa.Boolean(), nullable=False),
        sa.Column("upload_bps", sa.BigInteger(), nullable=False),
        sa.Column("download_bps", sa.BigInteger(), nullable=False),
        sa.Column("disconnect_requested_at", Instant(), nullable=True),
        sa.Column("disconnect_requested_by", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name=op.f("fk_sessions_nas_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_sessions_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_identity", "sessions", ["nas_id", "acct_session_key"], unique=False)
    op.create_index(
        "ix_sessions_open",
        "sessions",
        ["state", "framed_ip"],
        unique=False,
        postgresql_where=sa.text("stopped_at IS NULL"),
        sqlite_where=sa.text("stopped_at IS NULL"),
    )
    op.create_index(
        "ix_sessions_open_nas",
        "sessions",
        ["nas_id", "mac"],
        unique=False,
        postgresql_where=sa.text("stopped_at IS NULL"),
        sqlite_where=sa.text("stopped_at IS NULL"),
    )
    op.create_index("ix_sessions_service", "sessions", ["service_id", "started_at"], unique=False)
    op.create_table(
        "usage_hours",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("hour_at", Instant(), nullable=False),
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
        sa.Column("charged_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_usage_hours_service_id")),
        sa.PrimaryKeyConstraint("service_id", "hour_at", name=op.f("pk_usage_hours")),
    )
    op.create_index("ix_usage_hours_hour", "usage_hours", ["hour_at"], unique=False)
    op.create_table(
        "usage_periods",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("end_on", sa.Date(), nullable=False),
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
        sa.Column("charged_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_usage_periods_service_id")),
        sa.PrimaryKeyConstraint("service_id", "start_on", name=op.f("pk_usage_periods")),
    )
    op.create_table(
        "enforcement_attempts",
        sa.Column("id", RECORD_ID, autoincrement=True, nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("session_id", RECORD_ID, nullable=False),
        sa.Column("nas_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("access", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("profile_key", sa.String(length=16), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("verified_at", Instant(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("error_cause", sa.Integer(), nullable=True),
        sa.Column("detail", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["nas_id"], ["nas.id"], name=op.f("fk_enforcement_attempts_nas_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_enforcement_attempts_service_id")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_enforcement_attempts_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enforcement_attempts")),
    )
    op.create_index("ix_enforcement_attempts_service", "enforcement_attempts", ["service_id", "sent_at"], unique=False)
    op.create_index(op.f("ix_enforcement_attempts_session_id"), "enforcement_attempts", ["session_id"], unique=False)
    op.create_table(
        "observed",
        sa.Column("session_id", RECORD_ID, nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("access", sa.String(length=16), nullable=False),
        sa.Column("profile_key", sa.String(length=16), nullable=False),
        sa.Column("evidence", sa.String(length=16), nullable=False),
        sa.Column("observed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_observed_service_id")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_observed_session_id")),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_observed")),
    )
    op.create_index(op.f("ix_observed_service_id"), "observed", ["service_id"], unique=False)
    op.create_table(
        "pending_orders",
        sa.Column("session_id", RECORD_ID, nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("profile_key", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", Instant(), nullable=False),
        sa.Column("coa_refused", sa.Boolean(), nullable=False),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_pending_orders_service_id")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_pending_orders_session_id")),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_pending_orders")),
    )
    op.create_index(op.f("ix_pending_orders_next_attempt_at"), "pending_orders", ["next_attempt_at"], unique=False)
    op.create_index(op.f("ix_pending_orders_service_id"), "pending_orders", ["service_id"], unique=False)
    op.create_table(
        "usage_slices",
        sa.Column("id", RECORD_ID, autoincrement=True, nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("session_id", RECORD_ID, nullable=False),
        sa.Column("start_at", Instant(), nullable=False),
        sa.Column("end_at", Instant(), nullable=False),
        sa.Column("upload_octets", sa.BigInteger(), nullable=False),
        sa.Column("download_octets", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_usage_slices_service_id")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_usage_slices_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_slices")),
    )
    op.create_index("ix_usage_slices_service", "usage_slices", ["service_id", "start_at"], unique=False)
    op.create_index(op.f("ix_usage_slices_session_id"), "usage_slices", ["session_id"], unique=False)
