"""Agents: who sells from a deposit, what it holds, what goes in and out of it."""

from typing import Final, Literal
from uuid import UUID

from pydantic import Field

from netbilld.model.agent import Agent, AgentDeposit
from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import AGENT, Answer, Endpoint
from netbilld.panel.api.payments import Method
from netbilld.panel.api.shapes import Amount, Asked, Day, Moment, Name, Paid, Query, Shape, Word
from netbilld.services.agent_statement import agent_statement
from netbilld.services.keep_agents import known_agent


class AgentDocument(Shape):
    """Somebody who sells for us."""

    name: str
    full_name: str
    phone: str | None
    status: Literal["active", "ended"]
    commission_permille: int = Field(description="Of what subscribers pay through them.")
    deposit: Amount
    currency: str
    created_at: Moment


class AgentList(Shape):
    items: list[AgentDocument]


class ServedDocument(Shape):
    """A subscriber whose money they take."""

    subscriber_no: str
    name: str
    outstanding: Amount
    currency: str


class OneAgentDocument(AgentDocument):
    subscribers: list[ServedDocument]


class AgentStatementLineDocument(Shape):
    at: Moment
    booked_on: Day
    kind: str
    text: str
    amount: Amount = Field(description="Above 0 where the deposit grew.")
    deposit: Amount = Field(description="What it held after that.")


class AgentStatementDocument(Shape):
    """What went in and out of a deposit, the newest first."""

    agent: str
    currency: str
    lines: list[AgentStatementLineDocument]


class AgentStatementQuery(Query):
    limit: int = Field(default=50, ge=1, le=500, description="At most so many.")


class AgentMoneyBody(Asked):
    amount: Paid
    method: Method = "cash"
    reference: Name | None = None
    collector: Word | None = Field(default=None, description="Whose cash it is.")


class AgentMoneyDocument(Shape):
    """Money that went in or out."""

    id: UUID
    agent: str
    amount: Amount = Field(description="Below 0 where it was paid out.")
    currency: str
    method: str
    collector: str | None
    reference: str
    recorded_at: Moment
    actor: str


async def show_list(call: Call) -> Answer:
    """GET /agents."""
    async with call.parts.database.read() as work:
        return Answer(AgentList(items=[AgentDocument(**_fields(one, call)) for one in await work.agents.all()]))


async def show(call: Call) -> Answer:
    """GET /agents/{agent}."""
    async with call.parts.database.read() as work:
        found = await known_agent(work, call.params["agent"])
        served = await work.agents.served(found.name)
    theirs = [
        ServedDocument(subscriber_no=one.number, name=one.name, outstanding=one.owed_minor, currency=one.currency)
        for one in served
    ]
    return Answer(OneAgentDocument(**_fields(found, call), subscribers=theirs))


async def statement(call: Call) -> Answer:
    """GET /agents/{agent}/statement."""
    async with call.parts.database.read() as work:
        found = await known_agent(work, call.params["agent"])
        lines = await agent_statement(work.ledger, found.name, call.query(AgentStatementQuery).limit)
    documents = [
        AgentStatementLineDocument(
            at=call.local(one.at),
            booked_on=one.booked_on,
            kind=one.kind,
            text=one.memo,
            amount=one.amount_minor,
            deposit=one.deposit_minor,
        )
        for one in lines
    ]
    return Answer(AgentStatementDocument(agent=found.name, currency=call.parts.currency, lines=documents))


async def deposit(call: Call) -> Answer:
    """POST /agents/{agent}/deposits."""
    return await _moved(call, is_out=False)


async def pay_out(call: Call) -> Answer:
    """POST /agents/{agent}/pay-outs."""
    return await _moved(call, is_out=True)


async def _moved(call: Call, *, is_out: bool) -> Answer:
    body, keep = call.body(AgentMoneyBody), call.parts.keep_agents
    done: AgentDeposit = await (keep.pay_out if is_out else keep.deposit)(
        call.params["agent"],
        body.amount,
        method=body.method,
        reference=body.reference or "",
        collector=body.collector,
        actor=call.actor,
        now=call.now,
        idempotency_key=call.key,
    )
    document = AgentMoneyDocument(
        id=done.id,
        agent=done.agent,
        amount=done.amount_minor,
        currency=done.currency,
        method=done.method,
        collector=done.collector,
        reference=done.reference,
        recorded_at=call.local(done.recorded_at),
        actor=done.actor,
    )
    return Answer(document)


def _fields(one: Agent, call: Call) -> dict[str, object]:
    return {
        "name": one.name,
        "full_name": one.full_name,
        "phone": one.phone,
        "status": one.status,
        "commission_permille": one.commission_permille,
        "deposit": one.deposit_minor,
        "currency": call.parts.currency,
        "created_at": call.local(one.created_at),
    }


_TAG: Final = "Agents"

ENDPOINTS: Final = (
    Endpoint(
        name="listAgents",
        method="GET",
        path="/agents",
        tag=_TAG,
        says="List who sells from a deposit",
        handler=show_list,
        scope=Permission.VIEW_MONEY,
        gives=AgentList,
    ),
    Endpoint(
        name="getAgent",
        method="GET",
        path="/agents/{agent}",
        params=(AGENT,),
        tag=_TAG,
        says="Show an agent and whom they serve",
        handler=show,
        scope=Permission.VIEW_MONEY,
        gives=OneAgentDocument,
    ),
    Endpoint(
        name="getAgentStatement",
        method="GET",
        path="/agents/{agent}/statement",
        params=(AGENT,),
        tag=_TAG,
        says="Show what went in and out of a deposit",
        handler=statement,
        scope=Permission.VIEW_MONEY,
        query=AgentStatementQuery,
        gives=AgentStatementDocument,
    ),
    Endpoint(
        name="depositForAgent",
        method="POST",
        path="/agents/{agent}/deposits",
        params=(AGENT,),
        tag=_TAG,
        says="Take money that an agent pays in",
        handler=deposit,
        scope=Permission.EDIT_MONEY,
        body=AgentMoneyBody,
        gives=AgentMoneyDocument,
        status=201,
        is_keyed=True,
        conflicts=True,
    ),
    Endpoint(
        name="payOutAgent",
        method="POST",
        path="/agents/{agent}/pay-outs",
        params=(AGENT,),
        tag=_TAG,
        says="Give money of a deposit back",
        handler=pay_out,
        scope=Permission.EDIT_MONEY,
        body=AgentMoneyBody,
        gives=AgentMoneyDocument,
        status=201,
        is_keyed=True,
        conflicts=True,
    ),
)
