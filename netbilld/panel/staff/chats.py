"""Chats: who writes to us by a messenger, what they were answered, and an answer by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.panel.forms import NO_PROBLEM, Problem, once_key, read_form
from netbilld.panel.live import LIVE, Part, stream
from netbilld.panel.message_parts import MessageParts
from netbilld.panel.parts import PANEL, Work
from netbilld.panel.staff.messages import parts_of
from netbilld.panel.staff.tokens import said_of
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.services.answer_by_hand import LONGEST_ANSWER
from netbilld.services.chat_records import Chat, ChatLine, Event
from netbilld.services.prefer_channels import CHOICES
from netbilld.services.sign_in import random_token

PAGE_LENGTH: Final = 40
KINDS: Final = ("waiting", "known", "unknown", "all")
WINDOW: Final = timedelta(hours=24)
_SECONDS: Final = 2.0
_SAID: Final = {
    "answer_empty": N_("Write what they are to read."),
    "answer_long": N_("That is too long."),
}


@dataclass(frozen=True, slots=True)
class Line:
    """Something said in a chat, by them or by us.

    Attributes:
        kind: of theirs what it is (text, image, …); of ours the message's kind.
        by: who of the staff has written it; empty is the machine.
        message: ours, with how far it has come.
        driver: by whom theirs came.
    """

    at: datetime
    is_ours: bool
    text: str
    kind: str
    by: str = ""
    message: Any = None
    driver: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """A part of what was said, oldest first; before `older` there is more, unless that is None."""

    lines: tuple[Line, ...]
    older: datetime | None


# -- the list ----------------------------------------------------------------------------------------------------------


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /chats."""
    parts_of(request)
    part = _list_part(request)
    request.app[LIVE].outdated(part)
    shown = await request.app[LIVE].show([part])
    context = {
        "shown": shown["chats"],
        "which": _which(request),
        "kinds": KINDS,
        "before": _before(request),
        "length": PAGE_LENGTH,
    }
    return page(request, "staff/chats.html", context)


async def live_list(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/chats."""
    parts_of(request)
    return await stream(request, [_list_part(request)])


def _which(request: web.Request) -> str:
    which = request.query.get("which", KINDS[0])
    return which if which in KINDS else KINDS[0]


def _before(request: web.Request) -> datetime | None:
    try:
        before = datetime.fromisoformat(request.query.get("before", ""))
    except ValueError:
        return None
    return before if before.tzinfo is not None else None


def _list_part(request: web.Request) -> Part:
    which, before = _which(request), _before(request)

    async def read(work: Work) -> tuple[int, Sequence[ChatLine]]:
        lines = await work.chat_views.lines(which, before, PAGE_LENGTH + 1)
        return await work.chat_views.waiting(), lines

    return Part("chats", ("chats", which, before), read, "partials/chats.html", _SECONDS)


# -- one ---------------------------------------------------------------------------------------------------------------


async def show(request: web.Request) -> web.Response:
    """Answer GET /chats/{chat}."""
    return await _show(request, NO_PROBLEM)


async def _show(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    parts, visit = parts_of(request), request[VISIT]
    number = int(request.match_info["chat"])
    async with parts.store.read() as work:
        chat = await work.chat_views.of_event(number)
        if chat is None:
            raise web.HTTPNotFound
        person = await work.messengers.person(chat.person_id) if chat.person_id is not None else None
        parts.words.use(await work.messengers.texts())
    part = _talk_part(request, parts, chat)
    request.app[LIVE].outdated(part)
    shown = await request.app[LIVE].show([part])
    context = {
        "chat": chat,
        "number": number,
        "person": person,
        "shown": shown["talk"],
        "before": _before(request),
        "is_late": chat.driver in parts.asks_approval and visit.now - chat.heard_at >= WINDOW,
        "delivers": chat.driver in parts.drivers,
        "problem": problem,
        "longest": LONGEST_ANSWER,
        "once": random_token(request.app[PANEL].parts.entropy),
    }
    return page(request, "staff/chat.html", context, status=status)


async def live(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/chats/{chat}."""
    parts = parts_of(request)
    async with parts.store.read() as work:
        chat = await work.chat_views.of_event(int(request.match_info["chat"]))
    if chat is None:
        raise web.HTTPNotFound
    return await stream(request, [_talk_part(request, parts, chat)])


def _talk_part(request: web.Request, parts: MessageParts, chat: Chat) -> Part:
    before, whose = _before(request), (chat.driver, chat.address)

    async def read(work: Work) -> Talk:
        return await _talk(work, parts, whose, before)

    return Part("talk", ("chat", whose, before), read, "partials/chat.html", _SECONDS)


async def show_person(request: web.Request) -> web.Response:
    """Answer GET /subscribers/{number}/chats: what a subscriber wrote and was told, by every channel."""
    parts = parts_of(request)
    async with parts.store.read() as work:
        person = await work.messengers.person_numbered(request.match_info["number"])
        if person is None:
            raise web.HTTPNotFound
        parts.words.use(await work.messengers.texts())
        chats = await work.chat_views.of_person(person.id)
        talk = await _talk(work, parts, person.id, _before(request))
    context = {
        "person": person,
        "chats": chats,
        "shown": talk,
        "before": _before(request),
        "wanted": await parts.prefer.wanted(person.id),
        "choices": [one for one in CHOICES if one in parts.drivers.values()],
    }
    return page(request, "staff/person_chats.html", context)


async def prefer(request: web.Request) -> web.StreamResponse:
    """Answer POST /subscribers/{number}/channels: by which one they are reached first."""
    parts, visit, form = parts_of(request), request[VISIT], await read_form(request)
    number, first = request.match_info["number"], form.get("first", "")
    async with parts.store.read() as work:
        person = await work.messengers.person_numbered(number)
    if person is None or (first and first not in CHOICES):
        raise web.HTTPNotFound
    await parts.prefer.own(person.id, [first] if first else [], visit.actor, visit.now)
    there = "/chats" if visit.may("view_chats") else ""
    raise web.HTTPSeeOther(f"/subscribers/{number}{there}?done=saved")


async def _talk(work: Any, parts: MessageParts, whose: UUID | tuple[str, str], before: datetime | None) -> Talk:
    heard = await work.chat_views.heard(whose, before, PAGE_LENGTH)
    told = await work.chat_views.told(whose, before, PAGE_LENGTH)
    lines = [_theirs(one) for one in heard] + [_ours(parts, one) for one in told]
    lines.sort(key=lambda line: (line.at, bool(line.by)))
    # of the side that goes back less far nothing is left out between what is shown
    begins = [heard[-1].received_at] if len(heard) == PAGE_LENGTH else []
    begins += [told[-1].created_at] if len(told) == PAGE_LENGTH else []
    if not begins:
        return Talk(tuple(lines), None)
    return Talk(tuple(line for line in lines if line.at >= max(begins)), max(begins))


def _theirs(event: Event) -> Line:
    body = event.body
    place = body.get("place")
    words = str(body.get("text", ""))
    if place:
        words = f"{words}\n({place[0]}, {place[1]})".strip()
    return Line(event.received_at, False, words, str(body.get("kind", "text")), driver=event.driver)


def _ours(parts: MessageParts, message: Any) -> Line:
    context = dict(message.context)
    by = str(context.get("by", ""))
    if by:  # as it was written
        return Line(message.created_at, True, str(context.get("text", "")), message.kind.value, by, message)
    known = dict(parts.known) | {
        "name": message.subscriber_name, "subscriber_no": message.subscriber_no, "currency": message.currency,
    }  # fmt: skip
    channel = message.channel or parts.drivers.get(message.driver or "", "whatsapp")
    try:
        _, text = parts.words.render(message.kind, message.locale or parts.locale, known | context, channel)
    except InvalidInputError as error:
        text = str(error)
    return Line(message.created_at, True, text.strip(), message.kind.value, message=message)


# -- what is done ------------------------------------------------------------------------------------------------------


async def answer(request: web.Request) -> web.StreamResponse:
    """Answer POST /chats/{chat}/answer: the same form sent twice is one answer."""
    parts, visit, form = parts_of(request), request[VISIT], await read_form(request)
    number = int(request.match_info["chat"])
    try:
        once = once_key(str(visit.person.id), form)
        await parts.by_hand.answer(number, form.get("text", ""), once, visit.actor, visit.now)
    except NotFoundError:
        raise web.HTTPNotFound from None
    except InvalidInputError as error:
        return await _show(request, Problem("text", said_of(request, error, _SAID), form), status=422)
    raise web.HTTPSeeOther(f"/chats/{number}?done=chat-answered#last")


async def settle(request: web.Request) -> web.StreamResponse:
    """Answer POST /chats/{chat}/settle."""
    return await _do(request, parts_of(request).by_hand.settle, "chat-settled")


async def forget(request: web.Request) -> web.StreamResponse:
    """Answer POST /chats/{chat}/forget."""
    return await _do(request, parts_of(request).by_hand.forget, "chat-forgotten")


async def _do(request: web.Request, act: Any, done: str) -> web.StreamResponse:
    visit, number = request[VISIT], int(request.match_info["chat"])
    try:
        await act(number, visit.actor, visit.now)
    except NotFoundError:
        raise web.HTTPNotFound from None
    raise web.HTTPSeeOther(f"/chats/{number}?done={done}")
