"""An address pool: a network, what one session gets of it, and what is never given out. Nothing is enumerated.

A pool's addresses are numbered from 0, so that the pool of a whole IPv6 /32 costs no more than one of 14 addresses.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from uuid import UUID

from netbilld.model.errors import InvalidInputError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_IPV4_BITS: Final = 32
_DEFAULT_LENGTHS: Final = {"ipv4": 32, "ipv6_prefix": 64, "delegated": 56}
_LONGEST: Final = {"ipv4": 32, "ipv6_prefix": 128, "delegated": 64}


class PoolKind(StrEnum):
    """What a pool gives: Framed-IP-Address, Framed-IPv6-Prefix or Delegated-IPv6-Prefix."""

    IPV4 = "ipv4"
    IPV6_PREFIX = "ipv6_prefix"
    DELEGATED = "delegated"


@dataclass(frozen=True)
class AddressPool:
    """A pool of ours.

    Attributes:
        network: in CIDR form.
        prefix_length: of what one session gets: 32 for IPv4.
        excluded: addresses, prefixes and ranges `A-B` never given out.
    """

    id: UUID
    name: str
    name_key: str
    kind: PoolKind
    network: str
    prefix_length: int
    excluded: tuple[str, ...]
    created_at: datetime
    revision: int = 1  # raised with each change

    @cached_property
    def net(self) -> Network:
        """The network, parsed."""
        return ip_network(self.network)

    @cached_property
    def _base(self) -> int:
        return int(self.net.network_address)

    @cached_property
    def _shift(self) -> int:
        return self.net.max_prefixlen - self.prefix_length

    @cached_property
    def _spans(self) -> tuple[tuple[int, int], ...]:
        """What may be given out, as half-open spans of places (address numbers in the network), in order."""
        spans = [(0, 1 << (self.prefix_length - self.net.prefixlen))]
        for first, last in sorted(parse_range(text) for text in self.excluded):
            cut_from = (int(first) - self._base) >> self._shift
            cut_to = ((int(last) - self._base) >> self._shift) + 1
            spans = [
                part
                for start, end in spans
                for part in ((start, min(end, cut_from)), (max(start, cut_to), end))
                if part[0] < part[1]
            ]
        return tuple(spans)

    @cached_property
    def _before(self) -> tuple[int, ...]:
        """How many addresses come before each span."""
        counts, total = [], 0
        for start, end in self._spans:
            counts.append(total)
            total += end - start
        return tuple(counts)

    @cached_property
    def size(self) -> int:
        """How many sessions it serves."""
        return sum(end - start for start, end in self._spans)

    @cached_property
    def reserved(self) -> int:
        """How many of its network are excluded."""
        return (1 << (self.prefix_length - self.net.prefixlen)) - self.size

    def piece(self, wanted: Network) -> str | None:
        """Return the address or prefix of this network that `wanted` is in, given out or not; None for outside."""
        if not overlap(self.net, wanted) or wanted.prefixlen < self.prefix_length:
            return None
        first = int(wanted.network_address) >> self._shift << self._shift
        if self.net.max_prefixlen == _IPV4_BITS:
            return str(IPv4Address(first))
        return f"{IPv6Address(first)}/{self.prefix_length}"

    def address(self, number: int) -> str:
        """Return the address of that number, counted from 0: `10.0.0.1`, or a prefix as `2001:db8::/56`."""
        at = bisect_right(self._before, number) - 1
        place = self._spans[at][0] + number - self._before[at]
        first = self._base + (place << self._shift)
        if self.net.max_prefixlen == _IPV4_BITS:
            return f"{first >> 24}.{first >> 16 & 255}.{first >> 8 & 255}.{first & 255}"
        return f"{IPv6Address(first)}/{self.prefix_length}"

    def number(self, address: str) -> int | None:
        """Return the number of an address this pool gives out; None for one that it does not."""
        if self.kind is PoolKind.IPV4:  # each lease that is read comes by here: a tenth of what `ipaddress` takes
            octets = address.split(".")
            if len(octets) == 4 and all(octet.isascii() and octet.isdigit() for octet in octets):
                first, second, third, fourth = map(int, octets)
                if max(first, second, third, fourth) <= 255:
                    return self._number_at((first << 24 | second << 16 | third << 8 | fourth) - self._base)
            return None
        given = parse_address(address)
        return None if given is None else self.number_of(given)

    def number_of(self, given: Network) -> int | None:
        """Return the number of an address that was parsed before."""
        if given.prefixlen != self.prefix_length or given.version != self.net.version:
            return None
        return self._number_at((int(given.network_address) - self._base) >> self._shift)

    def _number_at(self, place: int) -> int | None:
        at = bisect_right(self._spans, (place, 1 << 129)) - 1
        if at < 0 or not self._spans[at][0] <= place < self._spans[at][1]:
            return None
        return self._before[at] + place - self._spans[at][0]

    def packed(self, address: str) -> bytes:
        """Return an address of this pool as its RADIUS attribute carries it (RFC 2865 §5.8, 3162 §2.3, 4818 §3)."""
        if self.kind is PoolKind.IPV4:
            return bytes(map(int, address.split(".")))
        length = self.prefix_length
        return bytes((0, length)) + IPv6Network(address).network_address.packed[: (length + 7) // 8]

    def gives(self, address: str) -> bool:
        """Tell whether an address or prefix, fixed elsewhere, touches what this pool gives out."""
        given = ip_network(address, strict=False)
        if not overlap(self.net, given):
            return False
        if given.prefixlen <= self.net.prefixlen:
            return self.size > 0
        first = (int(given.network_address) - self._base) >> self._shift
        last = (int(given.broadcast_address) - self._base) >> self._shift
        return any(start <= last and first < end for start, end in self._spans)


def parse_address(address: str) -> Network | None:
    """Return an address or prefix as a network; None for text that is none."""
    try:
        return ip_network(address)
    except ValueError:
        return None


def overlap(one: Network, other: Network) -> bool:
    """Tell whether two networks share an address."""
    return one.version == other.version and one.overlaps(other)


def parse_range(text: str) -> tuple[Address, Address]:
    """Return the first and last address of `A`, `A-B` or a prefix.

    Raises:
        InvalidInputError: it is none, or ends before it begins.
    """
    first, dash, last = (part.strip() for part in text.partition("-"))
    try:
        if not dash:
            network = ip_network(first, strict=False)
            return network.network_address, network.broadcast_address
        begin, end = ip_address(first), ip_address(last)
    except ValueError:
        raise InvalidInputError(
            f"excluded {text.strip()[:80]!r} is no address or range",
            hint="write 10.0.0.1 or 10.0.0.1-10.0.0.9",
            code="excluded_invalid",
            values={"text": text.strip()[:80]},
        ) from None
    if begin.version != end.version or int(begin) > int(end):
        raise InvalidInputError(
            f"excluded {text.strip()[:80]!r} ends before it begins",
            code="excluded_backwards",
            values={"text": text.strip()[:80]},
        )
    return begin, end


def check_network(kind: PoolKind, network: str, prefix_length: int | None) -> tuple[str, int]:
    """Return a pool's network in CIDR form and the prefix length of what one session gets.

    Raises:
        InvalidInputError: the network is none, of the wrong family, or can't be cut into such prefixes.
    """
    try:
        parsed = ip_network(network.strip())
    except ValueError as error:
        raise InvalidInputError(
            f"network {network.strip()[:60]!r} is none: {error}",
            hint="write 10.20.0.0/22 or 2001:db8::/40",
            code="network_invalid",
            values={"text": network.strip()[:60]},
        ) from None
    version = 4 if kind is PoolKind.IPV4 else 6
    if parsed.version != version:
        raise InvalidInputError(
            f"a pool of kind {kind} needs an IPv{version} network, not {parsed}",
            code="network_family",
            values={"version": version, "network": parsed},
        )
    _refuse_special(parsed)
    length = _DEFAULT_LENGTHS[kind] if prefix_length is None else prefix_length
    if kind is PoolKind.IPV4 and length != _IPV4_BITS:
        raise InvalidInputError(
            "a session gets one IPv4 address: --prefix-length is for IPv6 pools", code="ipv4_length"
        )
    if not max(parsed.prefixlen, 1) <= length <= _LONGEST[kind]:
        raise InvalidInputError(
            f"prefix length {length}: allowed for {kind} in {parsed}: {parsed.prefixlen} to {_LONGEST[kind]}",
            code="prefix_length",
            values={"length": length, "network": parsed, "shortest": parsed.prefixlen, "longest": _LONGEST[kind]},
        )
    return str(parsed), length


def _refuse_special(network: Network) -> None:
    if network.is_multicast or network.is_loopback or network.is_link_local or network.is_unspecified:
        raise _special(network, "can't be subscribers'")
    if isinstance(network, IPv4Network) and (int(network.network_address) >> 24 == 0 or network.prefixlen < 8):
        raise _special(network, "is too wide or reserved", "write 10.20.0.0/22")
    if isinstance(network, IPv6Network) and network.prefixlen < 16:
        raise _special(network, "is too wide", "write 2001:db8::/40")


def _special(network: Network, why: str, hint: str = "") -> InvalidInputError:
    return InvalidInputError(f"network {network} {why}", hint=hint, code="network_special", values={"network": network})


def check_excluded(network: str, excluded: Sequence[str]) -> tuple[str, ...]:
    """Return exclusions as they are kept: in order, each once, every one inside the network.

    Raises:
        InvalidInputError: one is no address or range, or lies outside.
    """
    net = ip_network(network)
    return tuple(dict.fromkeys(text for text in _checked(net, excluded)))


def _checked(net: Network, excluded: Sequence[str]) -> Iterator[str]:
    for text in excluded:
        first, last = parse_range(text)
        if first.version != net.version or first not in net or last not in net:
            raise InvalidInputError(
                f"excluded {text.strip()} is not inside {net}",
                code="excluded_outside",
                values={"text": text.strip()[:80], "network": net},
            )
        yield str(first) if first == last else f"{first}-{last}"
