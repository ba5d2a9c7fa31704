"""Adding somebody, and what is known of a person or company: nothing typed is lost, nobody's change is overwritten."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.panel.forms import NO_PROBLEM, Problem, once_key, read_form
from netbilld.panel.parts import PANEL, Change
from netbilld.panel.staff.person_fields import faults_of, outside, problem_of, problem_with
from netbilld.panel.visit import VISIT, page, say
from netbilld.panel.words import N_
from netbilld.services.manage_subscribers import SubscriberChanges
from netbilld.services.new_service import NewService
from netbilld.services.readmodels import SubscriberFile
from netbilld.services.sign_in import random_token

PERSON: Final = ("name", "phone", "email", "address", "area", "group", "locale")
SERVICE: Final = (
    "username",
    "password",
    "plan",
    "mac",
    "ip",
    "ipv6_prefix",
    "delegated_prefix",
    "billing_day",
)
_LATEST: Final = 5


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a record stood when its form was shown: the newest change, and those since it was last shown."""

    seen: int
    news: tuple[Change, ...] = ()


async def show_add(request: web.Request) -> web.Response:
    """Answer GET /subscribers/add."""
    return await _add_page(request, NO_PROBLEM)


async def show_add_service(request: web.Request) -> web.Response:
    """Answer GET /subscribers/{number}/services/add: one more service of somebody who is known."""
    return await _add_page(request, NO_PROBLEM)


async def add(request: web.Request) -> web.StreamResponse:
    """Answer POST /subscribers/add; the same form sent twice is one subscriber."""
    form = await read_form(request)
    faults = faults_of(request, form, ("name", "username", "plan"))
    if outside(request, form.get("area")):
        faults["area"] = say(request, N_("You may only add subscribers in your areas."))
    return await _added(request, form, faults, None)


async def add_service(request: web.Request) -> web.StreamResponse:
    """Answer POST /subscribers/{number}/services/add."""
    form = await read_form(request)
    return await _added(request, form, faults_of(request, form, ("username", "plan")), request.match_info["number"])


async def _added(
    request: web.Request, form: dict[str, str], faults: dict[str, str], of: str | None
) -> web.StreamResponse:
    panel, visit = request.app[PANEL], request[VISIT]
    if faults:
        return await _add_page(request, problem_with(request, "add", form, faults), 422)
    try:
        told = {name: form.get(name) or None for name in (*SERVICE, *PERSON) if name not in {"username", "plan"}}
        if of is not None:
            told = {name: value for name, value in told.items() if name in SERVICE}
        added = await panel.parts.manage_subscribers.add(
            NewService(username=form["username"], plan=form["plan"], of=of, **told),  # type: ignore[arg-type]  # each is text
            visit.actor,
            visit.now,
            once_key(str(visit.person.id), form),
        )
    except (InvalidInputError, RefusedError, NotFoundError) as error:
        return await _add_page(request, problem_of(request, "add", form, error), 422)
    await panel.parts.nudge()
    raise web.HTTPSeeOther(f"/subscribers/{added.subscriber_no}?done={'added' if of is None else 'service-added'}")


async def _add_page(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    panel, visit = request.app[PANEL], request[VISIT]
    number = request.match_info.get("number")
    async with panel.parts.database.read() as work:
        plans = [line for line in await work.readmodels.plan_lines() if line.on_sale]
        areas = await work.people.areas(visit.areas)
        of = None
        if number is not None:
            of = await work.readmodels.subscriber_file(number, visit.now, panel.parts.timezone)
            if of is None:
                raise web.HTTPNotFound
    context = {
        "problem": problem,
        "plans": plans,
        "areas": areas,
        "of": of,
        "once": random_token(panel.parts.entropy),
    }
    return page(request, "staff/person_add.html", context, status=status)


async def show_edit(request: web.Request) -> web.Response:
    """Answer GET /subscribers/{number}/edit."""
    return await _edit_page(request, NO_PROBLEM)


async def edit(request: web.Request) -> web.StreamResponse:
    """Answer POST /subscribers/{number}/edit."""
    form = await read_form(request)
    panel, visit = request.app[PANEL], request[VISIT]
    faults = faults_of(request, form, ("name",))
    if outside(request, form.get("area")):
        faults["area"] = say(request, N_("You may only move subscribers within your areas."))
    if faults:
        return await _edit_page(request, problem_with(request, "edit", form, faults), 422)
    found = await _found(request)
    username = next((service.username for service in found.services if service.username), None)
    if username is None:
        raise web.HTTPNotFound
    wanted = SubscriberChanges(**{name: form[name] for name in PERSON if name in form})  # type: ignore[arg-type]  # each is text
    try:
        await panel.parts.manage_subscribers.set(username, wanted, visit.actor, visit.now, seen=seen_of(form))
    except (InvalidInputError, RefusedError, NotFoundError) as error:
        return await _edit_page(request, problem_of(request, "edit", form, error), 409 if is_stale(error) else 422)
    await panel.parts.nudge()
    raise web.HTTPSeeOther(f"/subscribers/{found.number}?done=saved")


async def _edit_page(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    visit = request[VISIT]
    found = await _found(request)
    async with request.app[PANEL].parts.database.read() as work:
        areas = await work.people.areas(visit.areas)
    stand = await stand_of(request, found, problem)
    context = {"subscriber": found, "problem": problem, "areas": areas, "stand": stand}
    return page(request, "staff/person_edit.html", context, status=status)


async def stand_of(request: web.Request, found: SubscriberFile, problem: Problem) -> Stand:
    """Return where the record stands; what was changed since the form was shown, where it was refused for that."""
    async with request.app[PANEL].parts.database.read() as work:
        latest = await work.changes.about("subscriber", found.id, _LATEST)
    seen = seen_of(problem.values) if problem.values else None
    news = tuple(change for change in latest if seen is not None and change.id > seen)
    return Stand(latest[0].id if latest else 0, news)


def seen_of(form: Mapping[str, str]) -> int:
    """Return the newest change that a form has seen; 0 where it does not say, which has seen none."""
    written = form.get("seen", "")
    return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else 0


def is_stale(error: Exception) -> bool:
    """Tell whether a form was refused because somebody else was faster."""
    return getattr(error, "code", "") == "stale"


async def _found(request: web.Request) -> SubscriberFile:
    panel, visit = request.app[PANEL], request[VISIT]
    async with panel.parts.database.read() as work:
        found = await work.readmodels.subscriber_file(request.match_info["number"], visit.now, panel.parts.timezone)
    if found is None:
        raise web.HTTPNotFound
    return found
