"""The overview: what moves now, who is restricted and why, what was ordered, and who owes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aiohttp import web

from netbilld.model.periods import local_date, local_midnight
from netbilld.model.permissions import Permission
from netbilld.panel.live import LIVE, Part, stream
from netbilld.panel.parts import PANEL, Work
from netbilld.panel.trouble_words import trouble_words
from netbilld.panel.visit import VISIT, page, say
from netbilld.services.brake import BrakeState
from netbilld.services.complaint_views import Figures
from netbilld.services.people_views import AreaLine
from netbilld.services.readmodels import Octets, OpenMoney, Traffic

_RESTRICTED: Final = 12
_TALKERS: Final = 8
_ORDERS: Final = 10
_ALERTS: Final = 3
_AREAS: Final = 30
_AREAS_SECONDS: Final = 15.0  # it reads everybody
_AREAS_SPARE_SECONDS: Final = 45.0
CHART_SPAN: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Tiles:
    """The figures on top."""

    traffic: Traffic
    access: dict[str, int]
    waiting: int


async def show(request: web.Request) -> web.Response:
    """Answer GET /; for who is limited to areas what is said of these."""
    feed = request.app[LIVE]
    shown = await feed.show(_parts(request))
    brake = await _brake(request)
    return page(request, "staff/overview.html", {"parts": shown, "troubles": await _troubles(request), "brake": brake})


async def live(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/overview."""
    return await stream(request, _parts(request))


async def throughput(request: web.Request) -> web.Response:
    """Answer GET /data/throughput: the last hour as columns, for the chart."""
    visit, panel = request[VISIT], request.app[PANEL]
    async with panel.parts.database.read() as work:
        samples = await work.readmodels.throughput(visit.now - CHART_SPAN)
    return web.json_response(
        {
            "at": [int(sample.at.timestamp()) for sample in samples],
            "download_bps": [sample.download_bps for sample in samples],
            "upload_bps": [sample.upload_bps for sample in samples],
            "now": int(visit.now.timestamp()),
            "span_seconds": int(CHART_SPAN.total_seconds()),
            "timezone": panel.parts.timezone,
        },
        headers={"Cache-Control": "no-store"},
    )


async def _troubles(request: web.Request) -> list[tuple[str, bool]]:
    """Return what is wrong with netbilld itself, for those who can do something about it.

    Each with whether it is in the reader's language.
    """
    if not request[VISIT].may(Permission.VIEW_NETWORK) or request[VISIT].areas.is_limited:
        return []
    health = await request.app[PANEL].parts.health()
    notices = [notice for notice in health.get("notices", ()) if notice != health.get("brake")]  # it is said apart
    told = [*health.get("reasons", ()), *notices]
    return [trouble_words(one, lambda message, **values: say(request, message, **values)) for one in told]


async def _brake(request: web.Request) -> BrakeState | None:
    """Return the brake where it is on, for those who may see what is enforced."""
    if not request[VISIT].may(Permission.VIEW_USAGE) or request[VISIT].areas.is_limited:
        return None
    state = await request.app[PANEL].parts.brake.state()
    return state if state is not None and state.is_on else None


def _parts(request: web.Request) -> Sequence[Part]:
    """Return the parts that this visitor may see."""
    visit, panel = request[VISIT], request.app[PANEL]
    timezone, clock, within = panel.parts.timezone, panel.parts.clock, visit.areas

    async def tiles(work: Work) -> Tiles:
        counts: dict[str, int] = {}
        for (access, _reason), number in (await work.readmodels.access_counts()).items():
            counts[access] = counts.get(access, 0) + number
        return Tiles(
            traffic=await work.readmodels.traffic(),
            access=counts,
            waiting=await work.readmodels.waiting_orders(),
        )

    async def today(work: Work) -> Octets:
        return await work.readmodels.octets_since(local_midnight(local_date(clock.now(), timezone), timezone))

    async def money(work: Work) -> OpenMoney:
        today = local_date(clock.now(), timezone)
        return await work.readmodels.open_money(today, local_midnight(today, timezone))

    async def areas(work: Work) -> tuple[AreaLine, ...]:
        return tuple(await work.people.area_lines(local_date(clock.now(), timezone), within))[:_AREAS]

    async def complaints(work: Work) -> Figures:
        return await work.complaint_views.figures(clock.now(), within)

    theirs = [
        (
            Permission.VIEW_USAGE,
            Part(
                "talkers",
                ("overview.talkers", within),
                lambda work: work.readmodels.talkers(_TALKERS, within),
                "partials/talkers.html",
                2,
            ),
        ),
        (
            Permission.VIEW_SUBSCRIBERS,
            Part(
                "restricted",
                ("overview.restricted", within),
                lambda work: work.readmodels.restricted(_RESTRICTED, within),
                "partials/restricted.html",
            ),
        ),
        (
            Permission.VIEW_SUBSCRIBERS,
            Part(
                "areas",
                ("overview.areas", within),
                areas,
                "partials/areas.html",
                _AREAS_SECONDS,
                _AREAS_SPARE_SECONDS,
            ),
        ),
        (
            Permission.VIEW_COMPLAINTS,
            Part("complaints", ("overview.complaints", within), complaints, "partials/open_complaints.html", 3),
        ),
    ]
    everybodys = [
        (
            Permission.VIEW_USAGE,
            Part(
                "alerts",
                "overview.alerts",
                lambda work: work.readmodels.alert_lines(_ALERTS),
                "partials/alert_notice.html",
                2,
            ),
        ),
        (Permission.VIEW_USAGE, Part("tiles", "overview.tiles", tiles, "partials/tiles.html")),
        (Permission.VIEW_USAGE, Part("today", "overview.today", today, "partials/today.html", 5)),
        (
            Permission.VIEW_USAGE,
            Part("orders", "overview.orders", lambda work: work.readmodels.attempts(_ORDERS), "partials/orders.html"),
        ),
        (
            Permission.VIEW_NETWORK,
            Part("nas", "nas.lines", lambda work: work.readmodels.nas_lines(), "partials/nas_brief.html", 2),
        ),
        (Permission.VIEW_MONEY, Part("money", "overview.money", money, "partials/money.html", 3)),
    ]
    shown = theirs if within.is_limited else [*theirs, *everybodys]
    return [part for permission, part in shown if visit.may(permission)]
