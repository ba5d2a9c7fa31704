"""Octets that can't be true, and the decision about each."""

from aiohttp import web

from netbilld.model.errors import RefusedError
from netbilld.panel.parts import PANEL
from netbilld.panel.visit import VISIT, page


async def show(request: web.Request) -> web.Response:
    """Answer GET /doubts; with ?all=1 those decided as well."""
    return await _show(request)


async def _show(request: web.Request, *, refused: bool = False, status: int = 200) -> web.Response:
    every = request.query.get("all") == "1"
    async with request.app[PANEL].parts.database.read() as work:
        doubts = await work.readmodels.doubts(only_open=not every)
        of_meters = await work.readmodels.meter_doubts_waiting()
    context = {"doubts": doubts, "of_meters": of_meters, "every": every, "refused": refused}
    return page(request, "staff/doubts.html", context, status=status)


async def accept(request: web.Request) -> web.StreamResponse:
    """Answer POST /doubts/{id}/accept: the octets count."""
    return await _decide(request, accepted=True)


async def reject(request: web.Request) -> web.StreamResponse:
    """Answer POST /doubts/{id}/reject: they never do."""
    return await _decide(request, accepted=False)


async def _decide(request: web.Request, *, accepted: bool) -> web.StreamResponse:
    panel, visit = request.app[PANEL], request[VISIT]
    decide, doubt_id = panel.parts.decide_doubts, int(request.match_info["id"])
    try:
        if accepted:
            await decide.accept(doubt_id, visit.actor, visit.now)
        else:
            await decide.reject(doubt_id, visit.actor, visit.now)
    except RefusedError:  # somebody else was faster, or its NAS has gone back on it
        return await _show(request, refused=True, status=409)
    await panel.parts.nudge()
    raise web.HTTPSeeOther(f"/doubts?done={'doubt-accepted' if accepted else 'doubt-rejected'}")
