"""Whether an invoice or receipt on paper is genuine (INCA-45): the QR code leads here, or the code is typed.

Below it stands how the provider is really paid and reached.
"""

from typing import Final

from aiohttp import web

from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.visitor import locale

_LONGEST: Final = 100


async def verify_page(request: web.Request) -> web.StreamResponse:
    """Answer GET /v and GET /v/{code}: anybody may ask, who has the code; nothing is told to who has not."""
    portal = request.app[PORTAL]
    code = (request.match_info.get("code") or request.query.get("code", "")).strip()[:_LONGEST]
    found = await portal.verify.check(code) if code else None
    context = {"asked": bool(code), "code": code, "document": found, "official": portal.parts.official, "refresh": None}
    status = 404 if code and found is None else 200
    response = portal.renderer.page(locale(request), "portal/verify.html", context, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response
