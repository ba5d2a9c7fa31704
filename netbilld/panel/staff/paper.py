"""Documents as PDF, for staff."""

from aiohttp import web

from netbilld.panel.parts import PANEL
from netbilld.panel.staff.money import pdf_response
from netbilld.panel.visit import VISIT


async def invoice_pdf(request: web.Request) -> web.Response:
    """Answer GET /invoices/{number}/pdf: an invoice or credit note in its subscriber's language."""
    printing = request.app[PANEL].parts.printing
    if printing is None:
        raise web.HTTPNotFound
    file = await printing.invoice(request.match_info["number"], request[VISIT].now)
    return pdf_response(file.octets, file.name)
