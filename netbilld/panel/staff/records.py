"""What is kept about a subscriber: notes, files, and the story of everything that happened with who did it."""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote
from uuid import UUID

from aiohttp import web

from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.file_kinds import MEDIA_TYPES
from netbilld.model.permissions import Permission
from netbilld.panel.forms import Problem, once_key, read_form
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.people import people
from netbilld.panel.staff.person_fields import problem_of, problem_with
from netbilld.panel.staff.subscribers import show_with
from netbilld.panel.visit import VISIT, page, say
from netbilld.panel.words import N_

STORY_LENGTH: Final = 50


async def add_note(request: web.Request) -> web.StreamResponse:
    """Answer POST …/notes: the same form sent twice is one note."""
    form = await read_form(request)
    visit, number = request[VISIT], request.match_info["number"]
    try:
        key = once_key(str(visit.person.id), form)
        await people(request).records.add_note(number, form.get("text", ""), visit.actor, visit.now, key)
    except (InvalidInputError, RefusedError) as error:
        return await show_with(request, problem_of(request, "note", form, error), 422)
    raise web.HTTPSeeOther(f"/subscribers/{number}?done=note#notes")


async def remove_note(request: web.Request) -> web.StreamResponse:
    """Answer POST …/notes/{note}/remove."""
    visit, number = request[VISIT], request.match_info["number"]
    await people(request).records.remove_note(number, int(request.match_info["note"]), visit.actor, visit.now)
    raise web.HTTPSeeOther(f"/subscribers/{number}?done=note-removed#notes")


async def add_file(request: web.Request) -> web.StreamResponse:
    """Answer POST …/files: by content, whatever its name says; the same file twice is kept once."""
    visit, number = request[VISIT], request.match_info["number"]
    sent = (await request.post()).get("file")
    if not isinstance(sent, web.FileField):
        missing = {"file": say(request, N_("Choose a file."))}
        return await show_with(request, problem_with(request, "file", {}, missing), 422)
    try:
        await people(request).records.add_file(
            number, _unicode(sent.filename), sent.file.read(), visit.actor, visit.now
        )
    except (InvalidInputError, RefusedError) as error:
        problem: Problem = problem_of(request, "file", {}, error)
        return await show_with(request, problem, 422)
    raise web.HTTPSeeOther(f"/subscribers/{number}?done=file#files")


async def file(request: web.Request) -> web.Response:
    """Answer GET …/files/{file}: handed over to be kept, never shown as a page of ours."""
    kept, content = await people(request).records.file(request.match_info["number"], UUID(request.match_info["file"]))
    return web.Response(
        body=content,
        content_type=MEDIA_TYPES[kept.kind],
        headers={
            "Content-Disposition": f"attachment; filename=\"file.{kept.kind}\"; filename*=UTF-8''{quote(kept.name)}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "private, no-store",
        },
    )


async def remove_file(request: web.Request) -> web.StreamResponse:
    """Answer POST …/files/{file}/remove."""
    visit, number = request[VISIT], request.match_info["number"]
    await people(request).records.remove_file(number, UUID(request.match_info["file"]), visit.actor, visit.now)
    raise web.HTTPSeeOther(f"/subscribers/{number}?done=file-removed#files")


async def story(request: web.Request) -> web.Response:
    """Answer GET …/story: everything that happened, newest first; `before` goes further back."""
    panel, visit = request.app[PANEL], request[VISIT]
    before = _moment(request.query.get("before", ""))
    async with panel.parts.database.read() as work:
        found = await work.readmodels.subscriber_file(request.match_info["number"], visit.now, panel.parts.timezone)
        if found is None:
            raise web.HTTPNotFound
        sees_money = visit.may(Permission.VIEW_MONEY)
        happened = await work.people.story(found.id, before, STORY_LENGTH, sees_money=sees_money)
    context = {
        "subscriber": found,
        "story": happened,
        "before": before,
        "can_print": panel.parts.printing is not None,
        "further": happened[-1].at if len(happened) == STORY_LENGTH else None,
    }
    return page(request, "staff/story.html", context)


def _moment(written: str) -> datetime | None:
    if not written:
        return None
    try:
        moment = datetime.fromisoformat(written[:40])
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the first and last days there are have no neighbours to go to
        return None


def _unicode(name: str) -> str:
    return name.encode("utf-8", "replace").decode()
