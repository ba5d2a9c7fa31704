"""The pages after signing in: only what belongs to the signed-in service and its subscriber."""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from netbilld.model.errors import NetbilldError
from netbilld.panel.portal.chart import bars, hour_bars
from netbilld.panel.portal.outage import outage_of
from netbilld.panel.portal.own import Own, asked_id
from netbilld.panel.portal.pages import bill_hero
from netbilld.panel.portal.parts import PORTAL
from netbilld.services.account_view import Account, Balance
from netbilld.services.foresee_bill import Foreseen
from netbilld.services.line_health import LineHealth, line_health
from netbilld.services.sign_in import token_hash

_PATIENCE_SECONDS: Final = 2.0  # for what a page can do without


async def overview(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun: how much, until when, why, whether it is paid, and whether the line is fine."""
    portal = request.app[PORTAL]
    account = await _account(request, who.service_id)
    bill = min((one for one in account.invoices if one.is_open), key=lambda one: one.due_on, default=None)
    opened = await portal.show.invoice(who.service_id, bill.invoice_id) if bill is not None else None
    return "portal/account.html", {
        "account": account,
        "balance": account.balance,
        "hero": bill_hero(account.balance),
        "bill": opened,
        "line": await _line(request, who, account.balance),
        "foreseen": await _foreseen(request, who),
        "outage": await outage_of(portal, who.subscriber_id),
        "chart": bars(account.days),
        "tab": "akun",
    }


async def _line(request: web.Request, who: Own, balance: Balance) -> LineHealth | None:
    """Return how the line is; None where that can't be told just now, which no page waits for."""
    parts = request.app[PORTAL].parts.own
    if parts is None:
        return None
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return line_health(await parts.explain.run(who.file.username, who.now), balance)
    except (NetbilldError, OSError, TimeoutError):
        return None


async def _foreseen(request: web.Request, who: Own) -> Foreseen | None:
    parts = request.app[PORTAL].parts.own
    if parts is None:
        return None
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await parts.provisional.run(who.file, who.now)
    except TimeoutError:
        return None


async def usage(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/pemakaian: by day, and by the hour of the day that was picked."""
    portal = request.app[PORTAL]
    account = await _account(request, who.service_id)
    first_on, last_on = account.days[0].on, account.days[-1].on
    try:
        wanted = date.fromisoformat(request.query.get("hari", "")[:10])
    except ValueError:
        wanted = last_on
    day = min(max(wanted, first_on), last_on)
    hours = await portal.show.hours_of(who.file, day)
    return "portal/usage.html", {
        "account": account,
        "balance": account.balance,
        "chart": bars(account.days),
        "day": day,
        "first_on": first_on,
        "last_on": last_on,
        "hours": hour_bars(hours),
        "tab": "pemakaian",
    }


async def invoices(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/tagihan."""
    account = await _account(request, who.service_id)
    return "portal/invoices.html", {"account": account, "balance": account.balance, "tab": "tagihan"}


async def payments(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/pembayaran."""
    account = await _account(request, who.service_id)
    return "portal/payments.html", {"account": account, "balance": account.balance, "tab": "pembayaran"}


async def sessions(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/sesi."""
    account = await _account(request, who.service_id)
    return "portal/sessions.html", {"account": account, "balance": account.balance, "tab": "sesi"}


async def invoice(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/tagihan/{id}: one's own invoice; anybody else's is as little there as one that never was."""
    portal = request.app[PORTAL]
    view = await portal.show.invoice(who.service_id, asked_id(request))
    balance = await portal.show.balance(who.service_id, None, portal.parts.now())
    if view is None or balance is None:
        raise web.HTTPNotFound
    on_paper = portal.parts.printing is not None
    return "portal/invoice.html", {"invoice": view, "balance": balance, "tab": "tagihan", "on_paper": on_paper}


async def invoice_line(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/tagihan/{id}/baris/{line}: a line opened to plan, period, quantity, price, tax and usage (MDI-15)."""
    portal = request.app[PORTAL]
    view = await portal.show.invoice(who.service_id, asked_id(request))
    number = int(request.match_info["line"])
    if view is None or portal.parts.own is None or not 1 <= number <= len(view.lines):
        raise web.HTTPNotFound
    explained = await portal.parts.own.explain_invoice.run(view.summary.number)
    return "portal/line.html", {
        "summary": view.summary,
        "line": explained["lines"][number - 1],
        "number": number,
        "count": len(view.lines),
        "days": [
            date.fromisoformat(one["on"]) for one in explained["lines"][number - 1].get("usage", {}).get("days", ())
        ],
        "iso_day": date.fromisoformat,
        "iso_moment": datetime.fromisoformat,
        "tab": "tagihan",
    }


async def payment(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/pembayaran/{id}: one's own payment, and the invoices it went to."""
    portal = request.app[PORTAL]
    view = await portal.show.payment(who.service_id, asked_id(request))
    if view is None:
        raise web.HTTPNotFound
    printing = portal.parts.printing
    on_paper = printing is not None and await printing.has_receipt(view.summary.payment_id)
    return "portal/payment.html", {"payment": view, "tab": "pembayaran", "on_paper": on_paper}


async def _account(request: web.Request, service_id: UUID) -> Account:
    portal = request.app[PORTAL]
    account = await portal.show.account(service_id, portal.parts.now())
    if account is None:
        raise web.HTTPNotFound
    return account


async def choose_service(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/layanan: look at another service of one's own; anybody else's is not there."""
    portal = request.app[PORTAL]
    wanted = next((one for one in who.services if str(one.service_id) == form.get("service")), None)
    if wanted is None:
        raise web.HTTPNotFound
    async with portal.parts.store.write() as work:
        token = request.cookies[portal.perimeter.cookie_name(request)]
        await work.own_business.look_at(token_hash(token), wanted.service_id)
    raise web.HTTPSeeOther("/akun")
