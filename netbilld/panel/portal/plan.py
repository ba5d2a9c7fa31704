"""The plan of one's own service: another one with what it comes to, top-ups, a break."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NetbilldError
from netbilld.panel.portal.own import REFUSED, Own, done, once_key, refusal_words, refused, render
from netbilld.panel.portal.parts import PORTAL
from netbilld.panel.portal.profile import own_parts
from netbilld.services.own_plan import PlanPreview

_HERE: Final = "/akun/paket"


async def show(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/paket."""
    parts, portal = own_parts(request), request.app[PORTAL]
    choice = await parts.plan.choice(who.service_id, who.actor, who.now)
    return "portal/plan.html", {
        "choice": choice,
        "why_not": refusal_words(request, who, choice.refusal) if choice.refusal is not None else None,
        "pause": await parts.pause.choice(who.file, who.now),
        "top_ups": who.file.plan.top_ups if parts.terms.top_up and who.file.status == "active" else (),
        "balance": await portal.show.balance(who.service_id, None, who.now),
        "tab": "paket",
    }


async def preview(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/paket/{code}: what taking that plan comes to; nothing is changed by looking."""
    try:
        found = await _preview(request, who)
    except REFUSED as error:
        if error.code == "plan_not_offered":
            raise web.HTTPNotFound from None
        raise web.HTTPSeeOther(_HERE) from None  # which says why not
    return "portal/plan_change.html", {"preview": found, "file": who.file, "tab": "paket"}


async def change(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/paket/{code}: take that plan, by the figures that were shown."""
    parts = own_parts(request)
    code, seal = request.match_info["code"], form.get("seal", "")
    if code.casefold() == who.file.plan.code.casefold():  # the second click of two
        return done(_HERE, "paket")
    try:
        changed = await parts.plan.change(who.service_id, who.file.username, code, seal, who.actor, who.now)
    except REFUSED as error:
        if error.code == "plan_changed_since":
            return await _look_again(request, who, error)
        return await refused(request, who, show, form, "plan", error)
    await parts.nudge()
    return done(_HERE, "paket-nanti" if changed.waits else "paket")


async def _look_again(request: web.Request, who: Own, error: NetbilldError) -> web.Response:
    context = {
        "preview": await _preview(request, who),
        "file": who.file,
        "tab": "paket",
        "changed_since": refusal_words(request, who, error),
    }
    return render(request, who, "portal/plan_change.html", context, status=409)


async def _preview(request: web.Request, who: Own) -> PlanPreview:
    return await own_parts(request).plan.preview(who.service_id, request.match_info["code"], who.actor, who.now)


async def take_back(request: web.Request, who: Own, _form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/paket/batal: a change that waits for its day is not made."""
    parts = own_parts(request)
    await parts.plan.take_back(who.service_id, who.actor, who.now)
    await parts.nudge()
    return done(_HERE, "paket-batal")


async def top_up(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/isi-ulang: the same form sent twice buys once."""
    parts = own_parts(request)
    try:
        if not parts.terms.top_up or who.file.status != "active":
            raise InvalidInputError("no top-ups here", code="not_active")
        key = once_key(who, form, "topup")
        await parts.top_up.run(who.file.username, form.get("code", ""), who.actor, who.now, key)
    except REFUSED as error:
        return await refused(request, who, show, form, "topup", error)
    await parts.nudge()
    return done(_HERE, "isi-ulang")


async def pause(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/cuti."""
    parts = own_parts(request)
    try:
        await parts.pause.begin(who.file, _day(form.get("from", "")), _days(form.get("days", "")), who.actor, who.now)
    except REFUSED as error:
        return await refused(request, who, show, form, "pause", error)
    await parts.nudge()
    return done(_HERE, "cuti")


async def end_pause(request: web.Request, who: Own, _form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/cuti/selesai."""
    parts = own_parts(request)
    await parts.pause.end(who.file, who.actor, who.now)
    await parts.nudge()
    return done(_HERE, "cuti-selesai")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        raise InvalidInputError("no day", code="pause_day") from None


def _days(text: str) -> int:
    written = text.strip()
    return int(written) if written.isascii() and written.isdigit() and len(written) < 5 else 0
