"""Filters and VLANs in the attributes that several vendors share."""

from typing import Final

from netbilld.radius.attributes import FILTER_ID, TUNNEL_MEDIUM_TYPE, TUNNEL_PRIVATE_GROUP_ID, TUNNEL_TYPE
from netbilld.radius.values import encode_integer, encode_text

_VLAN: Final = 13  # RFC 3580 §3.31
_IEEE_802: Final = 6


def filter_id(name: str) -> list[tuple[int, bytes]]:
    """Return Filter-Id (RFC 2865 §5.11)."""
    return [(FILTER_ID, encode_text(name))]


def tunnel_vlan(vlan: int) -> list[tuple[int, bytes]]:
    """Return a VLAN as access points and switches take it, without a tag (RFC 3580 §3.31, RFC 2868 §3)."""
    return [
        (TUNNEL_TYPE, encode_integer(_VLAN)),
        (TUNNEL_MEDIUM_TYPE, encode_integer(_IEEE_802)),
        (TUNNEL_PRIVATE_GROUP_ID, str(vlan).encode("ascii")),
    ]
