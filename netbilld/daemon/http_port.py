"""An HTTP port that can't take the daemon with it: connections are bounded, in all and for each source.

Whoever reaches the portal can open connections; each costs a file descriptor, and the journal needs those too.
"""

import asyncio
import os
import resource
import ssl
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from netbilld.model.errors import NetbilldError

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

    async def open(self, host: str, port: int) -> None:
        """Listen.

        Raises:
            NetbilldError: the port is in use, or the address is not this host's.
        """
        await self._runner.setup()
        await self._listen(host, port, f"{self.name}.port", None)

    async def open_tls(self, host: str, port: int, certificate: Path, key: Path) -> None:
        """Listen on another port as well, with TLS; both count for the same bounds.

        Raises:
            NetbilldError: the port is in use, or the certificate or its key can't be used.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(certificate, key, password=lambda: b"")
        except (OSError, ssl.SSLError) as error:
            raise NetbilldError(
                f"{self.name}.tls_cert {certificate} or tls_key {key} can't be used: {error.strerror or error}",
                hint="both are PEM, belong together, and the daemon may read them",
                code="bad_certificate",
            ) from None
        await self._listen(host, port, f"{self.name}.tls_port", context)

    async def _listen(self, host: str, port: int, setting: str, tls: ssl.SSLContext | None) -> None:
        handshake = None if tls is None else HANDSHAKE_SECONDS
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: _Connection(self), host, port, ssl=tls, ssl_handshake_timeout=handshake
            )
            self._servers.append(server)
        except OSError as error:
            raise NetbilldError(
                f"the {self.name} can't listen on {host}:{port}: {os.strerror(error.errno or 0)}",
                hint=f"see `ss -ltnp sport = :{port}`, or set {setting}",
                code="port_in_use",
            ) from None

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
