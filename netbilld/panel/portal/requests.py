"""What a subscriber asks us for: to look at an invoice, to delete what is known of them; and taking that back."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from netbilld.model.errors import InvalidInputError
from netbilld.panel.portal.account import invoice
from netbilld.panel.portal.own import REFUSED, Own, asked_id, done, once_key, refused
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.profile import own_parts, show
from netbilld.services.complaint_steps import Doing
from netbilld.services.file_complaint import NewComplaint
from netbilld.services.own_requests import DELETION, INVOICE, LONGEST_TEXT

BILLS: Final = "tagihan"  # the category that comes with netbilld for bills and payments


async def ask_about_invoice(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/tagihan/{id}/tanya (MDI-11)."""
    view = await request.app[PORTAL].show.invoice(who.service_id, asked_id(request))
    if view is None:
        raise web.HTTPNotFound
    invoice_id = view.summary.invoice_id
    try:
        if await _as_complaint(request, who, form, view.summary.number):
            return done(f"/akun/tagihan/{invoice_id}", "tanya")
        await own_parts(request).requests.ask(
            who.subscriber_id, INVOICE, form.get("text", ""), who.actor, who.now, invoice_id=invoice_id
        )
    except REFUSED as error:
        return await refused(request, who, invoice, form, "ask", error)
    return done(f"/akun/tagihan/{invoice_id}", "tanya")


async def _as_complaint(request: web.Request, who: Own, form: Mapping[str, str], number: str) -> bool:
    """Keep the question as a complaint about a bill, where complaints of that category are taken."""
    complaints = request.app[PORTAL].parts.complaints
    if complaints is None:
        return False
    async with complaints.store.read() as work:
        if not any(one.code == BILLS and one.active for one in await work.complaints.categories()):
            return False
    text = form.get("text", "").strip()
    if not text:
        raise InvalidInputError("the text is empty", code="text_missing")
    doing = Doing(who.actor, who.now, by_subscriber=True, key=once_key(who, form, "ask"))
    new = NewComplaint(BILLS, f"{number}: {text}"[:LONGEST_TEXT], "portal", who.service_id)
    await complaints.file.run(who.subscriber_id, new, doing)
    return True


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
