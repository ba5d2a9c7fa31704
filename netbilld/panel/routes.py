"""The panel's URL map: each route with what it is open to."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from netbilld.panel import status
from netbilld.panel.assets import Assets
from netbilld.panel.staff import signin
from netbilld.panel.visit import Access, Handler, Public, guarded


@dataclass(frozen=True, slots=True)
class Route:
    """A method and path, who may use it, and what answers."""

    method: str
    path: str
    access: Access
    handler: Handler


ROUTES: Final = (
    Route("GET", "/signin", Public.VISITOR, signin.show),
    Route("POST", "/signin", Public.VISITOR, signin.submit),
    Route("POST", "/signout", Public.VISITOR, signin.leave),
    Route("POST", "/language", Public.VISITOR, signin.choose_language),
    Route("GET", "/healthz", Public.ANYBODY, status.healthz),
    Route("GET", "/readyz", Public.ANYBODY, status.readyz),
    Route("GET", "/metrics", Public.ANYBODY, status.metrics),
)


def add_routes(app: web.Application, assets: Assets) -> None:
    """Register every route behind its guard."""
    for route in ROUTES:
        app.router.add_route(route.method, route.path, guarded(route.handler, route.access))
    app.router.add_get("/static/{digest}/{name:.+}", guarded(assets.handle, Public.ANYBODY))
