"""Agents: made by staff, their deposits filled, the subscribers they serve, and what they have sold."""

from typing import Final

from aiohttp import web

from netbilld.model.agent import Agent, commission_permille, percent_of
from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.panel.forms import once_key
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.subscribers import METHODS
from netbilld.panel.staff.vouchers import selling_of
from netbilld.panel.typed import Typed, typed
from netbilld.panel.visit import VISIT, page
from netbilld.services.agent_statement import MOST_LINES, agent_statement, statement_sheet
from netbilld.services.keep_agents import LEAST_PASSWORD
from netbilld.services.sheets import CONTENT_TYPES, written
from netbilld.services.sign_in import random_token

_LINES: Final = 30
_FIELDS: Final = {
    "bad_name": "name",
    "agent_known": "name",
    "phone_invalid": "phone",
    "bad_commission": "commission",
    "password_short": "password",
    "bad_amount": "amount",
    "not_found": "number",
    "deposit_too_small": "amount",
}


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /agents."""
    return await _show_list(request, Typed(request))


async def _show_list(request: web.Request, form: Typed, status: int = 200) -> web.Response:
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.agents.all()
    context = {"agents": found, "form": form, "least": LEAST_PASSWORD}
    return page(request, "staff/agents.html", context, status=status)


async def add(request: web.Request) -> web.StreamResponse:
    """Answer POST /agents."""
    selling, visit = selling_of(request), request[VISIT]
    form = await typed(request)
    name, full_name = form.text("name", 32), form.text("full_name", 200)
    if not form.is_right:
        return await _show_list(request, form, 422)
    try:
        agent = await selling.keep_agents.add(
            name,
            full_name,
            form.values.get("password", ""),
            phone=form.values.get("phone") or None,
            commission_permille=commission_permille(form.values.get("commission") or "0"),
            actor=visit.actor,
            now=visit.now,
        )
    except (InvalidInputError, RefusedError) as error:
        form.refused(error, _FIELDS)
        return await _show_list(request, form, 422)
    raise web.HTTPSeeOther(f"/agents/{agent.name}?done=agent-added")


async def show(request: web.Request) -> web.Response:
    """Answer GET /agents/{agent}."""
    return await _show(request, Typed(request))


async def _show(request: web.Request, form: Typed, form_name: str = "", status: int = 200) -> web.Response:
    panel = request.app[PANEL]
    name = request.match_info["agent"]
    async with panel.parts.database.read() as work:
        agent: Agent | None = await work.agents.by_name(name)
        if agent is None:
            raise web.HTTPNotFound
        served = await work.agents.served(name)
        sales = await work.vouchers.sales(agent=name, limit=_LINES)
        payments = await work.agents.payments(name, _LINES)
        collectors = [one for one in await work.collectors.all() if one.status == "active"]
        lines = await agent_statement(work.ledger, name, _LINES)
    context = {
        "agent": agent,
        "commission": percent_of(agent.commission_permille),
        "served": served,
        "sales": sales,
        "payments": payments,
        "collectors": collectors,
        "lines": lines,
        "methods": METHODS,
        "form": form,
        "form_name": form_name,
        "least": LEAST_PASSWORD,
        "once": random_token(panel.parts.entropy),
    }
    return page(request, "staff/agent.html", context, status=status)


async def statement(request: web.Request) -> web.Response:
    """Answer GET /agents/{agent}/statement.csv: the newest 5,000 movements, oldest first."""
    panel, name = request.app[PANEL], request.match_info["agent"]
    async with panel.parts.database.read() as work:
        if await work.agents.by_name(name) is None:
            raise web.HTTPNotFound
        lines = await agent_statement(work.ledger, name, MOST_LINES)
    return web.Response(
        body=written(statement_sheet(lines, panel.parts.timezone), "csv"),
        headers={
            "Content-Type": CONTENT_TYPES["csv"],
            "Content-Disposition": f'attachment; filename="deposit-{name}.csv"',
        },
    )


async def deposit(request: web.Request) -> web.StreamResponse:
    """Answer POST /agents/{agent}/deposit: the same form sent twice is one deposit."""
    return await _move(request, "deposit")


async def pay_out(request: web.Request) -> web.StreamResponse:
    """Answer POST /agents/{agent}/pay-out: what is left of a deposit, or was booked too much; once a form."""
    return await _move(request, "pay-out")


async def _move(request: web.Request, form_name: str) -> web.StreamResponse:
    selling, visit = selling_of(request), request[VISIT]
    move = selling.keep_agents.deposit if form_name == "deposit" else selling.keep_agents.pay_out
    form = await typed(request)
    amount_minor = form.amount("amount")
    method = form.choice("method", METHODS, METHODS[0])
    reference = form.text("reference", 200, is_needed=False)
    if amount_minor is None or not form.is_right:
        return await _show(request, form, form_name, 422)
    try:
        await move(
            request.match_info["agent"],
            amount_minor,
            method=method,
            reference=reference,
            collector=form.values.get("collector") or None,
            actor=visit.actor,
            now=visit.now,
            idempotency_key=once_key(str(visit.person.id), form.values),
        )
    except (InvalidInputError, NotFoundError, RefusedError) as error:
        form.refused(error, _FIELDS)
        return await _show(request, form, form_name, 422)
    raise _back(request, f"agent-{form_name}")


async def serve(request: web.Request) -> web.StreamResponse:
    """Answer POST /agents/{agent}/serve: a subscriber is given to the agent, or taken away."""
    selling, visit = selling_of(request), request[VISIT]
    form = await typed(request)
    number = form.text("number", 100)
    if not form.is_right:
        return await _show(request, form, "serve", 422)
    try:
        await selling.keep_agents.serve(
            request.match_info["agent"],
            number,
            form.values.get("serves", "yes") == "yes",
            actor=visit.actor,
            now=visit.now,
        )
    except NetbilldError as error:
        form.refused(error, {**_FIELDS, error.code: "number"})
        return await _show(request, form, "serve", 422)
    raise _back(request, "agent-served")


async def change(request: web.Request) -> web.StreamResponse:
    """Answer POST /agents/{agent}: commission, whether they sell, a new password."""
    selling, visit = selling_of(request), request[VISIT]
    form = await typed(request)
    try:
        await selling.keep_agents.change(
            request.match_info["agent"],
            active=form.values.get("active") == "yes",
            commission_permille=commission_permille(form.values.get("commission") or "0"),
            password=form.values.get("password") or None,
            actor=visit.actor,
            now=visit.now,
        )
    except NotFoundError:
        raise web.HTTPNotFound from None
    except InvalidInputError as error:
        form.refused(error, _FIELDS)
        return await _show(request, form, "change", 422)
    raise _back(request, "agent-saved")


def _back(request: web.Request, done: str) -> web.HTTPSeeOther:
    return web.HTTPSeeOther(f"/agents/{request.match_info['agent']}?done={done}")
