"""Which NAS a datagram comes from, told by its source address (RFC 2865 §3, RFC 5176 §2.3).

Where several share an address, as behind NAT, it is told by what each calls itself besides (RFC 2865 §5.32).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal
from uuid import UUID

from netbilld.radius.authenticator import Secret
from netbilld.radius.router_access import RouterAccount

RequireMessageAuthenticator = Literal["auto", "true", "false"]

MAX_REMEMBERED_ADDRESSES = 65536


@dataclass(frozen=True, slots=True)
class Client:
    """A NAS as RADIUS sees it.

    `seen_message_authenticator` is the remembered fact behind the policy `auto`: this NAS has once sent a valid
    Message-Authenticator, so from then on a request without one is not believed. `radsec_name` is what its
    certificate must show, `over_tls` that it speaks through TLS, which makes Message-Authenticator needless.
    `wall_by` is how it holds walled subscribers: pool, list or reject, None for what suits its vendor.
    `holds_limits` says that it is told what a session has left. `reply_key` tells which of the replies made in
    advance are for it. `router_accounts` open its own prompt, by `values.lookup_key` of their names.
    `told_by` is the NAS-Identifier that tells it from others at its very address. `neighbours` are all of those by
    theirs, and only there in what stands for an address that several share: see `ClientTable.find`.
    """

    nas_id: UUID
    name: str
    address: IPv4Network | IPv6Network
    secret: Secret
    vendor: str
    require_message_authenticator: RequireMessageAuthenticator = "auto"
    seen_message_authenticator: bool = False
    radsec_name: str | None = None
    over_tls: bool = False
    wall_by: str | None = None
    holds_limits: bool = True
    router_accounts: Mapping[bytes, RouterAccount] = field(default_factory=dict, repr=False, compare=False)
    told_by: bytes = b""
    neighbours: Mapping[bytes, "Client"] | None = field(default=None, repr=False, compare=False)
    reply_key: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reply_key", f"{self.vendor}/{self.wall_by}" if self.wall_by else self.vendor)


class ClientTable:
    """Every known NAS; the longest prefix that holds an address wins. A table is never changed, only replaced."""

    __slots__ = ("_clients", "_found", "_prefixes")

    def __init__(self, clients: Iterable[Client]) -> None:
        """Take the clients; of two with the very same prefix and identifier the first is kept."""
        self._clients = tuple(clients)
        self._found: dict[str, Client | None] = {}
        by_prefix: dict[tuple[int, int], dict[int, list[Client]]] = {}
        for client in self._clients:
            network = client.address
            shift = network.max_prefixlen - network.prefixlen
            of_length = by_prefix.setdefault((network.version, shift), {})
            of_length.setdefault(int(network.network_address) >> shift, []).append(client)
        self._prefixes: dict[int, list[tuple[int, dict[int, Client]]]] = {4: [], 6: []}
        for (version, shift), of_length in sorted(by_prefix.items(), key=lambda item: item[0]):
            self._prefixes[version].append((shift, {prefix: _one(there) for prefix, there in of_length.items()}))

    def find(self, address: str) -> Client | None:
        """Return the client that owns `address`, or None; an IPv4-mapped IPv6 address counts as IPv4.

        Where several do, it is what stands for all of them: their common secret, and each of them in `neighbours`.
        """
        try:
            return self._found[address]
        except KeyError:
            return self._look_up(address)

    def _look_up(self, address: str) -> Client | None:
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return None
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        number = int(parsed)
        found: Client | None = None
        for shift, of_length in self._prefixes[parsed.version]:
            found = of_length.get(number >> shift)
            if found is not None:
                break
        if len(self._found) >= MAX_REMEMBERED_ADDRESSES:
            # Sources can be forged, so what was looked up is remembered only up to a limit.
            self._found.clear()
        self._found[address] = found
        return found

    def __iter__(self) -> Iterator[Client]:
        return iter(self._clients)

    def __len__(self) -> int:
        return len(self._clients)


def _one(there: list[Client]) -> Client:
    if len(there) == 1:
        return there[0]
    return replace(there[0], neighbours={client.told_by: client for client in reversed(there)})
