"""Work on many subscribers at once: proposed, looked at, started, watched, and found again."""

import csv
import io
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.permissions import Permission
from netbilld.panel.forms import NO_PROBLEM, Problem, once_key, read_form
from netbilld.panel.live import Part, stream
from netbilld.panel.parts import PANEL, Work
from netbilld.panel.staff.people import people
from netbilld.panel.staff.people_list import filter_of, query_of
from netbilld.panel.staff.person_fields import problem_of, problem_with
from netbilld.panel.staff.sessions import page_offset
from netbilld.panel.visit import VISIT, page, say
from netbilld.panel.words import N_
from netbilld.services.jobs import ITEMS_A_PAGE, MOST_ITEMS, ItemState, Job, JobKind
from netbilld.services.propose_jobs import LARGEST_FILE_OCTETS, Wanted, payload_place
from netbilld.services.readmodels import PAGE_LENGTH
from netbilld.services.run_jobs import rejected_cells
from netbilld.services.sheets import FORMULA_BEGINS
from netbilld.services.sign_in import random_token

BODY_OCTETS: Final = LARGEST_FILE_OCTETS + 64 * 1024
_LISTED: Final = 50
_OF_MONEY: Final = frozenset({JobKind.PRICE})
_FIELDS: Final = ("reason", "plan", "starts", "price", "title", "text")


@dataclass(frozen=True, slots=True)
class Shown:
    """A job as its page shows it."""

    job: Job
    percent: int


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /batches: the newest first."""
    async with request.app[PANEL].parts.database.read() as work:
        newest = await work.jobs.newest(_LISTED)
    return page(request, "staff/batches.html", {"jobs": [_shown(job) for job in newest]})


async def ask(request: web.Request) -> web.Response:
    """Answer GET /subscribers/do: what is to be done with the services of a list."""
    return await _ask(request, NO_PROBLEM)


async def _ask(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    panel, visit = request.app[PANEL], request[VISIT]
    wanted = filter_of(request)
    today = local_date(visit.now, panel.parts.timezone)
    async with panel.parts.database.read() as work:
        total = await work.people.count(wanted, today)
        plans = [line for line in await work.readmodels.plan_lines() if line.on_sale]
    context = {
        "wanted": wanted,
        "back": query_of(wanted),
        "total": total,
        "kinds": _kinds(request),
        "plans": plans,
        "problem": problem,
        "once": random_token(panel.parts.entropy),
        "most": MOST_ITEMS,
    }
    return page(request, "staff/bulk.html", context, status=status)


async def propose(request: web.Request) -> web.StreamResponse:
    """Answer POST /subscribers/do: work out what would be done; the same form sent twice is one job."""
    form = await read_form(request)
    panel, visit = request.app[PANEL], request[VISIT]
    kind = next((one for one in _kinds(request) if one.value == form.get("kind")), None)
    if kind is None:
        return await _ask(request, problem_with(request, "do", form, {"kind": say(request, N_("Choose one."))}), 422)
    wanted = filter_of(request)
    today = local_date(visit.now, panel.parts.timezone)
    async with panel.parts.database.read() as work:
        ids = await work.people.service_ids(wanted, today, MOST_ITEMS + 1)
    starts = form.get("day", "") if form.get("starts") == "day" else form.get("starts", "")
    asked = Wanted(kind, **{name: form.get(name, "") for name in _FIELDS} | {"starts": starts})
    try:
        job_id = await people(request).jobs.propose(
            asked,
            ids,
            visit.actor,
            visit.now,
            idempotency_key=once_key(str(visit.person.id), form),
            listed=wanted.query,
        )
    except (InvalidInputError, RefusedError, NotFoundError) as error:
        return await _ask(request, problem_of(request, "do", form, error), 422)
    raise web.HTTPSeeOther(f"/batches/{job_id}")


async def show_import(request: web.Request) -> web.Response:
    """Answer GET /subscribers/import."""
    return _import_page(request, NO_PROBLEM)


def _import_page(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    context = {"problem": problem, "once": random_token(request.app[PANEL].parts.entropy)}
    return page(request, "staff/import.html", context, status=status)


async def propose_import(request: web.Request) -> web.StreamResponse:
    """Answer POST /subscribers/import: the file is looked through first; nothing goes in yet."""
    form = await read_form(request)
    visit = request[VISIT]
    sent = (await request.post()).get("file")
    if not isinstance(sent, web.FileField):
        missing = {"file": say(request, N_("Choose a file."))}
        return _import_page(request, problem_with(request, "import", form, missing), 422)
    try:
        job_id = await people(request).jobs.propose_import(
            sent.filename.encode("utf-8", "replace").decode(),
            sent.file.read(),
            visit.actor,
            visit.now,
            idempotency_key=once_key(str(visit.person.id), form),
        )
    except (InvalidInputError, RefusedError) as error:
        return _import_page(request, problem_of(request, "import", form, error), 422)
    raise web.HTTPSeeOther(f"/batches/{job_id}")


async def show(request: web.Request) -> web.Response:
    """Answer GET /batches/{job}: what it would do before it is started, how far it is, and what was refused."""
    panel, visit = request.app[PANEL], request[VISIT]
    job = await _found(request)
    state = next((one for one in ItemState if one.value == request.query.get("state")), None)
    offset = page_offset(request) // PAGE_LENGTH * ITEMS_A_PAGE
    async with panel.parts.database.read() as work:
        items = await work.jobs.items(job.id, state, offset, ITEMS_A_PAGE)
        has_file = job.kind is JobKind.IMPORT and await work.jobs.payload(job.id) is not None
    counts = {None: job.total, ItemState.DONE: job.done, ItemState.REFUSED: job.refused}
    total = counts.get(state, job.total - job.dealt_with)
    context = {
        "shown": _shown(job),
        "items": items,
        "state": state.value if state else "",
        "states": [one.value for one in ItemState],
        "total": job.refused if job.kind is JobKind.IMPORT else total,
        "offset": offset,
        "length": ITEMS_A_PAGE,
        "has_file": has_file,
        "can_act": visit.may(_right_of(job)),
    }
    return page(request, "staff/batch.html", context)


async def live(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/batches/{job}."""
    job = await _found(request)

    async def read(work: Work) -> Shown | None:
        now_is = await work.jobs.find(job.id)
        return _shown(now_is) if now_is is not None else None

    return await stream(request, [Part("job", ("batch", job.id), read, "partials/batch.html")])


async def start(request: web.Request) -> web.StreamResponse:
    """Answer POST /batches/{job}/start; a second click starts nothing more."""
    job = await _found(request)
    if not request[VISIT].may(_right_of(job)):
        raise web.HTTPForbidden(reason="permission")
    await people(request).jobs.start(job.id, request[VISIT].actor, request[VISIT].now)
    raise web.HTTPSeeOther(f"/batches/{job.id}")


async def stop(request: web.Request) -> web.StreamResponse:
    """Answer POST /batches/{job}/stop: what is done stays done."""
    job = await _found(request)
    await people(request).jobs.stop(job.id, request[VISIT].actor, request[VISIT].now)
    raise web.HTTPSeeOther(f"/batches/{job.id}")


async def rejected(request: web.Request) -> web.Response:
    """Answer GET /batches/{job}/rejected.csv: the rows of an import that do not go in, with line and reason.

    Mended, it can be imported as it is. It holds the passwords that the file held, so only who may add may have it.
    """
    job = await _found(request)
    async with request.app[PANEL].parts.database.read() as work:
        sealed = await work.jobs.payload(job.id)
        bad = await work.jobs.items(job.id, ItemState.REFUSED, 0, MOST_ITEMS)
    if sealed is None or job.kind is not JobKind.IMPORT:
        raise web.HTTPNotFound
    content = people(request).box.open(sealed, payload_place(job.id))
    header, rows = rejected_cells(content, str(job.asked["file"]), {item.position: item.said for item in bad})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return web.Response(
        body=text.getvalue().encode("utf-8", "surrogateescape"),
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": 'attachment; filename="rejected.csv"',
            "Cache-Control": "private, no-store",
        },
    )


async def export(request: web.Request) -> web.StreamResponse:
    """Answer GET /subscribers/export.csv: the services of a list, in the columns that an import takes."""
    panel, visit = request.app[PANEL], request[VISIT]
    today = local_date(visit.now, panel.parts.timezone)
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="subscribers-{today}.csv"',
            "Cache-Control": "private, no-store",
        }
    )
    await response.prepare(request)
    async for row in people(request).exports.rows(filter_of(request), today):
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerow([_harmless(cell) for cell in row])
        await response.write(text.getvalue().encode())
    await response.write_eof()
    return response


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet runs; numbers of telephones keep their plus sign."""
    runs = cell.startswith(FORMULA_BEGINS) and not cell.removeprefix("+").isdigit()
    return f"'{cell}" if runs else cell


def _kinds(request: web.Request) -> list[JobKind]:
    """Return what the visitor may do with a list."""
    visit = request[VISIT]
    some = (JobKind.SUSPEND, JobKind.RESUME, JobKind.PLAN, JobKind.PRICE, JobKind.MESSAGE)
    return [kind for kind in some if kind not in _OF_MONEY or visit.may(Permission.EDIT_MONEY)]


def _right_of(job: Job) -> Permission:
    return Permission.EDIT_MONEY if job.kind in _OF_MONEY else Permission.EDIT_SUBSCRIBERS


def _shown(job: Job) -> Shown:
    return Shown(job, 100 * job.dealt_with // job.total if job.total else 100 if job.is_over else 0)


async def _found(request: web.Request) -> Job:
    async with request.app[PANEL].parts.database.read() as work:
        job = await work.jobs.find(UUID(request.match_info["job"]))
    if job is None or (job.kind in _OF_MONEY and not request[VISIT].may(Permission.VIEW_MONEY)):
        raise web.HTTPNotFound
    return job
