"""Signing in with a passkey: in place of password and code, or in place of the code."""

from typing import Final

from aiohttp import web

from netbilld.model.staff import Staff
from netbilld.panel.parts import PANEL
from netbilld.panel.passkey_site import own_passkeys
from netbilld.panel.staff.passkeys import answer_of
from netbilld.panel.staff.signin import (
    browser_of,
    code_page,
    half_of,
    log_refusal,
    sign_in_page,
    signed_in,
    with_next,
)
from netbilld.panel.visit import VISIT, say
from netbilld.panel.words import N_
from netbilld.services.passkeys import DoubtfulPasskey
from netbilld.services.sign_in import LockedOut

_WRONG: Final = N_("That passkey opens nothing here, or it took too long. Try again, or sign in another way.")
_DOUBTED: Final = N_(
    "The count of this passkey went back, as if there were a copy of it. Sign in another way, remove it and tell the "
    "main admin."
)


async def options(request: web.Request) -> web.Response:
    """Answer POST /signin/passkey/options: what the browser needs to prove any passkey that it has for this panel."""
    visit, own = request[VISIT], own_passkeys(request)
    wanted = await own.passkeys.ask(own.here, visit.csrf_token, visit.source, visit.now)
    return web.json_response({"options": wanted}, headers={"Cache-Control": "no-store"})


async def submit(request: web.Request) -> web.StreamResponse:
    """Answer POST /signin/passkey: a new log-in, or the form again."""
    return await _submit(request, None, "")


async def options_half(request: web.Request) -> web.Response:
    """Answer POST /signin/code/passkey/options: as above, for one whose password was right and nobody else."""
    visit, own, half = request[VISIT], own_passkeys(request), half_of(request)
    site = own.here
    member = await request.app[PANEL].sign_in.whose_half(half, visit.now)
    if member is None or half is None:
        problem = say(request, N_("That took too long. Begin again."))
        return web.json_response({"problem": problem}, status=422)
    wanted = await own.passkeys.ask(site, half, visit.source, visit.now, member=member)
    return web.json_response({"options": wanted}, headers={"Cache-Control": "no-store"})


async def submit_half(request: web.Request) -> web.StreamResponse:
    """Answer POST /signin/code/passkey: the whole log-in, or the form again."""
    half = half_of(request)
    member = await request.app[PANEL].sign_in.whose_half(half, request[VISIT].now)
    if member is None or half is None:
        raise web.HTTPSeeOther(with_next("/signin", str((await request.post()).get("next", ""))))
    return await _submit(request, member, half)


async def _submit(request: web.Request, member: Staff | None, half: str) -> web.StreamResponse:
    panel, visit, own = request.app[PANEL], request[VISIT], own_passkeys(request)
    goes_on = str((await request.post()).get("next", ""))
    outcome = await own.passkeys.prove(
        own.here, half or visit.csrf_token, await answer_of(request), visit.source, visit.now, member=member
    )
    if isinstance(outcome, Staff):
        opened = await panel.sign_in.admit(
            outcome,
            visit.source,
            visit.now,
            half=half or None,
            replaces=request.cookies.get(panel.perimeter.cookie_name(request)),
            browser=browser_of(request),
        )
        response = signed_in(request, opened, goes_on)
        panel.perimeter.drop_cookie(request, response, panel.perimeter.half_cookie_name(request))
        raise response
    status = 401
    if isinstance(outcome, LockedOut):
        until = panel.renderer.writers[visit.locale].clock(outcome.until_at)
        problem, status = say(request, N_("Too many attempts. Try again at %(time)s."), time=until), 429
    elif isinstance(outcome, DoubtfulPasskey):
        problem = say(request, _DOUBTED)
    else:
        problem = say(request, _WRONG)
    log_refusal(visit.source, status)
    if member is None:
        return sign_in_page(request, problem, status, goes_on)
    return code_page(request, problem, status, goes_on, member)
