"""The audit trail: who did what, when, from where, and what it was before."""

from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from netbilld.model.periods import local_midnight
from netbilld.panel.parts import PANEL
from netbilld.panel.visit import page
from netbilld.services.audit_trail import AuditFilter
from netbilld.services.readmodels import PAGE_LENGTH

_LONGEST: Final = 100
_MOST_PEOPLE: Final = 200
_FIELDS: Final = ("who", "about", "kind", "from", "until")


async def show(request: web.Request) -> web.Response:
    """Answer GET /audit."""
    asked = {name: request.query.get(name, "").strip()[:_LONGEST] for name in _FIELDS}
    before = request.query.get("before", "")
    wanted = AuditFilter(
        actor=asked["who"] or None,
        about=asked["about"] or None,
        kind=asked["kind"] or None,
        from_at=_midnight(request, asked["from"]),
        until_at=_midnight(request, asked["until"], days=1),
        before_id=int(before) if before.isdecimal() and len(before) < 18 else None,
    )
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.audit.search(wanted, PAGE_LENGTH)
        actions = await work.audit.actions()
        people = await work.audit.actors(_MOST_PEOPLE)
    kinds = sorted({action.partition(".")[0] for action in actions})
    older = None
    if found.more:
        older = "/audit?" + urlencode(
            {name: text for name, text in asked.items() if text} | {"before": found.lines[-1].id}
        )
    context = {"found": found, "asked": asked, "kinds": kinds, "actions": actions, "people": people, "older": older}
    return page(request, "staff/audit.html", context)


def _midnight(request: web.Request, text: str, days: int = 0) -> datetime | None:
    """Return when a local day begins, or the day that many days later; None for what is no day."""
    try:
        on = date.fromisoformat(text) + timedelta(days=days)
        return local_midnight(on, request.app[PANEL].parts.timezone)
    except (ValueError, OverflowError):
        return None
