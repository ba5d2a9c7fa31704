"""The external log-in page of a MikroTik hotspot: the router's login.html sends the browser here, and we back to it.

What is said is shown as one of our own sentences. A device is known by the account that is typed and never by its MAC
address, which phones make up anew. Who has no account may buy a voucher here (`buy`).
"""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from netbilld.model.voucher import typed_code
from netbilld.panel.forms import NO_PROBLEM, Problem
from netbilld.panel.portal import buy
from netbilld.panel.portal.hotspot_login import Hotspot, fields_of, hotspot_of, kept_of, send_page
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.visitor import locale

_ERRORS: Final = (  # what RouterOS says in errors.txt, by a word of it
    ("password", "wrong"),
    ("no more sessions", "sessions"),
    ("already", "sessions"),
    ("limit", "limit"),
    ("timeout", "away"),
    ("not responding", "away"),
)


async def show(request: web.Request) -> web.StreamResponse:
    """Answer GET and POST /hotspot: the form for name and password, or for a voucher; who has bought one goes on."""
    fields = await fields_of(request)
    hotspot = await hotspot_of(request, fields)
    if hotspot is None:
        return await _page(request, None, {}, "unknown", status=400)
    again = await buy.come_back(request, hotspot)
    if again is not None and again.page is not None:
        return again.page
    problem = _error(fields.get("error", "")) if fields.get("error") else None
    return await _page(request, hotspot, fields, problem, code=again.code if again is not None else "")


async def send_on(request: web.Request) -> web.StreamResponse:
    """Answer POST /hotspot/masuk: a page whose one form goes to the router, with the password hashed as it wants it."""
    fields = await fields_of(request)
    hotspot = await hotspot_of(request, fields)
    code = typed_code(fields.get("code", ""))
    name, password = (code, code) if "code" in fields else (fields.get("name", "").strip(), fields.get("password", ""))
    if hotspot is None:
        return await _page(request, None, {}, "unknown", status=400)
    problem = None
    if not name or not password:
        problem = "no_code" if "code" in fields else "empty"
    elif not hotspot.is_safe:
        problem = "plain"
    if problem is not None:
        return await _page(request, hotspot, fields, problem, name="" if "code" in fields else name, status=422)
    return send_page(request, hotspot, name, password, wanted_url=hotspot.wanted_url)


async def order(request: web.Request) -> web.StreamResponse:
    """Answer POST /hotspot/beli: a voucher is ordered, and its payment made."""
    if not request.app[PORTAL].perimeter.is_same_origin(request):
        raise web.HTTPForbidden
    fields = await fields_of(request)
    hotspot = await hotspot_of(request, fields)
    if hotspot is None:
        return await _page(request, None, {}, "unknown", status=400)
    done = await buy.order(request, hotspot, fields)
    if isinstance(done, Problem):
        return await _page(request, hotspot, fields, None, buying=done, status=422)
    return done


def _error(said: str) -> str:
    """Return which of our sentences says what the router said."""
    lower = said.casefold()
    return next((ours for word, ours in _ERRORS if word in lower), "refused")


async def _page(
    request: web.Request,
    hotspot: Hotspot | None,
    fields: Mapping[str, str],
    problem: str | None,
    *,
    name: str = "",
    code: str = "",
    buying: Problem = NO_PROBLEM,
    status: int = 200,
) -> web.Response:
    context: dict[str, Any] = {
        "problem": problem,
        "kept": kept_of(fields),
        "name": name,
        "code": code,
        "buying": buying,
        "refresh": None,
        **(await buy.offered(request) if hotspot is not None else {}),
    }
    page = request.app[PORTAL].renderer.page(locale(request), "portal/hotspot.html", context, status=status)
    page.headers["Cache-Control"] = "no-store"
    return page
