"""One's own profile: one's own data only, password and log-ins (ICON-8, ICON-9, ICON-10)."""

from collections.abc import Mapping

from aiohttp import web

from netbilld.model.contact import parse_email
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.panel.forms import NO_PROBLEM, Problem, read_form
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.login_line import LoginLine
from netbilld.panel.staff.own_password import locked
from netbilld.panel.visit import VISIT, page, refused, say
from netbilld.panel.words import N_
from netbilld.services.manage_staff import OwnProfile


async def show(request: web.Request) -> web.Response:
    """Answer GET /profile."""
    return await _page(request, NO_PROBLEM)


async def change(request: web.Request) -> web.StreamResponse:
    """Answer POST /profile: name and e-mail; another e-mail needs the password, as it is what one signs in with."""
    panel, visit = request.app[PANEL], request[VISIT]
    form, password = await read_form(request), str((await request.post()).get("password", ""))
    wanted = OwnProfile(form.get("name", ""), form.get("email", ""), password, form.get("phone"))
    try:
        email = parse_email(wanted.email)
    except InvalidInputError:
        return await _refused(request, say(request, N_("That is no e-mail address.")), "profile", form)
    if email != visit.person.email and (message := await locked(request, panel.password_lockout)):
        return await _refused(request, message, "profile", form)
    try:
        changed = await panel.parts.manage_staff.change_own_profile(visit.person.id, wanted, visit.actor, visit.now)
    except (InvalidInputError, RefusedError) as error:
        return await _refused(request, refused(request, error), "profile", form)
    if "email" in changed:
        await panel.password_lockout.succeeded(str(visit.person.id), visit.source)
    raise web.HTTPSeeOther("/profile?done=profile")


async def change_password(request: web.Request) -> web.StreamResponse:
    """Answer POST /profile/password: the old one is needed, and every other browser is signed out."""
    panel, visit = request.app[PANEL], request[VISIT]
    form = await request.post()
    old, new, again = (str(form.get(name, "")) for name in ("old", "new", "again"))
    if new != again:
        return await _refused(request, say(request, N_("The two new passwords differ.")))
    if message := await locked(request, panel.password_lockout):
        return await _refused(request, message)
    keep = visit.login.token_hash if visit.login else None
    try:
        await panel.parts.manage_staff.change_own_password(
            visit.person.id, old, new, visit.actor, visit.now, keep_token_hash=keep
        )
    except (InvalidInputError, RefusedError) as error:
        return await _refused(request, refused(request, error))
    await panel.password_lockout.succeeded(str(visit.person.id), visit.source)
    raise web.HTTPSeeOther("/profile?done=password")


async def end_logins(request: web.Request) -> web.StreamResponse:
    """Answer POST /profile/logins: end one of one's own log-ins, or all but this one."""
    visit = request[VISIT]
    only = str((await request.post()).get("login", ""))[:64]
    keep = visit.login.token_hash if visit.login else None
    async with request.app[PANEL].parts.database.write() as work:
        ended = await work.logins.end_of_staff(visit.person.id, but=keep, only=only or None)
        if ended:
            details = {"email": visit.person.email, "ended": ended}
            await work.changes.record(visit.actor, visit.now, "staff.end_logins", "staff", visit.person.id, details)
    raise web.HTTPSeeOther("/profile?done=logins-ended#logins")


async def _page(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    visit, security = request[VISIT], request.app[PANEL].parts.security
    messages = request.app[PANEL].parts.messages
    async with request.app[PANEL].parts.database.read() as work:
        logins = await work.logins.of_staff(visit.person.id, visit.now)
    here = visit.login.token_hash if visit.login else ""
    context = {
        "problem": problem,
        "logins": [LoginLine(one, is_this=one.token_hash == here) for one in logins],
        "has_second_factors": security is not None,
        "has_telegram": messages is not None and messages.link is not None,
    }
    return page(request, "staff/profile.html", context, status=status)


async def _refused(
    request: web.Request, message: str, form: str = "password", values: Mapping[str, str] | None = None
) -> web.Response:
    """Show the page again; `values` are what had been typed, never a password."""
    kept = {name: value for name, value in (values or {}).items() if name in {"name", "email", "phone"}}
    return await _page(request, Problem(form, message, kept), status=422)
