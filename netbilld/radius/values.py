"""Typed views of attribute values and their encodings (RFC 2865 §5, RFC 3162 §2, RFC 4818 §3, RFC 8044 §3).

Views take bytes from the network: they return a value or raise `MalformedPacket`, nothing else.
"""

import re
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from netbilld.radius.errors import EncodeError, MalformedPacket
from netbilld.radius.packet import MAX_VALUE_OCTETS

_MAC_OCTETS = 6
_PADDED_MAC = re.compile(
    r"[0-9a-f]{2}([:\-. ]?)[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}"  # 17 characters, or 12 with no separator
    r"|[0-9a-f]{4}([:.\-])[0-9a-f]{4}\2[0-9a-f]{4}"  # three times four digits
    r"|[0-9a-f]{6}[:\-][0-9a-f]{6}",  # twice six
    re.IGNORECASE,
)
_MAC_LENGTHS = frozenset((12, 13, 14, 17))
_MAC_NAME = re.compile(rb"[0-9a-f]{2}[0-9a-f:\-. ]{10,15}", re.IGNORECASE)
_CLIENT_ID = re.compile(
    r"(0?1:)?([0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5})"  # unpadded, with its type or without
    r"|(01)((?:[:\-. ]?[0-9a-f]{2}){6})",  # padded, in any grouping
    re.IGNORECASE,
)
_SEPARATORS = str.maketrans("", "", ":-. ")


def text(value: bytes) -> str:
    """Return the text in `value` (RFC 2865 §5: UTF-8).

    A trailing NUL, which some NAS send, is taken off. Octets that are not UTF-8, and NULs inside, become U+FFFD, so
    that the result can be stored and shown anywhere.
    """
    return value.rstrip(b"\0").decode("utf-8", "replace").replace("\0", "\ufffd")


def integer(value: bytes) -> int:
    """Return an unsigned 32-bit number.

    Raises:
        MalformedPacket: the value is not 4 octets long.
    """
    if len(value) != 4:
        raise MalformedPacket("integer is not 4 octets")
    return int.from_bytes(value, "big")


def integer64(value: bytes) -> int:
    """Return an unsigned 64-bit number (RFC 6929 §2.5).

    Raises:
        MalformedPacket: the value is not 8 octets long.
    """
    if len(value) != 8:
        raise MalformedPacket("integer64 is not 8 octets")
    return int.from_bytes(value, "big")


def date(value: bytes) -> datetime:
    """Return an instant in UTC from seconds since 1970 (RFC 2865 §5, type time).

    Raises:
        MalformedPacket: the value is not 4 octets long.
    """
    return datetime.fromtimestamp(integer(value), UTC)


def ipv4(value: bytes) -> IPv4Address:
    """Return an IPv4 address.

    Raises:
        MalformedPacket: the value is not 4 octets long.
    """
    if len(value) != 4:
        raise MalformedPacket("IPv4 address is not 4 octets")
    return IPv4Address(value)


def ipv6(value: bytes) -> IPv6Address:
    """Return an IPv6 address (RFC 3162 §2.1).

    Raises:
        MalformedPacket: the value is not 16 octets long.
    """
    if len(value) != 16:
        raise MalformedPacket("IPv6 address is not 16 octets")
    return IPv6Address(value)


def ipv6_prefix(value: bytes) -> IPv6Network:
    """Return a prefix from its shortened or full form; bits beyond the prefix are cleared (RFC 3162 §2.3, 4818 §3).

    Raises:
        MalformedPacket: shorter than 2 or longer than 18 octets, a prefix length above 128, or fewer address octets
            than the prefix needs.
    """
    size = len(value)
    if not 2 <= size <= 18:
        raise MalformedPacket("IPv6 prefix is not 2 to 18 octets")
    length = value[1]
    if length > 128:
        raise MalformedPacket("IPv6 prefix length above 128")
    if (size - 2) * 8 < length:
        raise MalformedPacket("IPv6 prefix has fewer octets than its length needs")
    return IPv6Network((value[2:].ljust(16, b"\0"), length), strict=False)


def tagged_text(value: bytes) -> tuple[int, bytes]:
    """Return tag and rest of a tagged string; tag 0 when the first octet is data (RFC 2868 §3.3)."""
    if value and value[0] <= 0x1F:
        return value[0], value[1:]
    return 0, value


def tagged_integer(value: bytes) -> tuple[int, int]:
    """Return tag and 24-bit number of a tagged integer (RFC 2868 §3.1).

    Raises:
        MalformedPacket: the value is not 4 octets long.
    """
    if len(value) != 4:
        raise MalformedPacket("tagged integer is not 4 octets")
    return value[0], int.from_bytes(value[1:], "big")


def encode_text(value: str) -> bytes:
    """Return `value` as UTF-8.

    Raises:
        EncodeError: it has more than 253 octets.
    """
    encoded = value.encode("utf-8", "replace")
    if len(encoded) > MAX_VALUE_OCTETS:
        raise EncodeError(f"text of {len(encoded)} octets; at most {MAX_VALUE_OCTETS} fit")
    return encoded


def encode_integer(value: int) -> bytes:
    """Return an unsigned 32-bit number.

    Raises:
        EncodeError: it is negative or does not fit into 32 bits.
    """
    if not 0 <= value < 1 << 32:
        raise EncodeError(f"{value} does not fit into 32 bits")
    return value.to_bytes(4, "big")


def encode_ipv6_prefix(value: IPv6Network) -> bytes:
    """Return reserved octet, length and as many octets as the length needs (RFC 3162 §2.3, RFC 4818 §3)."""
    octets = (value.prefixlen + 7) // 8
    return bytes((0, value.prefixlen)) + value.network_address.packed[:octets]


def normalise_mac(value: str) -> str | None:
    """Return `AA:BB:CC:DD:EE:FF` for any way a NAS writes a MAC address, or None if `value` is none.

    With `:`, `-`, `.`, space or nothing between octets, in groups of four or six digits, either case; and the DHCP
    client identifier: as RouterOS writes it, unpadded and with its type in front, `1:0:e1:c:38:c8:f8`, or padded,
    `0100.e10c.38c8.f8`.
    """
    if _PADDED_MAC.fullmatch(value):
        return _mac_of(value)
    client_id = _CLIENT_ID.fullmatch(value)
    if client_id is None:
        return None
    if client_id[4] is not None:
        return _mac_of(client_id[4])
    return _mac_of("".join([group.rjust(2, "0") for group in client_id[2].split(":")]))


def is_client_identifier(value: str) -> bool:
    """Tell whether `value` is a DHCP client identifier that holds a MAC address, its type in front (RFC 2132 §9.14)."""
    client_id = None if _PADDED_MAC.fullmatch(value) else _CLIENT_ID.fullmatch(value)
    return client_id is not None and (client_id[1] or client_id[3]) is not None


def _mac_of(written: str) -> str:
    digits = written.translate(_SEPARATORS).upper()
    return ":".join([digits[at : at + 2] for at in range(0, 2 * _MAC_OCTETS, 2)])


def lookup_key(user_name: bytes) -> bytes:
    """Return the key under which views are filed: letter case does not count, nor how a MAC address is written.

    A trailing NUL, which some NAS send, does not count either.
    """
    if user_name.endswith(b"\0"):
        user_name = user_name.rstrip(b"\0")
    if len(user_name) in _MAC_LENGTHS and _MAC_NAME.fullmatch(user_name):
        written = user_name.decode("ascii")
        if _PADDED_MAC.fullmatch(written):  # no client identifier: fourteen digits may be somebody's number
            return _mac_of(written).encode("ascii")
    if user_name.isascii():
        return user_name.lower()
    return user_name.decode("utf-8", "surrogateescape").casefold().encode("utf-8", "surrogateescape")
