"""Health, readiness and metrics: for machines, without signing in."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from netbilld.model.errors import NetbilldError


@dataclass(frozen=True, slots=True)
class Status:
    """What the three pages show; see `PanelParts`."""

    health: Callable[[], Awaitable[Mapping[str, Any]]]
    metrics: Callable[[], Awaitable[str]]


STATUS: Final = web.AppKey("status", Status)


def create_status(status: Status) -> web.Application:
    """Return an application with these three pages and nothing else: of a node that does not serve the panel."""
    app = web.Application(client_max_size=1)
    app[STATUS] = status
    for path, handler in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)):
        app.router.add_get(path, handler)
    return app


async def healthz(_request: web.Request) -> web.Response:
    """Answer GET /healthz: the process lives."""
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(request: web.Request) -> web.Response:
    """Answer GET /readyz: 200 when RADIUS answers and the journal is usable, else 503, with the reasons."""
    health = dict(await request.app[STATUS].health())
    return web.json_response(health, status=200 if health.get("ready") else 503, headers={"Cache-Control": "no-store"})


async def metrics(request: web.Request) -> web.Response:
    """Answer GET /metrics in Prometheus' text format."""
    try:
        text = await request.app[STATUS].metrics()
    except NetbilldError as error:  # pages have a process of their own, and the daemon does not answer it
        raise web.HTTPServiceUnavailable(text=f"{error}\n") from None
    return web.Response(
        body=text.encode(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store"},
    )
