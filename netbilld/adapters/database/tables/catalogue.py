"""What a provider sells to whom: customer groups and areas, coupons, top-ups sold and shared allowances."""

from sqlalchemy import JSON, BigInteger, Column, Date, ForeignKey, Integer, String, Table, Uuid

from netbilld.adapters.database.tables.base import Instant, metadata

customer_groups = Table(
    "customer_groups",
    metadata,
    Column("code_key", String(64), primary_key=True),
    Column("code", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
)

areas = Table(  # those that a plan's prices or sale may name; each covers what is below it
    "areas",
    metadata,
    Column("path_key", String(100), primary_key=True),
    Column("path", String(100), nullable=False),  # jabar/bandung/rw05
    Column("name", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
)

coupons = Table(
    "coupons",
    metadata,
    Column("code_key", String(64), primary_key=True),
    Column("code", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("percent_hundredths", Integer),  # one of percent and amount
    Column("amount_minor", BigInteger),
    Column("periods", Integer),  # how long a service has it; null: as long as it runs
    Column("from_on", Date),  # first and last day on which it may be taken
    Column("until_on", Date),
    Column("most_uses", Integer),
    Column("plans", JSON, nullable=False),  # codes of those it is for; empty for all
    Column("created_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
)

coupon_uses = Table(  # a service takes a coupon once
    "coupon_uses",
    metadata,
    Column("code_key", String(64), ForeignKey("coupons.code_key"), primary_key=True),
    Column("service_id", Uuid, ForeignKey("services.id"), primary_key=True),
    Column("from_on", Date, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
)

top_ups = Table(  # octets or seconds that were sold beside a plan
    "top_ups",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("service_id", Uuid, ForeignKey("services.id"), nullable=False, index=True),
    Column("code", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("data_octets", BigInteger),  # one of both
    Column("time_seconds", BigInteger),
    Column("bought_on", Date, nullable=False),  # local; it counts from this day on
    Column("until_on", Date, nullable=False),  # local; the first day on which it counts no more
    Column("paid_from", String(16), nullable=False),  # wallet, invoice
    Column("invoice_id", Uuid, index=True),  # that it was billed on; null: the next one, or paid from the wallet
    Column("actor", String(200), nullable=False),
    Column("created_at", Instant, nullable=False),
)

shared_allowances = Table(  # one sum over the services of a household, a company or a class of devices
    "shared_allowances",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),  # household, company, devices
    Column("name", String(100), nullable=False),
    Column("name_key", String(100), nullable=False, unique=True),
    Column("data_octets", BigInteger),  # null: what the plans of its services include, together
    Column("created_at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
)

shared_services = Table(  # a service is in one at most
    "shared_services",
    metadata,
    Column("service_id", Uuid, ForeignKey("services.id"), primary_key=True),
    Column("shared_id", Uuid, ForeignKey("shared_allowances.id"), nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
)
