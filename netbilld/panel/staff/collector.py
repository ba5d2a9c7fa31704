"""One collector: the months, receipts that are missing or were told late, hand-overs; and whether they take cash."""

from typing import Final

from aiohttp import web

from netbilld.panel.forms import read_form
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.vouchers import selling_of
from netbilld.panel.visit import VISIT, page
from netbilld.services.collector_conduct import Conduct, look_at

_HANDOVERS: Final = 30


async def show(request: web.Request) -> web.Response:
    """Answer GET /handovers/{collector}."""
    panel, visit, name = request.app[PANEL], request[VISIT], request.match_info["collector"]
    async with panel.parts.database.read() as work:
        found = await work.collectors.named(name)
        if found is None:
            raise web.HTTPNotFound
        handovers = await work.collectors.handovers(name, _HANDOVERS)
        signed = await work.collectors.signed([one.id for one in handovers])
        conduct = await look_at(work.conduct, visit.now, panel.parts.timezone, name)
    context = {
        "collector": found,
        "handovers": handovers,
        "signed": signed,
        "conduct": conduct.get(name, Conduct()),
    }
    return page(request, "staff/collector.html", context)


async def change(request: web.Request) -> web.StreamResponse:
    """Answer POST /handovers/{collector}: whether they take cash; what they hold stays theirs to hand over."""
    panel, visit, name = request.app[PANEL], request[VISIT], request.match_info["collector"]
    form = await read_form(request)
    async with panel.parts.database.read() as work:
        if await work.collectors.named(name) is None:
            raise web.HTTPNotFound
    active = form.get("active") == "yes"
    await selling_of(request).keep_collectors.set_active(name, active, actor=visit.actor, now=visit.now)
    raise web.HTTPSeeOther(f"/handovers/{name}?done=saved")
