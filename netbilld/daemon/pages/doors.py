"""The ports that pages are asked on: bound by the daemon, whoever listens on them."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from netbilld.daemon.roles import Role
from netbilld.daemon.settings import Settings
from netbilld.model.errors import NetbilldError

BACKLOG: Final = 256  # connections that wait while nobody takes them
TRY_SECONDS: Final = 1.0  # a process of a daemon that was killed may hold the port for a moment yet
_PAUSE_SECONDS: Final = 0.1
_ABSENT: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)  # `localhost` is ::1 also where IPv6 is switched off


@dataclass(frozen=True, slots=True)
class Door:
    """One port of an application.

    Attributes:
        name: `panel`, `portal`, or `portal_tls`.
        sockets: bound and listening, one for each address of the host.
    """

    name: str
    sockets: Sequence[socket.socket]

    def close(self) -> None:
        """Let go of the port."""
        for one in self.sockets:
            one.close()


async def open_doors(settings: Settings) -> list[Door]:
    """Return the ports that this node's roles ask for; the panel's is there in any case, for /readyz.

    Raises:
        NetbilldError: one is in use, the address is not this host's, or the portal's certificate can't be used.
    """
    panel, portal = settings.panel, settings.portal
    doors: list[Door] = []
    try:
        doors.append(Door("panel", await bound(panel.host, panel.port, "panel.port")))
        if Role.PORTAL in settings.node.roles:
            doors.append(Door("portal", await bound(portal.host, portal.port, "portal.port")))
            if tls_of(settings) is not None:
                doors.append(Door("portal_tls", await bound(portal.host, portal.tls_port, "portal.tls_port")))
    except BaseException:
        for door in doors:
            door.close()
        raise
    return doors


async def bound(host: str, port: int, setting: str, try_seconds: float = TRY_SECONDS) -> list[socket.socket]:
    """Return listening sockets for each address of a host.

    Raises:
        NetbilldError: the port is in use, or the address is not this host's.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + try_seconds
    while True:
        try:
            found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            return _all_bound([(family, address) for family, _, _, _, address in dict.fromkeys(found)])
        except OSError as error:
            if error.errno != errno.EADDRINUSE or loop.time() > until:
                raise NetbilldError(
                    f"the {setting.partition('.')[0]} can't listen on {host}:{port}: {error.strerror or error}",
                    hint=f"see `ss -ltnp sport = :{port}`, or set {setting}",
                    code="port_in_use",
                ) from None
        await asyncio.sleep(_PAUSE_SECONDS)


def _all_bound(addresses: Sequence[tuple[socket.AddressFamily, Any]]) -> list[socket.socket]:
    """Return a socket for each address, passing over those of a family that is switched off unless there is no other.

    Raises:
        OSError: one is in use, or none is this host's.
    """
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    for family, address in addresses:
        try:
            sockets.append(_bound(family, address))
        except OSError as error:
            if error.errno not in _ABSENT:
                for one in sockets:
                    one.close()
                raise
            absent = error
    if absent is not None and not sockets:
        raise absent
    return sockets


def _bound(family: socket.AddressFamily, address: Any) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """Return what the portal speaks TLS with; None where it does not.

    Raises:
        NetbilldError: the certificate or its key can't be used.
    """
    certificate, key = settings.portal.tls_cert, settings.portal.tls_key
    return None if certificate is None or key is None else tls_context("portal", certificate, key)


def tls_context(name: str, certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a server's context with a certificate.

    Raises:
        NetbilldError: the certificate or its key can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ssl.SSLError) as error:
        raise NetbilldError(
            f"{name}.tls_cert {certificate} or tls_key {key} can't be used: {error.strerror or error}",
            hint="both are PEM, belong together, and the daemon may read them",
            code="bad_certificate",
        ) from None
    return context
