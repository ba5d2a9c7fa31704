"""Open sessions that move, and ending one."""

from aiohttp import web

from netbilld.panel.live import LIVE, Part, stream
from netbilld.panel.parts import PANEL
from netbilld.panel.security import safe_path
from netbilld.panel.visit import VISIT, page
from netbilld.services.readmodels import PAGE_LENGTH


async def show(request: web.Request) -> web.Response:
    """Answer GET /sessions."""
    part = _part(request)
    _version, found = await request.app[LIVE].latest(part)
    text, offset = _wanted(request)
    async with request.app[PANEL].parts.database.read() as work:
        doubts = await work.readmodels.doubts_waiting()
        of_meters = await work.readmodels.meter_doubts_waiting()
    context = {
        "shown": found,
        "text": text,
        "offset": offset,
        "length": PAGE_LENGTH,
        "doubts": doubts,
        "of_meters": of_meters,
    }
    return page(request, "staff/sessions.html", context)


async def live(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/sessions."""
    return await stream(request, [_part(request)])


async def disconnect(request: web.Request) -> web.StreamResponse:
    """Answer POST /sessions/{id}/disconnect; the reconciler sends the order and keeps trying."""
    panel, visit = request.app[PANEL], request[VISIT]
    await panel.parts.control_sessions.disconnect(int(request.match_info["id"]), visit.actor, visit.now)
    await panel.parts.nudge()
    form = await request.post()
    raise web.HTTPSeeOther(with_done(safe_path(str(form.get("next", "")), "/sessions"), "disconnect"))


def with_done(path: str, done: str) -> str:
    """Return a path that tells the page what was just done."""
    bare, _, query = path.partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith("done=")]
    return f"{bare}?{'&'.join([*kept, f'done={done}'])}"


def _wanted(request: web.Request) -> tuple[str, int]:
    return request.query.get("q", "").strip()[:100], page_offset(request)


def page_offset(request: web.Request) -> int:
    """Return how many lines to pass over, by the page number in the address."""
    number = request.query.get("page", "1")
    return (
        (min(int(number), 100_000) - 1) * PAGE_LENGTH if number.isdecimal() and len(number) < 7 and number != "0" else 0
    )


def _part(request: web.Request) -> Part:
    text, offset = _wanted(request)
    areas = request[VISIT].areas
    return Part(
        "sessions",
        ("sessions", text, offset, areas),
        lambda work: work.readmodels.session_lines(text, offset, areas),
        "partials/sessions.html",
        3 if text else 1,  # a search looks at every open session
    )
