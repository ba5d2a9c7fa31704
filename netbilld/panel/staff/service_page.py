"""One service: its details, plan with what a change costs before it is made, pause, own terms, top-ups, its end."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from typing import Final
from uuid import UUID

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.permissions import Permission
from netbilld.panel.forms import NO_PROBLEM, Problem, once_key, read_form
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.people import people
from netbilld.panel.staff.person import is_stale, seen_of, stand_of
from netbilld.panel.staff.person_fields import faults_of, problem_of, problem_with
from netbilld.panel.visit import VISIT, page, say
from netbilld.panel.words import N_
from netbilld.services.manage_subscribers import SubscriberChanges
from netbilld.services.manage_terms import NOTHING, TermsWanted
from netbilld.services.preview_plan import PlanPreview
from netbilld.services.readmodels import ServiceFile, SubscriberFile
from netbilld.services.sign_in import random_token
from netbilld.services.subscriber_fields import parse_day

_DETAILS: Final = ("username", "mac", "ip", "ipv6_prefix", "delegated_prefix", "billing_day", "site")
STARTS: Final = ("", "now", "next", "day")


async def show(request: web.Request) -> web.Response:
    """Answer GET …/services/{service}; `plan` in the address asks what that plan would cost."""
    code = request.query.get("plan", "").strip()[:64]
    if not code:
        return await _page(request, NO_PROBLEM)
    asked = {"plan": code, "starts": request.query.get("starts", ""), "day": request.query.get("day", "")}
    try:
        return await _page(request, NO_PROBLEM, preview=await _preview(request, asked), asked=asked)
    except (InvalidInputError, RefusedError, NotFoundError) as error:
        return await _page(request, problem_of(request, "plan", asked, error), 422, asked=asked)


async def change_details(request: web.Request) -> web.StreamResponse:
    """Answer POST …/details."""
    form = await read_form(request)
    faults = faults_of(request, form, ("username", "billing_day"))

    async def act(username: str) -> None:
        panel, visit = request.app[PANEL], request[VISIT]
        wanted = SubscriberChanges(**{name: form[name] for name in _DETAILS if name in form})  # type: ignore[arg-type]  # each is text
        if form.get("password"):
            wanted = replace(wanted, password=form["password"])
        if form.get("active_until"):
            wanted = replace(wanted, active_until_on=parse_day("day", form["active_until"]))
        await panel.parts.manage_subscribers.set(username, wanted, visit.actor, visit.now, seen=seen_of(form))

    return await _act(request, "details", form, faults, act)


async def change_plan(request: web.Request) -> web.StreamResponse:
    """Answer POST …/plan."""
    form = await read_form(request)

    async def act(username: str) -> None:
        visit = request[VISIT]
        wanted = TermsWanted(plan=form.get("plan", ""), starts=_starts(form))
        await people(request).terms.set(username, wanted, visit.actor, visit.now)

    return await _act(request, "plan", form, faults_of(request, form, ("plan",)), act)


async def pause(request: web.Request) -> web.StreamResponse:
    """Answer POST …/pause: cuti, at once or from a day on."""
    form = await read_form(request)
    faults = faults_of(request, form)

    async def act(username: str) -> None:
        visit = request[VISIT]
        await people(request).pause.run(
            username, _day(form, "from"), _day(form, "until"), form.get("reason") or None, visit.actor, visit.now
        )

    return await _act(request, "pause", form, faults, act)


async def change_terms(request: web.Request) -> web.StreamResponse:
    """Answer POST …/terms: a price, speed or discount of its own, with who and why; the same form sent twice is one."""
    form = await read_form(request)
    wanted_any = any(form.get(name) for name in ("price", "speed", "discount", "free"))
    faults = faults_of(request, form, ("why",) if wanted_any else ())

    async def act(username: str) -> None:
        visit = request[VISIT]
        back = {name: NOTHING for name in ("price", "speed", "discount") if form.get(f"no_{name}") == "yes"}
        given = {name: form[name] for name in ("price", "speed", "discount") if form.get(name)}
        periods = form.get("periods", "")
        wanted = TermsWanted(
            **{**given, **back},  # type: ignore[arg-type]  # each is text
            starts=_starts(form),
            free={"yes": True, "no": False}.get(form.get("free", "")),
            periods=int(periods) if periods.isascii() and periods.isdigit() and len(periods) < 4 else None,
            why=form.get("why") or None,
        )
        key = once_key(str(visit.person.id), form)
        await people(request).terms.set(username, wanted, visit.actor, visit.now, key)

    return await _act(request, "terms", form, faults, act)


async def top_up(request: web.Request) -> web.StreamResponse:
    """Answer POST …/top-up: the same form sent twice sells once."""
    form = await read_form(request)

    async def act(username: str) -> None:
        visit = request[VISIT]
        key = once_key(str(visit.person.id), form)
        await people(request).top_ups.run(username, form.get("code", ""), visit.actor, visit.now, key)

    return await _act(request, "top-up", form, faults_of(request, form, ("code",)), act)


async def terminate(request: web.Request) -> web.StreamResponse:
    """Answer POST …/terminate: it ends for good, and with the last one its subscriber; nothing is deleted."""
    form = await read_form(request)
    faults = faults_of(request, form, ("reason",))
    if form.get("sure") != "yes":
        faults["sure"] = say(request, N_("Tick this to end the service."))

    async def act(username: str) -> None:
        panel, visit = request.app[PANEL], request[VISIT]
        await panel.parts.manage_subscribers.terminate(username, form["reason"], visit.actor, visit.now)

    return await _act(request, "terminate", form, faults, act)


async def _act(
    request: web.Request,
    name: str,
    form: dict[str, str],
    faults: dict[str, str],
    act: Callable[[str], Awaitable[None]],
) -> web.StreamResponse:
    """Do something to the service in the address, by its user name."""
    if faults:
        return await _page(request, problem_with(request, name, form, faults), 422)
    found, service = await _found(request)
    try:
        await act(service.username)
    except (InvalidInputError, RefusedError, NotFoundError) as error:
        return await _page(request, problem_of(request, name, form, error), 409 if is_stale(error) else 422)
    await request.app[PANEL].parts.nudge()
    raise web.HTTPSeeOther(f"/subscribers/{found.number}/services/{service.id}?done={name}")


async def _page(
    request: web.Request,
    problem: Problem,
    status: int = 200,
    *,
    preview: PlanPreview | None = None,
    asked: dict[str, str] | None = None,
) -> web.Response:
    panel, visit = request.app[PANEL], request[VISIT]
    found, service = await _found(request)
    plans = []
    if visit.may(Permission.EDIT_SUBSCRIBERS):
        async with panel.parts.database.read() as work:
            plans = [line for line in await work.readmodels.plan_lines() if line.on_sale]
    stand = await stand_of(request, found, problem if problem.form == "details" else NO_PROBLEM)
    context = {
        "subscriber": found,
        "service": service,
        "problem": problem,
        "plans": plans,
        "stand": stand,
        "preview": preview,
        "asked": asked or {"plan": service.plan.code, "starts": "", "day": ""},
        "starts": STARTS,
        "once": random_token(panel.parts.entropy),
    }
    return page(request, "staff/service.html", context, status=status)


async def _preview(request: web.Request, asked: dict[str, str]) -> PlanPreview:
    _, service = await _found(request)
    return await people(request).preview.run(service.username, asked["plan"], _starts(asked), request[VISIT].now)


def _starts(form: dict[str, str]) -> str | None:
    """Return when a change is to hold, as the service has it; a day that was chosen but not written is none."""
    chosen = form.get("starts", "")
    if chosen == "day":
        return form.get("day") or "day"
    return chosen or None


def _day(form: dict[str, str], name: str) -> date | None:
    return parse_day(name, form[name]) if form.get(name) else None


async def _found(request: web.Request) -> tuple[SubscriberFile, ServiceFile]:
    """Return the service in the address; another subscriber's service is not found, nor one that nobody can name."""
    panel, visit = request.app[PANEL], request[VISIT]
    wanted = UUID(request.match_info["service"])
    async with panel.parts.database.read() as work:
        found = await work.readmodels.subscriber_file(request.match_info["number"], visit.now, panel.parts.timezone)
    service = next((one for one in found.services if one.id == wanted), None) if found is not None else None
    if found is None or service is None or not service.username:
        raise web.HTTPNotFound
    return found, service
