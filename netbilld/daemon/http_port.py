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
from ipaddress import ip_address, ip_network
from typing import Any, Final

from aiohttp import web

from netbilld.daemon.pages.doors import BACKLOG

CONNECTIONS_A_SOURCE: Final = 64  # a browser opens six; many phones may share the address of a hotspot
MOST_CONNECTIONS: Final = 2_000
HANDSHAKE_SECONDS: Final = 10.0
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
        refused: connections closed at once because there were too many.
    """

    def __init__(
        self,
        name: str,
        runner: web.AppRunner,
        *,
        trusted_proxies: Collection[str] = (),
        most: int | None = None,
        most_a_source: int | None = None,
    ) -> None:
        """Take the runner; `trusted_proxies` carry everybody's connections and are bounded only by `most`."""
        self.name = name
        self.refused = 0
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

    def admit(self, source: str) -> "asyncio.Protocol | None":
        """Return who serves one more connection from `source`; None where there are enough."""
        server = self._runner.server
        full = self.connections >= self._most
        if server is None or full or (self._from[source] >= self._most_a_source and not self._is_proxy(source)):
            self.refused += 1
            return None
        self._from[source] += 1
        return server()

    def leave(self, source: str) -> None:
        """Note that a connection that was admitted has ended."""
        self._from[source] -= 1
        if not self._from[source]:
            del self._from[source]

    def _is_proxy(self, source: str) -> bool:
        with suppress(ValueError):
            address = ip_address(source)
            return any(address in proxy for proxy in self._proxies)
        return False


class _Connection(asyncio.Protocol):
    """Stands before aiohttp's protocol, so that it is known when a connection comes and goes."""

    def __init__(self, port: HttpPort) -> None:
        self._port = port
        self._source = ""
        self._inner: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self._source = peer[0] if peer else ""
        self._inner = self._port.admit(self._source)
        if self._inner is None:
            transport.abort()  # type: ignore[attr-defined]  # a stream's transport has it
        else:
            self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._inner is not None:
            self._port.leave(self._source)
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._inner is not None else None

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()
