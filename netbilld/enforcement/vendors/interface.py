"""What every vendor's file offers: a profile in that vendor's attributes, and how it knows a session."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from netbilld.enforcement.actions import SessionHandle
from netbilld.enforcement.profile import ServiceProfile
from netbilld.radius.attributes import (
    ACCT_INTERIM_INTERVAL,
    ACCT_SESSION_ID,
    FRAMED_IP_ADDRESS,
    FRAMED_IPV6_ADDRESS,
    FRAMED_POOL,
    NAS_IP_ADDRESS,
    USER_NAME,
)
from netbilld.radius.packet import encode_attribute
from netbilld.radius.values import encode_integer, encode_text

# An attribute and its value, before any packet.
Pair = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a NAS of this vendor can be asked.

    Attributes:
        rate: it takes a rate at log-in.
        coa_rate: it changes the rate of a running session by CoA.
        message_authenticator: it takes Message-Authenticator in CoA and Disconnect (RFC 5176 §3.4).
    """

    rate: bool
    coa_rate: bool
    message_authenticator: bool = True


class Vendor(Protocol):
    """One vendor's words. Attributes come in the order they are sent."""

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    def accept(self, profile: ServiceProfile, interim_seconds: int) -> list[Pair]:
        """Return what an Access-Accept carries for a profile that is let in; Class comes beside it."""
        ...

    def change(self, profile: ServiceProfile, interim_seconds: int, class_value: bytes) -> list[Pair]:
        """Return what a CoA-Request carries to give a running session this profile; the identity comes before it."""
        ...

    def identify(self, session: SessionHandle) -> list[Pair]:
        """Return what tells this NAS which session is meant."""
        ...


def encode_pairs(pairs: list[Pair]) -> bytes:
    """Return the attributes as they go on the wire."""
    return b"".join([encode_attribute(key, value) for key, value in pairs])


def addressing(profile: ServiceProfile) -> list[Pair]:
    """Return the static address, else the pool, else nothing: a NAS ignores a pool beside an address."""
    if profile.static_ip is not None:
        address = ip_address(profile.static_ip)
        key = FRAMED_IPV6_ADDRESS if isinstance(address, IPv6Address) else FRAMED_IP_ADDRESS
        return [(key, address.packed)]
    return [(FRAMED_POOL, encode_text(profile.pool))] if profile.pool else []


def interim(interim_seconds: int) -> list[Pair]:
    """Return Acct-Interim-Interval (RFC 2869 §5.16)."""
    return [(ACCT_INTERIM_INTERVAL, encode_integer(interim_seconds))]


def user_name(session: SessionHandle) -> list[Pair]:
    """Return User-Name as the NAS reported it."""
    return [(USER_NAME, encode_text(session.username))] if session.username else []


def session_id(session: SessionHandle) -> list[Pair]:
    """Return Acct-Session-Id exactly as the NAS reported it."""
    return [(ACCT_SESSION_ID, encode_text(session.acct_session_id))]


def framed_ip(session: SessionHandle) -> list[Pair]:
    """Return the session's IPv4 address, if it has one."""
    if session.framed_ip is None:
        return []
    address = ip_address(session.framed_ip)
    return [(FRAMED_IP_ADDRESS, address.packed)] if address.version == 4 else []


def nas_address(session: SessionHandle) -> list[Pair]:
    """Return NAS-IP-Address as the NAS says it of itself; a wrong one is refused, so none is better than a guess."""
    if session.nas_ip is None:
        return []
    address = ip_address(session.nas_ip)
    return [(NAS_IP_ADDRESS, address.packed)] if address.version == 4 else []
