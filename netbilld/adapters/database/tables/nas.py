"""NAS."""

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
    true,
)

from netbilld.adapters.database.tables.base import WHERE, Instant, metadata

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
    Column("counter_unit", String(8), nullable=False, default="octets", server_default="octets"),  # octets, kB, KiB
    Column("ipv6_octets", String(8), nullable=False, default="inside", server_default="inside"),  # or beside the total
    Column("port_bps", BigInteger),  # what one subscriber's port can carry; null: any
    Column("clock_off_seconds", BigInteger),  # how far its clock is behind ours; null: right, or it does not say
    Column("radsec_name", String(253)),  # the name in the certificate it shows over RadSec
    Column(
        "suspect_since_at", Instant
    ),  # the whole NAS fell silent: its sessions are in doubt and hold their addresses
    Column("snmp_user_sealed", LargeBinary),
    Column("holds_limits", Boolean, nullable=False, default=True, server_default=true()),  # told at a log-in
    Column("snmp_address", String(253)),
    Column("snmp_port", Integer),
    Column("snmp_uplink", String(200)),  # the interface whose traffic is all of its subscribers'
    Column("coa_per_second", Integer),  # its pace; null: as the settings say, 0: none
    Column("disconnects_per_second", Integer),
    Column("told_by", String(253), nullable=False, default="", server_default=""),  # NAS-Identifier among neighbours
    Column("coa_event_timestamp", String(4)),  # on, off; null: what suits its vendor
    Column("coa_message_authenticator", String(4)),
    Index(
        "uq_nas_name_key",
        "name_key",
        unique=True,
        info={WHERE: "removed_at IS NULL"},
    ),
    Index(
        "uq_nas_address",
        "address",
        "told_by",
        unique=True,
        info={WHERE: "removed_at IS NULL"},
    ),
)

local_accounts = Table(  # accounts on routers that we have disabled, so that their subscribers log in here
    "local_accounts",
    metadata,
    Column("nas_id", Uuid, ForeignKey("nas.id"), primary_key=True),
    Column("menu", String(16), primary_key=True),  # ppp, hotspot
    Column("name", String(253), primary_key=True),
    Column("disabled_at", Instant, nullable=False),
)
