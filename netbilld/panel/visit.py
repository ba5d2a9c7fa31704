"""One request as a page sees it: who asks, in which language, and the guard every route stands behind."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from netbilld.model.actor import Actor
from netbilld.model.errors import NetbilldError
from netbilld.model.permissions import Permission, allowed
from netbilld.model.staff import Staff
from netbilld.panel.forms import refusal_text
from netbilld.panel.i18n import chosen_locale
from netbilld.panel.parts import PANEL, Panel
from netbilld.panel.security import (
    SAFE_METHODS,
    is_storable_address,
    is_storable_form,
    safe_path,
    same_token,
    sent_token,
)
from netbilld.panel.uploads import roomy
from netbilld.panel.within import Reach, Subject, Within
from netbilld.services.areas import EVERYWHERE, Areas
from netbilld.services.sign_in import Login, token_hash

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TOUCH_EVERY: Final = timedelta(minutes=1)
logger = logging.getLogger("netbilld.panel")


class Public(Enum):
    """What a route without a permission is open to."""

    ANYBODY = "anybody"  # no cookie is looked at: health, files
    VISITOR = "visitor"  # signed in or not: the sign-in form, language
    STAFF = "staff"  # any member of the staff


Access = Permission | Public


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks, from where, and how to answer.

    Attributes:
        areas: whose subscribers they may see; what lists or finds any is handed it (see netbilld.panel.within).
    """

    locale: str
    now: datetime
    source: str
    csrf_token: str = field(repr=False)
    staff: Staff | None = None
    login: Login | None = None
    areas: Areas = EVERYWHERE

    def may(self, permission: Permission | str) -> bool:
        """Return whether this visitor has that right."""
        return self.staff is not None and allowed(self.staff.role, Permission(permission))

    @property
    def person(self) -> Staff:
        """Return who is signed in; only for routes that need somebody to be."""
        assert self.staff is not None, "the guard lets nobody else in"  # noqa: S101
        return self.staff

    @property
    def actor(self) -> Actor:
        """Return the author for a change made by this request."""
        return Actor(self.person.email, self.source)


VISIT: Final = web.RequestKey("visit", Visit)
REACHABLE: Final = web.AppKey("reachable", frozenset[str])  # pages that are open to those who are limited to areas


def guarded(
    handler: Handler, access: Access, largest_octets: int | None = None, reach: Reach = Within.NOWHERE
) -> Handler:
    """Return a handler that lets in only those who may, and of state-changing requests only our own forms'.

    A body is read after it is known that its sender may do this.

    Args:
        handler: what answers.
        access: what it is open to.
        largest_octets: allows a larger body than usual.
        reach: what of it is open to somebody who is limited to areas.
    """

    async def enter(request: web.Request) -> web.StreamResponse:
        if access is Public.ANYBODY:
            return await handler(request)
        panel = request.app[PANEL]
        if not is_storable_address(request):
            raise web.HTTPNotFound
        visit = await begin_visit(request, panel)
        request[VISIT] = visit
        if visit.staff is None and access is not Public.VISITOR:
            return _to_sign_in(request)
        if isinstance(access, Permission) and not visit.may(access):
            raise web.HTTPForbidden(reason="permission")
        if visit.areas.is_limited and access is not Public.VISITOR:
            await _keep_within(request, visit, reach)
        if largest_octets is None or request.method in SAFE_METHODS:
            return await answer(request, panel, visit)
        async with roomy(request, largest_octets) as larger:
            return await answer(larger, panel, visit)

    async def answer(request: web.Request, panel: Panel, visit: Visit) -> web.StreamResponse:
        if request.method not in SAFE_METHODS:
            await _take_our_own_form(request, panel, visit)
        if visit.staff is not None and access is not Public.VISITOR and not request.path.startswith("/profile"):
            _set_up_first(panel, visit.staff)
        return await handler(request)

    return enter


async def _take_our_own_form(request: web.Request, panel: Panel, visit: Visit) -> None:
    """Let a state-changing request pass that one of our own pages' forms has made for this visitor.

    Raises:
        HTTPNotFound: it brings text that no database holds.
        HTTPForbidden: it is another site's, or its token is not this visitor's.
    """
    if not await is_storable_form(request):
        raise web.HTTPNotFound
    own = panel.perimeter.is_same_origin(request)
    if not own or not same_token(await sent_token(request), visit.csrf_token):
        logger.warning("refused a forged or outdated form for %s from %s", request.path, visit.source)
        raise web.HTTPForbidden(reason="form")


def _set_up_first(panel: Panel, staff: Staff) -> None:
    """Send somebody where they must choose a password, or set a second factor up, before anything else.

    Raises:
        HTTPSeeOther: they must.
    """
    if staff.must_change_password:
        raise web.HTTPSeeOther("/profile")
    security = panel.parts.security
    if security is not None and security.second_factor.is_owed(staff):
        raise web.HTTPSeeOther("/profile/second-factor")


async def _keep_within(request: web.Request, visit: Visit, reach: Reach) -> None:
    """Let somebody who is limited to areas pass where that is safe.

    Raises:
        HTTPNotFound: the thing is another area's, or there is none.
        HTTPForbidden: nobody has made that page fit for them.
    """
    if isinstance(reach, Subject):
        key = request.match_info[reach.field]
        async with request.app[PANEL].parts.database.read() as work:
            if not await work.whereabouts.holds(visit.areas, reach.kind, key):
                raise web.HTTPNotFound
    elif reach is Within.NOWHERE:
        raise web.HTTPForbidden(reason="areas")


async def begin_visit(request: web.Request, panel: Panel) -> Visit:
    """Return who asks, from the log-in cookie, the headers and nothing else."""
    parts, perimeter = panel.parts, panel.perimeter
    now = parts.clock.now()
    found = None
    if token := request.cookies.get(perimeter.cookie_name(request)):
        async with parts.database.read() as work:
            found = await work.logins.find_staff(token_hash(token), now)
    if found is None:
        locale = chosen_locale(request, parts.locale)
        return Visit(locale, now, perimeter.source(request), perimeter.form_token(request))
    login, staff = found
    areas = EVERYWHERE
    if staff.areas:
        async with parts.database.read() as work:
            areas = await work.whereabouts.areas(staff.areas)
    if now - login.last_seen_at >= TOUCH_EVERY:
        async with parts.database.write() as work:
            await work.logins.touch(login.token_hash, now)
    locale = chosen_locale(request, parts.locale, preferred=staff.locale)
    return Visit(locale, now, perimeter.source(request), login.csrf_token, staff, login, areas)


def page(
    request: web.Request, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> web.Response:
    """Return a page with what every page needs; `context` adds what this one shows."""
    panel, visit = request.app[PANEL], request[VISIT]
    response = panel.renderer.page(visit.locale, template, page_context(request) | dict(context or {}), status=status)
    if visit.staff is None:  # the form's token and the cookie it is compared with go out together
        perimeter = panel.perimeter
        perimeter.set_cookie(request, response, perimeter.form_cookie_name(request), visit.csrf_token)
    return response


def page_context(request: web.Request) -> dict[str, Any]:
    """Return what every template may use."""
    visit = request[VISIT]
    return {
        "visit": visit,
        "more_places": request.app[PANEL].more_places,
        "now": visit.now,
        "path": request.path,
        "here": request.path_qs,
        "done": request.query.get("done", ""),
        "reachable": request.app.get(REACHABLE, frozenset()),
    }


def say(request: web.Request, message: str, **values: object) -> str:
    """Return a message in the visitor's language; `message` is its key in the catalogues."""
    return request.app[PANEL].renderer.say(request[VISIT].locale, message, **values)


def refused(request: web.Request, error: NetbilldError) -> str:
    """Return what a refusal of a service says in the visitor's language."""
    return refusal_text(error, partial(say, request))


def _to_sign_in(request: web.Request) -> web.Response:
    """Send somebody who is not signed in to the form, and afterwards back here, or to the page their form was on."""
    wanted = request.path_qs if request.method in SAFE_METHODS else request.app[PANEL].perimeter.page_before(request)
    if request.path.startswith("/live/"):
        raise web.HTTPUnauthorized
    target = "/signin" + (f"?next={quote(safe_path(wanted), safe='')}" if wanted != "/" else "")
    if request.headers.get("HX-Request") == "true":  # htmx would put the form inside the page
        return web.Response(status=401, headers={"HX-Redirect": target})
    raise web.HTTPSeeOther(target)
