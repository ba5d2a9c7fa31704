"""What a subscriber asks us for: to look at an invoice, to delete what is known of them; and taking that back."""

from collections.abc import Mapping

from aiohttp import web

from netbilld.panel.portal.account import invoice
from netbilld.panel.portal.own import REFUSED, Own, asked_id, done, refused
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.profile import own_parts, show
from netbilld.services.own_requests import DELETION, INVOICE


async def ask_about_invoice(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/tagihan/{id}/tanya (MDI-11)."""
    view = await request.app[PORTAL].show.invoice(who.service_id, asked_id(request))
    if view is None:
        raise web.HTTPNotFound
    invoice_id = view.summary.invoice_id
    try:
        await own_parts(request).requests.ask(
            who.subscriber_id, INVOICE, form.get("text", ""), who.actor, who.now, invoice_id=invoice_id
        )
    except REFUSED as error:
        return await refused(request, who, invoice, form, "ask", error)
    return done(f"/akun/tagihan/{invoice_id}", "tanya")


async def ask_deletion(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/hapus."""
    try:
        await own_parts(request).requests.ask(who.subscriber_id, DELETION, form.get("text", ""), who.actor, who.now)
    except REFUSED as error:
        return await refused(request, who, show, form, "deletion", error)
    return done("/akun/profil", "hapus")


async def withdraw(request: web.Request, who: Own, _form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/permintaan/{id}/tarik; anybody else's is not there."""
    try:
        await own_parts(request).requests.withdraw(who.subscriber_id, asked_id(request), who.actor, who.now)
    except REFUSED:
        raise web.HTTPNotFound from None
    return done("/akun/profil", "tarik")
