"""Another router in the place of a NAS's."""

from typing import Final

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.panel.forms import NO_PROBLEM, Problem, read_form
from netbilld.panel.live import LIVE
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.network import LINES
from netbilld.panel.visit import VISIT, page
from netbilld.services.manage_nas import NasFields

_SECRETS: Final = frozenset(("csrf", "secret", "api_url"))  # never shown again


async def ask(request: web.Request) -> web.Response:
    """Answer GET /nas/{name}/replace: what it would mean."""
    return await _ask(request, NO_PROBLEM)


async def _ask(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.readmodels.nas_file(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    return page(request, "staff/nas_replace.html", {"nas": found, "problem": problem}, status=status)


async def replace(request: web.Request) -> web.StreamResponse:
    """Answer POST /nas/{name}/replace; what is left empty stays."""
    panel, visit = request.app[PANEL], request[VISIT]
    form = await read_form(request)
    fields = NasFields(
        address=form.get("address", ""),
        secret=form.get("secret") or None,
        api_url=form.get("api_url") or None,
    )
    try:
        replaced = await panel.parts.replace_nas.handle(request.match_info["name"], fields, visit.actor, visit.now)
    except NotFoundError:
        raise web.HTTPNotFound from None
    except (InvalidInputError, RefusedError) as error:
        kept = {name: value for name, value in form.items() if name not in _SECRETS}
        return await _ask(request, Problem("replace", str(error), kept), status=422)
    request.app[LIVE].outdated(LINES)
    await panel.parts.nudge()
    raise web.HTTPSeeOther(f"/nas/{replaced.nas.name}?done=nas-replaced")
