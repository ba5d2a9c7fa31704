"""The list of subscribers and its one box: whatever somebody knows leads to whom they mean."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from netbilld.model.periods import local_date
from netbilld.model.permissions import Permission
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.sessions import page_offset
from netbilld.panel.visit import VISIT, page
from netbilld.services.people_views import ACCESS, MONEY, STATUSES, PeopleFilter
from netbilld.services.readmodels import PAGE_LENGTH

_LONGEST: Final = 100
_ONLINE: Final = {"yes": True, "no": False}


async def show_list(request: web.Request) -> web.StreamResponse:
    """Answer GET /subscribers; a search that names one subscriber exactly leads to their page."""
    panel, visit = request.app[PANEL], request[VISIT]
    wanted = filter_of(request)
    offset = page_offset(request)
    today = local_date(visit.now, panel.parts.timezone)
    async with panel.parts.database.read() as work:
        if wanted.text and set(wanted.query) == {"q"} and not offset:
            exactly = await work.people.exactly(wanted)
            if len(exactly) == 1 and request.query.get("all") != "yes":
                raise web.HTTPSeeOther(f"/subscribers/{exactly[0]}")
        found = await work.people.lines(wanted, today, offset)
        areas = await work.people.areas(visit.areas)
        plans = [line.code for line in await work.readmodels.plan_lines()]
    context = {
        "found": found,
        "wanted": wanted,
        "text": wanted.text,
        "access": wanted.access or "",
        "filters": ACCESS,
        "statuses": STATUSES,
        "monies": MONEY if wanted.sees_money else (),
        "areas": areas,
        "plan_codes": plans,
        "base": query_of(wanted),
        "query_of": query_of,
        "looks_like_address": _is_address(wanted.text),
        "offset": offset,
        "length": PAGE_LENGTH,
    }
    return page(request, "staff/subscribers.html", context)


def filter_of(request: web.Request) -> PeopleFilter:
    """Return which services the address of a list asks for; what it asks wrongly is no condition."""
    asked, visit = request.query, request[VISIT]
    sees_money = visit.may(Permission.VIEW_MONEY)
    return PeopleFilter(
        text=asked.get("q", "").strip()[:_LONGEST],
        access=_one_of(asked.get("access"), ACCESS),
        status=_one_of(asked.get("status"), STATUSES),
        plan=asked.get("plan", "").strip()[:_LONGEST] or None,
        area=asked.get("area", "").strip()[:_LONGEST] or None,
        is_online=_ONLINE.get(asked.get("online", "")),
        money=_one_of(asked.get("money"), MONEY) if sees_money else None,
        sees_money=sees_money,
        areas=visit.areas,
    )


def query_of(wanted: PeopleFilter, **changed: str) -> str:
    """Return the address of the list with some of its conditions changed; empty text takes one away."""
    said = {name: value for name, value in {**wanted.query, **changed}.items() if value}
    return "/subscribers?" + "".join(urlencode({name: value}) + "&" for name, value in said.items())


def _one_of(asked: str | None, allowed: tuple[str, ...]) -> str | None:
    return asked if asked in allowed else None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
