"""Plans written in the panel: a new one, a version that is tried before it is kept, and services moved to it."""

import asyncio
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from netbilld.billing.plan import Plan
from netbilld.billing.plan_file import parse_plan, plan_from_definition, plan_text, unused_keys
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.periods import local_midnight
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.money import money_of, today_of
from netbilld.panel.typed import WHOLE_FORM, Typed, typed
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.services.move_plan import Move, Moved
from netbilld.services.plan_views import VersionFile
from netbilld.services.reports.table import months_before
from netbilld.services.simulate_plan import Priced, Simulated

MOST_SIMULATED: Final = 500  # services of one what-if
MOST_MOVED: Final = 1_000  # services that one form moves
MONTHS: Final = 6  # back, to choose one of
_SHOWN: Final = 10  # winners and losers
_SOURCE: Final = "plan"
_WRONG: Final = re.compile(r"plan: line (?P<line>\d+): (?P<key>[^:]+): (?P<said>.*)\Z", re.DOTALL)
_WHAT_IFS: Final = asyncio.Semaphore(1)
EXAMPLE: Final = """\
code = "RUMAH20"
name = "Rumah 20 Mbps"
timing = "postpaid"        # prepaid, postpaid
charging = "flat"          # flat, volume, hybrid, time, per_use

[recurring]
price = 200000
period = "month"           # month, 30d, 7d, 1d

[speed]
down = "20M"
up = "10M"

[tax]
rate = "none"              # ppn
inclusive = true
"""


@dataclass(frozen=True, slots=True)
class WrongKey:
    """What is wrong with a plan file: on which line, which key, and the line itself."""

    line: int
    key: str
    said: str
    text: str


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A past month priced by a draft, beside what the services' own terms come to and what was billed."""

    from_on: date
    to_on: date
    services: int
    of_services: int
    billed_minor: int
    own: Priced
    draft: Priced
    winners: int
    losers: int
    less: Sequence[Simulated]
    more: Sequence[Simulated]

    @property
    def change_minor(self) -> int:
        return self.draft.total_minor - self.own.total_minor


# -- a new plan --------------------------------------------------------------------------------------------------------


async def show_add(request: web.Request) -> web.Response:
    """Answer GET /plans/add."""
    return await _show(request, Typed(request), EXAMPLE, None)


async def add(request: web.Request) -> web.StreamResponse:
    """Answer POST /plans: looked at, or kept; the same file sent twice is one plan."""
    form, text = await typed(request), await _text(request)
    visit, money = request[VISIT], money_of(request)
    if form.values.get("do") != "keep":
        return await _show(request, form, text, None)
    try:
        saved = await money.manage_plans.add(text, _SOURCE, actor=visit.actor, now=visit.now)
    except InvalidInputError as error:
        return await _show(request, form, text, None, wrong=_wrong(error, text), status=422)
    except RefusedError as error:
        definition = parse_plan(text, _SOURCE, request.app[PANEL].parts.currency)
        history = await _history(request, definition["code"])
        if history and dict(history[0].definition) == definition:
            raise web.HTTPSeeOther(_address(history[0].code)) from None
        form.refused(error)
        return await _show(request, form, text, None, status=422)
    await request.app[PANEL].parts.nudge()
    raise web.HTTPSeeOther(f"{_address(saved.code)}?done=plan-added")


# -- a further version -------------------------------------------------------------------------------------------------


async def show_version(request: web.Request) -> web.Response:
    """Answer GET /plans/{code}/version: the newest version as its file, to be changed."""
    history = await _known(request)
    return await _show(request, Typed(request), plan_text(history[0].definition), history)


async def version(request: web.Request) -> web.StreamResponse:
    """Answer POST /plans/{code}/version: looked at, tried on a past month, or kept as a new version."""
    form, text, history = await typed(request), await _text(request), await _known(request)
    visit, money = request[VISIT], money_of(request)
    effective_on = form.day("effective_on")
    if effective_on is not None and effective_on < today_of(request):
        form.fault("effective_on", N_("That day is over."))
    if form.values.get("do") != "keep" or not form.is_right:
        status = 200 if form.is_right else 422
        return await _show(request, form, text, history, status=status)
    newest = form.values.get("newest", "")
    try:
        saved = await money.manage_plans.set(
            history[0].code,
            toml_text=text,
            source_name=_SOURCE,
            on_sale=None,
            effective_on=effective_on,
            follows=int(newest) if re.fullmatch(r"[0-9]{1,9}", newest) else 0,
            actor=visit.actor,
            now=visit.now,
        )
    except InvalidInputError as error:
        return await _show(request, form, text, history, wrong=_wrong(error, text), status=422)
    except RefusedError:
        history = await _known(request)
        message = N_("%(who)s has made version %(version)s meanwhile. Look at what changes, and keep it again.")
        form.fault(WHOLE_FORM, message, who=history[0].actor, version=history[0].version)
        return await _show(request, form, text, history, status=409)
    await request.app[PANEL].parts.nudge()
    raise web.HTTPSeeOther(f"{_address(saved.code)}?done={'version-added' if saved.new else 'version-same'}")


async def set_sale(request: web.Request) -> web.StreamResponse:
    """Answer POST /plans/{code}/sale: new services may take it, or may not; running ones keep it."""
    form, history, visit = await typed(request), await _known(request), request[VISIT]
    await money_of(request).manage_plans.set(
        history[0].code, toml_text=None, on_sale=form.values.get("on_sale") == "yes", actor=visit.actor, now=visit.now
    )
    await request.app[PANEL].parts.nudge()
    raise web.HTTPSeeOther(f"{_address(history[0].code)}?done=sale")


async def _show(
    request: web.Request,
    form: Typed,
    text: str,
    history: Sequence[VersionFile] | None,
    *,
    wrong: WrongKey | None = None,
    status: int = 200,
) -> web.Response:
    """Return the page of a plan file; where it was sent, with what it would mean."""
    parts, today = request.app[PANEL].parts, today_of(request)
    unused: Sequence[str] = ()
    plan, tried = None, None
    is_sent = bool(form.values)
    if is_sent and wrong is None:
        try:
            definition = parse_plan(text, _SOURCE, parts.currency)
        except InvalidInputError as error:
            wrong, status = _wrong(error, text), 422
        else:
            plan, unused = plan_from_definition(definition), unused_keys(text, definition)
            if history and form.values.get("do") == "try":
                tried = await _what_if(request, plan, history[0].code, form)
    context: dict[str, Any] = {
        "form": form,
        "text": text,
        "wrong": wrong,
        "plan": plan,
        "unused": unused,
        "tried": tried,
        "most_simulated": MOST_SIMULATED,
        "code": history[0].code if history else None,
        "newest": history[0] if history else None,
        "history": history or (),
        "difference": _difference(history[0].definition, text, parts.currency) if history and plan else (),
        "months": [months_before(today, back) for back in range(1, MONTHS + 1)],
        "today": today,
    }
    return page(request, "staff/plan_version.html", context, status=status)


def _difference(before: Mapping[str, Any], text: str, currency: str) -> list[str]:
    """Return what another version changes, line by line, both written alike."""
    old = plan_text(before).splitlines()
    new = plan_text(parse_plan(text, _SOURCE, currency)).splitlines()
    return [line for line in difflib.ndiff(old, new) if line[:2] in {"- ", "+ "} and line[2:].strip()]


async def _what_if(request: web.Request, plan: Plan, code: str, form: Typed) -> WhatIf | None:
    """Return what a past month would have come to, of those who have the plan; one such question at a time."""
    parts = request.app[PANEL].parts
    month = form.day("month") or months_before(today_of(request), 1)
    from_on = month.replace(day=1)
    to_on = months_before(from_on, -1) - timedelta(days=1)
    if to_on >= today_of(request):
        form.fault("month", N_("Choose a month that is over."))
        return None
    async with parts.database.read() as work:
        services = await work.money_views.services_having(local_midnight(from_on, parts.timezone), to_on, code)
    async with _WHAT_IFS:
        run = money_of(request).simulate_plan.run(
            services[:MOST_SIMULATED], plan, from_on, to_on, now=request[VISIT].now
        )
        found = [one async for one in run]
    ranked = sorted(found, key=lambda one: one.change_minor)
    return WhatIf(
        from_on=from_on,
        to_on=to_on,
        services=len(found),
        of_services=len(services),
        billed_minor=sum(one.billed_minor for one in found),
        own=_summed([one.own for one in found]),
        draft=_summed([one.draft for one in found]),
        winners=sum(one.change_minor < 0 for one in found),
        losers=sum(one.change_minor > 0 for one in found),
        less=[one for one in ranked[:_SHOWN] if one.change_minor < 0],
        more=[one for one in ranked[::-1][:_SHOWN] if one.change_minor > 0],
    )


def _summed(priced: Sequence[Priced]) -> Priced:
    return Priced(
        sum(one.fees_minor for one in priced),
        sum(one.usage_minor for one in priced),
        sum(one.used_up > 0 for one in priced),
        sum(one.slowed_days for one in priced),
    )


# -- moving services ---------------------------------------------------------------------------------------------------


async def show_move(request: web.Request) -> web.Response:
    """Answer GET /plans/{code}/move: whom it concerns, before anything is done."""
    history = await _known(request)
    return await _show_move(request, history, Typed(request, dict(request.query)))


async def _show_move(
    request: web.Request, history: Sequence[VersionFile], form: Typed, status: int = 200
) -> web.Response:
    concerned: Sequence[Moved] = ()
    move = _move(form, history)
    _refuse_many(form, move, history)
    if form.is_right:
        try:
            visit = request[VISIT]
            concerned = await money_of(request).move_plan.run(move, visit.actor, visit.now, dry_run=True)
        except InvalidInputError:
            form.fault("on", N_("That day is over."))
    context = {
        "history": history,
        "code": history[0].code,
        "form": form,
        "move": move,
        "concerned": concerned[:200],
        "total": len(concerned),
        "most_moved": MOST_MOVED,
        "change_minor": sum(one.new_minor - one.old_minor for one in concerned),
        "today": today_of(request),
    }
    return page(request, "staff/plan_move.html", context, status=status)


async def move(request: web.Request) -> web.StreamResponse:
    """Answer POST /plans/{code}/move: safe to repeat, for who has been moved is not moved again."""
    history, form, visit = await _known(request), await typed(request), request[VISIT]
    wanted = _move(form, history)
    _refuse_many(form, wanted, history)
    if not form.is_right:
        return await _show_move(request, history, form, status=422)
    try:
        await money_of(request).move_plan.run(wanted, visit.actor, visit.now, dry_run=False)
    except InvalidInputError:
        form.fault("on", N_("That day is over."))
        return await _show_move(request, history, form, status=422)
    await request.app[PANEL].parts.nudge()
    raise web.HTTPSeeOther(f"{_address(history[0].code)}?done=plan-moved")


def _refuse_many(form: Typed, move: Move, history: Sequence[VersionFile]) -> None:
    """Hold a form against what one form may move."""
    of = [one for one in history if one.version != move.to_version and move.from_version in {None, one.version}]
    if sum(one.services for one in of) > MOST_MOVED and WHOLE_FORM not in form.faults:
        message = N_("More than %(most)s services at once: choose one version, or use the command line.")
        form.fault(WHOLE_FORM, message, most=MOST_MOVED)


def _move(form: Typed, history: Sequence[VersionFile]) -> Move:
    most = history[0].version
    from_version = form.whole("from_version", 0, most, 0)
    to_version = form.whole("to_version", 1, most, most)
    announce_days = form.whole("announce_days", 0, 90, 14)
    return Move(history[0].code, from_version or None, to_version, form.day("on"), announce_days or 0)


# -- shared ------------------------------------------------------------------------------------------------------------


async def _history(request: web.Request, code: str) -> Sequence[VersionFile]:
    async with request.app[PANEL].parts.database.read() as work:
        return await work.money_views.plan_versions(code)


async def _known(request: web.Request) -> Sequence[VersionFile]:
    history = await _history(request, request.match_info["code"])
    if not history:
        raise web.HTTPNotFound
    return history


async def _text(request: web.Request) -> str:
    """Return the file as it was typed, all of it."""
    text = (await request.post()).get("text", "")
    return text.replace("\r\n", "\n").replace("\r", "\n") if isinstance(text, str) else ""


def _wrong(error: InvalidInputError, text: str) -> WrongKey:
    """Return which key a refusal is about, and the line that it stands on."""
    found = _WRONG.match(str(error))
    if found is None:
        return WrongKey(0, "", str(error).removeprefix(f"{_SOURCE}: "), "")
    line = int(found["line"])
    lines = text.splitlines()
    return WrongKey(line, found["key"], found["said"], lines[line - 1] if 0 < line <= len(lines) else "")


def _address(code: str) -> str:
    return f"/plans/{quote(code, safe='')}"
