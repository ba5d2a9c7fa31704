"""Signing in to the portal and out of it, and the language."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from netbilld.panel.i18n import LANGUAGE_COOKIE, LOCALES
from netbilld.panel.portal.own import read_typed
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.visitor import locale, signed_in
from netbilld.panel.security import CSRF_FIELD, same_token
from netbilld.services.sign_in import LockedOut, token_hash
from netbilld.services.sign_in_subscriber import SignedInSubscriber

_GOES_ON_TO: Final = frozenset({"/akun", "/bayar", "/isolir"})
_LANGUAGE_SECONDS: Final = 365 * 24 * 3600


def sign_in_page(
    request: web.Request,
    language: str,
    *,
    goes_on_to: str = "/akun",
    name: str = "",
    problem: str | None = None,
    minutes: int = 0,
    status: int = 200,
) -> web.Response:
    """Return the form, with the cookie that binds it to this browser.

    Args:
        request: what is answered.
        language: the reader's.
        goes_on_to: where to go after signing in.
        name: what was typed as the name.
        problem: None, `wrong`, `locked` or `forged`.
        minutes: how long it is locked.
        status: of the answer.
    """
    portal = request.app[PORTAL]
    token = portal.perimeter.form_token(request)
    context = {
        "csrf": token,
        "goes_on_to": goes_on_to,
        "name": name,
        "problem": problem,
        "minutes": minutes,
        "walled": goes_on_to == "/isolir",
        "refresh": None,
    }
    response = portal.renderer.page(language, "portal/sign_in.html", context, status=status)
    portal.perimeter.set_cookie(request, response, portal.perimeter.form_cookie_name(request), token)
    return response


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """Answer GET /masuk."""
    if await signed_in(request) is not None:
        raise web.HTTPSeeOther("/akun")
    return sign_in_page(request, locale(request))


async def do_sign_in(request: web.Request) -> web.StreamResponse:
    """Answer POST /masuk: a new log-in, or the form again with the same words whatever was wrong."""
    portal = request.app[PORTAL]
    perimeter, language = portal.perimeter, locale(request)
    form = await read_typed(request)
    name, password, wanted = (form.get(field, "") for field in ("name", "password", "goes_on_to"))
    goes_on_to = wanted if wanted in _GOES_ON_TO else "/akun"
    if not is_of_this_browser(request, form):
        return sign_in_page(request, language, goes_on_to=goes_on_to, problem="forged", status=403)
    now = portal.parts.now()
    source = perimeter.source(request)
    replaces = request.cookies.get(perimeter.cookie_name(request))
    outcome = await portal.sign_in.handle(name, password, source, now, replaces=replaces)
    if isinstance(outcome, SignedInSubscriber):
        return let_in(request, outcome, goes_on_to)
    if isinstance(outcome, LockedOut):
        minutes = max(1, -int(-(outcome.until_at - now).total_seconds() // 60))
        return sign_in_page(
            request, language, goes_on_to=goes_on_to, name=name, problem="locked", minutes=minutes, status=429
        )
    return sign_in_page(request, language, goes_on_to=goes_on_to, name=name, problem="wrong", status=422)


def is_of_this_browser(request: web.Request, form: Mapping[str, str]) -> bool:
    """Tell whether a form of somebody who is not signed in was made for this browser, by a page of ours."""
    perimeter = request.app[PORTAL].perimeter
    cookie = request.cookies.get(perimeter.form_cookie_name(request), "")
    return perimeter.is_same_origin(request) and same_token(cookie, form.get(CSRF_FIELD, ""))


def let_in(request: web.Request, outcome: SignedInSubscriber, goes_on_to: str) -> web.Response:
    """Return the answer to who is signed in now, with the cookie."""
    portal = request.app[PORTAL]
    perimeter = portal.perimeter
    response = _see_other(goes_on_to)
    seconds = int(portal.parts.lifetime.total_seconds())
    perimeter.set_cookie(request, response, perimeter.cookie_name(request), outcome.opened.token, seconds=seconds)
    perimeter.drop_cookie(request, response, perimeter.form_cookie_name(request))
    return response


async def sign_out(request: web.Request) -> web.StreamResponse:
    """Answer POST /keluar: end the log-in, here and in the store."""
    portal = request.app[PORTAL]
    form = await read_typed(request)
    login = await signed_in(request)
    response = _see_other("/")
    if login is not None:
        if not portal.perimeter.is_same_origin(request) or not same_token(login.csrf_token, form.get(CSRF_FIELD, "")):
            raise web.HTTPForbidden
        token = request.cookies[portal.perimeter.cookie_name(request)]
        async with portal.parts.store.write() as work:
            await work.logins.end(token_hash(token))
    portal.perimeter.drop_cookie(request, response, portal.perimeter.cookie_name(request))
    return response


async def choose_language(request: web.Request) -> web.StreamResponse:
    """Answer GET /bahasa/{language}: remember it, and go back to one of our own pages."""
    language = request.match_info["language"]
    if language not in LOCALES:
        raise web.HTTPNotFound
    wanted = request.query.get("ke", "/")
    response = _see_other(wanted if wanted in {"/", "/akun", "/isolir", "/masuk"} else "/")
    perimeter = request.app[PORTAL].perimeter
    perimeter.set_cookie(request, response, LANGUAGE_COOKIE, language, seconds=_LANGUAGE_SECONDS)
    return response


def _see_other(path: str) -> web.Response:
    """Return the answer that goes on to a page of ours, and can carry cookies."""
    return web.Response(status=web.HTTPSeeOther.status_code, headers={"Location": path, "Cache-Control": "no-store"})
