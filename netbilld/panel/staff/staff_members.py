"""Who works here: adding people, what they may do and where, and ending their log-ins."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.model.permissions import PERMISSIONS, Permission, Role
from netbilld.model.staff import Staff
from netbilld.panel.forms import NO_PROBLEM, Problem, once_key, read_form
from netbilld.panel.i18n import LOCALES
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.login_line import LoginLine
from netbilld.panel.visit import VISIT, page, refused, say
from netbilld.panel.words import N_
from netbilld.services.manage_staff import ONE_TIME_ENTROPY_OCTETS, NewStaff, StaffChanges, one_time_password
from netbilld.services.sign_in import random_token

_NEWEST: Final = 20
_SET: Final = "staff.set"
_LOOKED_THROUGH: Final = 500  # since a form was opened
_EMAILS: Final = ("email_taken", "email_invalid")


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /staff."""
    async with request.app[PANEL].parts.database.read() as work:
        members = await work.staff.all()
    return page(request, "staff/staff_list.html", {"members": members, "only": request.query.get("show", "")})


async def show_roles(request: web.Request) -> web.Response:
    """Answer GET /staff/roles: what each role may."""
    return page(
        request, "staff/staff_roles.html", {"roles": tuple(Role), "rights": tuple(Permission), "may": PERMISSIONS}
    )


async def show_add(request: web.Request) -> web.Response:
    """Answer GET /staff/add."""
    return await _show_add(request, NO_PROBLEM)


async def _show_add(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    context = {"problem": problem, "once": random_token(request.app[PANEL].parts.entropy)} | await _choices(request)
    return page(request, "staff/staff_add.html", context, status=status)


async def add(request: web.Request) -> web.StreamResponse:
    """Answer POST /staff: the one-time password is on the page that answers, and nowhere else ever."""
    panel, visit, form = request.app[PANEL], request[VISIT], await read_form(request)
    password = one_time_password(panel.parts.entropy(ONE_TIME_ENTROPY_OCTETS))
    new = NewStaff(
        email=form.get("email", ""),
        password=password,
        role=form.get("role", ""),
        name=form.get("name") or None,
        locale=form.get("locale") or None,
        one_time=True,
        phone=form.get("phone") or None,
        areas=_areas(form),
    )
    try:
        key = once_key(str(visit.person.id), form)
        member, repeated = await panel.parts.manage_staff.add(new, visit.actor, visit.now, key)
    except (InvalidInputError, RefusedError) as error:
        return await _show_add(request, Problem(_beside(error), refused(request, error), form), status=422)
    if repeated:
        raise web.HTTPSeeOther(f"/staff/{member.id}?done=staff-known")
    return page(request, "staff/staff_password.html", {"member": member, "password": password, "is_new": True})


async def show(request: web.Request) -> web.Response:
    """Answer GET /staff/{member}."""
    return await _show(request, NO_PROBLEM)


async def _show(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    visit = request[VISIT]
    member = await _member(request)
    async with request.app[PANEL].parts.database.read() as work:
        logins = await work.logins.of_staff(member.id, visit.now)
        changes = await work.audit.about("staff", member.id, _NEWEST)
    context = {
        "member": member,
        "logins": [LoginLine(one) for one in logins],
        "changes": changes,
        "problem": problem,
        "is_self": member.id == visit.person.id,
        "seen": changes[0].id if changes else 0,
    }
    return page(request, "staff/staff_member.html", context | await _choices(request), status=status)


async def change(request: web.Request) -> web.StreamResponse:
    """Answer POST /staff/{member}: who they are, what they may do and where.

    A form that was opened before somebody else changed them says who that was; sent again it holds.
    """
    form = await read_form(request)
    if message := await _outdated(request, form.get("seen", "")):
        kept = {key: text for key, text in form.items() if key not in {"csrf", "seen"}}
        return await _show(request, Problem("change", message, kept), status=409)
    wanted = StaffChanges(
        email=form.get("email"),
        name=form.get("name"),
        role=form.get("role"),
        locale=form.get("locale") or None,
        phone=form.get("phone"),
        areas=_areas(form) if "areas" in form else None,
    )
    return await _set(request, wanted, "change", form, "staff-changed")


async def deactivate(request: web.Request) -> web.StreamResponse:
    """Answer POST /staff/{member}/deactivate: out at once, everywhere; what they did stays on record."""
    return await _set(request, StaffChanges(active=False), "active", {}, "staff-deactivated")


async def activate(request: web.Request) -> web.StreamResponse:
    """Answer POST /staff/{member}/activate."""
    return await _set(request, StaffChanges(active=True), "active", {}, "staff-activated")


async def new_password(request: web.Request) -> web.StreamResponse:
    """Answer POST /staff/{member}/password: a one-time password, shown on the page that answers and nowhere else."""
    panel, visit, member = request.app[PANEL], request[VISIT], await _member(request)
    password = one_time_password(panel.parts.entropy(ONE_TIME_ENTROPY_OCTETS))
    wanted = StaffChanges(password=password, one_time=True)
    try:
        await panel.parts.manage_staff.set(member.email, wanted, visit.actor, visit.now, own_id=visit.person.id)
    except (InvalidInputError, RefusedError) as error:
        return await _show(request, Problem("password", refused(request, error)), status=422)
    return page(request, "staff/staff_password.html", {"member": member, "password": password, "is_new": False})


async def end_logins(request: web.Request) -> web.StreamResponse:
    """Answer POST /staff/{member}/logins: end one of their log-ins, or all of them."""
    visit, member = request[VISIT], await _member(request)
    only = str((await request.post()).get("login", ""))[:64]
    async with request.app[PANEL].parts.database.write() as work:
        ended = await work.logins.end_of_staff(member.id, only=only or None)
        if ended:
            details = {"email": member.email, "ended": ended}
            await work.changes.record(visit.actor, visit.now, "staff.end_logins", "staff", member.id, details)
    raise web.HTTPSeeOther(f"/staff/{member.id}?done=logins-ended")


async def reset_second_factor(request: web.Request) -> web.StreamResponse:
    """Answer POST /staff/{member}/second-factor: they have lost generator, passkeys and recovery codes."""
    visit, member, security = request[VISIT], await _member(request), request.app[PANEL].parts.security
    if security is None:
        raise web.HTTPNotFound
    if member.id == visit.person.id:  # one's own needs a code
        raise web.HTTPSeeOther("/profile/second-factor")
    if security.passkeys is not None:
        await security.passkeys.passkeys.remove_all(member.id, visit.actor, visit.now)
    await security.second_factor.reset(member.id, visit.actor, visit.now)
    raise web.HTTPSeeOther(f"/staff/{member.id}?done=second-factor-reset")


async def _set(
    request: web.Request, wanted: StaffChanges, name: str, form: Mapping[str, str], done: str
) -> web.StreamResponse:
    panel, visit, member = request.app[PANEL], request[VISIT], await _member(request)
    try:
        await panel.parts.manage_staff.set(member.email, wanted, visit.actor, visit.now, own_id=visit.person.id)
    except NotFoundError:
        raise web.HTTPNotFound from None
    except (InvalidInputError, RefusedError) as error:
        problem = Problem(name, refused(request, error), {key: text for key, text in form.items() if key != "csrf"})
        return await _show(request, problem, status=422)
    raise web.HTTPSeeOther(f"/staff/{member.id}?done={done}")


async def _outdated(request: web.Request, seen: str) -> str:
    """Return who has changed a member since a form was opened, and what; nothing where nobody has."""
    if not seen.isdecimal() or len(seen) > 18:
        return ""
    visit, member = request[VISIT], await _member(request)
    async with request.app[PANEL].parts.database.read() as work:
        changes = await work.audit.about("staff", member.id, _LOOKED_THROUGH)
    later = [line for line in changes if line.id > int(seen) and line.action == _SET and line.actor != visit.actor.name]
    if not later:
        return ""
    writer = request.app[PANEL].renderer.writers[visit.locale]
    what = ", ".join(f"{said.name} {said.before} → {said.value}" for said in later[0].said if said.has_before)
    return say(
        request,
        N_("%(who)s changed this at %(time)s: %(what)s. What you typed is still here; save again to have it so."),
        who=later[0].actor,
        time=writer.clock(later[0].at),
        what=what or "–",
    )


async def _member(request: web.Request) -> Staff:
    try:
        wanted = UUID(request.match_info["member"])
    except ValueError:
        raise web.HTTPNotFound from None
    async with request.app[PANEL].parts.database.read() as work:
        member = await work.staff.by_id(wanted)
    if member is None:
        raise web.HTTPNotFound
    return member


async def _choices(request: web.Request) -> dict[str, Any]:
    """Return what the fields of a member offer."""
    async with request.app[PANEL].parts.database.read() as work:
        known = await work.whereabouts.known()
    return {"roles": tuple(Role), "locales": LOCALES, "known_areas": known}


def _areas(form: Mapping[str, str]) -> tuple[str, ...]:
    """Return the areas of a form, one a line; empty lines are none."""
    return tuple(line.strip() for line in form.get("areas", "").splitlines() if line.strip())


def _beside(error: NetbilldError) -> str:
    """Return which field of the form for a new member a refusal stands beside."""
    return {"phone_invalid": "phone", "area_invalid": "areas", "areas_many": "areas", "admin_limited": "areas"}.get(
        error.code, "email" if error.code in _EMAILS else "add"
    )
