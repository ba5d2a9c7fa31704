"""The demo's page in the panel: three stories, their buttons, and what the store says now."""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import web

from netbilld.demo.play import Play
from netbilld.demo.scenario import FAIR_USE_STAR, LIE_STAR, OVERDUE_STAR, WALLET_STAR
from netbilld.model.errors import RefusedError
from netbilld.model.permissions import Permission
from netbilld.panel.parts import PANEL
from netbilld.panel.visit import VISIT, Handler, Public, guarded, page

logger = logging.getLogger("netbilld.demo")


@dataclass(frozen=True, slots=True)
class Stage:
    """What the page works with.

    Attributes:
        portal_url: where subscribers look, from this machine.
        bank_url: where what was begun on the portal is paid.
        phones_url: where what subscribers are told is read.
        spawn: runs something beside, such as a power cut that takes a while.
    """

    play: Play
    portal_url: str
    bank_url: str
    phones_url: str
    spawn: Callable[[Coroutine[Any, Any, None]], object]


STAGE: Final = web.AppKey("stage", Stage)


def put_on_stage(panel: web.Application, stage: Stage) -> None:
    """Add the demo's page and buttons to the panel, which is not started yet."""
    panel[STAGE] = stage
    panel[PANEL] = replace(panel[PANEL], more_places=(("/demo", "demo", "Demo"),))
    add: Callable[[str, str, Handler], object] = panel.router.add_route
    add("GET", "/demo", guarded(show, Public.STAFF))
    add("GET", "/live/demo", guarded(look, Public.STAFF))
    add("POST", "/demo/power", guarded(cut_power, Permission.CONTROL_SESSIONS))
    add("POST", "/demo/pay", guarded(pay, Permission.RECORD_PAYMENTS))


async def show(request: web.Request) -> web.Response:
    """Answer GET /demo."""
    return await _render(request, "demo/stage.html")


async def look(request: web.Request) -> web.Response:
    """Answer GET /live/demo: the moving part, asked for every second."""
    return await _render(request, "demo/scene.html")


async def cut_power(request: web.Request) -> web.StreamResponse:
    """Answer POST /demo/power."""
    stage = request.app[STAGE]
    stage.spawn(_cut(stage.play))
    raise web.HTTPSeeOther("/demo")


async def pay(request: web.Request) -> web.StreamResponse:
    """Answer POST /demo/pay."""
    try:
        await request.app[STAGE].play.pay(request[VISIT].actor)
    except RefusedError as refusal:
        logger.info("%s", refusal)
    raise web.HTTPSeeOther("/demo")


async def _cut(play: Play) -> None:
    try:
        await play.cut_power()
    except RefusedError as refusal:
        logger.info("%s", refusal)


async def _render(request: web.Request, template: str) -> web.Response:
    scene = await request.app[STAGE].play.scene()
    return page(
        request,
        template,
        {
            "scene": scene,
            "fair_use": scene.stars[FAIR_USE_STAR],
            "wallet": scene.stars[WALLET_STAR],
            "lie": scene.stars[LIE_STAR],
            "overdue": scene.stars[OVERDUE_STAR],
            "portal_url": request.app[STAGE].portal_url,
            "bank_url": request.app[STAGE].bank_url,
            "phones_url": request.app[STAGE].phones_url,
        },
    )
