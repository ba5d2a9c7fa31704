"""POST /hook/<gateway>: where gateways call back. No cookie, no form token: the proof is in the callback itself."""

from typing import Final

from aiohttp import web

from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.raw_body import raw_body

LARGEST_OCTETS: Final = 256 * 1024


async def hook(request: web.Request) -> web.StreamResponse:
    """Answer POST /hook/{gateway}: taken once it is on record, whatever will come of it."""
    portal = request.app[PORTAL]
    pay, name = portal.parts.pay, request.match_info["gateway"]
    if pay is None or not pay.keep.knows(name):
        raise web.HTTPNotFound
    body = await raw_body(request, LARGEST_OCTETS)
    headers = {header.lower(): value for header, value in request.headers.items()}
    answer = await pay.keep.run(name, headers, body, portal.perimeter.source(request))
    return web.Response(
        status=answer.status,
        body=answer.body,
        content_type=answer.content_type,
        headers={"Cache-Control": "no-store"},
    )
