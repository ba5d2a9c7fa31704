"""RADIUS as octets (RFC 2865, 2866, 2869, 5176), written for the fake alone: hashing is all that it takes from others."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

Kind = int | tuple[int, int]  # an attribute's type, or a vendor's number and its own type

ACCESS_REQUEST, ACCESS_ACCEPT, ACCESS_REJECT = 1, 2, 3
ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE = 4, 5
DISCONNECT_REQUEST, DISCONNECT_ACK, DISCONNECT_NAK = 40, 41, 42
COA_REQUEST, COA_ACK, COA_NAK = 43, 44, 45

USER_NAME, USER_PASSWORD, NAS_IP_ADDRESS, NAS_PORT, SERVICE_TYPE, FRAMED_PROTOCOL = 1, 2, 4, 5, 6, 7
FRAMED_IP_ADDRESS, REPLY_MESSAGE, STATE, CLASS, VENDOR_SPECIFIC, SESSION_TIMEOUT = 8, 18, 24, 25, 26, 27
CALLED_STATION_ID, CALLING_STATION_ID, NAS_IDENTIFIER = 30, 31, 32
ACCT_STATUS_TYPE, ACCT_DELAY_TIME, ACCT_INPUT_OCTETS, ACCT_OUTPUT_OCTETS, ACCT_SESSION_ID, ACCT_AUTHENTIC = (
    40,
    41,
    42,
    43,
    44,
    45,
)
ACCT_SESSION_TIME, ACCT_INPUT_PACKETS, ACCT_OUTPUT_PACKETS, ACCT_TERMINATE_CAUSE = 46, 47, 48, 49
ACCT_INPUT_GIGAWORDS, ACCT_OUTPUT_GIGAWORDS, EVENT_TIMESTAMP, NAS_PORT_TYPE = 52, 53, 55, 61
MESSAGE_AUTHENTICATOR, ACCT_INTERIM_INTERVAL, NAS_PORT_ID, FRAMED_POOL, ERROR_CAUSE = 80, 85, 87, 88, 101
MIKROTIK: Final = 14988
MIKROTIK_GROUP, MIKROTIK_RATE_LIMIT, MIKROTIK_HOST_IP, MIKROTIK_ADDRESS_LIST = (
    (MIKROTIK, 3), (MIKROTIK, 8), (MIKROTIK, 10), (MIKROTIK, 19),
)  # fmt: skip


class GarbageError(ValueError):
    """These octets are no RADIUS packet."""


@dataclass
class Packet:
    """One packet; attributes in the order of the wire."""

    code: int
    identifier: int
    authenticator: bytes
    attributes: list[tuple[Kind, bytes]] = field(default_factory=list)

    def first(self, kind: Kind) -> bytes | None:
        return next((value for found, value in self.attributes if found == kind), None)

    def text(self, kind: Kind) -> str:
        return (self.first(kind) or b"").decode("utf-8", "surrogateescape")

    def number(self, kind: Kind) -> int:
        return int.from_bytes(self.first(kind) or b"", "big")

    def encode(self) -> bytes:
        body = b"".join(_attribute(kind, value) for kind, value in self.attributes)
        return bytes((self.code, self.identifier)) + (20 + len(body)).to_bytes(2, "big") + self.authenticator + body


def decode(octets: bytes) -> Packet:
    if len(octets) < 20:
        raise GarbageError("short")
    length = int.from_bytes(octets[2:4], "big")
    if not 20 <= length <= len(octets):
        raise GarbageError("length")
    packet, at = Packet(octets[0], octets[1], octets[4:20]), 20
    while at < length:
        kind, size = octets[at], octets[at + 1] if at + 1 < length else 0
        if size < 2 or at + size > length:
            raise GarbageError("attribute")
        value = octets[at + 2 : at + size]
        if kind == VENDOR_SPECIFIC and len(value) > 6:
            packet.attributes += _vendors(value)
        else:
            packet.attributes.append((kind, value))
        at += size
    return packet


def _vendors(value: bytes) -> list[tuple[Kind, bytes]]:
    vendor, at = int.from_bytes(value[:4], "big"), 4
    found: list[tuple[Kind, bytes]] = []
    while at + 2 <= len(value) and 2 <= value[at + 1] <= len(value) - at:
        found.append(((vendor, value[at]), value[at + 2 : at + value[at + 1]]))
        at += value[at + 1]
    return found


def _attribute(kind: Kind, value: bytes) -> bytes:
    if isinstance(kind, tuple):
        inner = bytes((kind[1], 2 + len(value))) + value
        return bytes((VENDOR_SPECIFIC, 6 + len(inner))) + kind[0].to_bytes(4, "big") + inner
    return bytes((kind, 2 + len(value))) + value


def number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def hide(password: bytes, secret: bytes, authenticator: bytes) -> bytes:
    """RFC 2865 §5.2."""
    padded = password.ljust(max(16, -(-len(password) // 16) * 16), b"\0")
    before, hidden = authenticator, b""
    for at in range(0, len(padded), 16):
        key = hashlib.md5(secret + before).digest()  # noqa: S324 - its protocol
        before = bytes(one ^ other for one, other in zip(padded[at : at + 16], key, strict=True))
        hidden += before
    return hidden


def signed_access_request(packet: Packet, secret: bytes, *, with_message_authenticator: bool) -> bytes:
    """Return an Access-Request; its password is hidden here, and Message-Authenticator stands last (RFC 3579 §3.2)."""
    packet.authenticator = secrets.token_bytes(16)
    packet.attributes = [
        (kind, hide(value, secret, packet.authenticator) if kind == USER_PASSWORD else value)
        for kind, value in packet.attributes
    ]
    if not with_message_authenticator:
        return packet.encode()
    packet.attributes.append((MESSAGE_AUTHENTICATOR, bytes(16)))
    packet.attributes[-1] = MESSAGE_AUTHENTICATOR, _hmac(secret, packet.encode())
    return packet.encode()


def signed_accounting_request(packet: Packet, secret: bytes) -> bytes:
    """RFC 2866 §3."""
    packet.authenticator = bytes(16)
    packet.authenticator = hashlib.md5(packet.encode() + secret).digest()  # noqa: S324 - its protocol
    return packet.encode()


def signed_reply(code: int, request: Packet, attributes: list[tuple[Kind, bytes]], secret: bytes) -> bytes:
    """RFC 2865 §3, RFC 5176 §2.3."""
    reply = Packet(code, request.identifier, request.authenticator, attributes)
    reply.authenticator = hashlib.md5(reply.encode() + secret).digest()  # noqa: S324 - its protocol
    return reply.encode()


def is_true_reply(octets: bytes, request: Packet, secret: bytes) -> bool:
    """Tell whether an answer is to this request, from somebody who has the secret; a Message-Authenticator must hold."""
    bare = octets[:4] + request.authenticator + octets[20:]
    if hashlib.md5(bare + secret).digest() != octets[4:20]:  # noqa: S324 - its protocol
        return False
    return _holds(bare, secret)


def is_true_order(octets: bytes, secret: bytes) -> bool:
    """Tell whether a CoA- or Disconnect-Request is from somebody who has the secret (RFC 5176 §2.3)."""
    if hashlib.md5(octets[:4] + bytes(16) + octets[20:] + secret).digest() != octets[4:20]:  # noqa: S324 - its protocol
        return False
    return _holds(octets[:4] + bytes(16) + octets[20:], secret)


def _holds(octets: bytes, secret: bytes) -> bool:
    at = 20
    while at + 2 <= len(octets):
        if octets[at] == MESSAGE_AUTHENTICATOR:
            said = octets[at + 2 : at + 18]
            return hmac.compare_digest(said, _hmac(secret, octets[: at + 2] + bytes(16) + octets[at + 18 :]))
        at += max(2, octets[at + 1])
    return True


def _hmac(secret: bytes, octets: bytes) -> bytes:
    return hmac.new(secret, octets, hashlib.md5).digest()
