"""A technician's day, on the phone: what to do, where to go, how the line is doing, and the work order."""

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from netbilld.model.errors import InvalidInputError
from netbilld.panel.complaint_parts import ComplaintParts
from netbilld.panel.forms import NO_PROBLEM, Problem
from netbilld.panel.live import Part, stream
from netbilld.panel.parts import PANEL, Work
from netbilld.panel.staff.complaints import act_on, fresh, line_part, parts_of
from netbilld.panel.uploads import photos_of
from netbilld.panel.visit import VISIT, page
from netbilld.ports.measure_signal import Signal
from netbilld.services.complaint_steps import Doing
from netbilld.services.complaint_views import Job, LineNow
from netbilld.services.file_complaint import MOST_PHOTOS
from netbilld.services.finish_work import WorkDone
from netbilld.services.sign_in import random_token

LARGEST_SIGNATURE: Final = 200_000  # octets of a drawing
_MOST_READINGS: Final = 5  # of one job; each asks a router
_DRAWN: Final = "data:image/png;base64,"


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /jobs: mine, the most urgent first."""
    shown = await fresh(request, [_jobs_part(request)])
    return page(request, "staff/jobs.html", {"shown": shown["jobs"]})


async def live(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/jobs."""
    return await stream(request, [_jobs_part(request)])


def _jobs_part(request: web.Request) -> Part:
    parts_of(request)
    visit, clock = request[VISIT], request.app[PANEL].parts.clock
    staff_id, areas = visit.person.id, visit.areas

    async def jobs(work: Work) -> tuple[Job, ...]:
        return tuple(await work.complaint_views.jobs(staff_id, clock.now(), areas))

    return Part("jobs", ("jobs", staff_id, areas), jobs, "partials/jobs.html", 10.0)


async def show(request: web.Request) -> web.Response:
    """Answer GET /jobs/{complaint}: the work order, on the phone or printed."""
    return await _show(request, NO_PROBLEM, 200)


async def _show(
    request: web.Request,
    problem: Problem,
    status: int,
    readings: Sequence[tuple[LineNow, Signal | None]] | None = None,
) -> web.Response:
    parts, visit = parts_of(request), request[VISIT]
    async with parts.store.read() as work:
        found = await work.complaint_views.file(request.match_info["complaint"])
        if found is None:
            raise web.HTTPNotFound
        lines = await work.complaint_views.lines_now(found.subscriber.id, visit.now)
    context = {
        "file": found,
        "complaint": found.complaint,
        "shown": lines,
        "readings": readings,
        "can_measure": parts.signal is not None,
        "problem": problem,
        "once": random_token(request.app[PANEL].parts.entropy),
        "most_photos": MOST_PHOTOS,
    }
    return page(request, "staff/job.html", context, status=status)


async def measure(request: web.Request) -> web.Response:
    """Answer GET /jobs/{complaint}/signal: the work order with how the access points receive its devices now."""
    parts, visit = parts_of(request), request[VISIT]
    async with parts.store.read() as work:
        found = await work.complaint_views.file(request.match_info["complaint"])
        if found is None:
            raise web.HTTPNotFound
        lines = await work.complaint_views.lines_now(found.subscriber.id, visit.now)
    readings = []
    for line in lines[:_MOST_READINGS]:
        signal = None
        if parts.signal is not None and line.online and line.nas_id is not None and line.mac is not None:
            signal = await parts.signal.of(line.nas_id, line.mac)
        readings.append((line, signal))
    return await _show(request, NO_PROBLEM, 200, readings)


async def live_line(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/jobs/{complaint}."""
    return await stream(request, [await line_part(request)])


async def finish(request: web.Request) -> web.StreamResponse:
    """Answer POST /jobs/{complaint}: what was done, with photos and a signature."""
    parts = parts_of(request)
    before = await photos_of(request, "before", parts.photo_octets)
    after = await photos_of(request, "after", parts.photo_octets)
    raw = (await request.post()).get("signature", "")
    technician = request[VISIT].person.name

    async def act(services: ComplaintParts, number: str, form: dict[str, str], doing: Doing) -> None:
        if max(len(before), len(after)) > MOST_PHOTOS:
            raise InvalidInputError("too many photos", code="photos_many", values={"most": MOST_PHOTOS})
        done = WorkDone(
            done=form.get("done", ""),
            material=form.get("material", ""),
            signed_by=form.get("signed_by", ""),
            signature=_drawing(raw if isinstance(raw, str) else ""),
            before=before,
            after=after,
            is_resolved=form.get("resolved") == "yes",
        )
        await services.work.run(number, done, technician, doing)

    return await act_on(request, "work", act, shows=_show, back="/jobs")


async def place(request: web.Request) -> web.StreamResponse:
    """Answer POST /jobs/{complaint}/place: where the door is."""

    async def act(services: ComplaintParts, number: str, form: dict[str, str], doing: Doing) -> None:
        await services.work.place(number, form.get("place", ""), doing)

    return await act_on(request, "place", act, shows=_show, back="/jobs")


def _drawing(text: str) -> bytes | None:
    """Return a signature that was drawn on the page; None where there is none.

    Raises:
        InvalidInputError: it is no drawing, or too large for one.
    """
    if not text:
        return None
    if not text.startswith(_DRAWN) or len(text) > LARGEST_SIGNATURE:
        raise InvalidInputError("that is no signature", code="bad_photo")
    try:
        return base64.b64decode(text.removeprefix(_DRAWN), validate=True)
    except binascii.Error:
        raise InvalidInputError("that is no signature", code="bad_photo") from None
