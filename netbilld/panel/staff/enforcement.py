"""What is due and not yet so, and the newest orders."""

from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from netbilld.enforcement.effect_figures import figures
from netbilld.panel.live import LIVE, Part, stream
from netbilld.panel.parts import PANEL, Work
from netbilld.panel.visit import VISIT, page
from netbilld.services.order_views import EffectsShown
from netbilld.services.overshoot import percentile

_SHOWN: Final = 100
_ORDERS: Final = 40
_CROSSINGS: Final = 1000
_SHARES: Final = (0.5, 0.9, 0.99, 1.0)
_EFFECTS: Final = 1000
_EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)
ALERTS: Final = 20


async def _effects(work: Work) -> EffectsShown:
    newest = await work.readmodels.timed_effects(_EVER, _EFFECTS)
    return EffectsShown(figures(newest, lambda one: one.cause), figures(newest, lambda one: one.nas))


PARTS: Final = (
    Part("alerts", "alerts", lambda work: work.readmodels.alert_lines(ALERTS), "partials/alerts.html", 2),
    Part("mismatches", "mismatches", lambda work: work.readmodels.mismatches(_SHOWN), "partials/mismatches.html"),
    Part("orders", "orders", lambda work: work.readmodels.attempts(_ORDERS), "partials/orders.html"),
    Part("effects", "effects", _effects, "partials/effects.html", 5),
)


async def show(request: web.Request) -> web.Response:
    """Answer GET /enforcement."""
    feed = request.app[LIVE]
    shown = await feed.show(PARTS)
    async with request.app[PANEL].parts.database.read() as work:
        over = [crossing.over_octets for crossing in await work.crossings.newest(_CROSSINGS)]
    shares = {share: percentile(over, share) for share in _SHARES}
    the_brake = request.app[PANEL].parts.brake
    brake = await the_brake.state()
    held = await the_brake.held(_SHOWN) if brake is not None and brake.is_on else ()
    said = {"parts": shown, "crossings": len(over), "over": shares, "brake": brake, "held": held}
    return page(request, "staff/enforcement.html", said)


async def live(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/enforcement."""
    return await stream(request, PARTS)


async def retry(request: web.Request) -> web.StreamResponse:
    """Answer POST /enforcement/retry: every waiting order is tried at once."""
    panel, visit = request.app[PANEL], request[VISIT]
    await panel.parts.control_sessions.retry(visit.actor, visit.now)
    await panel.parts.nudge()
    raise web.HTTPSeeOther("/enforcement?done=retry")
