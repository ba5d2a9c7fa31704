"""/bayar: pay from the phone, by a link that nobody guesses; it works inside the walls, and without JavaScript."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from netbilld.billing.qris import LARGEST_AMOUNT, dynamic_qris
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NetbilldError, RefusedError
from netbilld.panel.forms import NO_PROBLEM, Problem
from netbilld.panel.pay_words import method_words
from netbilld.panel.portal.own import read_own_form
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.pay_pages import picture, refresh, see_other
from netbilld.panel.portal.pay_parts import PayParts
from netbilld.panel.portal.refusals import REFUSALS
from netbilld.panel.portal.sign_in import sign_in_page
from netbilld.panel.portal.visitor import locale, masked, visitor
from netbilld.panel.security import is_storable_address
from netbilld.ports.gateway_records import Attempt
from netbilld.ports.gateways import GatewayAwayError, GatewayRefusedError
from netbilld.services.account_view import Balance
from netbilld.services.pay_links import LinkKind, Target, pay_token, target_of
from netbilld.services.show_payment import PayDue
from netbilld.services.start_payment import LEAST_MINOR, Asked, payable

_LONGEST_AMOUNT: Final = 20
_OWN_QRIS: Final = "own:qris"


async def my_link(request: web.Request) -> web.StreamResponse:
    """Answer GET /bayar: the link of whoever is known by their address or log-in, else the sign-in form."""
    portal = request.app[PORTAL]
    _parts(request)
    who = await visitor(request)
    service_id = who.recognised.service_id if who.recognised else who.login.service_id if who.login else None
    found = await portal.show.own(service_id) if service_id is not None else None
    if found is None:
        return sign_in_page(request, who.locale, goes_on_to="/bayar")
    token = pay_token(portal.parts.box, Target(LinkKind.SUBSCRIBER, found[0].subscriber_number))
    return see_other(f"/bayar/{token}")


async def show(request: web.Request) -> web.StreamResponse:
    """Answer GET /bayar/{token}: what is due, and the ways to pay it."""
    token, due = await _due(request)
    return await _page(request, token, due, NO_PROBLEM)


async def show_qris(request: web.Request) -> web.StreamResponse:
    """Answer GET /bayar/{token}/qris: our own QRIS code with an amount by which the payment is known."""
    token, due = await _due(request)
    pay, portal = _parts(request), request.app[PORTAL]
    code = await pay.show.known_amount(due, portal.parts.now()) if pay.qris is not None else None
    if code is None or pay.qris is None:
        return see_other(f"/bayar/{token}")
    context = {
        "token": token,
        "code": code,
        "qr": picture(dynamic_qris(pay.qris, code.amount_minor, code.invoice_number)),
        "refresh": refresh(request, f"/bayar/{token}/qris"),
    }
    return _rendered(request, "portal/pay_qris.html", context)


async def begin(request: web.Request) -> web.StreamResponse:
    """Answer POST /bayar/{token}: a payment is made at the gateway, or the one that is open already is shown."""
    form = await _form(request)
    token, due = await _due(request)
    portal, pay = request.app[PORTAL], _parts(request)
    actor = Actor(f"payment link {due.subscriber.number}", portal.perimeter.source(request))
    now = portal.parts.now()
    way = form.get("way", "")[:60]
    try:
        if way == _OWN_QRIS and pay.qris is not None:
            await pay.show.unique_amount(due, actor, now)
            return see_other(f"/bayar/{token}/qris")
        amount_minor = due.outstanding_minor or _amount(form.get("amount", ""))
        public_url = portal.canonical.url(request, "")
        attempt = await pay.start.run(
            Asked(due.subscriber.id, due.invoice_id, amount_minor, way),
            public_url=public_url,
            back_url=f"{public_url}/bayar/{token}/{{ref}}",
            actor=actor,
            now=now,
        )
    except (RefusedError, InvalidInputError, GatewayAwayError, GatewayRefusedError) as error:
        return await _page(request, token, due, _problem(request, form, error), status=422)
    return see_other(f"/bayar/{token}/{attempt.ref}")


async def follow(request: web.Request) -> web.StreamResponse:
    """Answer GET /bayar/{token}/{ref}: how to pay this one; it turns to paid by itself."""
    token, due = await _due(request)
    portal = request.app[PORTAL]
    attempt = await _attempt(request, due)
    balance = await _balance(request, due)
    now = portal.parts.now()
    waits = attempt.state.is_open or (attempt.state.is_paid and balance is not None and balance.is_opening)
    here = f"/bayar/{token}/{attempt.ref}"
    context: dict[str, Any] = {
        "token": token,
        "due": due,
        "attempt": attempt,
        "is_over": attempt.state.is_open and attempt.expires_at <= now,
        "balance": balance,
        "qr": picture(attempt.qr_string) if attempt.qr_string and attempt.state.is_open else None,
        "way": method_words(attempt.method),
        "refresh": refresh(request, here) if waits else None,
    }
    return _rendered(request, "portal/pay_attempt.html", context)


async def look(request: web.Request) -> web.StreamResponse:
    """Answer POST /bayar/{token}/{ref}: the payer says it is paid, so the gateway is asked."""
    await _form(request)
    token, due = await _due(request)
    attempt = await _attempt(request, due)
    await _parts(request).show.look_now(attempt, request.app[PORTAL].parts.now())
    return see_other(f"/bayar/{token}/{attempt.ref}")


# -- what the pages are made of ----------------------------------------------------------------------------------------


async def _page(request: web.Request, token: str, due: PayDue, problem: Problem, status: int = 200) -> web.Response:
    pay, balance = _parts(request), await _balance(request, due)
    short_minor = balance.renewal_shortfall_minor if balance is not None else 0
    context: dict[str, Any] = {
        "token": token,
        "due": due,
        "masked_name": masked(due.subscriber.name),
        "ways": [(way.word, method_words(way.method), way.method) for way in pay.start.ways],
        "own_qris": pay.qris is not None and 0 < due.outstanding_minor < LARGEST_AMOUNT,
        "balance": balance,
        "suggested_minor": payable(short_minor),
        "least_minor": LEAST_MINOR,
        "problem": problem,
        "refresh": None,
    }
    return _rendered(request, "portal/pay.html", context, status)


def _rendered(request: web.Request, template: str, context: Mapping[str, Any], status: int = 200) -> web.Response:
    response = request.app[PORTAL].renderer.page(locale(request), template, context, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _parts(request: web.Request) -> PayParts:
    pay = request.app[PORTAL].parts.pay
    if pay is None or not pay.is_offered:
        raise web.HTTPNotFound
    return pay


async def _due(request: web.Request) -> tuple[str, PayDue]:
    pay, portal = _parts(request), request.app[PORTAL]
    if not is_storable_address(request):
        raise web.HTTPNotFound
    token = request.match_info["token"]
    target = target_of(portal.parts.box, token)
    due = await pay.show.due(target) if target is not None else None
    if target is None or due is None:
        raise web.HTTPNotFound
    return pay_token(portal.parts.box, target).replace("/", "%2F"), due


async def _attempt(request: web.Request, due: PayDue) -> Attempt:
    attempt = await _parts(request).show.attempt(due.subscriber.id, request.match_info["ref"])
    if attempt is None:
        raise web.HTTPNotFound
    return attempt


async def _balance(request: web.Request, due: PayDue) -> Balance | None:
    """Return how the service is that money matters most to: one that is not open, else the first."""
    portal, found = request.app[PORTAL], []
    for service_id in due.service_ids[:5]:
        balance = await portal.show.balance(service_id, None, portal.parts.now())
        if balance is not None:
            found.append(balance)
    return next((one for one in found if not one.is_open or one.is_opening), found[0] if found else None)


async def _form(request: web.Request) -> dict[str, str]:
    if not request.app[PORTAL].perimeter.is_same_origin(request):
        raise web.HTTPForbidden
    return await read_own_form(request)


def _amount(text: str) -> int:
    digits = text.strip().removeprefix("Rp").strip().replace(".", "")
    if not digits or len(digits) > _LONGEST_AMOUNT or not digits.isascii() or not digits.isdigit():
        raise InvalidInputError("that is no amount", code="bad_pay_amount")
    return int(digits)


def _problem(request: web.Request, form: Mapping[str, str], error: NetbilldError) -> Problem:
    say = request.app[PORTAL].renderer.say
    code = error.code if error.code in REFUSALS else "gateway_refused"
    return Problem("pay", say(locale(request), REFUSALS[code]), {"amount": form.get("amount", "")[:_LONGEST_AMOUNT]})
