"""EAP packets, and how RADIUS carries them (RFC 3748 §4-5, RFC 3579 §3.1)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from netbilld.radius.attributes import EAP_MESSAGE
from netbilld.radius.packet import MAX_VALUE_OCTETS, Packet, encode_attribute

HEADER_OCTETS: Final = 4


class EapCode(IntEnum):
    """RFC 3748 §4."""

    REQUEST = 1
    RESPONSE = 2
    SUCCESS = 3
    FAILURE = 4


class EapType(IntEnum):
    """RFC 3748 §5; TLS RFC 5216, TTLS RFC 5281, PEAP, MS-CHAPv2 and TLV as Microsoft's drafts number them."""

    IDENTITY = 1
    NOTIFICATION = 2
    NAK = 3
    MD5 = 4
    TLS = 13
    TTLS = 21
    PEAP = 25
    MSCHAPV2 = 26
    TLV = 33


@dataclass(frozen=True, slots=True)
class EapPacket:
    """One EAP packet; `kind` is the Type of a Request or Response, 0 where there is none."""

    code: int
    identifier: int
    kind: int
    data: bytes


def decode(message: bytes) -> EapPacket | None:
    """Return the packet in `message`, or None if it is none; octets beyond its Length are padding (RFC 3748 §4.1)."""
    if len(message) < HEADER_OCTETS:
        return None
    length = message[2] << 8 | message[3]
    if not HEADER_OCTETS <= length <= len(message):
        return None
    code = message[0]
    if code in {EapCode.SUCCESS, EapCode.FAILURE}:
        return EapPacket(code, message[1], 0, b"") if length == HEADER_OCTETS else None
    if code not in {EapCode.REQUEST, EapCode.RESPONSE} or length == HEADER_OCTETS:
        return None
    return EapPacket(code, message[1], message[4], message[5:length])


def request(identifier: int, kind: int, data: bytes) -> bytes:
    """Return a Request."""
    length = HEADER_OCTETS + 1 + len(data)
    return bytes((EapCode.REQUEST, identifier, length >> 8, length & 0xFF, kind)) + data


def success(identifier: int) -> bytes:
    """Return a Success; `identifier` is that of the Response it follows (RFC 3748 §4.2)."""
    return bytes((EapCode.SUCCESS, identifier, 0, HEADER_OCTETS))


def failure(identifier: int) -> bytes:
    """Return a Failure; `identifier` is that of the Response it follows (RFC 3748 §4.2)."""
    return bytes((EapCode.FAILURE, identifier, 0, HEADER_OCTETS))


def message_in(packet: Packet) -> bytes:
    """Return the EAP packet that the EAP-Message attributes of `packet` carry together (RFC 3579 §3.1)."""
    return b"".join(packet.all(EAP_MESSAGE))


def as_attributes(message: bytes) -> bytes:
    """Return `message` as EAP-Message attributes, as many as it needs (RFC 3579 §3.1)."""
    return b"".join(
        [
            encode_attribute(EAP_MESSAGE, message[at : at + MAX_VALUE_OCTETS])
            for at in range(0, len(message), MAX_VALUE_OCTETS)
        ]
    )
