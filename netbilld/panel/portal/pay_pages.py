"""What pages of a payment that waits are made of: its QR code, a page that asks for itself again, and the way on."""

from typing import Final

import segno
from aiohttp import web

from netbilld.panel.portal.pages import Refresh

_SECONDS: Final = 4
_TIMES: Final = 300


def picture(text: str) -> str:
    """Return a QR code as the address of a picture."""
    return str(segno.make_qr(text, error="m").svg_data_uri(scale=6, border=4, light="#fff"))


def refresh(request: web.Request, here: str) -> Refresh | None:
    """Return when a page asks for itself again; None where it has done so often enough."""
    text = request.query.get("n", "0")
    count = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return Refresh(_SECONDS, f"{here}?n={count + 1}") if count < _TIMES else None


def see_other(path: str) -> web.Response:
    """Return the answer to a form: where to look now."""
    return web.Response(
        status=web.HTTPSeeOther.status_code,
        headers={"Location": path, "Cache-Control": "no-store"},
    )
