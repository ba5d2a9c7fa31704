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
from netbilld.panel.visit import VISIT, page
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
CHART_SPAN: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Tiles:
    """The figures on top."""

    traffic: Traffic
    access: dict[str, int]
    waiting: int


async def show(request: web.Request) -> web.Response:
    """Answer GET /."""
    feed = request.app[LIVE]
    shown = await feed.show(_parts(request))
    brake = await _brake(request)
    return page(request, "staff/overview.html", {"parts": shown, "troubles": _troubles(request), "brake": brake})


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


def _troubles(request: web.Request) -> list[str]:
    """Return what is wrong with netbilld itself, in the words of its log, for those who can do something about it."""
    if not request[VISIT].may(Permission.VIEW_NETWORK):
        return []
    health = request.app[PANEL].parts.health()
    notices = [notice for notice in health.get("notices", ()) if notice != health.get("brake")]  # it is said apart
    return [*health.get("reasons", ()), *notices]


async def _brake(request: web.Request) -> BrakeState | None:
    """Return the brake where it is on, for those who may see what is enforced."""
    if not request[VISIT].may(Permission.VIEW_USAGE):
        return None
    state = await request.app[PANEL].parts.brake.state()
    return state if state is not None and state.is_on else None


def _parts(request: web.Request) -> Sequence[Part]:
    """Return the parts that this visitor may see."""
    visit, panel = request[VISIT], request.app[PANEL]
    timezone, clock = panel.parts.timezone, panel.parts.clock

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
        return tuple(await work.people.area_lines(local_date(clock.now(), timezone)))[:_AREAS]

    async def complaints(work: Work) -> Figures:
        return await work.complaint_views.figures(clock.now())

    parts = []
    if visit.may(Permission.VIEW_USAGE):
        parts += [
            Part(
                "alerts",
                "overview.alerts",
                lambda work: work.readmodels.alert_lines(_ALERTS),
                "partials/alert_notice.html",
                2,
            ),
            Part("tiles", "overview.tiles", tiles, "partials/tiles.html"),
            Part("today", "overview.today", today, "partials/today.html", 5),
            Part(
                "talkers",
                "overview.talkers",
                lambda work: work.readmodels.talkers(_TALKERS),
                "partials/talkers.html",
                2,
            ),
            Part("orders", "overview.orders", lambda work: work.readmodels.attempts(_ORDERS), "partials/orders.html"),
        ]
    if visit.may(Permission.VIEW_SUBSCRIBERS):
        parts.append(
            Part(
                "restricted",
                "overview.restricted",
                lambda work: work.readmodels.restricted(_RESTRICTED),
                "partials/restricted.html",
            )
        )
        parts.append(Part("areas", "overview.areas", areas, "partials/areas.html", _AREAS_SECONDS))
    if visit.may(Permission.VIEW_COMPLAINTS):
        parts.append(Part("complaints", "overview.complaints", complaints, "partials/open_complaints.html", 3))
    if visit.may(Permission.VIEW_NETWORK):
        parts.append(Part("nas", "nas.lines", lambda work: work.readmodels.nas_lines(), "partials/nas_brief.html", 2))
    if visit.may(Permission.VIEW_MONEY):
        parts.append(Part("money", "overview.money", money, "partials/money.html", 3))
    return parts
