"""One's own second factor: a code generator, recovery codes, passkeys, and taking them away again."""

from typing import Any

import segno
from aiohttp import web

from netbilld.model.errors import RefusedError
from netbilld.panel.forms import NO_PROBLEM, Problem
from netbilld.panel.parts import PANEL, SecurityParts
from netbilld.panel.passkey_site import own_passkeys
from netbilld.panel.staff.own_password import locked
from netbilld.panel.visit import VISIT, page, refused, say
from netbilld.panel.words import N_


async def show(request: web.Request) -> web.Response:
    """Answer GET /profile/second-factor."""
    return await show_factors(request)


async def begin(request: web.Request) -> web.StreamResponse:
    """Answer POST /profile/second-factor: a new secret, for who knows the password and not just has the browser."""
    panel, visit = request.app[PANEL], request[VISIT]
    password = str((await request.post()).get("password", ""))[:1024]
    if message := await locked(request, panel.password_lockout):
        return await show_factors(request, Problem("begin", message))
    if not await panel.parts.passwords.verify(visit.person.password_hash, password):
        return await show_factors(request, Problem("begin", say(request, N_("The current password is not right."))))
    await panel.password_lockout.succeeded(str(visit.person.id), visit.source)
    try:
        await _security(request).second_factor.begin(visit.person.id)
    except RefusedError as error:
        return await show_factors(request, Problem("begin", refused(request, error)))
    raise web.HTTPSeeOther("/profile/second-factor")


async def confirm(request: web.Request) -> web.StreamResponse:
    """Answer POST /profile/second-factor/confirm: the generator works; the recovery codes are shown this once."""
    panel, visit = request.app[PANEL], request[VISIT]
    if message := await locked(request, panel.code_lockout):
        return await show_factors(request, Problem("confirm", message))
    keep = visit.login.token_hash if visit.login else None
    try:
        codes = await _security(request).second_factor.confirm(
            visit.person.id, await _code(request), visit.actor, visit.now, keep_token_hash=keep
        )
    except RefusedError as error:
        return await show_factors(request, Problem("confirm", refused(request, error)))
    await panel.code_lockout.succeeded(str(visit.person.id), visit.source)
    return page(request, "staff/recovery_codes.html", {"codes": codes, "is_new": True})


async def renew_codes(request: web.Request) -> web.StreamResponse:
    """Answer POST /profile/second-factor/codes: new recovery codes, shown this once."""
    panel, visit = request.app[PANEL], request[VISIT]
    if message := await locked(request, panel.code_lockout):
        return await show_factors(request, Problem("codes", message))
    try:
        codes = await _security(request).second_factor.renew_codes(
            visit.person.id, await _code(request), visit.actor, visit.now
        )
    except RefusedError as error:
        return await show_factors(request, Problem("codes", refused(request, error)))
    await panel.code_lockout.succeeded(str(visit.person.id), visit.source)
    return page(request, "staff/recovery_codes.html", {"codes": codes, "is_new": False})


async def remove(request: web.Request) -> web.StreamResponse:
    """Answer POST /profile/second-factor/remove."""
    panel, visit = request.app[PANEL], request[VISIT]
    if message := await locked(request, panel.code_lockout):
        return await show_factors(request, Problem("remove", message))
    try:
        await _security(request).second_factor.remove_own(visit.person.id, await _code(request), visit.actor, visit.now)
    except RefusedError as error:
        return await show_factors(request, Problem("remove", refused(request, error)))
    await panel.code_lockout.succeeded(str(visit.person.id), visit.source)
    raise web.HTTPSeeOther("/profile?done=second-factor-off")


async def show_factors(request: web.Request, problem: Problem = NO_PROBLEM) -> web.Response:
    """Return the page of one's own second factors, with what is wrong in one of its forms."""
    visit, factor = request[VISIT], _security(request).second_factor
    enrolment = factor.enrolment(visit.person)
    own = None if _security(request).passkeys is None else own_passkeys(request)
    context: dict[str, Any] = {
        "problem": problem,
        "enrolment": enrolment,
        "picture": segno.make(enrolment.uri, error="m").svg_data_uri(scale=4, border=3) if enrolment else None,
        "is_owed": factor.is_owed(visit.person),
        "is_obliged": factor.is_obliged(visit.person),
        "codes_left": await factor.codes_left(visit.person.id) if visit.person.has_second_factor else 0,
        "has_passkeys": own is not None,
        "passkeys": await own.passkeys.own(visit.person.id) if own else (),
        "site": own.site if own else None,
    }
    return page(request, "staff/second_factor.html", context, status=422 if problem.form else 200)


def _security(request: web.Request) -> SecurityParts:
    security = request.app[PANEL].parts.security
    if security is None:
        raise web.HTTPNotFound
    return security


async def _code(request: web.Request) -> str:
    return str((await request.post()).get("code", ""))
