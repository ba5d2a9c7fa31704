"""A voucher bought on a hotspot's page: chosen, paid by phone, and let in with it; without JavaScript by reload.

The order's link is what shows its code, so nobody guesses it. It comes back from the router in `link-orig`: a log-in
page that has grown old while somebody paid is answered with the code once more, hashed with the router's new challenge.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from netbilld.billing.plan_file import plan_from_definition
from netbilld.model.actor import Actor
from netbilld.model.errors import NetbilldError, NotFoundError, RefusedError
from netbilld.model.voucher import UNUSED, ValidFrom, VoucherStatus, shown_code
from netbilld.panel.forms import Problem
from netbilld.panel.pay_words import method_words
from netbilld.panel.portal.hotspot_login import Hotspot, hotspot_of, kept_of, page_wanted, send_page
from netbilld.panel.portal.own import read_own_form
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.pay_pages import picture, refresh, see_other
from netbilld.panel.portal.refusals import REFUSALS
from netbilld.panel.portal.visitor import locale
from netbilld.panel.security import is_storable_address
from netbilld.ports.gateways import GatewayAwayError, GatewayRefusedError
from netbilld.services.order_vouchers import Bought, Buyer, OrderVouchers
from netbilld.services.sign_in import random_token

_LONGEST_ONCE: Final = 64
_LOGS_IN_WITHIN: Final = timedelta(minutes=20)  # of the payment; later only who asks for it
_MOST_TRIES: Final = 2
_TRY: Final = "coba"


@dataclass(frozen=True, slots=True)
class Back:
    """Somebody who has bought a voucher and is sent to the log-in page again.

    Attributes:
        page: brings them back to the router; None once that was tried often enough.
        code: of their voucher, as it is shown.
    """

    page: web.Response | None
    code: str


async def offered(request: web.Request) -> dict[str, Any]:
    """Return what the page of a hotspot says of vouchers that are sold there."""
    portal, orders = request.app[PORTAL], _orders(request)
    offers = await orders.offers(portal.parts.now()) if orders is not None else []
    if orders is None or not offers:
        return {"offers": []}
    return {
        "offers": [(one, plan_from_definition(one.definition)) for one in offers],
        "ways": [(way.word, method_words(way.method)) for way in orders.ways],
        "from_sale": ValidFrom.SALE.value,
        "once": random_token(portal.parts.entropy),
    }


async def order(request: web.Request, hotspot: Hotspot, fields: Mapping[str, str]) -> web.Response | Problem:
    """Order what was chosen on the page of a hotspot; return where to go on, or what was wrong."""
    portal, orders = request.app[PORTAL], _orders(request)
    number, once = fields.get("number", ""), fields.get("once", "")
    if orders is None or not once or len(once) > _LONGEST_ONCE:
        raise web.HTTPBadRequest
    client = portal.perimeter.source(request)
    try:
        token = await orders.begin(
            int(number) if number.isascii() and number.isdigit() and len(number) <= 9 else 0,
            fields.get("way", "")[:60],
            Buyer(client, hotspot.origin, kept_of(fields)),
            once=once,
            public_url=portal.canonical.url(request, ""),
            actor=Actor("hotspot page", client),
            now=portal.parts.now(),
        )
    except (NotFoundError, RefusedError, GatewayAwayError, GatewayRefusedError) as error:
        return _problem(request, fields, error)
    return see_other(f"/beli/{token}")


async def follow(request: web.Request) -> web.StreamResponse:
    """Answer GET /beli/{token}: how to pay; once that is done the code, and the way back to the router."""
    portal, bought = request.app[PORTAL], await _bought(request)
    now, here = portal.parts.now(), f"/beli/{bought.token}"
    usable = bought.voucher is not None and bought.voucher.voucher.status_at(now) in UNUSED
    if usable and _is_fresh(bought, now) and _TRY not in request.query:
        hotspot = await hotspot_of(request, bought.order.hotspot)
        if hotspot is not None and hotspot.is_safe:
            return see_other(f"{here}/masuk")
    attempt = bought.attempt
    context: dict[str, Any] = {
        "bought": bought,
        "code": shown_code(bought.voucher.code) if bought.voucher is not None else "",
        "state": bought.voucher.voucher.status_at(now).value if bought.voucher is not None else "",
        "Status": VoucherStatus,
        "usable": usable,
        "until_at": bought.voucher.voucher.valid_until_at if bought.voucher is not None else None,
        "is_over": bought.voucher is None and (not attempt.state.is_open or attempt.expires_at <= now),
        "wanted_url": page_wanted(bought.order.hotspot.get("link-orig", "")),
        "can_log_in": usable and bool(bought.order.hotspot),
        "qr": picture(attempt.qr_string) if attempt.qr_string and attempt.state.is_open else None,
        "way": method_words(attempt.method),
        "refresh": refresh(request, here) if bought.voucher is None and attempt.state.is_open else None,
    }
    return _rendered(request, "portal/bought.html", context)


async def look(request: web.Request) -> web.StreamResponse:
    """Answer POST /beli/{token}: the buyer says it is paid, so the gateway is asked."""
    if not request.app[PORTAL].perimeter.is_same_origin(request):
        raise web.HTTPForbidden
    await read_own_form(request)
    bought, orders = await _bought(request), _orders(request)
    assert orders is not None, "an order was found"  # noqa: S101
    await orders.look_now(bought, request.app[PORTAL].parts.now())
    return see_other(f"/beli/{bought.token}")


async def log_in(request: web.Request) -> web.StreamResponse:
    """Answer GET /beli/{token}/masuk: the code, and a form that brings it to the router by itself."""
    bought = await _bought(request)
    hotspot = await hotspot_of(request, bought.order.hotspot)
    if bought.voucher is None or hotspot is None or not hotspot.is_safe:
        return see_other(f"/beli/{bought.token}?{_TRY}=0")
    return _sent(request, hotspot, bought, 1)


async def come_back(request: web.Request, hotspot: Hotspot) -> Back | None:
    """Return what becomes of a browser that the router sent here while it was to log in with a bought voucher."""
    portal, orders = request.app[PORTAL], _orders(request)
    here = portal.canonical.url(request, "/beli/")
    if orders is None or not hotspot.wanted_url.startswith(here):
        return None
    parts = urlsplit(hotspot.wanted_url)
    tried = parse_qs(parts.query).get(_TRY, ["0"])[0]
    bought = await orders.show(parts.path.removeprefix("/beli/"))
    if bought is None or bought.voucher is None or not tried.isascii() or not tried.isdigit() or len(tried) > 2:
        return None
    code = shown_code(bought.voucher.code)
    if int(tried) >= _MOST_TRIES or not hotspot.is_safe:
        return Back(None, code)
    return Back(_sent(request, hotspot, bought, int(tried) + 1), code)


# -- what the pages are made of ----------------------------------------------------------------------------------------


def _sent(request: web.Request, hotspot: Hotspot, bought: Bought, tried: int) -> web.Response:
    assert bought.voucher is not None, "it is paid"  # noqa: S101
    back = request.app[PORTAL].canonical.url(request, f"/beli/{bought.token}?{_TRY}={tried}")
    code = bought.voucher.code
    page = send_page(request, hotspot, code, code, wanted_url=back, code=shown_code(code))
    page.headers["Cache-Control"] = "no-store"
    return page


def _is_fresh(bought: Bought, now: datetime) -> bool:
    sold_at = bought.voucher.voucher.sold_at if bought.voucher is not None else None
    return sold_at is not None and now - sold_at < _LOGS_IN_WITHIN


async def _bought(request: web.Request) -> Bought:
    orders = _orders(request)
    found = await orders.show(request.match_info["token"]) if orders and is_storable_address(request) else None
    if found is None:
        raise web.HTTPNotFound
    return found


def _orders(request: web.Request) -> OrderVouchers | None:
    pay = request.app[PORTAL].parts.pay
    return None if pay is None else pay.orders


def _rendered(request: web.Request, template: str, context: Mapping[str, Any]) -> web.Response:
    response = request.app[PORTAL].renderer.page(locale(request), template, context)
    response.headers["Cache-Control"] = "no-store"
    return response


def _problem(request: web.Request, fields: Mapping[str, str], error: NetbilldError) -> Problem:
    say = request.app[PORTAL].renderer.say
    code = error.code if error.code in REFUSALS else "gateway_refused"
    return Problem("buy", say(locale(request), REFUSALS[code]), {"number": fields.get("number", "")[:9]})
