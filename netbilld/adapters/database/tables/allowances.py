"""Allowances beside the plan's own, what of them was used, and what was told of an allowance."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Integer,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)

from netbilld.adapters.database.tables.base import Instant, metadata

rollovers = Table(  # what was left of an allowance and comes along
    "rollovers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("service_id", Uuid, ForeignKey("services.id"), nullable=False),
    Column("unit", String(8), nullable=False),  # data (octets), time (seconds)
    Column("units", BigInteger, nullable=False),
    Column("left_of_on", Date, nullable=False),  # first day of the period it was left of
    Column("from_on", Date, nullable=False),  # first day of the period after it
    Column("until_on", Date, nullable=False),  # the first day on which it counts no more
    UniqueConstraint("service_id", "unit", "left_of_on"),
)

allowance_uses = Table(  # what of a rollover or a top-up was used in a billing period that is over
    "allowance_uses",
    metadata,
    Column("grant_id", Uuid, primary_key=True),
    Column("start_on", Date, primary_key=True),
    Column("units", BigInteger, nullable=False),
)

allowance_periods = Table(  # a billing period that is over: what it included, what was used, what was rolled over
    "allowance_periods",
    metadata,
    Column("service_id", Uuid, ForeignKey("services.id"), primary_key=True),
    Column("unit", String(8), primary_key=True),
    Column("start_on", Date, primary_key=True),
    Column("end_on", Date, nullable=False),
    Column("own_units", BigInteger, nullable=False),
    Column("extra_units", BigInteger, nullable=False),  # rolled over and bought
    Column("used_units", BigInteger, nullable=False),
    Column("rolled_units", BigInteger, nullable=False),  # into later periods
    Column("closed_at", Instant, nullable=False),
)

allowance_thresholds = Table(  # each share of an allowance is told once a period
    "allowance_thresholds",
    metadata,
    Column("service_id", Uuid, primary_key=True),
    Column("start_on", Date, primary_key=True),
    Column("unit", String(8), primary_key=True),
    Column("percent", Integer, primary_key=True),
    Column("limit_units", BigInteger, nullable=False),
    Column("used_units", BigInteger, nullable=False),  # when it was found
    Column("at", Instant, nullable=False, index=True),
)

usage_windows = Table(  # a period's octets by plan and happy hours, of services whose plan asks for it
    "usage_windows",
    metadata,
    Column("service_id", Uuid, primary_key=True),
    Column("start_on", Date, primary_key=True),  # of the billing period
    Column("from_on", Date, primary_key=True),  # of the stretch under one plan
    Column("window_number", SmallInteger, primary_key=True),  # its number in the plan; -1 outside of all
    Column("plan_digest", BigInteger, nullable=False),  # of what windows the plan has; others are summed up anew
    Column("upload_octets", BigInteger, nullable=False),
    Column("download_octets", BigInteger, nullable=False),
)
