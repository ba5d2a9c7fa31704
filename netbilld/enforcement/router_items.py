"""What stands in the menus of a RouterOS router, and what can be done to it: plain values.

A router says the same in several ways: `10M` or 10000000, with a prefix length or without, yes or true. Two values are
the same when they mean the same. Source: MikroTik's manual, pages Queues, Address lists and API.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final
from uuid import UUID

Row = Mapping[str, str]
Network = IPv4Network | IPv6Network

_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)([kMG]?)")
_FACTORS: Final = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_DURATION: Final = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")
_CLOCK: Final = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(\d+):(\d\d):(\d\d)")
_MOST_HOST_BITS: Final = 6
_UNITS: Final = (604_800, 86_400, 3600, 60, 1)


class Menu(StrEnum):
    """Where something stands, as the API writes it."""

    QUEUES = "/queue/simple"
    LIST_IPV4 = "/ip/firewall/address-list"
    LIST_IPV6 = "/ipv6/firewall/address-list"


class Verb(StrEnum):
    ADD = "add"
    SET = "set"
    MOVE = "move"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class RouterOrder:
    """One change in one menu.

    Attributes:
        service_id: whose it is.
        values: what is added or set, as name and value.
        item_id: what is changed, as the router numbers it now; None for what is added.
        found_by: by what a person finds it.
        before_id: before which it is placed, or moved to; None for the end.
        before_found_by: by what a person finds that.
    """

    verb: Verb
    menu: Menu
    service_id: UUID
    values: tuple[tuple[str, str], ...] = ()
    item_id: str | None = None
    found_by: tuple[tuple[str, str], ...] = ()
    before_id: str | None = None
    before_found_by: tuple[tuple[str, str], ...] = ()


def is_on(row: Row, name: str) -> bool:
    """Tell whether a flag of a row is set; one that is not said is not."""
    return row.get(name, "") in {"true", "yes"}


def rates_bps(text: str) -> tuple[int, int] | None:
    """Return a pair of rates `up/down` in bit/s, or one for both; None for another text."""
    parts = text.split("/")
    if len(parts) > 2:
        return None
    found = [_rate_bps(part) for part in parts]
    if any(rate is None for rate in found):
        return None
    return found[0] or 0, found[-1] or 0


def _rate_bps(text: str) -> int | None:
    matched = _RATE.fullmatch(text.strip())
    if matched is None:
        return None
    number, unit = matched.groups()
    whole, _, part = number.partition(".")
    factor = _FACTORS[unit]
    return int(whole) * factor + (int(part) * factor // 10 ** len(part) if part else 0)


def octets(text: str) -> tuple[int, int] | None:
    """Return a pair of counters `up/down`; None for another text."""
    up, slash, down = text.partition("/")
    if not slash or not (up.isascii() and up.isdecimal() and down.isascii() and down.isdecimal()):
        return None
    return int(up), int(down)


def duration_seconds(text: str) -> int | None:
    """Return a duration, `1w2d3h4m5s` or as older versions say it `1d02:03:04`; None for another text."""
    matched = _CLOCK.fullmatch(text) or _DURATION.fullmatch(text)
    if not text or matched is None:
        return None
    return sum(int(number or 0) * unit for number, unit in zip(matched.groups(), _UNITS, strict=True))


def pair_seconds(text: str) -> tuple[int, int] | None:
    """Return a pair of durations `up/down`, or one for both; None for another text."""
    parts = text.split("/")
    found = [duration_seconds(part) for part in parts]
    if len(parts) > 2 or any(seconds is None for seconds in found):
        return None
    return found[0] or 0, found[-1] or 0


def pair_numbers(text: str) -> tuple[int, int] | None:
    """Return a pair of small numbers `up/down`, or one for both; None for another text."""
    parts = text.split("/")
    if len(parts) > 2 or not all(part.isascii() and part.isdecimal() for part in parts):
        return None
    return int(parts[0]), int(parts[-1])


@lru_cache(maxsize=65_536)  # the same addresses are read again and again
def network_of(text: str) -> Network | None:
    """Return an address or prefix; None for a name, a range or an interface."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def targets_of(text: str) -> frozenset[Network | str]:
    """Return what a queue is for: addresses, and interfaces by name; nothing for everybody."""
    return frozenset(network_of(part) or part.strip() for part in text.split(",") if part.strip())


def hosts_of(row: Row) -> list[str]:
    """Return the single addresses of an entry of an address list; none where it is too wide to name them all."""
    network = network_of(row.get("address", ""))
    if network is None or network.max_prefixlen - network.prefixlen > _MOST_HOST_BITS:
        return []
    return [str(network[number]) for number in range(network.num_addresses)]


def shown_address(network: Network) -> str:
    """Return an address as address lists show it: a single IPv4 address without its length."""
    if isinstance(network, IPv4Network) and network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return str(network)


def major_version(text: str) -> int | None:
    """Return the 7 of `7.16.2 (stable)`."""
    number, _, _ = text.partition(".")
    return int(number) if number.isascii() and number.isdecimal() else None
