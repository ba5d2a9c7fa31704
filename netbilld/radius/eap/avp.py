"""Attribute-value pairs as TTLS carries them: Diameter's form (RFC 5281 §10, RFC 6733 §4.1)."""

from collections.abc import Iterable
from typing import Final

_VENDOR: Final = 0x80
_MANDATORY: Final = 0x40
_HEADER_OCTETS: Final = 8
_VENDOR_OCTETS: Final = 4


def decode(data: bytes) -> list[tuple[int, bytes, bool]] | None:
    """Return key, value and whether it must be understood, of each; None if `data` is malformed.

    A key is what `radius.attributes` calls the same attribute: a vendor's is `vendor << 8 | type`.
    """
    pairs: list[tuple[int, bytes, bool]] = []
    at = 0
    size = len(data)
    while at < size:
        if size - at < _HEADER_OCTETS:
            return None
        key = int.from_bytes(data[at : at + 4], "big")
        flags = data[at + 4]
        length = int.from_bytes(data[at + 5 : at + 8], "big")
        header = _HEADER_OCTETS
        if flags & _VENDOR:
            header += _VENDOR_OCTETS
            key |= int.from_bytes(data[at + 8 : at + 12], "big") << 8
        if length < header or length > size - at:
            return None
        pairs.append((key, data[at + header : at + length], bool(flags & _MANDATORY)))
        at += length + -length % 4  # the last one's padding may be missing
    return pairs


def encode(pairs: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the pairs, each to be understood, padded to four octets."""
    encoded = []
    for key, value in pairs:
        vendor = key >> 8
        length = _HEADER_OCTETS + (_VENDOR_OCTETS if vendor else 0) + len(value)
        encoded.append(
            (key & 0xFF if vendor else key).to_bytes(4, "big")
            + bytes((_MANDATORY | (_VENDOR if vendor else 0),))
            + length.to_bytes(3, "big")
            + (vendor.to_bytes(4, "big") if vendor else b"")
            + value
            + bytes(-length % 4)
        )
    return b"".join(encoded)
