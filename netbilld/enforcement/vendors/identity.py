"""A session's marks as a NAS reported them itself, for CoA and Disconnect (RFC 5176 §3).

All that is sent must match: each vendor's file chooses as few as single out the session.
"""

from ipaddress import ip_address

from netbilld.enforcement.actions import SessionHandle
from netbilld.radius.attributes import (
    ACCT_SESSION_ID,
    CALLING_STATION_ID,
    FRAMED_IP_ADDRESS,
    NAS_IP_ADDRESS,
    SERVICE_TYPE,
    USER_NAME,
)
from netbilld.radius.codes import ServiceType
from netbilld.radius.values import encode_integer, encode_text


def user_name(session: SessionHandle) -> list[tuple[int, bytes]]:
    """Return User-Name."""
    return [(USER_NAME, encode_text(session.username))] if session.username else []


def session_id(session: SessionHandle) -> list[tuple[int, bytes]]:
    """Return Acct-Session-Id, octet for octet."""
    return [(ACCT_SESSION_ID, encode_text(session.acct_session_id))]


def framed_ip(session: SessionHandle) -> list[tuple[int, bytes]]:
    """Return the session's IPv4 address, if it has one."""
    return _ipv4(FRAMED_IP_ADDRESS, session.framed_ip)


def nas_address(session: SessionHandle) -> list[tuple[int, bytes]]:
    """Return NAS-IP-Address as the NAS says it of itself; a wrong one is refused, so none is better than a guess."""
    return _ipv4(NAS_IP_ADDRESS, session.nas_ip)


def station(session: SessionHandle) -> list[tuple[int, bytes]]:
    """Return Calling-Station-Id as access points write a MAC address: `AA-BB-CC-DD-EE-FF` (RFC 3580 §3.21)."""
    return [(CALLING_STATION_ID, session.mac.replace(":", "-").encode("ascii"))] if session.mac else []


def login_user(session: SessionHandle) -> list[tuple[int, bytes]]:  # noqa: ARG001 - the same for every session
    """Return Service-Type Login-User, for NAS that ask for it."""
    return [(SERVICE_TYPE, encode_integer(ServiceType.LOGIN_USER))]


def _ipv4(key: int, said: str | None) -> list[tuple[int, bytes]]:
    if said is None:
        return []
    address = ip_address(said)
    return [(key, address.packed)] if address.version == 4 else []
