"""Passkeys of staff, and what browsers are asked to sign with them."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table, UniqueConstraint, Uuid

from netbilld.adapters.database.tables.base import Instant, metadata

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("staff_id", Uuid, ForeignKey("staff.id"), nullable=False, index=True),
    Column("rp_id", String(253), nullable=False),  # the host name they were made for
    Column("credential_id", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),  # COSE; nothing in here is secret
    Column("sign_count", BigInteger, nullable=False),
    Column("name", String(60), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("doubted_at", Instant),  # its count went back
    UniqueConstraint("rp_id", "credential_id", name="uq_passkeys_credential"),
)

passkey_challenges = Table(  # what is to be signed: one for each attempt of a browser, good once and for minutes
    "passkey_challenges",
    metadata,
    Column("key", String(64), primary_key=True),  # hash of what the attempt belongs to: a log-in, half a one, a form
    Column("challenge", LargeBinary, nullable=False),
    Column("source", String(110), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Index("ix_passkey_challenges_source", "source", "created_at"),
)
