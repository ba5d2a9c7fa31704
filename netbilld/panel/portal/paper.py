"""A subscriber's own invoices and receipts as PDF."""

from uuid import UUID

from aiohttp import web

from netbilld.panel.portal.parts import PORTAL, File
from netbilld.panel.portal.visitor import locale, signed_in


async def invoice_pdf(request: web.Request) -> web.StreamResponse:
    """Answer GET /akun/tagihan/{id}/pdf: one's own invoice; anybody else's is as little there as one that never was."""
    portal = request.app[PORTAL]
    service_id, invoice_id = await _asked(request)
    view = await portal.show.invoice(service_id, invoice_id)
    if view is None or portal.parts.printing is None:
        raise web.HTTPNotFound
    return _answer(await portal.parts.printing.invoice(view.summary.number, portal.parts.now(), locale(request)))


async def receipt_pdf(request: web.Request) -> web.StreamResponse:
    """Answer GET /akun/pembayaran/{id}/pdf: the receipt of one's own payment, where there is one."""
    portal = request.app[PORTAL]
    service_id, payment_id = await _asked(request)
    printing = portal.parts.printing
    view = await portal.show.payment(service_id, payment_id)
    if view is None or printing is None or not await printing.has_receipt(payment_id):
        raise web.HTTPNotFound
    return _answer(await printing.receipt(str(payment_id), portal.parts.now(), locale(request)))


async def _asked(request: web.Request) -> tuple[UUID, UUID]:
    """Return the signed-in service and the id in the path."""
    login = await signed_in(request)
    if login is None or login.service_id is None:
        raise web.HTTPSeeOther("/masuk")
    try:
        return login.service_id, UUID(request.match_info["id"])
    except ValueError:
        raise web.HTTPNotFound from None


def _answer(file: File) -> web.Response:
    return web.Response(
        body=file.octets,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{file.name}"', "Cache-Control": "private, no-store"},
    )
