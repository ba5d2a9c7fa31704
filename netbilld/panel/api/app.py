"""The API as an aiohttp application, to be put below the panel's; no cookie is looked at anywhere in it."""

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from aiohttp import web

from netbilld.panel.api.openapi import document
from netbilld.panel.api.operations import OPERATIONS
from netbilld.panel.api.parts import API, ApiParts
from netbilld.panel.api.serve import PERIMETER, problems, served
from netbilld.panel.security import Perimeter

OPENAPI_PATH: Final = "/openapi.json"
logger = logging.getLogger("netbilld.api")


def create_api(parts: ApiParts, perimeter: Perimeter) -> web.Application:
    """Return the API; it stands below endpoint.PREFIX."""
    app = web.Application(middlewares=[problems], logger=logger)
    app[API] = parts
    app[PERIMETER] = perimeter
    for endpoint in OPERATIONS:
        app.router.add_route(endpoint.method, endpoint.route, served(endpoint))
    app.router.add_route("GET", OPENAPI_PATH, _describe)
    return app


@cache
def described() -> Mapping[str, Any]:
    """Return the OpenAPI document; made when it is first asked for."""
    return document(OPERATIONS)


async def _describe(_request: web.Request) -> web.Response:
    """GET /openapi.json: open to everybody, as the program itself is."""
    return web.json_response(described(), headers={"Cache-Control": "no-cache"})
