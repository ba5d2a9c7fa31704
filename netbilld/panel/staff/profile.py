"""One's own profile: only one's own data, and one's own password (ICON-8, ICON-10)."""

from aiohttp import web

from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.panel.forms import MESSAGES, NO_PROBLEM, Problem
from netbilld.panel.parts import PANEL
from netbilld.panel.visit import VISIT, page, say
from netbilld.panel.words import N_


async def show(request: web.Request) -> web.Response:
    """Answer GET /profile."""
    return page(request, "staff/profile.html", {"problem": NO_PROBLEM})


async def change_password(request: web.Request) -> web.StreamResponse:
    """Answer POST /profile/password: the old one is needed, and every other browser is signed out."""
    panel, visit = request.app[PANEL], request[VISIT]
    form = await request.post()
    old, new, again = (str(form.get(name, "")) for name in ("old", "new", "again"))
    if new != again:
        return _refused(request, say(request, N_("The two new passwords differ.")))
    if wait := await panel.password_lockout.begin(str(visit.person.id), visit.source, visit.now):
        until = panel.renderer.writers[visit.locale].clock(wait)
        return _refused(request, say(request, N_("Too many attempts. Try again at %(time)s."), time=until))
    keep = visit.login.token_hash if visit.login else None
    try:
        await panel.parts.manage_staff.change_own_password(
            visit.person.id, old, new, visit.actor, visit.now, keep_token_hash=keep
        )
    except (InvalidInputError, RefusedError) as error:
        message = say(request, MESSAGES[error.code]) if error.code in MESSAGES else str(error)
        return _refused(request, message)
    await panel.password_lockout.succeeded(str(visit.person.id), visit.source)
    raise web.HTTPSeeOther("/profile?done=password")


def _refused(request: web.Request, message: str) -> web.Response:
    return page(request, "staff/profile.html", {"problem": Problem("password", message)}, status=422)
