"""Signing in with a one-time code: asked for by number, user name or telephone, then typed."""

from aiohttp import web

from netbilld.panel.portal.own import read_own_form
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.sign_in import is_of_this_browser, let_in
from netbilld.panel.portal.visitor import locale, signed_in
from netbilld.services.sign_in import LockedOut
from netbilld.services.sign_in_subscriber import SignedInSubscriber

_LONGEST_NAME = 253


async def show_ask(request: web.Request) -> web.StreamResponse:
    """Answer GET /masuk/kode."""
    if await signed_in(request) is not None:
        raise web.HTTPSeeOther("/akun")
    return _page(request)


async def ask(request: web.Request) -> web.StreamResponse:
    """Answer POST /masuk/kode: the form for the code, whoever was named."""
    form = await read_own_form(request)
    name = form.get("name", "").strip()[:_LONGEST_NAME]
    if not is_of_this_browser(request, form):
        return _page(request, name=name, problem="forged", status=403)
    if not name:
        return _page(request, problem="empty", status=422)
    portal = request.app[PORTAL]
    now = portal.parts.now()
    outcome = await portal.codes.ask(name, portal.perimeter.source(request), now)
    if isinstance(outcome, LockedOut):
        seconds = max(1, -int(-(outcome.until_at - now).total_seconds() // 1))
        # the one that was sent before is still good
        return _page(request, name=name, asked=True, problem="wait", seconds=seconds, status=429)
    return _page(request, name=name, asked=True)


async def check(request: web.Request) -> web.StreamResponse:
    """Answer POST /masuk/kode/periksa: a new log-in, or the form again with the same words whatever was wrong."""
    form = await read_own_form(request)
    name, code = form.get("name", "").strip()[:_LONGEST_NAME], form.get("code", "")
    if not is_of_this_browser(request, form):
        return _page(request, name=name, asked=True, problem="forged", status=403)
    portal = request.app[PORTAL]
    now = portal.parts.now()
    replaces = request.cookies.get(portal.perimeter.cookie_name(request))
    outcome = await portal.codes.sign_in(name, code, portal.perimeter.source(request), now, replaces=replaces)
    if isinstance(outcome, SignedInSubscriber):
        return let_in(request, outcome, "/akun")
    if isinstance(outcome, LockedOut):
        seconds = max(1, -int(-(outcome.until_at - now).total_seconds() // 1))
        return _page(request, name=name, asked=True, problem="locked", seconds=seconds, status=429)
    return _page(request, name=name, asked=True, problem="wrong", status=422)


def _page(
    request: web.Request,
    *,
    name: str = "",
    asked: bool = False,
    problem: str | None = None,
    seconds: int = 0,
    status: int = 200,
) -> web.Response:
    portal = request.app[PORTAL]
    token = portal.perimeter.form_token(request)
    context = {"csrf": token, "name": name, "asked": asked, "problem": problem, "seconds": seconds, "refresh": None}
    response = portal.renderer.page(locale(request), "portal/code.html", context, status=status)
    portal.perimeter.set_cookie(request, response, portal.perimeter.form_cookie_name(request), token)
    return response
