"""An HTTP port that can't take the daemon with it: connections are bounded, in all and for each source.

Whoever reaches the portal can open connections; each costs a file descriptor, and the journal needs those too.
"""

import asyncio
import resource
import socket
import ssl
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

from aiohttp import web

from netbilld.daemon.pages.doors import BACKLOG

CONNECTIONS_A_SOURCE: Final = 64  # a browser opens six; many phones may share the address of a hotspot
MOST_CONNECTIONS: Final = 2_000
HANDSHAKE_SECONDS: Final = 10.0
HEAD_SECONDS: Final = 20.0  # for the head of the first request to come; of later ones aiohttp waits no longer either
_END_OF_HEAD: Final = b"\r\n\r\n"
_SUBSCRIBERS_PREFIX: Final = 64  # IPv6: a home has that many bits of addresses to itself, and is one source
_SHARE_OF_DESCRIPTORS: Final = 4  # a port takes this part of them at most; there are two ports


def raise_descriptor_limit() -> None:
    """Take as many file descriptors as the system lets us; a login shell's default is 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connection_limit() -> int:
    """Return how many connections a port may hold with the descriptors there are."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(MOST_CONNECTIONS, soft // _SHARE_OF_DESCRIPTORS))


class HttpPort:
    """One listening port of an application.

    Attributes:
        refused: connections closed at once because there were too many, or later because no request came.
    """

    def __init__(
        self,
        name: str,
        runner: web.AppRunner,
        *,
        trusted_proxies: Collection[str] = (),
        most: int | None = None,
        most_a_source: int | None = None,
        head_seconds: float = HEAD_SECONDS,
    ) -> None:
        """Take the runner; `trusted_proxies` carry everybody's connections and are bounded only by `most`."""
        self.name = name
        self.refused = 0
        self.head_seconds = head_seconds
        self._runner = runner
        self._proxies = [ip_network(proxy) for proxy in trusted_proxies]
        self._most = most or connection_limit()
        self._most_a_source = most_a_source or min(CONNECTIONS_A_SOURCE, max(1, self._most // 4))
        self._from: Counter[str] = Counter()
        self._servers: list[asyncio.Server] = []

    @property
    def connections(self) -> int:
        """Return how many are open."""
        return self._from.total()

    async def listen(self, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None = None) -> None:
        """Take connections of these sockets, with TLS or without; all that it listens on counts for the same bounds."""
        if self._runner.server is None:
            await self._runner.setup()
        loop = asyncio.get_running_loop()
        handshake = None if tls is None else HANDSHAKE_SECONDS
        for one in sockets:
            server = await loop.create_server(
                lambda: _Connection(self), sock=one, ssl=tls, ssl_handshake_timeout=handshake, backlog=BACKLOG
            )
            self._servers.append(server)

    async def close(self) -> None:
        """Take no more connections and end those that are open, waiting no longer than the runner was told to."""
        for server in self._servers:
            server.close()
        await self._runner.cleanup()

    def admit(self, peer: str) -> "asyncio.Protocol | None":
        """Return who serves one more connection from an address; None where there are enough."""
        source = source_of(peer)
        server = self._runner.server
        full = self.connections >= self._most
        if server is None or full or (self._from[source] >= self._most_a_source and not self._is_proxy(peer)):
            self.refused += 1
            return None
        self._from[source] += 1
        return server()

    def leave(self, peer: str) -> None:
        """Note that a connection that was admitted has ended."""
        source = source_of(peer)
        self._from[source] -= 1
        if not self._from[source]:
            del self._from[source]

    def _is_proxy(self, peer: str) -> bool:
        with suppress(ValueError):
            address = ip_address(peer)
            return any(address in proxy for proxy in self._proxies)
        return False


def source_of(peer: str) -> str:
    """Return what counts as one source: an IPv4 address, also written as IPv6, or an IPv6 network of one home."""
    with suppress(ValueError):
        address = ip_address(peer.partition("%")[0])
        if isinstance(address, IPv6Address):
            if address.ipv4_mapped is not None:
                return str(address.ipv4_mapped)
            if not address.is_loopback:
                return str(ip_network((address, _SUBSCRIBERS_PREFIX), strict=False))
        return str(address)
    return peer


class _Connection(asyncio.Protocol):
    """Stands before aiohttp's protocol, so that it is known when a connection comes and goes."""

    def __init__(self, port: HttpPort) -> None:
        self._port = port
        self._peer = ""
        self._inner: Any = None
        self._deadline: asyncio.TimerHandle | None = None
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else ""
        self._inner = self._port.admit(self._peer)
        if self._inner is None:
            transport.abort()  # type: ignore[attr-defined]  # a stream's transport has it
        else:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._port.head_seconds, self._give_up, transport)
            self._inner.connection_made(transport)

    def _give_up(self, transport: asyncio.BaseTransport) -> None:
        self._port.refused += 1
        transport.abort()  # type: ignore[attr-defined]  # as above

    def _heard(self, data: bytes) -> None:
        """Look for the end of the first request's head, which may come in pieces, and after empty lines (RFC 9112)."""
        if self._deadline is not None:
            seen = self._tail + data if self._tail else data.lstrip(b"\r\n")
            if _END_OF_HEAD in seen:
                self._deadline.cancel()
                self._deadline = None
            self._tail = seen[1 - len(_END_OF_HEAD) :]

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if self._inner is not None:
            self._port.leave(self._peer)
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._heard(data)
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._inner is not None else None

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()
