"""What is paid without anybody doing anything: renewals from the wallet, accounts at gateways that may be charged."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, Uuid

from netbilld.adapters.database.tables.base import WHERE, Instant, metadata

manual_renewals = Table(  # prepaid services whose wallet buys nothing by itself; the others renew
    "manual_renewals",
    metadata,
    Column("service_id", Uuid, ForeignKey("services.id"), primary_key=True),
    Column("since_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
)

gateway_mandates = Table(  # an account at a gateway that its owner lets us charge
    "gateway_mandates",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("gateway", String(32), nullable=False),
    Column("kind", String(16), nullable=False),  # gopay
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False),
    Column("label", String(40), nullable=False),  # by which its owner knows it: 0812•••7890
    Column("token_sealed", LargeBinary),  # the gateway's name of it; null until it was made there, and once it is over
    Column("link_url", Text),  # where its owner allows it; null before and after
    Column("state", String(12), nullable=False),  # asked, active, ending, ended
    Column("asked_at", Instant, nullable=False),
    Column("linked_at", Instant),
    Column("ended_at", Instant),  # from then on nothing is charged
    Column("ended_by", String(200)),
    Column("reason", String(20)),  # subscriber, staff, gateway, expired, refused
    Column("looks", Integer, nullable=False),
    Column("next_look_at", Instant),  # null: the gateway need not be asked
    Column("trouble", String(300), nullable=False),
    Index("ix_gateway_mandates_subscriber", "subscriber_id", "asked_at"),
    Index("uq_gateway_mandates_one", "subscriber_id", unique=True, info={WHERE: "ended_at IS NULL"}),
    Index("ix_gateway_mandates_look", "next_look_at"),
)

mandate_charges = Table(  # an invoice is charged to a mandate once, whatever is retried or killed
    "mandate_charges",
    metadata,
    Column("mandate_id", Uuid, ForeignKey("gateway_mandates.id"), primary_key=True),
    Column("invoice_id", Uuid, ForeignKey("invoices.id"), primary_key=True),
    Column("ref", String(50), ForeignKey("gateway_attempts.ref"), nullable=False, unique=True),
    Column("state", String(12), nullable=False),  # begun, paid, failed, dropped
    Column("begun_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("tries", Integer, nullable=False),  # how often the gateway was asked, counted before it is
    Column("next_at", Instant),  # null: nothing is to be done
    Column("trouble", String(300), nullable=False),
    Index("ix_mandate_charges_next", "next_at"),
    Index("ix_mandate_charges_invoice", "invoice_id"),
)
