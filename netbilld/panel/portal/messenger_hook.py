"""/hook/wa/<driver>/<secret>: where messengers tell how far messages have come, and what people write to us."""

from aiohttp import web

from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.raw_body import raw_body
from netbilld.ports.messenger_hooks import LARGEST_OCTETS, HookCall
from netbilld.services.take_messenger_news import HookDesk


def _desk(request: web.Request) -> HookDesk:
    desk = request.app[PORTAL].parts.messengers
    if desk is None:
        raise web.HTTPNotFound
    return desk


async def greet(request: web.Request) -> web.StreamResponse:
    """Answer GET: a messenger asks whether we are who it was told of, or a service of SMS reports by the address."""
    desk, query = _desk(request), dict(request.query)
    driver, secret = request.match_info["driver"], request.match_info["secret"]
    status, body = desk.greet(driver, secret, query)
    if status == web.HTTPForbidden.status_code and query:
        call = HookCall("GET", {}, query, b"", request.app[PORTAL].parts.now())
        status, body = await desk.take(driver, secret, call)
    return _answer(status, body)


async def take(request: web.Request) -> web.StreamResponse:
    """Answer POST: taken once it is on record; the body is read whole, as its signature is of all of it."""
    desk = _desk(request)
    body = await raw_body(request, LARGEST_OCTETS)
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = HookCall("POST", headers, dict(request.query), body, request.app[PORTAL].parts.now())
    status, said = await desk.take(request.match_info["driver"], request.match_info["secret"], call)
    return _answer(status, said)


def _answer(status: int, body: str) -> web.Response:
    if status == web.HTTPNotFound.status_code:
        raise web.HTTPNotFound
    kind = "application/json" if body.startswith("{") else "text/plain"
    return web.Response(status=status, text=body, content_type=kind, headers={"Cache-Control": "no-store"})
