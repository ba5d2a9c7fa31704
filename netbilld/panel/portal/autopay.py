"""/akun/bayar-otomatis: the wallet renews by itself or not, and an account at a gateway that bills are charged to."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from aiohttp import web

from netbilld.model.errors import NotFoundError
from netbilld.panel.autopay_parts import AutopayParts
from netbilld.panel.portal.own import REFUSED, Own, done, refused
from netbilld.panel.portal.pages import Refresh
from netbilld.panel.portal.parts import PORTAL
from netbilld.ports.gateways import GatewayAwayError, GatewayRefusedError
from netbilld.ports.mandates import MandateState

_HERE: Final = "/akun/bayar-otomatis"
_SHOWN: Final = 12
_SECONDS, _TIMES = 4, 150
_FAILED: Final = (*REFUSED, GatewayAwayError, GatewayRefusedError)


async def show(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/bayar-otomatis."""
    parts, portal = _parts(request), request.app[PORTAL]
    balance = await portal.show.balance(who.service_id, None, who.now)
    async with parts.store.read() as work:
        charges = await work.mandates.charges(who.subscriber_id, _SHOWN)
        attempts = [await work.gateways.find(one.ref) for one in charges]
    mandate = await parts.link.shown(who.subscriber_id)
    waits = mandate is not None and mandate.state is MandateState.ASKED
    return "portal/autopay.html", {
        "balance": balance,
        "mandate": mandate,
        "charges": list(zip(charges, attempts, strict=True)),
        "kinds": parts.link.kinds,
        "days_before": parts.days_before,
        "phone": who.file.phone or "",
        "refresh": _refresh(request) if waits else None,
        "tab": "pembayaran",
    }


async def renewal(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/bayar-otomatis/perpanjangan."""
    by_clock = form.get("by_itself") == "yes"
    try:
        await _parts(request).renewal.run(who.service_id, by_clock=by_clock, actor=who.actor, now=who.now)
    except REFUSED as error:
        return await refused(request, who, show, form, "renewal", error)
    return done(_HERE, "otomatis" if by_clock else "manual")


async def renew_now(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/bayar-otomatis/perpanjang: the wallet buys the next period now; two clicks buy one."""
    try:
        await _parts(request).renewal.renew_now(who.service_id, actor=who.actor, now=who.now)
    except REFUSED as error:
        return await refused(request, who, show, form, "renewal", error)
    own = request.app[PORTAL].parts.own
    if own is not None:
        await own.nudge()
    return done(_HERE, "diperpanjang")


async def link(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/bayar-otomatis/hubungkan: the gateway is asked, and the page shows where to allow it."""
    return_url = request.app[PORTAL].canonical.url(request, _HERE)
    try:
        await _parts(request).link.begin(
            who.subscriber_id, form.get("phone", "")[:40], return_url=return_url, actor=who.actor, now=who.now
        )
    except _FAILED as error:
        name = "phone" if error.code == "phone_invalid" else "link"
        return await refused(request, who, show, form, name, error)
    return done(_HERE, "tunggu")


async def unlink(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/bayar-otomatis/putuskan: from now on nothing is charged; again changes nothing."""
    del form
    with suppress(NotFoundError):  # the second of two clicks
        await _parts(request).link.end(who.subscriber_id, "subscriber", actor=who.actor, now=who.now)
    return done(_HERE, "putus")


def _parts(request: web.Request) -> AutopayParts:
    parts = request.app[PORTAL].parts.autopay
    if parts is None:
        raise web.HTTPNotFound
    return parts


def _refresh(request: web.Request) -> Refresh | None:
    text = request.query.get("n", "0")
    count = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return Refresh(_SECONDS, f"{_HERE}?n={count + 1}") if count < _TIMES else None
