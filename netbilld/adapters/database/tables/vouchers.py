"""Vouchers: batches, the codes in them, and what was sold."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Uuid,
    false,
)

from netbilld.adapters.database.tables.base import WHERE, Instant, metadata

voucher_batches = Table(
    "voucher_batches",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("plan_version_id", Uuid, ForeignKey("plan_versions.id"), nullable=False),
    Column("count", Integer, nullable=False),
    Column("code_kind", String(16), nullable=False),  # digits, letters, mixed
    Column("has_password", Boolean, nullable=False),
    Column("validity_seconds", Integer, nullable=False),
    Column("valid_from", String(16), nullable=False),  # first_use, sale
    Column("is_only_sold", Boolean, nullable=False),
    Column("use_by_at", Instant),
    Column("price_minor", BigInteger, nullable=False),
    Column("agent_price_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("is_online", Boolean, nullable=False, server_default=false()),  # sold in the captive portal
)

voucher_sales = Table(
    "voucher_sales",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("receipt_no", String(32), nullable=False, unique=True),
    Column("batch_id", Uuid, ForeignKey("voucher_batches.id"), nullable=False, index=True),
    Column("count", Integer, nullable=False),
    Column("paid_minor", BigInteger, nullable=False),  # by the buyer, or by the agent for what they sell on
    Column("commission_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("method", String(32), nullable=False),  # cash, transfer, agent, or a gateway
    Column("collector", String(32)),  # whose cash it is
    Column("agent", String(32), index=True),
    Column("buyer", String(200), nullable=False),  # a name or number, as far as it was said
    Column("sold_at", Instant, nullable=False, index=True),
    Column("actor", String(200), nullable=False),
)

vouchers = Table(
    "vouchers",
    metadata,
    Column("id", Uuid, primary_key=True),  # also of its service and credential, from the first use on
    Column("batch_id", Uuid, ForeignKey("voucher_batches.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("lookup", LargeBinary, nullable=False, unique=True),  # a digest with our key of the code
    Column("code_sealed", LargeBinary, nullable=False),
    Column("password_sealed", LargeBinary),  # null: the code is its password
    Column("status", String(16), nullable=False),  # created, sold, active, used_up, expired, void
    Column("sale_id", Uuid, ForeignKey("voucher_sales.id"), index=True),
    Column("sold_at", Instant),
    Column("first_used_at", Instant),
    Column("first_nas_id", Uuid),
    Column("valid_until_at", Instant),
    Column("ended_at", Instant),
    Column("ended_reason", String(200)),
    Index("uq_vouchers_position", "batch_id", "position", unique=True),
    Index("ix_vouchers_status", "batch_id", "status"),
    Index("ix_vouchers_until", "valid_until_at", info={WHERE: "status = 'active'"}),
)

voucher_orders = Table(  # bought in the captive portal: paid by a gateway, and a voucher once it is
    "voucher_orders",
    metadata,
    Column("ref", String(50), ForeignKey("gateway_attempts.ref"), primary_key=True),
    Column("batch_id", Uuid, ForeignKey("voucher_batches.id"), nullable=False),
    Column("client", String(64), nullable=False),  # the address it came from
    Column("router", String(300), nullable=False),  # scheme and host of the log-in page
    Column("hotspot", JSON, nullable=False),  # what that page sent along
    Column("sale_id", Uuid, ForeignKey("voucher_sales.id"), unique=True),  # null: not paid
    Column("created_at", Instant, nullable=False),
    Index("ix_voucher_orders_client", "client", "created_at"),
    Index("ix_voucher_orders_router", "router", "created_at"),
    Index("ix_voucher_orders_created", "created_at"),
)

voucher_refunds = Table(  # money given back for a voucher that was taken back
    "voucher_refunds",
    metadata,
    Column("voucher_id", Uuid, ForeignKey("vouchers.id"), primary_key=True),
    Column("sale_id", Uuid, ForeignKey("voucher_sales.id"), nullable=False, index=True),
    Column("amount_minor", BigInteger, nullable=False),  # of the price
    Column("commission_minor", BigInteger, nullable=False),  # of it what an agent had kept
    Column("currency", String(3), nullable=False),
    Column("method", String(32), nullable=False),
    Column("collector", String(32)),
    Column("agent", String(32)),
    Column("reason", String(200), nullable=False),
    Column("refunded_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
)
