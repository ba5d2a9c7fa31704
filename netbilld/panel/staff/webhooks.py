"""Webhooks: which programs are told of what, what was sent to them, and sent again."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.panel.forms import NO_PROBLEM, Problem, read_form
from netbilld.panel.staff.sessions import page_offset
from netbilld.panel.staff.tokens import api_of, said_of
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.services.manage_webhooks import PAGE_LENGTH, ManageWebhooks
from netbilld.services.webhook_events import EVENTS

_BESIDE: Final[Mapping[str, str]] = {
    "webhook_name": "name",
    "webhook_taken": "name",
    "webhook_address": "url",
    "webhook_address_inside": "url",
    "webhook_events": "event",
}
_SAID: Final[Mapping[str, str]] = {
    "webhook_name": N_("Write which program it is."),
    "webhook_taken": N_("There is a webhook of that name already."),
    "webhook_address": N_("Write an address such as https://example.net/netbilld."),
    "webhook_address_inside": N_(
        "That address is inside this network. Whoever runs the server can allow it: webhooks.allow_private."
    ),
    "webhook_events": N_("Choose what it is told of."),
    "webhooks_many": N_("There are too many webhooks already."),
}


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /webhooks."""
    return page(request, "staff/webhooks.html", {"webhooks": await _manage(request).list()})


async def show_add(request: web.Request) -> web.Response:
    """Answer GET /webhooks/add."""
    return _show_add(request, NO_PROBLEM, ())


def _show_add(request: web.Request, problem: Problem, chosen: tuple[str, ...], status: int = 200) -> web.Response:
    context = {"problem": problem, "events": tuple(EVENTS), "chosen": chosen}
    return page(request, "staff/webhook_add.html", context, status=status)


async def add(request: web.Request) -> web.Response:
    """Answer POST /webhooks: its secret is on the page that answers, and nowhere else ever."""
    visit, form = request[VISIT], await read_form(request)
    chosen = tuple(one for one in (await request.post()).getall("event", []) if isinstance(one, str))
    try:
        made = await _manage(request).add(form.get("name", ""), form.get("url", ""), chosen, visit.actor, visit.now)
    except (InvalidInputError, RefusedError) as error:
        problem = Problem(_BESIDE.get(error.code, "add"), said_of(request, error, _SAID), form)
        return _show_add(request, problem, chosen, status=422)
    return page(request, "staff/webhook_made.html", {"webhook": made.webhook, "secret": made.secret})


async def show(request: web.Request) -> web.Response:
    """Answer GET /webhooks/{webhook}: what it is told, and what came of it."""
    offset = page_offset(request)
    try:
        webhook, rows = await _manage(request).log(_webhook_id(request), offset)
    except NotFoundError:
        raise web.HTTPNotFound from None
    context = {
        "webhook": webhook,
        "deliveries": rows[:PAGE_LENGTH],
        "older": offset // PAGE_LENGTH + 2 if len(rows) > PAGE_LENGTH else None,
        "newer": offset // PAGE_LENGTH if offset else None,
    }
    return page(request, "staff/webhook.html", context)


async def switch(request: web.Request) -> web.StreamResponse:
    """Answer POST /webhooks/{webhook}/switch."""
    visit, form = request[VISIT], await read_form(request)
    is_active = form.get("active") == "yes"
    await _manage(request).switch(_webhook_id(request), visit.actor, visit.now, is_active=is_active)
    raise _back(request, "webhook-on" if is_active else "webhook-off")


async def ping(request: web.Request) -> web.StreamResponse:
    """Answer POST /webhooks/{webhook}/ping."""
    visit = request[VISIT]
    await _manage(request).ping(_webhook_id(request), visit.actor, visit.now)
    raise _back(request, "webhook-ping")


async def replay(request: web.Request) -> web.StreamResponse:
    """Answer POST /webhooks/{webhook}/deliveries/{id}/replay."""
    visit = request[VISIT]
    delivery_id = int(request.match_info["id"])
    await _manage(request).replay(_webhook_id(request), delivery_id, visit.actor, visit.now)
    raise _back(request, "webhook-replay")


async def ask_remove(request: web.Request) -> web.Response:
    """Answer GET /webhooks/{webhook}/remove: what it would mean."""
    try:
        webhook, _ = await _manage(request).log(_webhook_id(request), 0)
    except NotFoundError:
        raise web.HTTPNotFound from None
    return page(request, "staff/webhook_remove.html", {"webhook": webhook})


async def remove(request: web.Request) -> web.StreamResponse:
    """Answer POST /webhooks/{webhook}/remove."""
    visit = request[VISIT]
    await _manage(request).remove(_webhook_id(request), visit.actor, visit.now)
    raise web.HTTPSeeOther("/webhooks?done=webhook-removed")


def _manage(request: web.Request) -> ManageWebhooks:
    return api_of(request).manage_webhooks


def _webhook_id(request: web.Request) -> UUID:
    try:
        return UUID(request.match_info["webhook"])
    except ValueError:
        raise web.HTTPNotFound from None


def _back(request: web.Request, done: str) -> web.HTTPSeeOther:
    return web.HTTPSeeOther(f"/webhooks/{_webhook_id(request)}?done={done}")
