"""The dunning calendar: what the next days bring, promises, exemptions, and days off."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from netbilld.billing.holidays import EVERYWHERE, Holiday
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.panel.forms import once_key
from netbilld.panel.live import LIVE, Part
from netbilld.panel.parts import PANEL, Work
from netbilld.panel.staff.money import money_of, today_of
from netbilld.panel.typed import Typed, day_of, typed
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.services.dunning_views import DayAhead
from netbilld.services.sign_in import random_token

DAYS_AHEAD: Final = 8  # today and a week
HOLIDAYS_AHEAD: Final = timedelta(days=400)
_FRESH_SECONDS: Final = 60  # everybody who owes is looked at
_SPARE_SECONDS: Final = 240
_FIELDS: Final = {
    "promise_too_long": "until",
    "bad_date": "until",
    "nothing_owed": "who",
    "too_many_promises": "who",
}


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days ahead, as things stood at a moment."""

    at: datetime
    days: tuple[DayAhead, ...]


def _calendar(request: web.Request) -> Part:
    """Return the days ahead, which whoever looks within a minute shares."""
    money, today, now = money_of(request), today_of(request), request[VISIT].now

    async def read(_work: Work) -> Calendar:
        return Calendar(now, tuple(await money.run_dunning.calendar(today, DAYS_AHEAD, now)))

    topic = ("dunning.calendar", today)
    return Part("calendar", topic, read, "staff/dunning.html", _FRESH_SECONDS, _SPARE_SECONDS)


async def show(request: web.Request) -> web.Response:
    """Answer GET /dunning?on=…: the days ahead, and whom one of them concerns."""
    return await _show(request, Typed(request))


async def _show(request: web.Request, form: Typed, name: str = "", status: int = 200) -> web.Response:
    today = today_of(request)
    _version, calendar = await request.app[LIVE].latest(_calendar(request))
    days = calendar.days
    async with request.app[PANEL].parts.database.read() as work:
        desk = await work.money_views.dunning_desk(today, today + HOLIDAYS_AHEAD)
        areas = await work.money_views.areas(request[VISIT].areas)
    asked = day_of(request.query.get("on"))
    chosen = next((day for day in days if day.on == asked), None) or _next(days, request)
    context = {
        "days": days,
        "read_at": calendar.at,
        "chosen": chosen,
        "desk": desk,
        "areas": areas,
        "holidays_on": {one.on: one for one in reversed(desk.holidays)},
        "today": today,
        "tomorrow": today + timedelta(days=1),
        "form": form,
        "form_name": name,
        "once": random_token(request.app[PANEL].parts.entropy),
    }
    return page(request, "staff/dunning.html", context, status=status)


def _next(days: tuple[DayAhead, ...], request: web.Request) -> DayAhead:
    """Return the day whose isolir comes next: today's, or tomorrow's where that is over."""
    return next((day for day in days if day.at > request[VISIT].now), days[-1])


async def promise(request: web.Request) -> web.StreamResponse:
    """Answer POST /dunning/promises: access is back, or stays, until that day is over; sent twice it is one."""
    form, visit = await typed(request), request[VISIT]
    who, until_on, reason = (
        form.text("who", 100),
        form.day("until", is_needed=True),
        form.text("reason", 200, is_needed=False),
    )

    async def act() -> None:
        assert until_on is not None, "the form is right"  # noqa: S101
        key = once_key(str(visit.person.id), form.values)
        await money_of(request).manage_dunning.promise(who, until_on, reason, visit.actor, visit.now, key)

    return await _act(request, form, "promise", act, "promised")


async def end_promise(request: web.Request) -> web.StreamResponse:
    """Answer POST /dunning/promises/end."""
    form, visit = await typed(request), request[VISIT]
    who = form.text("who", 100)

    async def act() -> None:
        await money_of(request).manage_dunning.end_promise(who, visit.actor, visit.now)

    return await _act(request, form, "promise", act, "promise-ended")


async def exempt(request: web.Request) -> web.StreamResponse:
    """Answer POST /dunning/exemptions: nobody of them is walled, fined or terminated for arrears."""
    form, visit = await typed(request), request[VISIT]
    who, until_on, reason = form.text("who", 100), form.day("until"), form.text("reason", 200)

    async def act() -> None:
        is_group = form.values.get("scope") == "group"
        await money_of(request).manage_dunning.exempt(who, until_on, reason, visit.actor, visit.now, is_group=is_group)

    return await _act(request, form, "exempt", act, "exempt")


async def end_exemption(request: web.Request) -> web.StreamResponse:
    """Answer POST /dunning/exemptions/end."""
    form, visit = await typed(request), request[VISIT]
    who = form.text("who", 100)

    async def act() -> None:
        is_group = form.values.get("scope") == "group"
        await money_of(request).manage_dunning.end_exemption(who, visit.actor, visit.now, is_group=is_group)

    return await _act(request, form, "exempt", act, "exemption-ended")


async def add_holiday(request: web.Request) -> web.StreamResponse:
    """Answer POST /dunning/holidays: nobody is walled on it."""
    form, visit = await typed(request), request[VISIT]
    on, name = form.day("on", is_needed=True), form.text("name", 100)
    area = form.text("area", 100, is_needed=False) or EVERYWHERE

    async def act() -> None:
        assert on is not None, "the form is right"  # noqa: S101
        await money_of(request).manage_holidays.put([Holiday(on, name, area)], visit.actor, visit.now)

    return await _act(request, form, "holiday", act, "holiday-added")


async def remove_holiday(request: web.Request) -> web.StreamResponse:
    """Answer POST /dunning/holidays/remove."""
    form, visit = await typed(request), request[VISIT]
    on, area = form.day("on", is_needed=True), form.values.get("area", EVERYWHERE)

    async def act() -> None:
        assert on is not None, "the form is right"  # noqa: S101
        await money_of(request).manage_holidays.remove(on, area, visit.actor, visit.now)

    return await _act(request, form, "holiday", act, "holiday-removed")


async def _act(
    request: web.Request, form: Typed, name: str, act: Callable[[], Awaitable[None]], done: str
) -> web.StreamResponse:
    """Do something that a form says, or show the form with what is wrong."""
    if form.is_right:
        try:
            await act()
        except NotFoundError:
            form.fault("on" if name == "holiday" else "who", N_("There is no such subscriber, group or day."))
        except (InvalidInputError, RefusedError) as error:
            form.refused(error, _FIELDS)
        else:
            request.app[LIVE].outdated(_calendar(request))
            await request.app[PANEL].parts.nudge()
            raise web.HTTPSeeOther(f"/dunning?done={done}")
    return await _show(request, form, name, status=422)
