"""Moments and addresses as people write them."""

from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from zoneinfo import ZoneInfo

from netbilld.model.errors import InvalidInputError


def parse_moment(field_name: str, text: str, timezone: str) -> datetime:
    """Return an instant; without an offset it is local time of the zone.

    Raises:
        InvalidInputError: it is none.
    """
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInputError(f"{field_name} {text!r} is no moment", hint="write 2026-11-30 21:15") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(timezone))


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """Return an address as a network of one, or a prefix; bits beyond a prefix are cleared.

    Raises:
        InvalidInputError: it is neither.
    """
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        raise InvalidInputError(f"{text!r} is no address", hint="write 10.0.0.7, 2001:db8::1 or a prefix") from None
