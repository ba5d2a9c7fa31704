"""Log-in attempts as they come, with filters; and why somebody can't get online."""

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from netbilld.enforcement.explain import Check, CheckName
from netbilld.model.permissions import Permission
from netbilld.panel.live import LIVE, Part, stream
from netbilld.panel.parts import PANEL, Work
from netbilld.panel.visit import VISIT, page
from netbilld.services.explain import LONGEST_NAME
from netbilld.services.explain_words import Locale, Teller
from netbilld.services.log_ins import LogInFilter, LogInPage
from netbilld.services.readmodels import PAGE_LENGTH

RESULTS: Final = ("accept", "reject")
_ATTEMPTS: Final = 8
_LONGEST_FILTER: Final = 100


async def show(request: web.Request) -> web.Response:
    """Answer GET /logins."""
    wanted = _wanted(request)
    if wanted.before_id is None:
        _version, shown = await request.app[LIVE].latest(_part(wanted))
    else:
        async with request.app[PANEL].parts.database.read() as work:
            shown = await work.readmodels.log_ins(wanted, PAGE_LENGTH)
    async with request.app[PANEL].parts.database.read() as work:
        reasons = await work.readmodels.log_in_reasons()
        nas_names = [line.name for line in await work.readmodels.nas_lines()]
    context = {"shown": shown, "wanted": wanted, "reasons": reasons, "nas_names": nas_names, "results": RESULTS}
    return page(request, "staff/logins.html", context)


async def live(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/logins."""
    wanted = _wanted(request)
    return await stream(request, [_part(wanted)])


def _wanted(request: web.Request) -> LogInFilter:
    def given(name: str) -> str | None:
        return request.query.get(name, "").strip()[:_LONGEST_FILTER] or None

    before = request.query.get("before", "")
    result = given("result")
    return LogInFilter(
        part=given("q"),
        nas=given("nas"),
        result=result if result in RESULTS else None,
        reason=given("reason"),
        before_id=int(before) if before.isdecimal() and len(before) < 18 else None,
        areas=request[VISIT].areas,
    )


def _part(wanted: LogInFilter) -> Part:
    async def read(work: Work) -> LogInPage:
        return await work.readmodels.log_ins(wanted, PAGE_LENGTH)

    # a search looks at many attempts
    return Part("logins", ("logins", wanted), read, "partials/logins.html", 4 if wanted.part else 2)


@dataclass(frozen=True, slots=True)
class Line:
    """A check as the page shows it."""

    check: Check
    title: str
    state: str
    tone: str
    text: str
    action: tuple[tuple[bool, str], ...]  # in pieces: a command to type, or words


_TONES: Final = {"ok": "good", "blocking": "bad", "warning": "warn", "unknown": "quiet"}


async def explain(request: web.Request) -> web.Response:
    """Answer GET /explain."""
    visit, parts = request[VISIT], request.app[PANEL].parts
    username = request.query.get("q", "").strip()[:LONGEST_NAME]
    context: dict[str, Any] = {"username": username, "found": None, "lines": (), "first": None, "attempts": ()}
    if username:
        found = await parts.explain.run(username, visit.now)
        if visit.areas.is_limited:
            await _refuse_elsewhere(request, found.subscriber_no)
        locale: Locale = "id" if visit.locale == "id" else "en"
        teller = Teller(locale, parts.timezone, parts.currency, with_money=visit.may(Permission.VIEW_MONEY))
        lines = [_line(teller, check) for check in found.checks if check.cause != "no_service"]
        first = next((line for line in lines if line.check is found.first), None)
        async with parts.database.read() as work:
            attempts = await work.readmodels.log_ins(LogInFilter(username=username, areas=visit.areas), _ATTEMPTS)
        context |= {
            "found": found,
            "lines": lines,
            "first": first,
            "verdict": teller.verdict(found),
            "attempts": attempts.lines,
            "mend": _mend(found.first) if found.first is not None else None,
        }
    return page(request, "staff/explain.html", context)


async def _refuse_elsewhere(request: web.Request, number: str | None) -> None:
    """Let those who are limited to areas ask about their subscribers only; a name like another's tells of it, too.

    Raises:
        HTTPNotFound: it is another area's, or nobody's.
    """
    async with request.app[PANEL].parts.database.read() as work:
        if number is None or not await work.whereabouts.holds(request[VISIT].areas, "subscriber", number):
            raise web.HTTPNotFound


def _line(teller: Teller, check: Check) -> Line:
    said = teller.say(check)
    pieces = tuple((bool(at % 2), piece) for at, piece in enumerate(said.action.split("`")) if piece)
    return Line(check, said.title, teller.state(check), _TONES[check.state.value], said.text, pieces)


def _mend(first: Check) -> str | None:
    """Return what one click can do about the first cause: pay, manage, disconnect, retry or pool; None for nothing."""
    if first.cause in {"overdue", "wallet_empty", "expired"}:
        return "pay"
    if first.cause in {"session_limit", "session_limit_ghost", "coa_refused"} and first.values.get("session"):
        return "disconnect"
    if first.name is CheckName.COA:
        return "retry"
    if first.cause in {"suspended", "paused"}:
        return "manage"
    if first.cause == "pool_full":
        return "pool"
    return None
