"""Tokens of the JSON API: who has one, made on a page that shows it once, and revoked."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from aiohttp import web

from netbilld.model.api_token import DEFAULT_RATE_PER_MINUTE, MOST_RATE_PER_MINUTE, SCOPES
from netbilld.model.errors import InvalidInputError, NetbilldError, RefusedError
from netbilld.panel.api.parts import ApiParts
from netbilld.panel.forms import NO_PROBLEM, Problem, read_form
from netbilld.panel.parts import PANEL
from netbilld.panel.visit import VISIT, page, say
from netbilld.panel.words import N_
from netbilld.services.manage_tokens import NewToken

LIVES: Final = (30, 90, 365)  # days; none is for ever
_BESIDE: Final[Mapping[str, str]] = {
    "token_name": "name",
    "token_taken": "name",
    "token_scope": "scope",
    "token_rate": "rate",
    "token_expiry": "days",
    "area_invalid": "areas",
    "areas_many": "areas",
}
_SAID: Final[Mapping[str, str]] = {
    "token_name": N_("Write which program it is for."),
    "token_taken": N_(
        "There was a token of that name already. If this form was sent twice, revoke that one and make another."
    ),
    "token_scope": N_("Choose what it may do."),
    "token_rate": N_("Write a number from 1 to 60000."),
    "token_expiry": N_("Choose how long it lasts."),
    "area_invalid": N_("Write areas as in jabar/bandung, one a line."),
    "areas_many": N_("That is too many areas: name one that covers them."),
}


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /tokens."""
    tokens = await api_of(request).manage_tokens.list()
    return page(request, "staff/tokens.html", {"tokens": tokens, "scopes": SCOPES})


async def show_add(request: web.Request) -> web.Response:
    """Answer GET /tokens/add."""
    return _show_add(request, NO_PROBLEM, ())


def _show_add(request: web.Request, problem: Problem, chosen: tuple[str, ...], status: int = 200) -> web.Response:
    context = {
        "problem": problem,
        "scopes": SCOPES,
        "chosen": chosen,
        "lives": LIVES,
        "rate": DEFAULT_RATE_PER_MINUTE,
        "most_rate": MOST_RATE_PER_MINUTE,
    }
    return page(request, "staff/token_add.html", context, status=status)


async def add(request: web.Request) -> web.Response:
    """Answer POST /tokens: the token is on the page that answers, and nowhere else ever."""
    visit, form = request[VISIT], await read_form(request)
    chosen = tuple(one for one in (await request.post()).getall("scope", []) if isinstance(one, str))
    try:
        made = await api_of(request).manage_tokens.add(_wanted(request, form, chosen), visit.actor, visit.now)
    except (InvalidInputError, RefusedError) as error:
        problem = Problem(_BESIDE.get(error.code, "add"), said_of(request, error, _SAID), form)
        return _show_add(request, problem, chosen, status=422)
    return page(request, "staff/token_made.html", {"token": made.token, "clear": made.clear})


def _wanted(request: web.Request, form: Mapping[str, str], chosen: tuple[str, ...]) -> NewToken:
    days, rate = form.get("days", ""), form.get("rate", "")
    if days not in {"", *map(str, LIVES)}:
        raise InvalidInputError("no such life", code="token_expiry")
    if not (rate.isascii() and rate.isdigit() and len(rate) <= 6):
        raise InvalidInputError("no number", code="token_rate")
    return NewToken(
        name=form.get("name", ""),
        scopes=chosen,
        expires_at=request[VISIT].now + timedelta(days=int(days)) if days else None,
        rate_per_minute=int(rate),
        areas=[line for line in form.get("areas", "").splitlines() if line.strip()],
    )


async def revoke(request: web.Request) -> web.StreamResponse:
    """Answer POST /tokens/{token}/revoke."""
    visit, manage = request[VISIT], api_of(request).manage_tokens
    wanted = request.match_info["token"]
    name = next((token.name for token in await manage.list() if str(token.id) == wanted), None)
    if name is None:
        raise web.HTTPNotFound
    await manage.revoke(name, visit.actor, visit.now)
    raise web.HTTPSeeOther("/tokens?done=token-revoked")


def api_of(request: web.Request) -> ApiParts:
    """Return what the API is made of.

    Raises:
        HTTPNotFound: none is served here.
    """
    parts = request.app[PANEL].parts.api
    if parts is None:
        raise web.HTTPNotFound
    return parts


def said_of(request: web.Request, error: NetbilldError, words: Mapping[str, str]) -> str:
    """Return a refusal in the reader's language, where there are words for it."""
    return say(request, words[error.code], **error.values) if error.code in words else str(error)
