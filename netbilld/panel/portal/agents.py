"""The pages of agents, on their phones: what the deposit holds, vouchers and top-ups sold, receipts, the statement.

A realm of its own: another cookie, another lock-out, and nothing of the portal's or the panel's within it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from netbilld.model.actor import Actor
from netbilld.model.agent import Agent, AgentLogin
from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.model.units import parse_amount
from netbilld.model.voucher import shown_code
from netbilld.panel.portal.agent_parts import AgentParts
from netbilld.panel.portal.own import read_own_form
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.visitor import locale
from netbilld.panel.security import CSRF_FIELD, Perimeter, is_storable_address, same_token
from netbilld.panel.words import N_
from netbilld.services.agent_statement import MOST_LINES, agent_statement, statement_sheet
from netbilld.services.sheets import CONTENT_TYPES, written
from netbilld.services.sign_in import LockedOut, random_token
from netbilld.services.sign_in_agent import REALM, SignedInAgent

HOME: Final = "/agen"
_MOST_SOLD: Final = 50
_LINES: Final = 60
_FIELDS: Final = ("once", "batch", "count", "buyer", "number", "amount")
_SAID: Final[Mapping[str, str]] = {
    "deposit_too_small": N_("The deposit doesn't cover it. Pay in more first."),
    "sold_out": N_("So many are not left."),
    "no_batch": N_("Those vouchers are not on sale any more."),
    "not_served": N_("That subscriber is not one of yours."),
    "bad_amount": N_("Write the amount as a number above 0, such as 275000."),
    "bad_count": N_("Write a whole number from 1 to 50."),
    "wrong_password": N_("The old password is not right."),
    "password_short": N_("A password has at least 8 letters."),
    "idempotency_mismatch": N_(
        "This form was sent before, and what it asked for is done. Look below, then send again."
    ),
    "stale_form": N_("The form had expired. Please try once more."),
}


@dataclass(frozen=True, slots=True)
class Seller:
    """The agent who asks."""

    agent: Agent
    login: AgentLogin
    parts: AgentParts
    actor: Actor
    now: datetime
    token: str

    def key(self, form: Mapping[str, str], what: str) -> str:
        """Return the key under which a form is done once, however often it is sent.

        Raises:
            InvalidInputError: the form has none, so it is not one of our pages'.
        """
        once = form.get("once", "")
        if not (20 <= len(once) <= 64 and once.isascii() and once.replace("-", "").replace("_", "").isalnum()):
            raise InvalidInputError("the form lacks its key", code="stale_form")
        return f"agent:{self.agent.name}:{what}:{once}"


Page = Callable[[web.Request, Seller], Awaitable[web.StreamResponse]]
Action = Callable[[web.Request, Seller, Mapping[str, str]], Awaitable[web.StreamResponse]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _parts(request: web.Request) -> AgentParts:
    parts = request.app[PORTAL].parts.agents
    if parts is None:
        raise web.HTTPNotFound
    return parts


def _perimeter(request: web.Request) -> Perimeter:
    return replace(request.app[PORTAL].perimeter, realm=REALM)


async def _seller(request: web.Request) -> Seller | None:
    if not is_storable_address(request):
        raise web.HTTPNotFound
    parts, portal = _parts(request), request.app[PORTAL]
    token = request.cookies.get(_perimeter(request).cookie_name(request))
    if not token:
        return None
    now = portal.parts.now()
    login = await parts.sign_in.of_token(token, now)
    if login is None:
        return None
    async with parts.store.read() as work:
        agent = await work.agents.by_name(login.agent)
    if agent is None:
        return None
    actor = Actor(f"agent {agent.name}", portal.perimeter.source(request))
    return Seller(agent, login, parts, actor, now, token)


def for_agents(page: Page) -> Handler:
    """Return a handler that lets only agents in."""

    async def handle(request: web.Request) -> web.StreamResponse:
        seller = await _seller(request)
        if seller is None:
            raise web.HTTPSeeOther("/agen/masuk")
        return await page(request, seller)

    return handle


def does_for_agents(action: Action) -> Handler:
    """Return a handler of a form: of ours, from our own origin, by an agent."""

    async def handle(request: web.Request) -> web.StreamResponse:
        form = await read_own_form(request)
        seller = await _seller(request)
        if seller is None:
            raise web.HTTPSeeOther("/agen/masuk")
        if not _perimeter(request).is_same_origin(request) or not same_token(
            seller.login.csrf_token, form.get(CSRF_FIELD, "")
        ):
            raise web.HTTPForbidden
        return await action(request, seller, form)

    return handle


def _render(
    request: web.Request, seller: Seller, template: str, context: Mapping[str, Any], *, status: int = 200
) -> web.Response:
    portal = request.app[PORTAL]
    shown = {
        "refresh": None,
        "agent": seller.agent,
        "csrf": seller.login.csrf_token,
        "once": random_token(portal.parts.entropy),
        "currency": portal.parts.currency,
        "problem": "",
        "kept": {},
        "form_name": "",
        "done": request.query.get("selesai", "")[:20],
        "shown_code": shown_code,
        **context,
    }
    return portal.renderer.page(locale(request), template, shown, status=status)


# -- signing in --------------------------------------------------------------------------------------------------------


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """Answer GET /agen/masuk."""
    if await _seller(request) is not None:
        raise web.HTTPSeeOther(HOME)
    return _sign_in_page(request)


def _sign_in_page(
    request: web.Request, name: str = "", problem: str = "", minutes: int = 0, status: int = 200
) -> web.Response:
    portal, perimeter = request.app[PORTAL], _perimeter(request)
    token = perimeter.form_token(request)
    context = {"csrf": token, "name": name, "problem": problem, "minutes": minutes, "refresh": None}
    response = portal.renderer.page(locale(request), "portal/agent_sign_in.html", context, status=status)
    perimeter.set_cookie(request, response, perimeter.form_cookie_name(request), token)
    return response


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Answer POST /agen/masuk: a new log-in, or the form again with the same words whatever was wrong."""
    parts, portal, perimeter = _parts(request), request.app[PORTAL], _perimeter(request)
    form = await read_own_form(request)
    cookie = request.cookies.get(perimeter.form_cookie_name(request), "")
    if not perimeter.is_same_origin(request) or not same_token(cookie, form.get(CSRF_FIELD, "")):
        return _sign_in_page(request, problem="forged", status=403)
    name, now = form.get("name", "")[:100], portal.parts.now()
    outcome = await parts.sign_in.handle(name, form.get("password", ""), perimeter.source(request), now)
    if isinstance(outcome, SignedInAgent):
        response = _see_other(HOME)
        seconds = int(portal.parts.lifetime.total_seconds())
        perimeter.set_cookie(request, response, perimeter.cookie_name(request), outcome.token, seconds=seconds)
        perimeter.drop_cookie(request, response, perimeter.form_cookie_name(request))
        return response
    if isinstance(outcome, LockedOut):
        minutes = max(1, -int(-(outcome.until_at - now).total_seconds() // 60))
        return _sign_in_page(request, name, "locked", minutes, 429)
    return _sign_in_page(request, name, "wrong", status=422)


async def sign_out(request: web.Request, seller: Seller, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /agen/keluar."""
    del form
    await seller.parts.sign_in.sign_out(seller.login)
    response = _see_other("/agen/masuk")
    _perimeter(request).drop_cookie(request, response, _perimeter(request).cookie_name(request))
    return response


# -- selling -----------------------------------------------------------------------------------------------------------


async def home(request: web.Request, seller: Seller) -> web.StreamResponse:
    """Answer GET /agen."""
    return await _home(request, seller)


async def _home(
    request: web.Request,
    seller: Seller,
    form_name: str = "",
    form: Mapping[str, str] | None = None,
    error: NetbilldError | None = None,
) -> web.Response:
    is_used = error is not None and error.code == "idempotency_mismatch"  # the form gets another key, or is stuck
    async with seller.parts.store.read() as work:
        context: dict[str, Any] = {
            "on_sale": await work.agents.on_sale(seller.now),
            "served": await work.agents.served(seller.agent.name),
            "payments": await work.agents.payments(seller.agent.name, 10),
        }
    context |= {
        "form_name": form_name,
        "kept": {field: (form or {}).get(field, "") for field in _FIELDS} | ({"once": ""} if is_used else {}),
        "problem": "" if error is None else _words(request, error),
        "most": _MOST_SOLD,
        "tab": "jual",
    }
    return _render(request, seller, "portal/agent_home.html", context, status=200 if error is None else 422)


def _words(request: web.Request, error: NetbilldError) -> str:
    say = request.app[PORTAL].renderer.say
    return say(locale(request), _SAID.get(error.code, N_("That could not be done. Ask the office.")))


async def sell(request: web.Request, seller: Seller, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /agen/voucher: the same form sent twice is one sale."""
    try:
        sold = await seller.parts.sell.sell_vouchers(
            seller.agent.name,
            _whole(form.get("batch", ""), 10**9, "no_batch"),
            _whole(form.get("count", "1"), _MOST_SOLD, "bad_count"),
            actor=seller.actor,
            now=seller.now,
            key=seller.key(form, "voucher"),
            buyer=form.get("buyer", "")[:100],
        )
    except (InvalidInputError, NotFoundError, RefusedError) as error:
        return await _home(request, seller, "voucher", form, error)
    return _see_other(f"/agen/jual/{sold.sale.id}")


def _whole(text: str, most: int, code: str) -> int:
    """Return a whole number from 1 on.

    Raises:
        InvalidInputError: it is none.
    """
    written = text.strip()
    if not (written.isascii() and written.isdigit() and len(written) <= 10 and 1 <= int(written) <= most):
        raise InvalidInputError(f"{written[:20]!r} is no number from 1 to {most}", code=code)
    return int(written)


async def sale(request: web.Request, seller: Seller) -> web.StreamResponse:
    """Answer GET /agen/jual/{id}: the receipt with the codes; another's is as little there as one that never was."""
    try:
        sold = await seller.parts.sell.sold(seller.agent.name, UUID(request.match_info["id"]))
    except (NotFoundError, ValueError):
        raise web.HTTPNotFound from None
    return _render(request, seller, "portal/agent_sale.html", {"sold": sold, "tab": "jual"})


async def top_up(request: web.Request, seller: Seller, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /agen/isi: a subscriber's bill or wallet, paid from the deposit."""
    try:
        receipt = await seller.parts.sell.top_up(
            seller.agent.name,
            form.get("number", "")[:20],
            _amount(form.get("amount", ""), request.app[PORTAL].parts.currency),
            actor=seller.actor,
            now=seller.now,
            key=seller.key(form, "top-up"),
        )
    except (InvalidInputError, NotFoundError, RefusedError) as error:
        return await _home(request, seller, "top-up", form, error)
    return _see_other(f"/agen/terima/{receipt.payment_id}")


def _amount(text: str, currency: str) -> int:
    try:
        return parse_amount(text.strip(), currency)
    except InvalidInputError:
        raise InvalidInputError("no amount", code="bad_amount") from None


async def payment(request: web.Request, seller: Seller) -> web.StreamResponse:
    """Answer GET /agen/terima/{id}: the receipt of a payment that came through this agent."""
    try:
        async with seller.parts.store.read() as work:
            found = await work.agents.payment(seller.agent.name, UUID(request.match_info["id"]))
    except ValueError:
        raise web.HTTPNotFound from None
    if found is None:
        raise web.HTTPNotFound
    return _render(request, seller, "portal/agent_payment.html", {"payment": found, "tab": "jual"})


async def statement(request: web.Request, seller: Seller) -> web.StreamResponse:
    """Answer GET /agen/mutasi: what went in and out of the deposit, newest first."""
    async with seller.parts.store.read() as work:
        lines = await agent_statement(work.ledger, seller.agent.name, _LINES)
    return _render(request, seller, "portal/agent_statement.html", {"lines": lines, "tab": "mutasi"})


async def statement_file(request: web.Request, seller: Seller) -> web.StreamResponse:
    """Answer GET /agen/mutasi.csv."""
    async with seller.parts.store.read() as work:
        lines = await agent_statement(work.ledger, seller.agent.name, MOST_LINES)
    return web.Response(
        body=written(statement_sheet(lines, request.app[PORTAL].parts.timezone), "csv"),
        headers={
            "Content-Type": CONTENT_TYPES["csv"],
            "Content-Disposition": f'attachment; filename="deposit-{seller.agent.name}.csv"',
            "Cache-Control": "no-store",
        },
    )


async def show_password(request: web.Request, seller: Seller) -> web.StreamResponse:
    """Answer GET /agen/sandi."""
    return _render(request, seller, "portal/agent_password.html", {"tab": "sandi"})


async def change_password(request: web.Request, seller: Seller, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /agen/sandi."""
    try:
        await seller.parts.keep.new_password(
            seller.agent.name,
            form.get("old", ""),
            form.get("new", ""),
            token=seller.token,
            actor=seller.actor,
            now=seller.now,
        )
    except (InvalidInputError, RefusedError) as error:
        context = {"tab": "sandi", "problem": _words(request, error)}
        return _render(request, seller, "portal/agent_password.html", context, status=422)
    return _see_other("/agen/sandi?selesai=sandi")


def _see_other(path: str) -> web.Response:
    return web.Response(status=web.HTTPSeeOther.status_code, headers={"Location": path, "Cache-Control": "no-store"})
