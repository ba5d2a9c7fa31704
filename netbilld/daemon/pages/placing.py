"""Where pages are answered: by the daemon itself, or by a process of their own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from netbilld.adapters.clock import NodeClock, entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.doctoring import Doctoring
from netbilld.daemon.gateways import Gateways
from netbilld.daemon.http_port import HttpPort
from netbilld.daemon.pages.applications import Applications, applications
from netbilld.daemon.pages.doors import Door, open_doors, tls_of
from netbilld.daemon.pages.inside import Inside
from netbilld.daemon.pages.keeper import PageProcess
from netbilld.daemon.pages.serving import PortFigures, serve_pages
from netbilld.daemon.roles import Role
from netbilld.daemon.settings import Settings
from netbilld.daemon.watching import Watching
from netbilld.panel.status import Status, create_status


class Pages:
    """The doors, and who answers behind them.

    Attributes:
        apps: the panel and the portal, where they are answered here.
        process: which answers them otherwise; None where nobody here does.
    """

    def __init__(
        self,
        settings: Settings,
        doors: Sequence[Door],
        inside: Inside,
        *,
        apps: Applications | None,
        process: PageProcess | None,
        doctoring: Doctoring | None,
    ) -> None:
        self._settings = settings
        self._doors = doors
        self._inside = inside
        self._doctoring = doctoring
        self._ports: list[HttpPort] = []
        self.apps: Final = apps
        self.process: Final = process

    @property
    def notices(self) -> list[str]:
        """What /readyz says of them."""
        return [] if self.process is None else self.process.notices

    def messenger_calls(self) -> Mapping[tuple[str, str], int]:
        """Return how many calls of messengers there were, by driver and what was answered."""
        if self.process is not None:
            return self.process.counted("messengers")
        return {} if self.apps is None else self.apps.messenger_calls

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever, by name."""
        return {} if self._doctoring is None else self._doctoring.loops()

    async def open(self) -> list[PortFigures]:
        """Take connections, and return the ports that somebody here answers on."""
        roles = self._settings.node.roles
        mine = [door for door in self._doors if not _is_of_process(door, self.process, roles)]
        shown = self.apps.panel if self.apps is not None and Role.PANEL in roles else self._status()
        self._ports = await serve_pages(
            self._settings, mine, shown, self.apps.portal if self.apps is not None else None
        )
        return [*self._ports, *(() if self.process is None else self.process.ports)]

    def _status(self) -> web.Application:
        return create_status(Status(self._inside.health, self._inside.metrics))

    async def close(self) -> None:
        """Take no more connections, and end those that are open."""
        await asyncio.gather(*(port.close() for port in self._ports))
        if self._doctoring is not None:
            self._doctoring.close()
        self.let_go()

    def let_go(self) -> None:
        """Close the doors."""
        for door in self._doors:
            door.close()


def _is_of_process(door: Door, process: PageProcess | None, roles: frozenset[Role]) -> bool:
    """Tell whether the process answers on a port: on the panel's, a node without the panel tells how it is itself."""
    return process is not None and (door.name != "panel" or Role.PANEL in roles)


async def place_pages(
    settings: Settings,
    database: Database,
    box: SecretBox,
    clock: NodeClock,
    inside: Inside,
    watching: Watching,
    gateways: Gateways,
    config: Path | None,
) -> Pages:
    """Return the pages of this node's roles, on their ports; nobody listens yet.

    Raises:
        NetbilldError: a port is in use, or the portal's certificate can't be used.
    """
    roles = settings.node.roles
    tls_of(settings)  # said now, and not by a process that can't start
    doors = await open_doors(settings)
    placed = partial(Pages, settings, doors, inside)
    if not roles & {Role.PANEL, Role.PORTAL}:
        return placed(apps=None, process=None, doctoring=None)
    own_process = settings.panel.own_process
    if not database.is_sqlite if own_process is None else own_process:
        theirs = [door for door in doors if door.name != "panel" or Role.PANEL in roles]
        process = PageProcess(theirs, inside, config, clock)
        gateways.counted = lambda: process.counted("callbacks")
        return placed(apps=None, process=process, doctoring=None)

    async def ask(nas: str) -> Mapping[str, Any] | None:
        return await inside.drops((), nas)

    doctoring = Doctoring(settings, database, box, clock, entropy, ask, watching)
    apps = applications(settings, database, box, clock, entropy, inside, doctoring.runs, gateways)
    return placed(apps=apps, process=None, doctoring=doctoring)
