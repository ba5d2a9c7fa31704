"""Signing in and out, and the language of the pages."""

import logging
from urllib.parse import quote

from aiohttp import web

from netbilld.model.staff import Staff
from netbilld.panel.i18n import LANGUAGE_COOKIE, LOCALES
from netbilld.panel.parts import PANEL
from netbilld.panel.passkey_site import site_of
from netbilld.panel.security import safe_path
from netbilld.panel.visit import VISIT, page, say
from netbilld.panel.words import N_
from netbilld.services.sign_in import HALF_LIFETIME, CodeNeeded, LockedOut, SignedIn, TooLate

logger = logging.getLogger("netbilld.panel")
_YEAR_SECONDS = 365 * 24 * 3600


async def show(request: web.Request) -> web.Response:
    """Answer GET /signin."""
    if request[VISIT].staff is not None:
        raise web.HTTPSeeOther(safe_path(request.query.get("next")))
    return sign_in_page(request, "", 200, request.query.get("next", ""))


async def submit(request: web.Request) -> web.StreamResponse:
    """Answer POST /signin: a new log-in and on to where one wanted to go, or the form again."""
    panel, visit = request.app[PANEL], request[VISIT]
    form = await request.post()
    email, password = str(form.get("email", ""))[:200], str(form.get("password", ""))
    goes_on = str(form.get("next", ""))
    old = request.cookies.get(panel.perimeter.cookie_name(request))
    outcome = await panel.sign_in.handle(
        email, password, visit.source, visit.now, replaces=old, browser=browser_of(request)
    )
    if isinstance(outcome, SignedIn):
        raise signed_in(request, outcome, goes_on)
    if isinstance(outcome, CodeNeeded):
        answer = web.HTTPSeeOther(with_next("/signin/code", goes_on))
        name, seconds = panel.perimeter.half_cookie_name(request), int(HALF_LIFETIME.total_seconds())
        panel.perimeter.set_cookie(request, answer, name, outcome.opened.token, seconds=seconds)
        raise answer
    if isinstance(outcome, LockedOut):
        until = panel.renderer.writers[visit.locale].clock(outcome.until_at)
        problem = say(request, N_("Too many attempts. Try again at %(time)s."), time=until)
        status = 429
    else:
        problem, status = say(request, N_("E-mail or password is not right.")), 401
    log_refusal(visit.source, status)
    return sign_in_page(request, problem, status, goes_on, email)


async def show_code(request: web.Request) -> web.Response:
    """Answer GET /signin/code: a code is asked of those whose password was right."""
    panel = request.app[PANEL]
    member = await panel.sign_in.whose_half(half_of(request), request[VISIT].now)
    if member is None:
        raise web.HTTPSeeOther(with_next("/signin", request.query.get("next", "")))
    return code_page(request, "", 200, request.query.get("next", ""), member)


async def submit_code(request: web.Request) -> web.StreamResponse:
    """Answer POST /signin/code: the whole log-in, or the form again."""
    panel, visit, half = request.app[PANEL], request[VISIT], half_of(request)
    form = await request.post()
    goes_on = str(form.get("next", ""))
    member = await panel.sign_in.whose_half(half, visit.now)
    outcome = await panel.sign_in.finish(
        half,
        str(form.get("code", "")),
        visit.source,
        visit.now,
        replaces=request.cookies.get(panel.perimeter.cookie_name(request)),
        browser=browser_of(request),
    )
    if isinstance(outcome, SignedIn):
        response = signed_in(request, outcome, goes_on)
        panel.perimeter.drop_cookie(request, response, panel.perimeter.half_cookie_name(request))
        raise response
    if member is None or isinstance(outcome, TooLate):
        raise web.HTTPSeeOther(with_next("/signin", goes_on))
    if isinstance(outcome, LockedOut):
        until = panel.renderer.writers[visit.locale].clock(outcome.until_at)
        problem, status = say(request, N_("Too many attempts. Try again at %(time)s."), time=until), 429
    else:
        problem, status = say(request, N_("That code is not right, or was used before. Wait for the next one.")), 401
    log_refusal(visit.source, status)
    return code_page(request, problem, status, goes_on, member)


def sign_in_page(request: web.Request, problem: str, status: int, goes_on: str, email: str = "") -> web.Response:
    """Return the form to sign in with, and what was wrong."""
    context = {"email": email, "problem": problem, "next": goes_on, "site": site_of(request)}
    return page(request, "staff/signin.html", context, status=status)


def code_page(request: web.Request, problem: str, status: int, goes_on: str, member: Staff) -> web.Response:
    """Return the form of the second factor for somebody whose password was right."""
    context = {
        "problem": problem,
        "next": goes_on,
        "site": site_of(request) if member.passkey_since_at is not None else None,
        "has_generator": member.totp_since_at is not None,
    }
    return page(request, "staff/signin_code.html", context, status=status)


def log_refusal(source: str, status: int) -> None:
    """Leave a line for whoever watches the log; never the name that was typed, which may be a password."""
    told = "too many attempts" if status == 429 else "not right"
    logger.warning("a sign-in to the panel from %s was refused: %s", source, told, extra={"event": "sign_in_refused"})


def signed_in(request: web.Request, outcome: SignedIn, goes_on: str) -> web.HTTPSeeOther:
    """Return the way on, with the new log-in's cookie."""
    panel = request.app[PANEL]
    response = web.HTTPSeeOther(safe_path(goes_on))
    name, seconds = panel.perimeter.cookie_name(request), int(panel.lifetime.total_seconds())
    panel.perimeter.set_cookie(request, response, name, outcome.opened.token, seconds=seconds)
    panel.perimeter.drop_cookie(request, response, panel.perimeter.form_cookie_name(request))
    return response


def half_of(request: web.Request) -> str | None:
    """Return the token of half a log-in, as the browser has it."""
    return request.cookies.get(request.app[PANEL].perimeter.half_cookie_name(request))


def browser_of(request: web.Request) -> str:
    """Return what the browser calls itself."""
    return request.headers.get("User-Agent", "")


def with_next(path: str, goes_on: str) -> str:
    """Return an address of signing in that remembers where one wanted to go."""
    wanted = safe_path(goes_on)
    return path if wanted == "/" else f"{path}?next={quote(wanted, safe='')}"


async def leave(request: web.Request) -> web.StreamResponse:
    """Answer POST /signout."""
    panel, login = request.app[PANEL], request[VISIT].login
    if login is not None:
        async with panel.parts.database.write() as work:
            await work.logins.end(login.token_hash)
    response = web.HTTPSeeOther("/signin")
    panel.perimeter.drop_cookie(request, response, panel.perimeter.cookie_name(request))
    response.headers["Clear-Site-Data"] = '"cache"'
    raise response


async def choose_language(request: web.Request) -> web.StreamResponse:
    """Answer POST /language: remember the language in this browser, and back to the same page."""
    form = await request.post()
    response = web.HTTPSeeOther(safe_path(str(form.get("next", ""))))
    if (locale := str(form.get("locale", ""))) in LOCALES:
        perimeter = request.app[PANEL].perimeter
        perimeter.set_cookie(request, response, LANGUAGE_COOKIE, locale, seconds=_YEAR_SECONDS)
    raise response
