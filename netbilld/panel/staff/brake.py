"""The brake: who may let many be closed for money at once, and who stops it."""

from aiohttp import web

from netbilld.model.errors import NetbilldError
from netbilld.panel.parts import PANEL
from netbilld.panel.visit import VISIT


async def release(request: web.Request) -> web.StreamResponse:
    """Answer POST /enforcement/brake/release: who still owes is closed now."""
    panel, visit = request.app[PANEL], request[VISIT]
    try:
        await panel.parts.brake.release(visit.actor, visit.now)
    except NetbilldError:  # somebody else was faster
        raise web.HTTPSeeOther("/enforcement") from None
    await panel.parts.nudge()
    raise web.HTTPSeeOther("/enforcement?done=brake-released")


async def hold(request: web.Request) -> web.StreamResponse:
    """Answer POST /enforcement/brake/hold: nobody more is closed for money."""
    panel, visit = request.app[PANEL], request[VISIT]
    form = await request.post()
    await panel.parts.brake.pull(str(form.get("because", "")), visit.actor, visit.now)
    await panel.parts.nudge()
    raise web.HTTPSeeOther("/enforcement?done=brake-on")
