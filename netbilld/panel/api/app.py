"""The API as an aiohttp application, to be put below the panel's; no cookie is looked at anywhere in it."""

import json
import logging
from typing import Final

from aiohttp import web

from netbilld.panel.api.openapi import document
from netbilld.panel.api.operations import OPERATIONS
from netbilld.panel.api.parts import API, ApiParts
from netbilld.panel.api.serve import PERIMETER, problems, served
from netbilld.panel.security import Perimeter

OPENAPI_PATH: Final = "/openapi.json"
DOCUMENT: Final = web.AppKey("document", bytes)
logger = logging.getLogger("netbilld.api")


def create_api(parts: ApiParts, perimeter: Perimeter) -> web.Application:
    """Return the API; it stands below endpoint.PREFIX."""
    app = web.Application(middlewares=[problems], logger=logger)
    app[API] = parts
    app[PERIMETER] = perimeter
    app[DOCUMENT] = json.dumps(document(OPERATIONS), ensure_ascii=False).encode()
    for endpoint in OPERATIONS:
        app.router.add_route(endpoint.method, endpoint.route, served(endpoint))
    app.router.add_route("GET", OPENAPI_PATH, _describe)
    return app


async def _describe(request: web.Request) -> web.Response:
    """GET /openapi.json: open to everybody, as the program itself is."""
    return web.Response(
        body=request.app[DOCUMENT], content_type="application/json", headers={"Cache-Control": "no-cache"}
    )
