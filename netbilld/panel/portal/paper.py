"""A subscriber's own invoices and receipts as PDF."""

from aiohttp import web

from netbilld.panel.portal.own import Own, asked_id
from netbilld.panel.portal.parts import PORTAL, File


async def invoice_pdf(request: web.Request, who: Own) -> web.StreamResponse:
    """Answer GET /akun/tagihan/{id}/pdf: one's own invoice; anybody else's is as little there as one that never was."""
    portal = request.app[PORTAL]
    view = await portal.show.invoice(who.service_id, asked_id(request))
    if view is None or portal.parts.printing is None:
        raise web.HTTPNotFound
    return _answer(await portal.parts.printing.invoice(view.summary.number, who.now, who.locale))


async def receipt_pdf(request: web.Request, who: Own) -> web.StreamResponse:
    """Answer GET /akun/pembayaran/{id}/pdf: the receipt of one's own payment, where there is one."""
    portal = request.app[PORTAL]
    payment_id = asked_id(request)
    printing = portal.parts.printing
    view = await portal.show.payment(who.service_id, payment_id)
    if view is None or printing is None or not await printing.has_receipt(payment_id):
        raise web.HTTPNotFound
    return _answer(await printing.receipt(str(payment_id), who.now, who.locale))


def _answer(file: File) -> web.Response:
    return web.Response(
        body=file.octets,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{file.name}"', "Cache-Control": "private, no-store"},
    )
