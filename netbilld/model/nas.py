"""A NAS: the device that asks RADIUS."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

DEFAULT_PORT_BPS: Final = 10_000_000_000  # what one subscriber's port is taken to carry where nobody says


@dataclass(frozen=True, slots=True)
class Nas:
    """A NAS as it is kept; the sealed secrets stay out of a repr.

    Attributes:
        address: its network in CIDR form; the longest prefix that holds a source address wins.
        require_message_authenticator: auto, true or false.
        portal_sources: prefixes that requests of its subscribers come from; only there does an address recognise one.
        reported_ip, identifier: NAS-IP-Address and NAS-Identifier as it says itself.
        told_by: the NAS-Identifier that tells it from others with its very address; empty where it is alone there.
        radsec_name: a name or SHA-256 fingerprint of its certificate; `*` for any certificate at its address.
        wall_by: how it holds walled subscribers: pool, list or reject; None for what suits its vendor and the service.
        counter_unit: what its counters count in: octets, kB (1000) or KiB (1024).
        ipv6_octets: inside of its counters, or beside them in attributes of its vendor.
        port_bps: what one subscriber's port can carry; None for what any can.
        clock_off_seconds: how far its clock is behind ours; None where it is right, or not known.
        holds_limits: it is told at a log-in what octets and time are left, and ends the session by itself then.
        snmp_user_sealed: its SNMPv3 user; without one the community is used, and SNMP is off without either.
        snmp_address, snmp_port: where its agent is; None for its own address and the usual port.
        snmp_uplink: the interface whose traffic is all of its subscribers'; None: the sum of its PPP interfaces.
        coa_per_second, disconnects_per_second: the most orders a second; None for what the settings say, 0 for any.
        coa_event_timestamp, coa_message_authenticator: whether orders carry it: on or off; None: what suits its vendor.
    """

    id: UUID
    name: str
    name_key: str
    address: str
    secret_sealed: bytes = field(repr=False)
    vendor: str
    coa_port: int
    require_message_authenticator: str
    seen_message_authenticator_at: datetime | None
    swap_octets: bool
    portal_sources: tuple[str, ...]
    reported_ip: str | None
    identifier: str | None
    api_url_sealed: bytes | None = field(repr=False)
    snmp_community_sealed: bytes | None = field(repr=False)
    created_at: datetime
    last_heard_at: datetime | None
    radsec_name: str | None = None
    wall_by: str | None = None
    counter_unit: str = "octets"
    ipv6_octets: str = "inside"
    port_bps: int | None = None
    clock_off_seconds: int | None = None
    snmp_user_sealed: bytes | None = field(default=None, repr=False)
    snmp_address: str | None = None
    snmp_port: int | None = None
    snmp_uplink: str | None = None
    holds_limits: bool = True
    coa_per_second: int | None = None
    disconnects_per_second: int | None = None
    told_by: str = ""
    coa_event_timestamp: str | None = None
    coa_message_authenticator: str | None = None


class OrderPlace(Protocol):
    """As much of a NAS as tells where orders to it go."""

    @property
    def id(self) -> UUID: ...
    @property
    def address(self) -> str: ...
    @property
    def coa_port(self) -> int: ...
    @property
    def radsec_name(self) -> str | None: ...


def shares_order_port(nas: OrderPlace, others: Iterable[OrderPlace]) -> bool:
    """Tell whether an order sent to a NAS's address and CoA port could as well reach another one (RFC 5176 §2.3).

    One that is bound to a certificate takes orders over its own connection. Within a prefix they go to where the NAS
    was heard from.
    """
    is_single = nas.address.endswith("/128" if ":" in nas.address else "/32")
    return nas.radsec_name is None and any(
        is_single
        and other.id != nas.id
        and (other.address, other.coa_port, other.radsec_name) == (nas.address, nas.coa_port, None)
        for other in others
    )


def secret_place(nas_id: UUID) -> str:
    """Return where a sealed RADIUS secret belongs."""
    return f"nas.secret:{nas_id}"


def api_url_place(nas_id: UUID) -> str:
    """Return where a sealed API address belongs."""
    return f"nas.api_url:{nas_id}"


def snmp_community_place(nas_id: UUID) -> str:
    """Return where a sealed SNMP community belongs."""
    return f"nas.snmp_community:{nas_id}"
