"""The pages after signing in: only what belongs to the signed-in service and its subscriber."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from aiohttp import web

from netbilld.panel.portal.chart import bars
from netbilld.panel.portal.pages import hero
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.visitor import locale, signed_in
from netbilld.services.account_view import Account
from netbilld.services.sign_in import Login

Page = Callable[[web.Request, UUID], Awaitable[tuple[str, dict[str, Any]]]]


def for_the_signed_in(page: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return a handler that lets only a signed-in service in, and renders what the page gives."""

    async def handle(request: web.Request) -> web.StreamResponse:
        login: Login | None = await signed_in(request)
        if login is None or login.service_id is None:
            raise web.HTTPSeeOther("/masuk")
        template, context = await page(request, login.service_id)
        context.setdefault("refresh", None)
        renderer = request.app[PORTAL].renderer
        return renderer.page(locale(request), template, {**context, "csrf": login.csrf_token})

    return handle


async def overview(request: web.Request, service_id: UUID) -> tuple[str, dict[str, Any]]:
    """GET /akun."""
    account = await _account(request, service_id)
    return "portal/account.html", {
        "account": account,
        "balance": account.balance,
        "hero": hero(account.balance),
        "chart": bars(account.days),
        "tab": "akun",
    }


async def invoices(request: web.Request, service_id: UUID) -> tuple[str, dict[str, Any]]:
    """GET /akun/tagihan."""
    account = await _account(request, service_id)
    return "portal/invoices.html", {"account": account, "balance": account.balance, "tab": "tagihan"}


async def payments(request: web.Request, service_id: UUID) -> tuple[str, dict[str, Any]]:
    """GET /akun/pembayaran."""
    account = await _account(request, service_id)
    return "portal/payments.html", {"account": account, "balance": account.balance, "tab": "pembayaran"}


async def sessions(request: web.Request, service_id: UUID) -> tuple[str, dict[str, Any]]:
    """GET /akun/sesi."""
    account = await _account(request, service_id)
    return "portal/sessions.html", {"account": account, "balance": account.balance, "tab": "sesi"}


async def invoice(request: web.Request, service_id: UUID) -> tuple[str, dict[str, Any]]:
    """GET /akun/tagihan/{id}: one's own invoice; anybody else's is as little there as one that never was."""
    portal = request.app[PORTAL]
    view = await portal.show.invoice(service_id, _id(request))
    balance = await portal.show.balance(service_id, None, portal.parts.now())
    if view is None or balance is None:
        raise web.HTTPNotFound
    on_paper = portal.parts.printing is not None
    return "portal/invoice.html", {"invoice": view, "balance": balance, "tab": "tagihan", "on_paper": on_paper}


async def payment(request: web.Request, service_id: UUID) -> tuple[str, dict[str, Any]]:
    """GET /akun/pembayaran/{id}: one's own payment, and the invoices it went to."""
    portal = request.app[PORTAL]
    view = await portal.show.payment(service_id, _id(request))
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


def _id(request: web.Request) -> UUID:
    try:
        return UUID(request.match_info["id"])
    except ValueError:
        raise web.HTTPNotFound from None
