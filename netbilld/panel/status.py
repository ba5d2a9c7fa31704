"""Health, readiness and metrics: for machines, without signing in."""

from aiohttp import web

from netbilld.panel.parts import PANEL


async def healthz(_request: web.Request) -> web.Response:
    """Answer GET /healthz: the process lives."""
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(request: web.Request) -> web.Response:
    """Answer GET /readyz: 200 when RADIUS answers and the journal is usable, else 503, with the reasons."""
    health = dict(request.app[PANEL].parts.health())
    return web.json_response(health, status=200 if health.get("ready") else 503, headers={"Cache-Control": "no-store"})


async def metrics(request: web.Request) -> web.Response:
    """Answer GET /metrics in Prometheus' text format."""
    return web.Response(
        body=request.app[PANEL].parts.metrics().encode(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store"},
    )
