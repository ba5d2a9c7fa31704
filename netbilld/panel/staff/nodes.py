"""Nodes: which daemons there are on this database, what each does, and how far behind each is."""

from typing import Final

from aiohttp import web

from netbilld.panel.live import LIVE, Part, stream
from netbilld.panel.visit import page

LINES: Final = Part("nodes", "nodes.lines", lambda work: work.readmodels.node_lines(), "partials/node_lines.html", 3)


async def show(request: web.Request) -> web.Response:
    """Answer GET /nodes."""
    _version, lines = await request.app[LIVE].latest(LINES)
    return page(request, "staff/nodes.html", {"shown": lines})


async def live(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/nodes."""
    return await stream(request, [LINES])
