"""Messages: what was sent to whom by which channel, who delivers, and what is said."""

from contextlib import suppress
from typing import Any, Final

from aiohttp import web

from netbilld.model.contact import parse_email, parse_phone
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.sms import sms_size
from netbilld.panel.forms import NO_PROBLEM, Problem, once_key, read_form
from netbilld.panel.message_parts import MessageParts
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.tokens import said_of
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.ports.messages import Channel
from netbilld.ports.outbox import MessageKind, MessageState
from netbilld.services.message_fields import example
from netbilld.services.message_texts import OwnText, checked
from netbilld.services.sign_in import random_token

PAGE_LENGTH: Final = 50
LOCALES: Final = ("id", "en")
_AGAIN: Final = frozenset((MessageState.FAILED, MessageState.DEAD, MessageState.MAYBE_SENT))
_SAID: Final = {
    "text_unknown_field": N_("There is no field “%(field)s” in such a message. There are: %(fields)s"),
    "text_empty": N_("Write what the message says."),
    "text_long": N_("That is too long."),
    "text_no_subject": N_("An e-mail needs a subject."),
    "channel_unknown": N_("There is no such channel."),
    "phone_invalid": N_("That is no telephone number. Write 0812…, 021… or +<country code>…"),
    "email_invalid": N_("That is no e-mail address."),
}


def parts_of(request: web.Request) -> MessageParts:
    """Return the services about messages."""
    parts = request.app[PANEL].parts.messages
    if parts is None:
        raise web.HTTPNotFound
    return parts


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /messages."""
    parts, query = parts_of(request), request.query
    state = next((one for one in MessageState if one.value == query.get("state")), None)
    channel = next((one.value for one in Channel if one.value == query.get("channel")), None)
    before = query.get("before", "")
    before_id = int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None
    async with parts.store.read() as work:
        found = await work.outbox.page(state=state, channel=channel, before_id=before_id, most=PAGE_LENGTH + 1)
        states = await work.outbox.driver_states()
    context = {
        "messages": found[:PAGE_LENGTH],
        "older": found[PAGE_LENGTH - 1].id if len(found) > PAGE_LENGTH else None,
        "state": state.value if state else "",
        "channel": channel or "",
        "states": [one.value for one in MessageState],
        "channels": [one.value for one in Channel],
        "trouble": {name: one for name, one in states.items() if name in parts.drivers and one[0] != "ok"},
        "here_tab": "messages",
    }
    return page(request, "staff/messages.html", context)


async def show(request: web.Request) -> web.Response:
    """Answer GET /messages/{message}: its words as they were or will be sent, and how far it has come."""
    parts = parts_of(request)
    async with parts.store.read() as work:
        message = await work.outbox.by_id(int(request.match_info["message"]))
        parts.words.use(await work.messengers.texts())
    if message is None:
        raise web.HTTPNotFound
    known = dict(parts.known) | {
        "name": message.staff_name or message.subscriber_name,
        "subscriber_no": message.subscriber_no,
        "currency": message.currency,
    }
    channel = message.channel or Channel.EMAIL.value
    try:
        subject, text = parts.words.render(
            message.kind, message.locale or parts.locale, known | dict(message.context), channel
        )
    except InvalidInputError as error:
        subject, text = "", str(error)
    context = {"message": message, "subject": subject, "text": text, "may_again": message.state in _AGAIN}
    return page(request, "staff/message.html", context)


async def retry(request: web.Request) -> web.StreamResponse:
    """Answer POST /messages/{message}/retry."""
    visit, number = request[VISIT], int(request.match_info["message"])
    try:
        await parts_of(request).manage.retry(number, visit.actor, visit.now)
    except NotFoundError:
        raise web.HTTPNotFound from None
    except RefusedError:  # a second click: it waits already
        raise web.HTTPSeeOther(f"/messages/{number}") from None
    raise web.HTTPSeeOther(f"/messages/{number}?done=message-again")


async def show_drivers(request: web.Request) -> web.Response:
    """Answer GET /messages/drivers."""
    parts = parts_of(request)
    async with parts.store.read() as work:
        states, figures = await work.outbox.driver_states(), await work.outbox.driver_figures()
    rows = [
        {
            "name": name,
            "channel": channel,
            "state": states.get(name, ("ok", "", None, "")),
            "figures": figures.get(name, (0, 0, 0, 0)),
        }
        for name, channel in parts.drivers.items()
    ]
    return page(request, "staff/message_drivers.html", {"drivers": rows, "here_tab": "drivers"})


async def switch_driver(request: web.Request) -> web.StreamResponse:
    """Answer POST /messages/drivers: switch one off, or let it try again."""
    visit, form, parts = request[VISIT], await read_form(request), parts_of(request)
    name = form.get("driver", "")
    if name not in parts.drivers:
        raise web.HTTPNotFound
    is_on = form.get("on") == "yes"
    await parts.manage.switch(name, is_on=is_on, actor=visit.actor, now=visit.now)
    raise web.HTTPSeeOther(f"/messages/drivers?done={'driver-on' if is_on else 'driver-off'}")


async def show_texts(request: web.Request) -> web.Response:
    """Answer GET /messages/texts: which messages there are, and for which of them the provider has own words."""
    parts = parts_of(request)
    async with parts.store.read() as work:
        own = await work.messengers.texts()
    channels = tuple(dict.fromkeys([*parts.drivers.values(), Channel.EMAIL.value]))
    context = {
        "kinds": list(MessageKind),
        "own": {(kind.value, channel, locale) for kind, channel, locale in own},
        "channels": channels,
        "locales": LOCALES,
        "here_tab": "texts",
    }
    return page(request, "staff/message_texts.html", context)


async def show_text(request: web.Request) -> web.Response:
    """Answer GET /messages/texts/edit?kind=…&channel=…&locale=….."""
    parts = parts_of(request)
    kind, channel, locale = _key(dict(request.query))
    async with parts.store.read() as work:
        own = (await work.messengers.texts()).get((kind, channel, locale))
    if own is None:
        own = OwnText(kind, channel, locale, *parts.words.builtin(kind, locale, channel))
    return await _text_page(request, own, NO_PROBLEM)


async def change_text(request: web.Request) -> web.StreamResponse:
    """Answer POST /messages/texts/edit: look at it, keep it, send it to oneself, or go back to ours."""
    parts, visit, form = parts_of(request), request[VISIT], await read_form(request)
    kind, channel, locale = _key(form)
    own = OwnText(
        kind,
        channel,
        locale,
        form.get("subject", "").strip(),
        form.get("body", "").replace("\r\n", "\n").strip(),
        form.get("template_name", "").strip()[:200],
        form.get("template_language", "").strip()[:16],
        tuple(line.strip() for line in form.get("template_parameters", "").splitlines() if line.strip()),
    )
    where = f"/messages/texts/edit?kind={kind.value}&channel={channel}&locale={locale}"
    try:
        match form.get("do", "look"):
            case "keep":
                await parts.texts.put(own, visit.actor, visit.now)
                raise web.HTTPSeeOther("/messages/texts?done=text-kept")
            case "ours":
                await _drop(parts, own, request)
            case "test":
                address = _address(form.get("to", ""), channel)
                driver = _driver(parts, channel)
                once = once_key(str(visit.person.id), form)
                await parts.texts.test(kind, driver, address, once, visit.actor, visit.now)
                raise web.HTTPSeeOther(f"{where}&done=text-sent")
            case _:
                checked(own)
                parts.words.check(own)
    except InvalidInputError as error:
        problem = Problem("to" if form.get("do") == "test" else "body", said_of(request, error, _SAID), form)
        return await _text_page(request, own, problem, status=422)
    return await _text_page(request, own, NO_PROBLEM)


async def _drop(parts: MessageParts, own: OwnText, request: web.Request) -> None:
    visit = request[VISIT]
    with suppress(NotFoundError):  # a second click
        await parts.texts.drop(own.key, visit.actor, visit.now)
    raise web.HTTPSeeOther("/messages/texts?done=text-ours")


async def _text_page(request: web.Request, own: OwnText, problem: Problem, status: int = 200) -> web.Response:
    parts, panel = parts_of(request), request.app[PANEL]
    known = example(own.kind) | {name: value for name, value in parts.known.items() if value}
    preview: tuple[str, str] | None
    try:
        parts.words.check(own)
        preview = parts.words.fill(own, own.locale, known)
    except InvalidInputError:
        preview = None
    sms = None
    if preview is not None and own.channel == Channel.SMS.value:
        sms = sms_size(preview[1].strip())
    async with parts.store.read() as work:
        is_own = own.key in await work.messengers.texts()
    context: dict[str, Any] = {
        "own": own,
        "is_own": is_own,
        "preview": preview,
        "sms": sms,
        "fields": sorted(example(own.kind)),
        "problem": problem,
        "once": random_token(panel.parts.entropy),
        "has_driver": own.channel in parts.drivers.values(),
        "here_tab": "texts",
    }
    return page(request, "staff/message_text.html", context, status=status)


async def show_telegram(request: web.Request) -> web.Response:
    """Answer GET /messages/telegram: whether whoever is signed in is reached there."""
    return await _telegram_page(request, None)


async def link_telegram(request: web.Request) -> web.StreamResponse:
    """Answer POST /messages/telegram: a link that starts a chat with our bot, or an end of it."""
    parts, visit, form = parts_of(request), request[VISIT], await read_form(request)
    if parts.link is None or parts.bot is None:
        raise web.HTTPNotFound
    if form.get("do") == "end":
        await parts.link.end(visit.person.id, visit.actor, visit.now)
        raise web.HTTPSeeOther("/messages/telegram")
    code = random_token(request.app[PANEL].parts.entropy)
    await parts.link.begin(visit.person.id, code, visit.now)
    return await _telegram_page(request, f"https://t.me/{parts.bot}?start={code}")


async def _telegram_page(request: web.Request, link: str | None) -> web.Response:
    parts = parts_of(request)
    if parts.link is None:
        raise web.HTTPNotFound
    async with parts.store.read() as work:
        chat = await work.messengers.staff_chat(request[VISIT].person.id)
    linked_at = chat.linked_at if chat is not None and chat.address is not None else None
    return page(request, "staff/message_telegram.html", {"linked_at": linked_at, "link": link})


def _driver(parts: MessageParts, channel: str) -> str:
    for name, one in parts.drivers.items():
        if one == channel:
            return name
    raise InvalidInputError("nobody delivers by that channel", code="channel_unknown")


def _address(typed: str, channel: str) -> str:
    return parse_email(typed) if channel == Channel.EMAIL.value else parse_phone(typed)


def _key(values: dict[str, str]) -> tuple[MessageKind, str, str]:
    kind = next((one for one in MessageKind if one.value == values.get("kind")), None)
    channel = next((one.value for one in Channel if one.value == values.get("channel")), None)
    locale = values.get("locale", "")
    if kind is None or channel is None or locale not in LOCALES:
        raise web.HTTPNotFound
    return kind, channel, locale
