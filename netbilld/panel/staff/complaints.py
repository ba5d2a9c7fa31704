"""Complaints at the desk: the list, one in full, taking one in, and what is done about one."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.permissions import Permission
from netbilld.panel.complaint_parts import ComplaintParts
from netbilld.panel.complaint_words import complaint_refusal
from netbilld.panel.forms import NO_PROBLEM, Problem, once_key, read_form
from netbilld.panel.live import LIVE, Part, stream
from netbilld.panel.parts import PANEL, Work
from netbilld.panel.staff.sessions import page_offset
from netbilld.panel.uploads import photos_of
from netbilld.panel.visit import VISIT, page, say
from netbilld.services.complaint_steps import Doing
from netbilld.services.complaint_views import FILTERS, ComplaintPage, Figures, LineNow, Wanted
from netbilld.services.file_complaint import MOST_PHOTOS, NewComplaint
from netbilld.services.people_views import PeopleFilter
from netbilld.services.readmodels import PAGE_LENGTH, SubscriberFile
from netbilld.services.sign_in import random_token

_LIST_SECONDS: Final = 3.0
_LINE_SECONDS: Final = 5.0
_VISIT_FILTERS: Final = ("open", "late", "unassigned", "resolved", "closed", "all")


def parts_of(request: web.Request) -> ComplaintParts:
    """Return the services about complaints."""
    parts = request.app[PANEL].parts.complaints
    if parts is None:
        raise web.HTTPNotFound
    return parts


# -- lists -----------------------------------------------------------------------------------------------------------


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /complaints."""
    parts = parts_of(request)
    shown = await fresh(request, _list_parts(request))
    async with parts.store.read() as work:
        categories = await work.complaints.categories()
    wanted = _wanted(request)
    context = {
        "parts": shown,
        "wanted": wanted,
        "mine": "mine" in request.query,
        "filters": _VISIT_FILTERS,
        "categories": categories,
        "length": PAGE_LENGTH,
    }
    return page(request, "staff/complaints.html", context)


async def fresh(request: web.Request, parts: Sequence[Part]) -> dict[str, Any]:
    """Return what is shown of parts now: whoever has just changed something sees it done."""
    feed = request.app[LIVE]
    for part in parts:
        feed.outdated(part)
    return await feed.show(parts)


async def live(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/complaints."""
    parts_of(request)
    return await stream(request, _list_parts(request))


def _wanted(request: web.Request) -> Wanted:
    visit, query = request[VISIT], request.query
    state = query.get("state", "open")
    return Wanted(
        state=state if state in FILTERS else "open",
        assignee_id=visit.person.id if "mine" in query else None,
        category=query.get("category", "")[:40],
        text=query.get("q", "").strip()[:100],
        areas=visit.areas,
        area=query.get("area", "").strip()[:100],
        offset=page_offset(request),
    )


def _list_parts(request: web.Request) -> tuple[Part, Part]:
    wanted, areas = _wanted(request), request[VISIT].areas
    clock = request.app[PANEL].parts.clock

    async def lines(work: Work) -> ComplaintPage:
        return await work.complaint_views.lines(wanted, clock.now())

    async def figures(work: Work) -> Figures:
        return await work.complaint_views.figures(clock.now(), areas)

    return (
        Part("complaints", ("complaints", wanted), lines, "partials/complaints.html", _LIST_SECONDS),
        Part("figures", ("complaint figures", areas), figures, "partials/complaint_figures.html", _LIST_SECONDS),
    )


# -- one ---------------------------------------------------------------------------------------------------------------


async def show(request: web.Request) -> web.Response:
    """Answer GET /complaints/{complaint}."""
    return await show_complaint(request, NO_PROBLEM)


async def show_complaint(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    """Return a complaint's page, with what is wrong with one of its forms."""
    parts, visit = parts_of(request), request[VISIT]
    async with parts.store.read() as work:
        found = await work.complaint_views.file(request.match_info["complaint"])
        if found is None:
            raise web.HTTPNotFound
        workers = await work.complaint_views.workers()
        lines = await work.complaint_views.lines_now(found.subscriber.id, visit.now)
        others = await work.complaint_views.of_subscriber(found.subscriber.id, 6)
    context = {
        "file": found,
        "complaint": found.complaint,
        "workers": workers,
        "shown": lines,
        "others": [one for one in others if one.number != found.complaint.number],
        "problem": problem,
        "once": random_token(request.app[PANEL].parts.entropy),
        "most_photos": MOST_PHOTOS,
    }
    return page(request, "staff/complaint.html", context, status=status)


async def live_line(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/complaints/{complaint}: how the line is doing."""
    return await stream(request, [await line_part(request)])


async def line_part(request: web.Request) -> Part:
    """Return the part of a page that shows how a complaint's connections are doing."""
    parts, clock = parts_of(request), request.app[PANEL].parts.clock
    async with parts.store.read() as work:
        found = await work.complaint_views.file(request.match_info["complaint"])
    if found is None:
        raise web.HTTPNotFound
    subscriber_id = found.subscriber.id

    async def lines(work: Work) -> tuple[LineNow, ...]:
        return tuple(await work.complaint_views.lines_now(subscriber_id, clock.now()))

    return Part("line", ("complaint line", subscriber_id), lines, "partials/line_now.html", _LINE_SECONDS)


async def photo(request: web.Request) -> web.Response:
    """Answer GET /complaints/{complaint}/photos/{photo}."""
    parts = parts_of(request)
    async with parts.store.read() as work:
        found = await work.complaint_views.photo(request.match_info["complaint"], UUID(request.match_info["photo"]))
    return await photo_answer(parts, found.file if found is not None else None)


async def photo_answer(parts: ComplaintParts, file: str | None) -> web.Response:
    """Return a photo: always a JPEG of our own making, shown where it stands and never run as anything else."""
    octets = await parts.photos.read(file) if file is not None else None
    if octets is None:
        raise web.HTTPNotFound
    return web.Response(
        body=octets,
        content_type="image/jpeg",
        headers={
            "Content-Disposition": "inline",
            "Cache-Control": "private, max-age=86400, immutable",
        },
    )


# -- taking one in -----------------------------------------------------------------------------------------------------


async def show_new(request: web.Request) -> web.Response:
    """Answer GET /complaints/new, for whoever `subscriber` names."""
    return await _show_new(request, NO_PROBLEM, request.query.get("subscriber", ""))


async def _show_new(request: web.Request, problem: Problem, asked: str, status: int = 200) -> web.Response:
    parts, panel, visit = parts_of(request), request.app[PANEL], request[VISIT]
    asked = asked.strip()[:100]
    subscriber = await _subscriber(request, asked)
    wanted = PeopleFilter(asked, sees_money=visit.may(Permission.VIEW_MONEY), areas=visit.areas)
    today = local_date(visit.now, panel.parts.timezone)
    async with panel.parts.database.read() as work:
        candidates = (await work.people.lines(wanted, today, 0)).lines[:20] if asked and subscriber is None else ()
        running = list(await work.complaint_views.of_subscriber(subscriber.id, 5)) if subscriber is not None else []
    async with parts.store.read() as reads:
        categories = [one for one in await reads.complaints.categories() if one.active]
    context = {
        "subscriber": subscriber,
        "asked": asked,
        "candidates": candidates,
        "running": running,
        "categories": categories,
        "problem": problem,
        "once": random_token(panel.parts.entropy),
        "most_photos": MOST_PHOTOS,
    }
    return page(request, "staff/complaint_new.html", context, status=status)


async def _subscriber(request: web.Request, number: str) -> SubscriberFile | None:
    """Return the subscriber of that number, where this visitor may see them."""
    panel, visit = request.app[PANEL], request[VISIT]
    if not number.isdecimal() or not number.isascii() or len(number) > 20:
        return None
    async with panel.parts.database.read() as work:
        found = await work.readmodels.subscriber_file(number, visit.now, panel.parts.timezone)
    return found if found is not None and visit.areas.include(found.area) else None


async def add(request: web.Request) -> web.StreamResponse:
    """Answer POST /complaints: the same form sent twice is one complaint."""
    parts, form = parts_of(request), await read_form(request)
    asked = form.get("subscriber", "")
    subscriber = await _subscriber(request, asked)
    if subscriber is None:
        raise web.HTTPNotFound
    try:
        doing = doing_of(request, form, version=False)
        services = {str(service.id): service.id for service in subscriber.services}
        new = NewComplaint(
            form.get("category", ""),
            form.get("text", ""),
            "staff",
            services.get(form.get("service", "")),
            await photos_of(request, "photos", parts.photo_octets),
        )
        filed = await parts.file.run(subscriber.id, new, doing)
    except (InvalidInputError, RefusedError) as error:
        problem = Problem("new", complaint_refusal(error, partial(say, request)), kept(form))
        return await _show_new(request, problem, asked, status=422)
    raise web.HTTPSeeOther(f"/complaints/{filed.number}?done=complaint-filed")


# -- what is done about one --------------------------------------------------------------------------------------------


async def assign(request: web.Request) -> web.StreamResponse:
    """Answer POST …/assign."""

    async def act(parts: ComplaintParts, number: str, form: dict[str, str], doing: Doing) -> None:
        await parts.handle.assign(number, form.get("assignee", ""), doing, form.get("text", ""))

    return await act_on(request, "assign", act)


async def take(request: web.Request) -> web.StreamResponse:
    """Answer POST …/take: mine, and begun."""
    email = request[VISIT].person.email

    async def act(parts: ComplaintParts, number: str, form: dict[str, str], doing: Doing) -> None:
        del form
        await parts.handle.take(number, email, doing)

    return await act_on(request, "take", act)


async def start(request: web.Request) -> web.StreamResponse:
    """Answer POST …/start."""

    async def act(parts: ComplaintParts, number: str, form: dict[str, str], doing: Doing) -> None:
        del form
        await parts.handle.start(number, doing)

    return await act_on(request, "start", act)


async def note(request: web.Request) -> web.StreamResponse:
    """Answer POST …/notes: words and photos, for the subscriber or for ourselves."""
    photos = await photos_of(request, "photos", parts_of(request).photo_octets)

    async def act(parts: ComplaintParts, number: str, form: dict[str, str], doing: Doing) -> None:
        public = form.get("public") == "yes"
        await parts.handle.note(number, form.get("text", ""), doing, public=public, photos=photos)

    return await act_on(request, "note", act)


async def resolve(request: web.Request) -> web.StreamResponse:
    """Answer POST …/resolve."""

    async def act(parts: ComplaintParts, number: str, form: dict[str, str], doing: Doing) -> None:
        await parts.handle.resolve(number, form.get("text", ""), doing)

    return await act_on(request, "resolve", act)


async def close(request: web.Request) -> web.StreamResponse:
    """Answer POST …/close."""

    async def act(parts: ComplaintParts, number: str, form: dict[str, str], doing: Doing) -> None:
        del form
        await parts.handle.close(number, doing)

    return await act_on(request, "close", act)


async def reopen(request: web.Request) -> web.StreamResponse:
    """Answer POST …/reopen."""

    async def act(parts: ComplaintParts, number: str, form: dict[str, str], doing: Doing) -> None:
        await parts.handle.reopen(number, form.get("text", ""), doing)

    return await act_on(request, "reopen", act)


Acts = Callable[[ComplaintParts, str, dict[str, str], Doing], Awaitable[None]]
Shows = Callable[[web.Request, Problem, int], Awaitable[web.Response]]


async def act_on(
    request: web.Request, name: str, act: Acts, *, shows: Shows | None = None, back: str = "/complaints"
) -> web.StreamResponse:
    """Do something to the complaint in the address, and go back to its page; a refusal keeps what was typed."""
    parts, form = parts_of(request), await read_form(request)
    number = request.match_info["complaint"]
    try:
        await act(parts, number, form, doing_of(request, form))
    except NotFoundError:
        raise web.HTTPNotFound from None
    except (InvalidInputError, RefusedError) as error:
        message = complaint_refusal(error, partial(say, request))
        problem = Problem(name, message, kept(form))
        status = 409 if isinstance(error, RefusedError) else 422
        return await (shows or show_complaint)(request, problem, status)
    from_job = form.get("back") == "job"
    where = "/jobs" if from_job else back
    raise web.HTTPSeeOther(f"{where}/{number}?done=complaint-{name}")


def doing_of(request: web.Request, form: dict[str, str], *, version: bool = True) -> Doing:
    """Return who does it, by which form.

    Raises:
        InvalidInputError: the form is none of ours.
    """
    visit = request[VISIT]
    seen = form.get("version", "")
    if version and not (seen.isascii() and seen.isdigit() and len(seen) < 10):
        raise InvalidInputError("the form lacks its version", hint="open the page again")
    return Doing(
        visit.actor,
        visit.now,
        version=int(seen) if version else None,
        key=once_key(str(visit.person.id), form),
        reopen_days=parts_of(request).reopen_days,
    )


def kept(form: dict[str, str]) -> dict[str, str]:
    """Return what was typed, without what a new form has of its own."""
    return {name: value for name, value in form.items() if name not in {"csrf", "once", "version"}}
