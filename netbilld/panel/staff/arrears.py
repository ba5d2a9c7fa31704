"""What people decide about somebody's debt: a promise to pay, and an exemption from what follows arrears."""

from collections.abc import Awaitable, Callable
from datetime import date

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.panel.forms import once_key, read_form
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.money import money_of
from netbilld.panel.staff.person_fields import faults_of, problem_of, problem_with
from netbilld.panel.staff.subscribers import payer_name, show_with
from netbilld.panel.visit import VISIT
from netbilld.services.subscriber_fields import parse_day


async def promise(request: web.Request) -> web.StreamResponse:
    """Answer POST …/promise: access is back, or stays, until that day is over; sent twice it is one."""
    form = await read_form(request)
    visit = request[VISIT]

    async def act() -> None:
        until_on = parse_day("until", form["until"])
        key = once_key(str(visit.person.id), form)
        who = await _payer(request)
        await money_of(request).manage_dunning.promise(who, until_on, form["reason"], visit.actor, visit.now, key)

    return await _act(request, "promise", form, ("until", "reason"), act)


async def end_promise(request: web.Request) -> web.StreamResponse:
    """Answer POST …/promise/end."""
    visit = request[VISIT]

    async def act() -> None:
        await money_of(request).manage_dunning.end_promise(await _payer(request), visit.actor, visit.now)

    return await _act(request, "promise-ended", {}, (), act)


async def exempt(request: web.Request) -> web.StreamResponse:
    """Answer POST …/exempt: nobody walls, fines or terminates them for arrears."""
    form = await read_form(request)
    visit = request[VISIT]

    async def act() -> None:
        until_on: date | None = parse_day("until", form["until"]) if form.get("until") else None
        await money_of(request).manage_dunning.exempt(
            await _payer(request), until_on, form["reason"], visit.actor, visit.now, is_group=False
        )

    return await _act(request, "exempt", form, ("reason",), act)


async def end_exemption(request: web.Request) -> web.StreamResponse:
    """Answer POST …/exempt/end."""
    visit = request[VISIT]

    async def act() -> None:
        who = await _payer(request)
        await money_of(request).manage_dunning.end_exemption(who, visit.actor, visit.now, is_group=False)

    return await _act(request, "exempt-ended", {}, (), act)


async def _payer(request: web.Request) -> str:
    return await payer_name(request, request.match_info["number"])


async def _act(
    request: web.Request,
    name: str,
    form: dict[str, str],
    needed: tuple[str, ...],
    act: Callable[[], Awaitable[None]],
) -> web.StreamResponse:
    if faults := faults_of(request, form, needed):
        return await show_with(request, problem_with(request, name, form, faults), 422)
    try:
        await act()
    except (InvalidInputError, RefusedError, NotFoundError) as error:
        return await show_with(request, problem_of(request, name, form, error), 422)
    await request.app[PANEL].parts.nudge()
    raise web.HTTPSeeOther(f"/subscribers/{request.match_info['number']}?done={name}#debt")
