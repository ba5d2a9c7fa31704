"""A subscriber's own invoices as PDF."""

from uuid import UUID

from aiohttp import web

from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.visitor import locale, signed_in


async def invoice_pdf(request: web.Request) -> web.StreamResponse:
    """Answer GET /akun/tagihan/{id}/pdf: one's own invoice; anybody else's is as little there as one that never was."""
    portal = request.app[PORTAL]
    login = await signed_in(request)
    if login is None or login.service_id is None:
        raise web.HTTPSeeOther("/masuk")
    try:
        invoice_id = UUID(request.match_info["id"])
    except ValueError:
        raise web.HTTPNotFound from None
    view = await portal.show.invoice(login.service_id, invoice_id)
    if view is None or portal.parts.printing is None:
        raise web.HTTPNotFound
    file = await portal.parts.printing.invoice(view.summary.number, portal.parts.now(), locale(request))
    return web.Response(
        body=file.octets,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{file.name}"', "Cache-Control": "private, no-store"},
    )
