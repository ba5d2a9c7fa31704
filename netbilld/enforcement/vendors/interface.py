"""What is known of a vendor's NAS: data, and the few functions that its attributes need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final, Literal

from netbilld.billing.plan import Counts, Speed
from netbilld.enforcement.actions import SessionHandle
from netbilld.enforcement.limits import SessionLimits
from netbilld.enforcement.profile import ServiceProfile
from netbilld.enforcement.vendors.identity import session_id, user_name
from netbilld.radius.attributes import (
    ACCT_INTERIM_INTERVAL,
    CLASS,
    DELEGATED_IPV6_PREFIX,
    DELEGATED_IPV6_PREFIX_POOL,
    FRAMED_IP_ADDRESS,
    FRAMED_IPV6_ADDRESS,
    FRAMED_IPV6_POOL,
    FRAMED_IPV6_PREFIX,
    FRAMED_POOL,
    IDLE_TIMEOUT,
    SESSION_TIMEOUT,
)
from netbilld.radius.values import encode_integer, encode_ipv6_prefix, encode_text

# An attribute and its value, before any packet.
Pair = tuple[int, bytes]
WallBy = Literal["pool", "list", "reject"]

RFC_COA_PORT: Final = 3799  # RFC 5176 §3
_WORD_BITS: Final = 32
_WORD: Final = 2**32 - 1


class Wall(StrEnum):
    """How a walled session is told from others on the NAS."""

    POOL = "pool"
    LIST = "list"
    POOL_AND_LIST = "pool_and_list"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a NAS can be asked.

    Attributes:
        rate: it takes a rate at log-in.
        coa_rate: it changes the rate of a running session by CoA.
        coa_wall: it moves a running session into a walled garden and out of it by CoA.
        orders: it takes CoA or Disconnect at all (RFC 5176).
        message_authenticator: it takes Message-Authenticator in them (RFC 5176 §3.4).
    """

    rate: bool
    coa_rate: bool
    coa_wall: bool = False
    orders: bool = True
    message_authenticator: bool = True


@dataclass(frozen=True, slots=True)
class VolumeWords:
    """The attributes of a volume limit: for each direction the low 32 bits, and the high ones where there are such."""

    upload: tuple[int, int | None] | None = None
    download: tuple[int, int | None] | None = None
    total: tuple[int, int | None] | None = None
    total_on_hotspots_only: bool = False


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor's words. Attributes come in the order they are sent.

    Attributes:
        name: as in `nas add --vendor`.
        title: for people.
        rate: a speed in its attributes; none where it takes no rate or knows a speed only by a name it was not given.
        coa_rate: see `Capabilities`.
        event_timestamp: orders tell it when they were made, unless its switch says otherwise (RFC 5176 §6.3).
        full_set: a CoA resets what it leaves out, so it carries all a log-in said but the address.
        walled_list: the walled garden's list, policy, service or role; None where it has no such thing.
        vlan: a VLAN in its attributes; None where it takes none.
        pool, ipv6_pool, delegated_pools: keys of the attributes that name pools on the NAS.
        wall, hotspot_wall: how it walls where `nas set --wall-by` does not say, in general and for hotspot log-ins.
        identity: which of a session's marks it is told, so that it knows the session.
        unit_bps, most_bps: the steps in which it is told a speed, and the fastest one that it can be told.
        has_burst, has_minimum: it has words for these.
        notes: what an operator has to know, a sentence each.
    """

    name: str
    title: str
    rate: Callable[[Speed], list[Pair]] | None = None
    coa_rate: bool = False
    coa_wall: bool = False
    orders: bool = True
    message_authenticator: bool = True
    event_timestamp: bool = False
    full_set: bool = False
    walled_list: Callable[[str], list[Pair]] | None = None
    vlan: Callable[[int], list[Pair]] | None = None
    pool: int | None = FRAMED_POOL
    ipv6_pool: int | None = FRAMED_IPV6_POOL
    delegated_pools: tuple[int, ...] = (DELEGATED_IPV6_PREFIX_POOL,)
    volume: VolumeWords | None = None
    idle_timeout: bool = True
    wall: Wall = Wall.REJECT
    hotspot_wall: Wall = Wall.REJECT
    identity: Sequence[Callable[[SessionHandle], list[Pair]]] = (user_name, session_id)
    unit_bps: int = 1
    most_bps: int | None = None
    has_burst: bool = False
    has_minimum: bool = False
    coa_port: int = RFC_COA_PORT
    notes: tuple[str, ...] = ()

    @property
    def capabilities(self) -> Capabilities:
        """Return what it can be asked, whatever the speed."""
        return Capabilities(
            rate=self.rate is not None,
            coa_rate=self.coa_rate,
            coa_wall=self.coa_wall,
            orders=self.orders,
            message_authenticator=self.message_authenticator,
        )

    def capabilities_for(self, profile: ServiceProfile, wall_by: WallBy | None = None) -> Capabilities:
        """Return what it can be asked about this profile.

        One that knows speeds by name needs the name; and a session moves in or out of the walls by CoA only where they
        are a list alone, since an address or VLAN is not changed under a client's feet.
        """
        rate = profile.speed is None or bool(self._rate(profile))
        moves = wall_by == "list" and profile.vlan is None and bool(self.change(profile, 0, b""))
        known = self.capabilities
        return replace(
            known, rate=known.rate and rate, coa_rate=known.coa_rate and rate, coa_wall=known.coa_wall and moves
        )

    def accept(self, profile: ServiceProfile, interim_seconds: int) -> list[Pair]:
        """Return what an Access-Accept carries for a profile that is let in; Class comes beside it."""
        return [
            *self._rate(profile),
            *self._addresses(profile),
            *self._place(profile),
            *self._times(profile, interim_seconds),
        ]

    def walled(self, profile: ServiceProfile, wall_by: WallBy | None, *, hotspot: bool) -> ServiceProfile | None:
        """Return a walled profile as this NAS builds its wall, None where the subscriber is to be refused instead.

        Who would come in without a pool, list or VLAN that holds him is refused too: there would be no wall.
        """
        wall = Wall(wall_by) if wall_by is not None else self.hotspot_wall if hotspot else self.wall
        if wall is Wall.REJECT:
            return None
        by_list = wall in (Wall.LIST, Wall.POOL_AND_LIST)
        built = replace(
            profile,
            static_ip=None,  # beside an address the pool would not count
            pool=profile.pool if wall is not Wall.LIST and self.pool is not None else None,
            address_list=profile.address_list if by_list and self.walled_list is not None else None,
            vlan=profile.vlan if by_list and self.vlan is not None else None,
        )
        return built if built.pool or built.address_list or built.vlan else None

    def change(self, profile: ServiceProfile, interim_seconds: int, class_value: bytes) -> list[Pair]:
        """Return what a CoA-Request carries to give a running session this profile; the identity comes before it."""
        if self.full_set:
            class_pair = [(CLASS, class_value)] if class_value else []
            return [
                *self._rate(profile),
                *self._place(profile),
                *self._times(profile, interim_seconds),
                *class_pair,
            ]
        pairs = self._rate(profile) if self.coa_rate else []
        return [*pairs, *self._place(profile)] if self.coa_wall else pairs

    def identify(self, session: SessionHandle) -> list[Pair]:
        """Return what tells this NAS which session is meant."""
        return [pair for mark in self.identity for pair in mark(session)]

    @property
    def identity_keys(self) -> tuple[int, ...]:
        """Return the attributes by which it knows a session about which all is known."""
        whole = SessionHandle("user", "1", "192.0.2.1", "192.0.2.2", "02:00:00:00:00:01")
        return tuple(key for key, _ in self.identify(whole))

    def limits(self, limits: SessionLimits, *, hotspot: bool = False) -> list[Pair]:
        """Return what an Access-Accept says of a session's limits; nothing where the vendor has no words for them.

        An allowance for both directions at a NAS that knows no total is said of each direction: by itself neither can
        reach it before the sum does, so nobody is cut too early.
        """
        pairs = self._volume(limits.octets_left, limits.counts, hotspot=hotspot) if limits.octets_left else []
        if limits.seconds_left is not None:
            pairs.append((SESSION_TIMEOUT, encode_integer(min(max(1, limits.seconds_left), _WORD))))
        return pairs

    def _volume(self, octets: int, counts: Counts, *, hotspot: bool) -> list[Pair]:
        words = self.volume
        if words is None:
            return []
        total = None if words.total_on_hotspots_only and not hotspot else words.total
        wanted: tuple[tuple[int, int | None] | None, ...]
        if counts is Counts.UP:
            wanted = (words.upload,)
        elif counts is Counts.DOWN:
            wanted = (words.download,)
        else:
            wanted = (total,) if total else (words.upload, words.download)
        return [pair for keys in wanted if keys is not None for pair in _two_words(keys, octets)]

    def _rate(self, profile: ServiceProfile) -> list[Pair]:
        return self.rate(profile.speed) if self.rate is not None and profile.speed is not None else []

    def _addresses(self, profile: ServiceProfile) -> list[Pair]:
        """Return own addresses, and pools where there is none: a NAS ignores a pool beside an address."""
        pairs: list[Pair] = []
        if profile.static_ip is not None:
            address = ip_address(profile.static_ip)
            pairs.append(
                (FRAMED_IPV6_ADDRESS if isinstance(address, IPv6Address) else FRAMED_IP_ADDRESS, address.packed)
            )
        elif profile.pool and self.pool is not None:
            pairs.append((self.pool, encode_text(profile.pool)))
        if profile.ipv6_prefix is not None:
            pairs.append((FRAMED_IPV6_PREFIX, _prefix(profile.ipv6_prefix)))
        elif profile.ipv6_pool and self.ipv6_pool is not None:
            pairs.append((self.ipv6_pool, encode_text(profile.ipv6_pool)))
        if profile.delegated_prefix is not None:
            pairs.append(
                (DELEGATED_IPV6_PREFIX, encode_ipv6_prefix(IPv6Network(profile.delegated_prefix, strict=False)))
            )
        elif profile.delegated_pool:
            name = encode_text(profile.delegated_pool)
            pairs += [(pool, name) for pool in self.delegated_pools]
        return pairs

    def _place(self, profile: ServiceProfile) -> list[Pair]:
        pairs: list[Pair] = []
        if profile.address_list and self.walled_list is not None:
            pairs += self.walled_list(profile.address_list)
        if profile.vlan is not None and self.vlan is not None:
            pairs += self.vlan(profile.vlan)
        return pairs

    def _times(self, profile: ServiceProfile, interim_seconds: int) -> list[Pair]:
        idle = [(IDLE_TIMEOUT, encode_integer(profile.idle_seconds))] if profile.idle_seconds else []
        return [*(idle if self.idle_timeout else []), (ACCT_INTERIM_INTERVAL, encode_integer(interim_seconds))]


def _prefix(cidr: str) -> bytes:
    return encode_ipv6_prefix(IPv6Network(cidr, strict=False))


def _two_words(keys: tuple[int, int | None], octets: int) -> list[Pair]:
    low, high = keys
    if high is None:
        return [(low, encode_integer(min(octets, _WORD)))]
    return [(low, encode_integer(octets & _WORD)), (high, encode_integer(octets >> _WORD_BITS))]
