"""NAS: when each was last heard, what it carries, which orders wait for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from netbilld.panel.live import LIVE, Part, stream
from netbilld.panel.parts import PANEL, Work
from netbilld.panel.staff.traffic import plot_of, span_context
from netbilld.panel.visit import page
from netbilld.services.order_views import NasOrdersShown
from netbilld.services.throughput import Whose

_CHECKED_DAYS: Final = 7
_FAILED_WITHIN: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class DroppedPackets:
    """Packets of a NAS that got silence, for one reason."""

    reason: str
    source: str
    count: int
    last_at: datetime

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> "DroppedPackets":
        """Return a line of the daemon's ledger."""
        return cls(line["reason"], line["source"], line["count"], datetime.fromisoformat(line["last_at"]))


LINES = Part("nas", "nas.lines", lambda work: work.readmodels.nas_lines(), "partials/nas_lines.html", 2)


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /nas."""
    _version, lines = await request.app[LIVE].latest(LINES)
    return page(request, "staff/nas_list.html", {"shown": lines})


async def live(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/nas."""
    return await stream(request, [LINES])


def _orders(request: web.Request, nas_id: UUID) -> Part:
    """Return the part of a NAS's page that tells of its orders."""
    parts = request.app[PANEL].parts

    async def read(work: Work) -> NasOrdersShown:
        shown = await work.readmodels.nas_orders(nas_id, parts.clock.now() - _FAILED_WITHIN)
        return shown.with_queue(await parts.lane(nas_id))

    return Part("orders", ("nas.orders", nas_id), read, "partials/nas_orders.html", 2)


async def live_one(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/nas/{name}."""
    async with request.app[PANEL].parts.database.read() as work:
        nas_id = await work.readmodels.nas_id(request.match_info["name"])
    if nas_id is None:
        raise web.HTTPNotFound
    return await stream(request, [_orders(request, nas_id)])


async def show(request: web.Request) -> web.Response:
    """Answer GET /nas/{name}."""
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.readmodels.nas_file(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        since_at = request.app[PANEL].parts.clock.now() - timedelta(days=_CHECKED_DAYS)
        device = await work.readmodels.device_view(found.id, since_at)
    dropped = [DroppedPackets.of(line) for line in await request.app[PANEL].parts.dropped(found.line.name)]
    drawn = await plot_of(request, Whose("nas", found.id))
    _version, orders = await request.app[LIVE].latest(_orders(request, found.id))
    context = {"nas": found, "device": device, "dropped": dropped, "plot": drawn, "orders": orders}
    return page(request, "staff/nas.html", context | span_context(request))
