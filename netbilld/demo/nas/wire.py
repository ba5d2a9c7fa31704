"""RADIUS as this NAS knows it: its dictionary, the numbers it uses, and what it reads from an answer."""

import io
import struct
from dataclasses import dataclass
from enum import IntEnum
from importlib import resources
from ipaddress import IPv4Address
from typing import Any

from pyrad.dictionary import Dictionary
from pyrad.packet import AccessAccept, PacketError

DICTIONARY = Dictionary(
    io.StringIO(resources.files("netbilld.demo.nas").joinpath("dictionary").read_text(encoding="ascii"))
)


class AcctStatus(IntEnum):
    """Acct-Status-Type (RFC 2866 section 5.1)."""

    START = 1
    STOP = 2
    INTERIM = 3
    ON = 7


class TerminateCause(IntEnum):
    """Acct-Terminate-Cause (RFC 2866 section 5.10)."""

    USER_REQUEST = 1
    LOST_CARRIER = 2
    IDLE_TIMEOUT = 4
    SESSION_TIMEOUT = 5
    ADMIN_RESET = 6
    ADMIN_REBOOT = 7


class ErrorCause(IntEnum):
    """Error-Cause (RFC 5176 section 3.5)."""

    MISSING_ATTRIBUTE = 402
    NAS_IDENTIFICATION_MISMATCH = 403
    INVALID_ATTRIBUTE_VALUE = 407
    SESSION_CONTEXT_NOT_FOUND = 503


@dataclass(frozen=True, slots=True)
class AccessReply:
    """What the router takes from an Access-Accept or Access-Reject; all else it ignores."""

    accepted: bool
    framed_ip_address: IPv4Address | None = None
    framed_pool: str = ""
    rate_limit: str = ""
    address_lists: tuple[str, ...] = ()
    session_timeout_seconds: int = 0
    idle_timeout_seconds: int = 0
    interim_seconds: int = 0
    class_values: tuple[bytes, ...] = ()
    reply_message: str = ""


def read_access_reply(packet: Any) -> AccessReply:
    """Return the values of a verified reply.

    Raises:
        PacketError: an attribute does not have the form its type asks for.
    """
    try:
        address = first(packet, "Framed-IP-Address")
        return AccessReply(
            accepted=packet.code == AccessAccept,
            framed_ip_address=None if address is None else IPv4Address(address),
            framed_pool=text(packet, "Framed-Pool"),
            rate_limit=text(packet, "Mikrotik-Rate-Limit"),
            address_lists=tuple(str(name) for name in packet.get("Mikrotik-Address-List", ())),
            session_timeout_seconds=first(packet, "Session-Timeout") or 0,
            idle_timeout_seconds=first(packet, "Idle-Timeout") or 0,
            interim_seconds=first(packet, "Acct-Interim-Interval") or 0,
            class_values=tuple(packet.get(25, ())),
            reply_message=" ".join(str(line) for line in packet.get("Reply-Message", ())),
        )
    except (ValueError, struct.error) as error:
        raise PacketError(str(error)) from None


def first(packet: Any, name: str) -> Any:
    """Return the first value of an attribute, decoded by the dictionary, or None."""
    values = packet.get(name)
    return values[0] if values else None


def text(packet: Any, name: str) -> str:
    """Return the first value of a text attribute, empty when absent.

    Raises:
        PacketError: the octets are not UTF-8 (RFC 2865 section 5).
    """
    value = first(packet, name)
    if isinstance(value, bytes):
        raise PacketError(f"{name} is not text")
    return value or ""


def well_formed(datagram: bytes) -> bool:
    """Return whether all lengths add up (RFC 2865 sections 3 and 5); pyrad lets a last attribute run over the end."""
    if len(datagram) < 20:
        return False
    (length,) = struct.unpack_from("!H", datagram, 2)
    if not 20 <= length <= min(len(datagram), 4096):
        return False
    at = 20
    while at < length:
        if length - at < 2 or datagram[at + 1] < 2 or at + datagram[at + 1] > length:
            return False
        at += datagram[at + 1]
    return True
