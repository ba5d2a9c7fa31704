"""Throughput and usage over time: the network, a NAS, a subscriber; who used most; who held an address."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from netbilld.model.errors import InvalidInputError
from netbilld.model.moments import parse_moment, parse_network
from netbilld.model.periods import local_date
from netbilld.panel.parts import PANEL
from netbilld.panel.plot import Plot, plot
from netbilld.panel.typed import day_of
from netbilld.panel.visit import VISIT, page, say
from netbilld.panel.words import N_
from netbilld.services.readmodels import SessionLine
from netbilld.services.sheets import CONTENT_TYPES, Sheet, SheetFormat, written
from netbilld.services.shown_usage import By, Direction
from netbilld.services.throughput import SPANS, Whose
from netbilld.services.usage_sheets import top_sheet, usage_sheet

PERIODS: Final = ("today", "yesterday", "7days", "month", "last_month")
DIRECTIONS: Final[tuple[Direction, ...]] = ("both", "down", "up")
LIMITS: Final = (20, 100, 500)
BUCKETS: Final[tuple[By, ...]] = ("hour", "day", "month", "session")
_LONGEST_DAYS: Final = 800
_MOST_HELD: Final = 100
_MOST_HOURS_DAYS: Final = 62


@dataclass(frozen=True, slots=True)
class TopWanted:
    """What the list of most usage is asked for: local days [first_on, end_on)."""

    period: str
    first_on: date
    end_on: date
    direction: Direction
    nas: str
    limit: int


async def show(request: web.Request) -> web.Response:
    """Answer GET /usage: throughput of the whole network, and who used most."""
    panel = request.app[PANEL]
    wanted = _top_wanted(request)
    drawn = await plot_of(request, Whose())
    async with panel.parts.database.read() as work:
        most = await work.usage.top(
            wanted.first_on,
            wanted.end_on,
            wanted.limit,
            direction=wanted.direction,
            nas_id=await _nas_id(request, wanted.nas),
        )
        nas_names = await work.readmodels.nas_names()
    context = {
        "plot": drawn,
        "most": most,
        "wanted": wanted,
        "nas_names": nas_names,
        "periods": PERIODS,
        "directions": DIRECTIONS,
        "limits": LIMITS,
    }
    return page(request, "staff/usage.html", context | span_context(request))


async def export_top(request: web.Request) -> web.Response:
    """Answer GET /usage/top.csv and .xlsx."""
    wanted = _top_wanted(request)
    async with request.app[PANEL].parts.database.read() as work:
        most = await work.usage.top(
            wanted.first_on,
            wanted.end_on,
            wanted.limit,
            direction=wanted.direction,
            nas_id=await _nas_id(request, wanted.nas),
        )
    last_on = wanted.end_on - timedelta(days=1)
    return _file(request, top_sheet(most), f"usage-top-{wanted.first_on}-{last_on}")


async def show_subscriber(request: web.Request) -> web.Response:
    """Answer GET /subscribers/{number}/usage: one service over time, by hour, day, month or session."""
    panel, visit, number = request.app[PANEL], request[VISIT], request.match_info["number"]
    async with panel.parts.database.read() as work:
        services = await work.readmodels.services_of(number, visit.now)
        if not services:
            raise web.HTTPNotFound
        asked = request.query.get("service", "")
        service = next((one for one in services if str(one.id) == asked), services[0])
        by, first_on, end_on = _usage_wanted(request, service.timezone)
        totals = await work.usage.totals(service.id, first_on, end_on, service.timezone)
        buckets = await work.usage.buckets(service.id, first_on, end_on, by, service.timezone)
    context = {
        "number": number,
        "services": services,
        "service": service,
        "plot": await plot_of(request, Whose("service", service.id), service.timezone),
        "totals": totals,
        "buckets": list(reversed(buckets)),
        "by": by,
        "buckets_by": BUCKETS,
        "first_on": first_on,
        "last_on": end_on - timedelta(days=1),
    }
    return page(request, "staff/subscriber_usage.html", context | span_context(request))


async def export_subscriber(request: web.Request) -> web.Response:
    """Answer GET /subscribers/{number}/usage.csv and .xlsx."""
    number = request.match_info["number"]
    async with request.app[PANEL].parts.database.read() as work:
        services = await work.readmodels.services_of(number, request[VISIT].now)
        asked = request.query.get("service", "")
        service = next((one for one in services if not asked or str(one.id) == asked), None)
        if service is None:
            raise web.HTTPNotFound
        by, first_on, end_on = _usage_wanted(request, service.timezone)
        buckets = await work.usage.buckets(service.id, first_on, end_on, by, service.timezone)
    return _file(request, usage_sheet(buckets, by, service.timezone), f"usage-{number}-{first_on}-{by}")


async def data(request: web.Request) -> web.Response:
    """Answer GET /data/usage: a series as columns; of the network, or of `nas` or `service`."""
    panel = request.app[PANEL]
    whose = Whose()
    if name := request.query.get("nas"):
        nas_id = await _nas_id(request, name)
        if nas_id is None:
            raise web.HTTPNotFound
        whose = Whose("nas", nas_id)
    elif asked := request.query.get("service"):
        try:
            whose = Whose("service", UUID(asked))
        except ValueError:
            raise web.HTTPNotFound from None
    areas = request[VISIT].areas
    async with panel.parts.database.read() as work:
        if areas.is_limited and (
            whose.kind != "service" or not await work.whereabouts.holds(areas, "service", str(whose.id))
        ):
            raise web.HTTPNotFound
        series = await work.readmodels.series(whose, span_of(request), request[VISIT].now, panel.parts.timezone)
    return web.json_response(
        {
            "span": series.span,
            "at": [int(point.at.timestamp()) for point in series.points],
            "upload_bps": [point.upload_bps for point in series.points],
            "download_bps": [point.download_bps for point in series.points],
            "timezone": panel.parts.timezone,
        },
        headers={"Cache-Control": "no-store"},
    )


async def show_held(request: web.Request) -> web.Response:
    """Answer GET /sessions/held: who held an address at a time."""
    panel = request.app[PANEL]
    address, moment = request.query.get("address", "").strip()[:60], request.query.get("at", "").strip()[:40]
    lines: list[SessionLine] = []
    problem = ""
    at: datetime | None = None
    if address:
        try:
            network = parse_network(address)
            at = parse_moment("at", moment, panel.parts.timezone) if moment else None
        except InvalidInputError:
            problem = say(request, N_("Write an address such as 100.64.3.7 or 2001:db8::1, and a day and time."))
        else:
            async with panel.parts.database.read() as work:
                lines = list(await work.readmodels.sessions_that_held(network, at, _MOST_HELD))
    context = {"lines": lines, "address": address, "moment": moment, "at": at, "problem": problem}
    return page(request, "staff/held.html", context, status=422 if problem else 200)


async def plot_of(request: web.Request, whose: Whose, timezone: str | None = None) -> Plot:
    """Return the plot of the span that the address asks for."""
    panel = request.app[PANEL]
    zone = timezone or panel.parts.timezone
    async with panel.parts.database.read() as work:
        return plot(await work.readmodels.series(whose, span_of(request), request[VISIT].now, zone), zone)


def span_of(request: web.Request) -> str:
    """Return the span that the address asks for; a day unless it names another."""
    asked = request.query.get("span", "")
    return asked if asked in SPANS else "day"


def span_context(request: web.Request) -> dict[str, Any]:
    """Return what the choice of spans is drawn from; the rest of the address is kept."""
    kept = urlencode([(name, value) for name, value in request.query.items() if name != "span"])
    return {"span": span_of(request), "spans": tuple(SPANS), "span_rest": f"&{kept}" if kept else ""}


def _top_wanted(request: web.Request) -> TopWanted:
    asked, panel = request.query, request.app[PANEL]
    today = local_date(request[VISIT].now, panel.parts.timezone)
    period = asked.get("period", "")
    first_on, last_on = day_of(asked.get("from")), day_of(asked.get("to"))
    if period not in PERIODS and first_on and last_on and timedelta(0) <= last_on - first_on < timedelta(_LONGEST_DAYS):
        period, end_on = "", last_on + timedelta(days=1)
    else:
        period = period if period in PERIODS else "month"
        first_on, end_on = _days_of(period, today)
    direction = asked.get("direction", "")
    limit = asked.get("limit", "")
    return TopWanted(
        period,
        first_on,
        end_on,
        next((known for known in DIRECTIONS if known == direction), "both"),
        asked.get("nas", "")[:100],
        int(limit) if limit in {str(known) for known in LIMITS} else LIMITS[0],
    )


def _days_of(period: str, today: date) -> tuple[date, date]:
    """Return the local days [first, end) of a named period."""
    tomorrow = today + timedelta(days=1)
    match period:
        case "today":
            return today, tomorrow
        case "yesterday":
            return today - timedelta(days=1), today
        case "7days":
            return today - timedelta(days=6), tomorrow
        case "last_month":
            return (today.replace(day=1) - timedelta(days=1)).replace(day=1), today.replace(day=1)
        case _:
            return today.replace(day=1), tomorrow


def _usage_wanted(request: web.Request, timezone: str) -> tuple[By, date, date]:
    """Return what a service's table is by, and its local days [first, end)."""
    asked = request.query
    today = local_date(request[VISIT].now, timezone)
    by: By = next((known for known in BUCKETS if known == asked.get("by")), "day")
    first_on, last_on = day_of(asked.get("from")), day_of(asked.get("to"))
    if first_on is None or last_on is None or not timedelta(0) <= last_on - first_on < timedelta(days=_LONGEST_DAYS):
        last_on = today
        first_on = today.replace(day=1) if by != "month" else today.replace(year=today.year - 1, day=1)
    if by in {"hour", "session"}:
        first_on = max(first_on, last_on - timedelta(days=_MOST_HOURS_DAYS))
    return by, first_on, last_on + timedelta(days=1)


async def _nas_id(request: web.Request, name: str) -> UUID | None:
    if not name:
        return None
    async with request.app[PANEL].parts.database.read() as work:
        return await work.readmodels.nas_id(name)


def _file(request: web.Request, sheet: Sheet, name: str) -> web.Response:
    kind: SheetFormat = "xlsx" if request.path.endswith(".xlsx") else "csv"
    return web.Response(
        body=written(sheet, kind),
        headers={
            "Content-Type": CONTENT_TYPES[kind],
            "Content-Disposition": f'attachment; filename="{name}.{kind}"',
            "Cache-Control": "no-store",
        },
    )
