"""Who is signed in, on which of their services; and how pages and forms of theirs are guarded."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.panel.forms import NO_PROBLEM, Problem
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.refusals import REFUSALS
from netbilld.panel.portal.visitor import locale, signed_in
from netbilld.panel.security import CSRF_FIELD, form_of, is_storable_address, is_storable_form, same_token
from netbilld.services.account_view import OwnService, ServiceFile
from netbilld.services.sign_in import Login, random_token
from netbilld.services.subscriber_fields import name_key

_LONGEST_FIELD: Final = 4000
_LARGEST_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class Own:
    """Who is signed in.

    Attributes:
        file: the service that is looked at, with its plan and subscriber.
        services: all of the subscriber's.
    """

    login: Login
    file: ServiceFile
    services: Sequence[OwnService]
    locale: str
    now: datetime
    actor: Actor

    @property
    def service_id(self) -> UUID:
        return self.file.service_id

    @property
    def subscriber_id(self) -> UUID:
        return self.file.subscriber_id

    @property
    def key(self) -> str:
        """Return what is typed as a name, for counting attempts."""
        return name_key(self.file.username)


Page = Callable[[web.Request, Own], Awaitable[tuple[str, dict[str, Any]]]]
Action = Callable[[web.Request, Own, Mapping[str, str]], Awaitable[web.StreamResponse]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def own(request: web.Request) -> Own | None:
    """Return who is signed in; None for nobody."""
    if not is_storable_address(request):
        raise web.HTTPNotFound
    login = await signed_in(request)
    if login is None or login.service_id is None:
        return None
    portal = request.app[PORTAL]
    found = await portal.show.own(login.service_id)
    if found is None:
        return None
    file, services = found
    actor = Actor(f"subscriber {file.subscriber_number}", portal.perimeter.source(request))
    return Own(login, file, services, locale(request), portal.parts.now(), actor)


def for_the_signed_in(page: Page) -> Handler:
    """Return a handler that lets only who is signed in in, and renders what the page gives."""

    async def handle(request: web.Request) -> web.StreamResponse:
        who = await own(request)
        if who is None:
            raise web.HTTPSeeOther("/masuk")
        template, context = await page(request, who)
        return render(request, who, template, context)

    return handle


def answers_the_signed_in(page: Callable[[web.Request, Own], Awaitable[web.StreamResponse]]) -> Handler:
    """Return a handler of a file that only who is signed in may have."""

    async def handle(request: web.Request) -> web.StreamResponse:
        who = await own(request)
        if who is None:
            raise web.HTTPSeeOther("/masuk")
        return await page(request, who)

    return handle


def does_for_the_signed_in(action: Action) -> Handler:
    """Return a handler of a form: of ours, from our own origin, by who is signed in."""

    async def handle(request: web.Request) -> web.StreamResponse:
        form = await read_own_form(request)
        who = await own(request)
        if who is None:
            raise web.HTTPSeeOther("/masuk")
        perimeter = request.app[PORTAL].perimeter
        if not perimeter.is_same_origin(request) or not same_token(who.login.csrf_token, form.get(CSRF_FIELD, "")):
            raise web.HTTPForbidden
        return await action(request, who, form)

    return handle


async def read_own_form(request: web.Request) -> dict[str, str]:
    """Return the fields of one of our own forms, which a database can hold; a body of any other kind is refused."""
    fields = await read_typed(request)
    if not await is_storable_form(request):
        raise web.HTTPBadRequest
    return fields


async def read_typed(request: web.Request) -> dict[str, str]:
    """Return the fields of one of our own forms, whatever was typed into them; see read_own_form."""
    if request.content_type != "application/x-www-form-urlencoded" or (request.charset or "utf-8").lower() != "utf-8":
        raise web.HTTPBadRequest
    fields = await form_of(request)
    return {name: value[:_LONGEST_FIELD] for name, value in fields.items() if isinstance(value, str)}


def render(
    request: web.Request, who: Own, template: str, context: Mapping[str, Any], *, status: int = 200
) -> web.Response:
    """Return one of the pages behind the sign-in."""
    portal = request.app[PORTAL]
    shown = {
        "refresh": None,
        "problem": NO_PROBLEM,
        "done": request.query.get("selesai", "")[:40],
        "once": random_token(portal.parts.entropy),
        "services": who.services,
        "self_service": portal.parts.own,
        "has_autopay": portal.parts.autopay is not None,
        "takes_complaints": portal.parts.complaints is not None,
        "csrf": who.login.csrf_token,
        "here_id": who.service_id,
        **context,
    }
    return portal.renderer.page(who.locale, template, shown, status=status)


async def refused(
    request: web.Request, who: Own, page: Page, form: Mapping[str, str], name: str, error: NetbilldError
) -> web.Response:
    """Return the page that a form stands on, with what is wrong beside it and what was typed still in it."""
    template, context = await page(request, who)
    typed = {key: value for key, value in form.items() if key != CSRF_FIELD and "password" not in key}
    message = refusal_words(request, who, error)
    return render(request, who, template, {**context, "problem": Problem(name, message, typed)}, status=422)


def refusal_words(request: web.Request, who: Own, error: NetbilldError) -> str:
    """Return what a refusal says in the reader's language; one without words for subscribers says little."""
    renderer = request.app[PORTAL].renderer
    say = renderer.say
    if error.code in REFUSALS:
        written = renderer.writers[who.locale]
        values = {name: written.day(one) if isinstance(one, date) else one for name, one in error.values.items()}
        return say(who.locale, REFUSALS[error.code], **values)
    kind = "invalid_input" if isinstance(error, InvalidInputError) else "refused"
    code = "not_found" if isinstance(error, NotFoundError) else kind
    return say(who.locale, REFUSALS[code])


REFUSED: Final = (InvalidInputError, NotFoundError, RefusedError)


def once_key(who: Own, form: Mapping[str, str], what: str) -> str:
    """Return the key under which a form of that log-in is done once, however often it is sent.

    Raises:
        InvalidInputError: the form has none, so it is not one of our pages'.
    """
    key = form.get("once", "")
    if not (20 <= len(key) <= _LARGEST_ONCE and key.isascii() and key.replace("-", "").replace("_", "").isalnum()):
        raise InvalidInputError("the form lacks its key", code="stale_form")
    return f"portal:{what}:{who.subscriber_id}:{key}"


def done(path: str, word: str) -> web.Response:
    """Return the answer that goes on to a page of ours, which then says what was done."""
    headers = {"Location": f"{path}?selesai={word}", "Cache-Control": "no-store"}
    return web.Response(status=web.HTTPSeeOther.status_code, headers=headers)


def asked_id(request: web.Request) -> UUID:
    """Return the id in the path; what is none is not found."""
    try:
        return UUID(request.match_info["id"])
    except ValueError:
        raise web.HTTPNotFound from None
