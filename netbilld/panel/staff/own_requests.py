"""What subscribers ask for on the portal, and what they are answered."""

from uuid import UUID

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.panel.forms import NO_PROBLEM, Problem, read_form
from netbilld.panel.parts import PANEL
from netbilld.panel.visit import VISIT, page, refused
from netbilld.services.own_requests import ENDINGS, OwnRequests


async def show(request: web.Request) -> web.Response:
    """Answer GET /requests: what is open, oldest first."""
    return await _show(request, NO_PROBLEM)


async def _show(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    waiting = await _requests(request).waiting()
    context = {"waiting": waiting, "problem": problem, "endings": ENDINGS}
    return page(request, "staff/own_requests.html", context, status=status)


async def end(request: web.Request) -> web.StreamResponse:
    """Answer POST /requests/{request}/end: done or declined, with words for the subscriber."""
    visit, form = request[VISIT], await read_form(request)
    asked = request.match_info["request"]
    try:
        await _requests(request).end(UUID(asked), form.get("state", ""), form.get("answer", ""), visit.actor, visit.now)
    except NotFoundError:
        raise web.HTTPNotFound from None
    except (InvalidInputError, RefusedError) as error:
        return await _show(request, Problem(asked, refused(request, error), form), status=422)
    raise web.HTTPSeeOther("/requests?done=request-ended")


def _requests(request: web.Request) -> OwnRequests:
    parts = request.app[PANEL].parts
    if parts.own_requests is None:
        raise web.HTTPNotFound
    return parts.own_requests
