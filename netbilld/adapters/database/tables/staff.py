"""Staff, and who is signed in."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Uuid,
    false,
    text,
)

from netbilld.adapters.database.tables.base import Instant, metadata

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
    Column("phone", String(40)),
    Column("areas", JSON, nullable=False, server_default=text("'[]'")),  # where they may look; none is everywhere
    Column("totp_sealed", LargeBinary),  # encrypted with the key of secret_key_file
    Column("totp_since_at", Instant),  # null: no code is asked for
    Column("totp_last_step", BigInteger, nullable=False, server_default=text("0")),  # a code of it was taken
    Column("passkey_since_at", Instant),  # of the oldest of their passkeys; null: they have none
)

recovery_codes = Table(  # in place of a code generator that was lost; each is good once
    "recovery_codes",
    metadata,
    Column("staff_id", Uuid, ForeignKey("staff.id"), primary_key=True),
    Column("code_hash", String(64), primary_key=True),
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant),
)

logins = Table(  # one row for each browser that is signed in, to the panel or to the portal
    "logins",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("realm", String(16), nullable=False),  # panel, portal
    Column("staff_id", Uuid, ForeignKey("staff.id"), index=True),
    Column("service_id", Uuid, ForeignKey("services.id")),
    Column("csrf_token", String(64), nullable=False),
    Column("origin", String(100), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("browser", String(200)),  # what it calls itself
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
