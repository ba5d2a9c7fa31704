"""Health, readiness and metrics: for machines, without signing in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Status:
    """What the three pages show; see `PanelParts`."""

    health: Callable[[], Mapping[str, Any]]
    metrics: Callable[[], str]


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
    health = dict(request.app[STATUS].health())
    return web.json_response(health, status=200 if health.get("ready") else 503, headers={"Cache-Control": "no-store"})


async def metrics(request: web.Request) -> web.Response:
    """Answer GET /metrics in Prometheus' text format."""
    return web.Response(
        body=request.app[STATUS].metrics().encode(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store"},
    )
