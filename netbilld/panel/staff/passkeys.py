"""One's own passkeys: made after the password was asked for, and removed."""

from uuid import UUID

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.panel.forms import Problem, read_form
from netbilld.panel.parts import PANEL
from netbilld.panel.passkey_site import own_passkeys
from netbilld.panel.staff.own_password import locked
from netbilld.panel.staff.second_factor import show_factors
from netbilld.panel.visit import VISIT, page, refused, say
from netbilld.panel.words import N_

_LONGEST_ANSWER = 32 * 1024


async def options(request: web.Request) -> web.Response:
    """Answer POST /profile/passkeys/options: what the browser needs to make a passkey, for who knows the password."""
    visit, own = request[VISIT], own_passkeys(request)
    site = own.here
    if message := await _wrong_password(request):
        return web.json_response({"problem": message}, status=422)
    try:
        wanted = await own.passkeys.begin(visit.person, site, _token(request), visit.source, visit.now)
    except RefusedError as error:
        return web.json_response({"problem": refused(request, error)}, status=422)
    return web.json_response({"options": wanted}, headers={"Cache-Control": "no-store"})


async def add(request: web.Request) -> web.StreamResponse:
    """Answer POST /profile/passkeys: the new passkey; with the first, recovery codes are shown this once."""
    visit, own = request[VISIT], own_passkeys(request)
    form, answer = await read_form(request), await answer_of(request)
    try:
        await own.passkeys.register(
            visit.person, own.here, _token(request), answer, form.get("name", ""), visit.actor, visit.now
        )
    except (InvalidInputError, RefusedError) as error:
        kept = {"name": form.get("name", "")}
        return await show_factors(request, Problem("passkey", refused(request, error), kept))
    security = request.app[PANEL].parts.security
    assert security is not None, "there are passkeys"  # noqa: S101
    codes = await security.second_factor.first_codes(visit.person.id, visit.actor, visit.now)
    if codes:
        return page(
            request, "staff/recovery_codes.html", {"codes": codes, "is_new": not visit.person.has_second_factor}
        )
    raise web.HTTPSeeOther("/profile/second-factor?done=passkey-added")


async def remove(request: web.Request) -> web.StreamResponse:
    """Answer POST /profile/passkeys/{passkey}/remove."""
    visit, own, wanted = request[VISIT], own_passkeys(request), _wanted(request)
    if message := await _wrong_password(request):
        return await show_factors(request, Problem(str(wanted), message))
    try:
        await own.passkeys.remove_own(visit.person, wanted, visit.actor, visit.now)
    except NotFoundError:
        raise web.HTTPNotFound from None
    except RefusedError as error:
        return await show_factors(request, Problem(str(wanted), refused(request, error)))
    raise web.HTTPSeeOther("/profile/second-factor?done=passkey-removed")


async def answer_of(request: web.Request) -> str:
    """Return what a browser has answered, as it was sent; nothing where it has sent nothing, or too much."""
    answer = (await request.post()).get("credential", "")
    return answer if isinstance(answer, str) and len(answer) <= _LONGEST_ANSWER else ""


async def _wrong_password(request: web.Request) -> str:
    """Return what is wrong with the password that came along; nothing where it is right."""
    panel, visit = request.app[PANEL], request[VISIT]
    password = str((await request.post()).get("password", ""))[:1024]
    if message := await locked(request, panel.password_lockout):
        return message
    if not await panel.parts.passwords.verify(visit.person.password_hash, password):
        return say(request, N_("The current password is not right."))
    await panel.password_lockout.succeeded(str(visit.person.id), visit.source)
    return ""


def _token(request: web.Request) -> str:
    """Return the token of the log-in that a challenge belongs to."""
    return request.cookies.get(request.app[PANEL].perimeter.cookie_name(request), "")


def _wanted(request: web.Request) -> UUID:
    try:
        return UUID(request.match_info["passkey"])
    except ValueError:
        raise web.HTTPNotFound from None
