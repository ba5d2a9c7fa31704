"""Outages: declared for an area or a NAS after a look at whom it is about, and ended."""

from datetime import datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.panel.complaint_words import complaint_refusal
from netbilld.panel.forms import NO_PROBLEM, Problem, read_form
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.complaints import doing_of, kept, parts_of
from netbilld.panel.visit import VISIT, page, say
from netbilld.services.declare_outages import NewOutage
from netbilld.services.sign_in import random_token

_OLD: Final = 20
_NAMED: Final = ("area", "nas", "began_at", "text", "expected_at")
_FIRST_YEAR, _LAST_YEAR = 2000, 9000


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /outages."""
    return await _show_list(request, NO_PROBLEM)


async def _show_list(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    async with parts_of(request).store.read() as work:
        context = {
            "running": await work.complaint_views.outages(running=True),
            "over": await work.complaint_views.outages(running=False, most=_OLD),
            "suspects": await work.complaint_views.suspects(),
            "problem": problem,
            "once": random_token(request.app[PANEL].parts.entropy),
        }
    return page(request, "staff/outages.html", context, status=status)


async def show(request: web.Request) -> web.Response:
    """Answer GET /outages/{outage}."""
    return await _show(request, NO_PROBLEM)


async def _show(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    async with parts_of(request).store.read() as work:
        found = await work.complaint_views.outage(request.match_info["outage"])
        if found is None:
            raise web.HTTPNotFound
        lines = await work.complaint_views.of_outage(found.outage.id)
    context = {
        "line": found,
        "outage": found.outage,
        "lines": lines,
        "problem": problem,
        "once": random_token(request.app[PANEL].parts.entropy),
    }
    return page(request, "staff/outage.html", context, status=status)


async def show_declare(request: web.Request) -> web.Response:
    """Answer GET /outages/declare; with an area or a NAS also whom it would be about."""
    named = {name: request.query.get(name, "").strip()[:100] for name in _NAMED}
    return await _show_declare(request, named, NO_PROBLEM)


async def _show_declare(
    request: web.Request, named: dict[str, str], problem: Problem, status: int = 200
) -> web.Response:
    parts, visit, panel = parts_of(request), request[VISIT], request.app[PANEL]
    zone = ZoneInfo(panel.parts.timezone)
    began_at = named.get("began_at") or visit.now.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    affected: int | None = None
    if (named.get("area") or named.get("nas")) and problem is NO_PROBLEM:
        try:
            since = _instant(request, began_at) or visit.now
            affected = await parts.outages.affected(named.get("area") or None, named.get("nas") or None, since)
        except InvalidInputError as error:
            problem = Problem("declare", complaint_refusal(error, partial(say, request)), named)
            status = 422
    async with panel.parts.database.read() as work:
        nas_names = await work.readmodels.nas_names()
        areas = [area for area in await work.complaint_views.areas() if area]
    context = {
        "named": dict.fromkeys(_NAMED, "") | named | {"began_at": began_at},
        "affected": affected,
        "nas_names": nas_names,
        "areas": areas,
        "problem": problem,
        "once": random_token(panel.parts.entropy),
        "longest_began": visit.now.astimezone(zone).strftime("%Y-%m-%dT%H:%M"),
    }
    return page(request, "staff/outage_declare.html", context, status=status)


async def declare(request: web.Request) -> web.StreamResponse:
    """Answer POST /outages: everybody it is about is told once, however often the form is sent."""
    parts, form = parts_of(request), await read_form(request)
    try:
        began_at = _instant(request, form.get("began_at", ""))
        new = NewOutage(
            form.get("text", ""),
            began_at or request[VISIT].now,
            form.get("area") or None,
            form.get("nas") or None,
            _instant(request, form.get("expected_at", "")),
        )
        declared = await parts.outages.declare(new, doing_of(request, form, version=False))
    except (InvalidInputError, RefusedError) as error:
        problem = Problem("declare", complaint_refusal(error, partial(say, request)), kept(form))
        return await _show_declare(request, kept(form), problem, status=422)
    raise web.HTTPSeeOther(f"/outages/{declared.number}?done=outage-declared")


async def end(request: web.Request) -> web.StreamResponse:
    """Answer POST /outages/{outage}/end."""
    parts, form, number = parts_of(request), await read_form(request), request.match_info["outage"]
    try:
        await parts.outages.end(number, form.get("text", ""), doing_of(request, form, version=False))
    except NotFoundError:
        raise web.HTTPNotFound from None
    except (InvalidInputError, RefusedError) as error:
        problem = Problem("end", complaint_refusal(error, partial(say, request)), kept(form))
        return await _show(request, problem, status=422)
    raise web.HTTPSeeOther(f"/outages/{number}?done=outage-ended")


def _instant(request: web.Request, text: str) -> datetime | None:
    """Return a moment that was written as local time; None where nothing was.

    Raises:
        InvalidInputError: it is none.
    """
    if not text:
        return None
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError("that is no moment", code="outage_began") from None
    if local.tzinfo is not None or not _FIRST_YEAR <= local.year <= _LAST_YEAR:
        raise InvalidInputError("that is no moment", code="outage_began")
    return local.replace(tzinfo=ZoneInfo(request.app[PANEL].parts.timezone))
