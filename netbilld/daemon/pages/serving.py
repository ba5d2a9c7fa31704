"""Serves the applications on their doors, in whichever process this is."""

from collections.abc import Sequence
from typing import Final, Protocol

from aiohttp import web

from netbilld.daemon.http_port import HttpPort
from netbilld.daemon.pages.doors import Door, tls_of
from netbilld.daemon.settings import Settings
from netbilld.panel.portal.app import portal_runner

HTTP_SHUTDOWN_SECONDS: Final = 1.5


class PortFigures(Protocol):
    """What is told of a port that pages are asked on.

    Attributes:
        connections: open ones.
        refused: closed at once, too many being open.
    """

    @property
    def name(self) -> str: ...
    @property
    def connections(self) -> int: ...
    @property
    def refused(self) -> int: ...


async def serve_pages(
    settings: Settings, doors: Sequence[Door], panel: web.Application, portal: web.Application | None
) -> list[HttpPort]:
    """Return the ports, which take connections from now on."""
    by_name = {door.name: door for door in doors}
    ports = []
    if "panel" in by_name:
        runner = web.AppRunner(panel, access_log=None, keepalive_timeout=30, shutdown_timeout=HTTP_SHUTDOWN_SECONDS)
        ports.append(HttpPort("panel", runner, trusted_proxies=settings.trusted_proxies))
        await ports[-1].listen(by_name["panel"].sockets)
    if "portal" in by_name and portal is not None:
        runner = portal_runner(portal, shutdown_timeout=HTTP_SHUTDOWN_SECONDS)
        ports.append(HttpPort("portal", runner, trusted_proxies=settings.trusted_proxies))
        await ports[-1].listen(by_name["portal"].sockets)
        if "portal_tls" in by_name:
            await ports[-1].listen(by_name["portal_tls"].sockets, tls_of(settings))
    return ports
