"""The captive portal API (RFC 8908): what a device is told about its own connection."""

import json
from typing import Any, Final

from aiohttp import web

from netbilld.enforcement.policy import Reason
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.visitor import recognised

_ENDS_BY_PAYING: Final = frozenset({Reason.OVERDUE, Reason.NO_CREDIT, Reason.EXPIRED})


async def capport(request: web.Request) -> web.StreamResponse:
    """Answer GET /capport; a stranger learns only where the portal is.

    Limits are told only where access ends with them and only to who is not captive (RFC 8908 §5).
    """
    portal = request.app[PORTAL]
    who = await recognised(request)
    balance = await portal.show.balance(who.service_id, who.session_id, portal.parts.now()) if who is not None else None
    answer: dict[str, Any]
    if balance is None or balance.is_captive:
        answer = {"captive": True, "user-portal-url": portal.canonical.url(request, "/isolir")}
        if balance is not None and balance.reason in _ENDS_BY_PAYING:
            answer["can-extend-session"] = True
    else:
        answer = {"captive": False, "venue-info-url": portal.canonical.url(request, "/")}
        if (octets := balance.octets_to_closing) is not None:
            answer["bytes-remaining"] = octets
            answer["can-extend-session"] = True
        if (seconds := balance.seconds_to_closing) is not None:
            answer["seconds-remaining"] = seconds
            answer["can-extend-session"] = True
    return web.Response(
        body=json.dumps(answer).encode(),
        content_type="application/captive+json",
        headers={"Cache-Control": "private, no-store"},
    )
