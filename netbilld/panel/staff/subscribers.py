"""Subscribers: the list with its search, one subscriber, and what staff do about one."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.permissions import Permission
from netbilld.model.units import parse_amount
from netbilld.panel.forms import NO_PROBLEM, Problem, once_key, read_form
from netbilld.panel.live import Part, stream
from netbilld.panel.parts import PANEL, Work
from netbilld.panel.visit import VISIT, page, refused, say
from netbilld.panel.words import N_
from netbilld.services.dunning_views import ExemptionLine
from netbilld.services.enforcement_history import ServiceChange
from netbilld.services.manage_locks import LockChanges
from netbilld.services.readmodels import PlanLine, ServiceFile, SubscriberMoney
from netbilld.services.receive_payment import AlreadyReceived
from netbilld.services.sign_in import random_token

ACCESS_FILTERS: Final = ("active", "throttled", "walled", "blocked")
METHODS: Final = ("cash", "transfer", "qris", "va", "ewallet")
_ORDERS: Final = 20
_TOLD: Final = 10
_STORY: Final = 15


async def show(request: web.Request) -> web.Response:
    """Answer GET /subscribers/{number}."""
    return await show_with(request, NO_PROBLEM)


async def show_with(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    """Return a subscriber's page, with what is wrong with one of its forms."""
    panel, visit = request.app[PANEL], request[VISIT]
    today = local_date(visit.now, panel.parts.timezone)
    money: SubscriberMoney | None = None
    plans: list[PlanLine] = []
    papers: Mapping[str, str] = {}
    promised: list[Any] = []
    exempted: ExemptionLine | None = None
    async with panel.parts.database.read() as work:
        found = await work.readmodels.subscriber_file(request.match_info["number"], visit.now, panel.parts.timezone)
        if found is None:
            raise web.HTTPNotFound
        if sees_money := visit.may(Permission.VIEW_MONEY):
            money = await work.readmodels.subscriber_money(found.id, today)
            papers = await work.people.paper_states([line.number for line in money.invoices if line.number])
            promised = [
                one
                for one in await work.dunning_terms.promises(from_on=today, subscriber_id=found.id)
                if one.ended_at is None
            ]
            exempted = await work.dunning_terms.exemption("subscriber", found.number)
        sees_complaints = visit.may(Permission.VIEW_COMPLAINTS)
        complaints = await work.complaint_views.of_subscriber(found.id, _TOLD) if sees_complaints else []
        notes = await work.people.notes(found.id)
        files = await work.people.files(found.id)
        told = await work.people.told(found.id, _TOLD)
        story = await work.people.story(found.id, None, _STORY, sees_money=sees_money)
        if visit.may(Permission.EDIT_SUBSCRIBERS):
            plans = [line for line in await work.readmodels.plan_lines() if line.on_sale]
    context = {
        "subscriber": found,
        "money": money,
        "can_print": request.app[PANEL].parts.printing is not None,
        "plans": plans,
        "papers": papers,
        "promised": promised,
        "exempted": exempted,
        "complaints": complaints,
        "notes": notes,
        "files": files,
        "told": told,
        "story": story,
        "problem": problem,
        "methods": METHODS,
        "today": today,
        "once": random_token(panel.parts.entropy),
    }
    return page(request, "staff/subscriber.html", context, status=status)


@dataclass(frozen=True, slots=True)
class Moving:
    """The part of a subscriber's page that moves."""

    services: tuple[ServiceFile, ...]


async def live(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/subscribers/{number}."""
    number = request.match_info["number"]
    clock = request.app[PANEL].parts.clock

    async def services(work: Work) -> Moving:
        return Moving(tuple(await work.readmodels.services_of(number, clock.now())))

    async def orders(work: Work) -> tuple[ServiceChange, ...]:
        return tuple(await work.readmodels.service_changes(number, _ORDERS))

    parts = (
        Part("services", ("services", number), services, "partials/service_states.html"),
        Part("orders", ("subscriber.orders", number), orders, "partials/timeline.html"),
    )
    return await stream(request, parts)


async def suspend(request: web.Request) -> web.StreamResponse:
    """Answer POST …/suspend: isolir by hand, with a reason that the subscriber page and the audit trail keep."""
    form = await read_form(request)
    if not form.get("reason"):
        return await _refused(request, "suspend", say(request, N_("Write why the service is suspended.")), form)
    panel, visit = request.app[PANEL], request[VISIT]

    async def act(username: str) -> None:
        await panel.parts.manage_subscribers.suspend(username, form["reason"], visit.actor, visit.now)

    return await _act(request, "suspend", form, act)


async def resume(request: web.Request) -> web.StreamResponse:
    """Answer POST …/resume."""
    panel, visit = request.app[PANEL], request[VISIT]

    async def act(username: str) -> None:
        await panel.parts.manage_subscribers.resume(username, visit.actor, visit.now)

    return await _act(request, "resume", {}, act)


async def forget_lock(request: web.Request) -> web.StreamResponse:
    """Answer POST …/forget-lock: a modem was swapped; the next log-in teaches anew."""
    panel, visit = request.app[PANEL], request[VISIT]

    async def act(username: str) -> None:
        await panel.parts.manage_locks.set(username, LockChanges(forget=True), visit.actor, visit.now)

    return await _act(request, "forget-lock", {}, act)


async def pay(request: web.Request) -> web.StreamResponse:
    """Answer POST …/payments: the same form sent twice is one payment."""
    form = await read_form(request)
    panel, visit, number = request.app[PANEL], request[VISIT], request.match_info["number"]
    try:
        key = once_key(str(visit.person.id), form)
        amount_minor = _amount(request, form.get("amount", ""))
        outcome = await panel.parts.receive_payment.run(
            await payer_name(request, number),
            amount_minor,
            method=form.get("method", ""),
            reference=form.get("reference") or None,
            received_on=_day(request, form.get("received_on", "")),
            actor=visit.actor,
            now=visit.now,
            idempotency_key=key,
            is_meant=form.get("meant") == "yes",
            rest_to_wallet=form.get("to_wallet") == "yes",
        )
    except (InvalidInputError, RefusedError) as error:
        return await _refused(request, "payment", refused(request, error), form)
    await panel.parts.nudge()
    done = "known_payment" if isinstance(outcome, AlreadyReceived) else "payment"
    raise web.HTTPSeeOther(f"/subscribers/{number}?done={done}")


async def _act(
    request: web.Request, name: str, form: dict[str, str], act: Callable[[str], Awaitable[None]]
) -> web.StreamResponse:
    """Do something to a service of the subscriber in the address, by its user name."""
    panel, number = request.app[PANEL], request.match_info["number"]
    try:
        await act(await _username(request))
    except NotFoundError:
        raise
    except (InvalidInputError, RefusedError) as error:
        return await _refused(request, name, refused(request, error), form)
    await panel.parts.nudge()
    raise web.HTTPSeeOther(f"/subscribers/{number}?done={name}")


async def _username(request: web.Request) -> str:
    """Return the user name of the service in the address; another subscriber's service is not found."""
    panel, visit = request.app[PANEL], request[VISIT]
    wanted = UUID(request.match_info["service"])
    async with panel.parts.database.read() as work:
        for service in await work.readmodels.services_of(request.match_info["number"], visit.now):
            if service.id == wanted and service.username:
                return service.username
    raise web.HTTPNotFound


async def payer_name(request: web.Request, number: str) -> str:
    """Return the name that payments of a subscriber go by.

    A user name where there is one: another's user name may look like a subscriber number, and would come first.
    """
    panel, visit = request.app[PANEL], request[VISIT]
    async with panel.parts.database.read() as work:
        services = await work.readmodels.services_of(number, visit.now)
    return next((service.username for service in services if service.username), number)


async def _refused(request: web.Request, form: str, message: str, values: dict[str, str]) -> web.Response:
    kept = {name: value for name, value in values.items() if name != "csrf"}
    return await show_with(request, Problem(form, message, kept), status=422)


def _amount(request: web.Request, text: str) -> int:
    try:
        amount_minor = parse_amount(text, request.app[PANEL].parts.currency)
    except InvalidInputError:
        amount_minor = 0
    if amount_minor <= 0:
        raise InvalidInputError(say(request, N_("Write the amount as a number above 0, such as 275000.")))
    return amount_minor


def _day(request: web.Request, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidInputError(say(request, N_("Write the day as YYYY-MM-DD."))) from None
