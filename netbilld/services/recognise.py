"""Who asks at the portal: a source address → the one live session that has it, or nobody.

Being wrong here shows somebody another's data, so every doubt ends in nobody, who may sign in instead.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Protocol
from uuid import UUID

Address = IPv4Address | IPv6Address

# `late` has missed its interims and `stale` is presumed dead: their address may be in other hands by now.
LIVE_STATES: Final = frozenset({"starting", "live"})

# what a home is given, a link, and a single host
_PREFIX_LENGTHS: Final = (*range(44, 65), 128)
_LONGEST_FORWARDED_FOR: Final = 1024


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that has not stopped, as far as recognising needs it."""

    session_id: int
    service_id: UUID | None  # None: the user name is nobody's
    nas_id: UUID
    state: str  # starting, live, late, stale


@dataclass(frozen=True, slots=True)
class Recognised:
    """The service behind a source address, and the session it was recognised by."""

    service_id: UUID
    session_id: int


def recognised(
    address: Address, sessions: Sequence[OpenSession], portal_sources: Mapping[UUID, Sequence[str]]
) -> Recognised | None:
    """Return whose session `address` belongs to, or None for nobody.

    Exactly one live session, of all NAS together, has the address - or, of IPv6, a prefix that it is in - and its NAS
    declares a portal source that holds it. Two live sessions are two people behind overlapping pools. A late or stale
    session is never recognised; on another NAS it may still be alive with its reports lost, so there it makes the
    address ambiguous, while on the same NAS it is a ghost, since a NAS gives out an address once. Two NAS that declare
    the same prefix say thereby that they share one pool: a session on either is recognised.

    Args:
        address: where the request came from, as the kernel or a trusted proxy tells.
        sessions: every open session whose Framed-IP-Address is `address`.
        portal_sources: prefixes, as text, in which each NAS's subscribers reach the portal.
    """
    live = [session for session in sessions if session.state in LIVE_STATES]
    if len(live) != 1:
        return None
    (only,) = live
    if only.service_id is None or any(session.nas_id != only.nas_id for session in sessions):
        return None
    if not _within(address, portal_sources.get(only.nas_id, ())):
        return None
    return Recognised(only.service_id, only.session_id)


def source_address(peer: str | None, forwarded_for: Sequence[str], trusted_proxies: Sequence[str]) -> Address | None:
    """Return where a request really came from, or None when that can't be told.

    X-Forwarded-For is anybody's to write, so it is read only when the peer is a trusted proxy, and then from the right:
    the first hop that is not itself a trusted proxy is the one a proxy of ours saw. What stands left of it is hearsay.

    Args:
        peer: the address at the other end of the connection.
        forwarded_for: values of every X-Forwarded-For header, in order.
        trusted_proxies: addresses or prefixes, as the settings name them.
    """
    hop = _address(peer)
    if hop is None or not _within(hop, trusted_proxies):
        return hop
    line = ",".join(forwarded_for)
    if not line.strip():
        return hop
    if len(line) > _LONGEST_FORWARDED_FOR:
        return None
    for written in reversed(line.split(",")):
        hop = _address(written.strip())
        if hop is None or not _within(hop, trusted_proxies):
            return hop
    return None  # proxies all the way: nobody's own address among them


class Reader(Protocol):
    """The part of a store that recognising reads."""

    async def open_sessions_at(self, address: str) -> Sequence[OpenSession]:
        """Return every session not stopped, of all NAS, whose framed IPv4 address this is."""
        ...

    async def open_sessions_with(self, prefixes: Sequence[str]) -> Sequence[OpenSession]:
        """Return every session not stopped, of all NAS, whose own or delegated IPv6 prefix is one of these."""
        ...

    async def portal_sources(self, nas_id: UUID) -> Sequence[str]:
        """Return the prefixes declared for that NAS."""
        ...


class Work(Protocol):
    @property
    def portal(self) -> Reader: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class Recognise:
    """Looks a source address up among the open sessions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle(self, address: Address | None) -> Recognised | None:
        """Return the service and session behind `address`, or None for nobody."""
        if address is None:
            return None
        async with self._store.read() as work:
            if isinstance(address, IPv6Address):
                sessions = await work.portal.open_sessions_with(_prefixes_of(address))
            else:
                sessions = await work.portal.open_sessions_at(str(address))
            nas_ids = {session.nas_id for session in sessions}
            if len(nas_ids) != 1:
                return None
            sources = {nas_id: await work.portal.portal_sources(nas_id) for nas_id in nas_ids}
        return recognised(address, sessions, sources)


def _prefixes_of(address: IPv6Address) -> list[str]:
    """Return every prefix, of lengths that a session is given, that an address is in."""
    return [str(ip_network((address, length), strict=False)) for length in _PREFIX_LENGTHS]


def _address(text: str | None) -> Address | None:
    try:
        address = ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _within(address: Address, prefixes: Sequence[str]) -> bool:
    for prefix in prefixes:
        try:
            if address in ip_network(prefix, strict=False):
                return True
        except ValueError:
            continue
    return False
