"""A subscriber's identity number (NIK): masked for everybody, in full for few, and each such look is written down."""

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.panel.forms import read_form
from netbilld.panel.parts import PANEL
from netbilld.panel.visit import VISIT, page, say
from netbilld.panel.words import N_


async def show(request: web.Request) -> web.Response:
    """Answer GET /subscribers/{number}/identity: masked."""
    return await _show(request)


async def reveal(request: web.Request) -> web.Response:
    """Answer POST /subscribers/{number}/identity: in full on the page that answers, for a reason that is kept."""
    security, visit = request.app[PANEL].parts.security, request[VISIT]
    if security is None:
        raise web.HTTPNotFound
    form = await read_form(request)
    why = form.get("why", "").replace("\n", " ")
    if not why:
        return await _show(request, problem=say(request, N_("Write why you look at it.")), status=422)
    try:
        nik = await security.identities.reveal_nik_of(request.match_info["number"], why, visit.actor, visit.now)
    except NotFoundError:
        raise web.HTTPNotFound from None
    except InvalidInputError:
        message = say(request, N_("The reason is too long: 200 characters are kept."))
        return await _show(request, problem=message, why=why, status=422)
    return await _show(request, nik=nik)


async def _show(
    request: web.Request, *, problem: str = "", why: str = "", nik: str | None = None, status: int = 200
) -> web.Response:
    security, number = request.app[PANEL].parts.security, request.match_info["number"]
    if security is None:
        raise web.HTTPNotFound
    found = await security.identities.of_number(number)
    if found is None:
        raise web.HTTPNotFound
    subscriber, buyer = found
    context = {"subscriber": subscriber, "buyer": buyer, "problem": problem, "why": why, "nik": nik}
    answer = page(request, "staff/identity.html", context, status=status)
    answer.headers["Cache-Control"] = "no-store"
    return answer
