"""Complaints in the portal: made, followed, answered, closed or opened again, and what one thinks of it."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from netbilld.model.complaint import ComplaintState, may_reopen
from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.panel.complaint_parts import ComplaintParts
from netbilld.panel.complaint_words import complaint_refusal
from netbilld.panel.forms import Problem, read_form
from netbilld.panel.portal.own import Own, Page, done, once_key, own, render
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.security import CSRF_FIELD, is_storable_form, same_token
from netbilld.panel.staff.complaints import photo_answer
from netbilld.panel.uploads import photos_of, roomy
from netbilld.services.answer_survey import SCALES, Answers
from netbilld.services.complaint_steps import Doing
from netbilld.services.complaint_views import ComplaintFile
from netbilld.services.file_complaint import MOST_PHOTOS, NewComplaint

LARGEST_UPLOAD_OCTETS: Final = 32 * 1024 * 1024
UPLOADS_AT_ONCE: Final = 16  # the portal's disk is everybody's
UPLOADS_OF_ONE: Final = 2  # two clicks; a third would take others' places
LONGEST_UPLOAD_SECONDS: Final = 300.0  # three photos over a slow line
_REFUSED: Final = (InvalidInputError, RefusedError)
_MARKS: Final = ("1", "2", "3", "4", "5")

Does = Callable[[web.Request, Own, Mapping[str, str]], Awaitable[web.StreamResponse]]


def parts_of(request: web.Request) -> ComplaintParts:
    """Return the services about complaints."""
    parts = request.app[PORTAL].parts.complaints
    if parts is None:
        raise web.HTTPNotFound
    return parts


class Uploads:
    """Lets in forms with photos, a few at a time, fewer of one subscriber, and none for ever."""

    def __init__(self) -> None:
        self._running: list[UUID] = []

    def handler(self, action: Does) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return a handler of a form with photos: of ours, from our own origin, by who is signed in.

        Nothing of it is read before it is known who sends it.
        """

        async def handle(request: web.Request) -> web.StreamResponse:
            who = await own(request)
            if who is None:
                raise web.HTTPSeeOther("/masuk")
            perimeter = request.app[PORTAL].perimeter
            if not perimeter.is_same_origin(request):
                raise web.HTTPForbidden
            if request.content_type != "multipart/form-data" or (request.charset or "utf-8").lower() != "utf-8":
                raise web.HTTPBadRequest
            whose = who.subscriber_id
            if len(self._running) >= UPLOADS_AT_ONCE or self._running.count(whose) >= UPLOADS_OF_ONE:
                raise web.HTTPServiceUnavailable(headers={"Retry-After": "5"})
            self._running.append(whose)
            try:
                return await self._take(request, who, action)
            finally:
                self._running.remove(whose)

        return handle

    async def _take(self, request: web.Request, who: Own, action: Does) -> web.StreamResponse:
        async with roomy(request, LARGEST_UPLOAD_OCTETS, LONGEST_UPLOAD_SECONDS) as larger:
            if not await is_storable_form(larger):
                raise web.HTTPBadRequest
            form = await read_form(larger)
            if not same_token(who.login.csrf_token, form.get(CSRF_FIELD, "")):
                raise web.HTTPForbidden
            return await action(larger, who, form)


_uploads: Final = Uploads()
takes_photos: Final = _uploads.handler


# -- pages -------------------------------------------------------------------------------------------------------------


async def show_list(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/keluhan."""
    async with parts_of(request).store.read() as work:
        lines = await work.complaint_views.of_subscriber(who.subscriber_id, 50)
        outage = await work.outages.running_for(who.subscriber_id)
    return "portal/complaints.html", {"lines": lines, "outage": outage, "tab": "keluhan"}


async def show_new(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/keluhan/baru."""
    async with parts_of(request).store.read() as work:
        categories = [one for one in await work.complaints.categories() if one.active]
        outage = await work.outages.running_for(who.subscriber_id)
    context = {"categories": categories, "outage": outage, "tab": "keluhan", "most_photos": MOST_PHOTOS}
    return "portal/complaint_new.html", context


async def show(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/keluhan/{number}: one's own; anybody else's is as little there as one that never was."""
    file = await _own_file(request, who)
    parts = parts_of(request)
    complaint = file.complaint
    return "portal/complaint.html", {
        "file": file,
        "complaint": complaint,
        "steps": [step for step in file.steps if step.public or step.kind == "state"],
        "photos": [photo for photo in file.photos if photo.public],
        "may_reopen": may_reopen(complaint.state, complaint.resolved_at, parts.reopen_days, who.now),
        "reopen_days": parts.reopen_days,
        "tab": "keluhan",
        "most_photos": MOST_PHOTOS,
    }


async def show_survey(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/keluhan/{number}/survei."""
    file = await _own_file(request, who)
    if file.complaint.state is not ComplaintState.CLOSED:
        raise web.HTTPNotFound
    return "portal/survey.html", {"file": file, "marks": _MARKS, "scales": SCALES, "tab": "keluhan"}


async def photo(request: web.Request, who: Own) -> web.StreamResponse:
    """GET /akun/keluhan/{number}/foto/{id}: of one's own complaint, and only what is not internal."""
    file = await _own_file(request, who)
    found = next((one for one in file.photos if str(one.id) == request.match_info["id"] and one.public), None)
    return await photo_answer(parts_of(request), found.file if found is not None else None)


async def _own_file(request: web.Request, who: Own) -> ComplaintFile:
    async with parts_of(request).store.read() as work:
        found = await work.complaint_views.file(request.match_info["number"])
    if found is None or found.subscriber.id != who.subscriber_id:
        raise web.HTTPNotFound
    return found


# -- forms -------------------------------------------------------------------------------------------------------------


async def file_one(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/keluhan: however often it is sent, it is one complaint."""
    parts = parts_of(request)
    try:
        new = NewComplaint(
            form.get("category", ""),
            form.get("text", ""),
            "portal",
            who.service_id,
            await photos_of(request, "photos", parts.photo_octets),
        )
        filed = await parts.file.run(who.subscriber_id, new, _doing(parts, who, form, "complaint"))
    except _REFUSED as error:
        return await _refused(request, who, show_new, form, "new", error)
    return done(f"/akun/keluhan/{filed.number}", "keluhan")


async def answer(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/keluhan/{number}/catatan: words and photos."""

    async def act(parts: ComplaintParts, number: str) -> None:
        photos = await photos_of(request, "photos", parts.photo_octets)
        doing = _doing(parts, who, form, "complaint-note")
        owner = who.subscriber_id
        await parts.handle.note(number, form.get("text", ""), doing, public=True, photos=photos, owner=owner)

    return await _act(request, who, form, "note", act, done_word="catatan")


async def reopen(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/keluhan/{number}/buka: it is not over after all."""

    async def act(parts: ComplaintParts, number: str) -> None:
        doing = _doing(parts, who, form, "complaint-reopen")
        await parts.handle.reopen(number, form.get("text", ""), doing, owner=who.subscriber_id)

    return await _act(request, who, form, "reopen", act, done_word="buka")


async def close(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/keluhan/{number}/beres: it works, and what one thinks of it is asked next."""

    async def act(parts: ComplaintParts, number: str) -> None:
        await parts.handle.close(number, _doing(parts, who, form, "complaint-close"), owner=who.subscriber_id)

    return await _act(request, who, form, "close", act, done_word="beres", goes_on_to="/survei")


async def survey(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/keluhan/{number}/survei: answered once."""

    async def act(parts: ComplaintParts, number: str) -> None:
        marks = {scale: int(form.get(scale, "")) if form.get(scale, "") in _MARKS else 0 for scale in SCALES}
        if form.get("solved") not in {"yes", "no"}:
            raise InvalidInputError("was it solved?", code="survey_mark")
        answers = Answers(**marks, solved=form["solved"] == "yes", remark=form.get("remark", ""))
        doing = Doing(who.actor, who.now, by_subscriber=True)
        await parts.survey.run(number, answers, doing, owner=who.subscriber_id)

    return await _act(request, who, form, "survey", act, done_word="survei", page=show_survey)


async def _act(
    request: web.Request,
    who: Own,
    form: Mapping[str, str],
    name: str,
    act: Callable[[ComplaintParts, str], Awaitable[None]],
    *,
    done_word: str,
    page: Page = show,
    goes_on_to: str = "",
) -> web.StreamResponse:
    """Do something to the complaint in the address; anybody else's is not there."""
    number = request.match_info["number"]
    try:
        await act(parts_of(request), number)
    except NotFoundError:
        raise web.HTTPNotFound from None
    except _REFUSED as error:
        return await _refused(request, who, page, form, name, error)
    return done(f"/akun/keluhan/{number}{goes_on_to}", done_word)


def _doing(parts: ComplaintParts, who: Own, form: Mapping[str, str], what: str) -> Doing:
    return Doing(who.actor, who.now, by_subscriber=True, key=once_key(who, form, what), reopen_days=parts.reopen_days)


async def _refused(
    request: web.Request, who: Own, page: Page, form: Mapping[str, str], name: str, error: NetbilldError
) -> web.Response:
    """Return the page that a form stands on, with what is wrong beside it and what was typed still in it."""
    template, context = await page(request, who)
    typed = {key: value for key, value in form.items() if key not in {CSRF_FIELD, "once"}}
    say = partial(request.app[PORTAL].renderer.say, who.locale)
    problem = Problem(name, complaint_refusal(error, say), typed)
    return render(request, who, template, {**context, "problem": problem}, status=422)
