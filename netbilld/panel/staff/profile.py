"""One's own profile: one's own data only, name and e-mail, and one's own password (ICON-8, ICON-9, ICON-10)."""

from collections.abc import Mapping

from aiohttp import web

from netbilld.model.contact import parse_email
from netbilld.model.errors import InvalidInputError, NetbilldError, RefusedError
from netbilld.panel.forms import MESSAGES, NO_PROBLEM, Problem, read_form
from netbilld.panel.parts import PANEL
from netbilld.panel.visit import VISIT, page, say
from netbilld.panel.words import N_
from netbilld.services.manage_staff import OwnProfile


async def show(request: web.Request) -> web.Response:
    """Answer GET /profile."""
    return page(request, "staff/profile.html", {"problem": NO_PROBLEM})


async def change(request: web.Request) -> web.StreamResponse:
    """Answer POST /profile: name and e-mail; another e-mail needs the password, as it is what one signs in with."""
    panel, visit = request.app[PANEL], request[VISIT]
    form, password = await read_form(request), str((await request.post()).get("password", ""))
    wanted = OwnProfile(form.get("name", ""), form.get("email", ""), password)
    try:
        email = parse_email(wanted.email)
    except InvalidInputError:
        return _refused(request, say(request, N_("That is no e-mail address.")), "profile", form)
    if email != visit.person.email and (message := await _locked(request)):
        return _refused(request, message, "profile", form)
    try:
        changed = await panel.parts.manage_staff.change_own_profile(visit.person.id, wanted, visit.actor, visit.now)
    except (InvalidInputError, RefusedError) as error:
        return _refused(request, _said(request, error), "profile", form)
    if "email" in changed:
        await panel.password_lockout.succeeded(str(visit.person.id), visit.source)
    raise web.HTTPSeeOther("/profile?done=profile")


async def change_password(request: web.Request) -> web.StreamResponse:
    """Answer POST /profile/password: the old one is needed, and every other browser is signed out."""
    panel, visit = request.app[PANEL], request[VISIT]
    form = await request.post()
    old, new, again = (str(form.get(name, "")) for name in ("old", "new", "again"))
    if new != again:
        return _refused(request, say(request, N_("The two new passwords differ.")))
    if message := await _locked(request):
        return _refused(request, message)
    keep = visit.login.token_hash if visit.login else None
    try:
        await panel.parts.manage_staff.change_own_password(
            visit.person.id, old, new, visit.actor, visit.now, keep_token_hash=keep
        )
    except (InvalidInputError, RefusedError) as error:
        return _refused(request, _said(request, error))
    await panel.password_lockout.succeeded(str(visit.person.id), visit.source)
    raise web.HTTPSeeOther("/profile?done=password")


async def _locked(request: web.Request) -> str:
    """Count a guess at one's own password; return what to say where there were too many."""
    panel, visit = request.app[PANEL], request[VISIT]
    until_at = await panel.password_lockout.begin(str(visit.person.id), visit.source, visit.now)
    if until_at is None:
        return ""
    until = panel.renderer.writers[visit.locale].clock(until_at)
    return say(request, N_("Too many attempts. Try again at %(time)s."), time=until)


def _said(request: web.Request, error: NetbilldError) -> str:
    return say(request, MESSAGES[error.code]) if error.code in MESSAGES else str(error)


def _refused(
    request: web.Request, message: str, form: str = "password", values: Mapping[str, str] | None = None
) -> web.Response:
    """Show the page again; `values` are what had been typed, never a password."""
    kept = {name: value for name, value in (values or {}).items() if name in {"name", "email"}}
    return page(request, "staff/profile.html", {"problem": Problem(form, message, kept)}, status=422)
