"""Plans with their versions."""

from aiohttp import web

from netbilld.panel.parts import PANEL
from netbilld.panel.visit import page


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /plans."""
    async with request.app[PANEL].parts.database.read() as work:
        lines = await work.readmodels.plan_lines(counted=True)
    return page(request, "staff/plans.html", {"lines": lines})


async def show(request: web.Request) -> web.Response:
    """Answer GET /plans/{code}."""
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.readmodels.plan_file(request.match_info["code"])
    if found is None:
        raise web.HTTPNotFound
    return page(request, "staff/plan.html", {"file": found})
