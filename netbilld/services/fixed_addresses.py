"""Addresses and prefixes fixed for a service: each is one service's alone, and none is of a pool that gives it away."""

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_network
from typing import Protocol
from uuid import UUID

from netbilld.model.address_pool import AddressPool
from netbilld.model.errors import InvalidInputError, RefusedError


@dataclass(frozen=True, slots=True)
class FixedAddress:
    """An address or prefix of a live service, and a user name of it."""

    service_id: UUID
    username: str
    address: str


class Addresses(Protocol):
    async def lock(self) -> None: ...

    async def pools(self) -> list[AddressPool]: ...

    async def fixed(self, *, ipv6_only: bool = False) -> list[FixedAddress]: ...


class FixedAddresses:
    """What is fixed, and the pools; asked about each address that is to be fixed as well."""

    def __init__(self, pools: Sequence[AddressPool], fixed: Iterable[FixedAddress]) -> None:
        self._pools = pools
        self._spans: list[tuple[int, int, int, str, str]] = []  # version, first, last, address, user name; disjoint
        for one in fixed:
            self.add(one.username, one.address)

    def refuse(self, addresses: Iterable[str | None]) -> None:
        """Refuse addresses or prefixes that can't be fixed for one service; None are passed over.

        Raises:
            RefusedError: one is of a pool, or another service has it or a part of it; it names both.
            InvalidInputError: one is a part of another of these.
        """
        mine: list[tuple[int, int, int, str]] = []
        for address in addresses:
            if address is None:
                continue
            self._refuse_pooled(address)
            version, first, last = _span(address)
            for at in self._near(version, first, last):
                _, _, _, other, username = self._spans[at]
                raise RefusedError(
                    f"{address} overlaps {other}, which is fixed for {username!r}",
                    hint="choose another",
                    code="address_taken",
                )
            for other_version, other_first, other_last, other in mine:
                if version == other_version and first <= other_last and other_first <= last:
                    raise InvalidInputError(f"{address} overlaps {other} of the same service")
            mine.append((version, first, last, address))

    def add(self, username: str, address: str | None) -> None:
        """Take one more in."""
        if address is not None:
            insort(self._spans, (*_span(address), address, username))

    def _near(self, version: int, first: int, last: int) -> list[int]:
        """Return which known ones overlap a span; at most a few are looked at, since they are disjoint."""
        at = bisect_right(self._spans, (version, first, last, "\U0010ffff", ""))
        found = []
        if at > 0 and self._spans[at - 1][0] == version and self._spans[at - 1][2] >= first:
            found.append(at - 1)
        if at < len(self._spans) and self._spans[at][0] == version and self._spans[at][1] <= last:
            found.append(at)
        return found

    def _refuse_pooled(self, address: str) -> None:
        for pool in self._pools:
            if pool.gives(address):
                raise RefusedError(
                    f"{address} is in pool {pool.name!r} ({pool.network})",
                    hint=f"leave it out first: `netbilld pool set {pool.name} --exclude {as_excluded(address)}`",
                    code="overlap",
                )


async def fixed_addresses(addresses: Addresses, *, but: UUID | None = None) -> FixedAddresses:
    """Return what is fixed, but for one service; pools and fixed addresses stay as they are until the commit.

    IPv4 addresses are left out: they are the same or not, and the database refuses a second one.
    """
    await addresses.lock()
    fixed = [one for one in await addresses.fixed(ipv6_only=True) if one.service_id != but]
    return FixedAddresses(await addresses.pools(), fixed)


def parse_fixed_prefix(field: str, text: str) -> str:
    """Return an IPv6 prefix in CIDR form that a service can have (RFC 3162 §2.3, RFC 4818 §3)."""
    shown = text.strip()[:60]
    try:
        prefix = ip_network(text.strip())
    except ValueError as error:
        raise InvalidInputError(f"{field} {shown!r} is no prefix: {error}", hint="write 2001:db8:5::/56") from None
    if not isinstance(prefix, IPv6Network) or "/" not in shown:
        raise InvalidInputError(f"{field} {shown!r} is no IPv6 prefix", hint="write 2001:db8:5::/56")
    if prefix.is_multicast or prefix.is_link_local or prefix.is_loopback or prefix.prefixlen < 16:
        raise InvalidInputError(f"{field} {prefix} can't be a subscriber's", hint="write 2001:db8:5::/56")
    if prefix.network_address.scope_id is not None:
        raise InvalidInputError(f"{field} {shown!r} names an interface", hint="write it without %…")
    return str(prefix)


def as_excluded(address: str) -> str:
    """Return a fixed address as an option --exclude takes it."""
    network = ip_network(address)
    return str(network.network_address) if network.num_addresses == 1 else address


def _span(address: str) -> tuple[int, int, int]:
    network = ip_network(address)
    return network.version, int(network.network_address), int(network.broadcast_address)
