"""What people decide about a subscriber's debt: a promise to pay, an exemption from what follows arrears."""

from datetime import date
from typing import Any, Final

from pydantic import Field

from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import NUMBER, Answer, Endpoint
from netbilld.panel.api.payers import payer_of
from netbilld.panel.api.shapes import Amount, Asked, Day, Moment, Shape, Why
from netbilld.panel.api.subscribers import found_subscriber


class PromiseDocument(Shape):
    """Access is back, or stays, until that day is over."""

    until: Day
    reason: str
    actor: str
    made_at: Moment


class ExemptionDocument(Shape):
    """Nobody walls, fines or terminates them for arrears; reminders go on."""

    until: Day | None = Field(description="Null: until it is taken back.")
    reason: str
    actor: str
    made_at: Moment


class ArrearsDocument(Shape):
    """What was decided about a subscriber's debt."""

    subscriber_no: str
    outstanding: Amount
    overdue: Amount
    promise: PromiseDocument | None = Field(description="One that is not over.")
    exemption: ExemptionDocument | None = Field(description="Of the subscriber; that of a group is not told.")


class PromiseBody(Asked):
    until: date
    reason: Why


class ExemptionBody(Asked):
    until: date | None = Field(default=None, description="The last day; default until it is taken back.")
    reason: Why


async def show(call: Call) -> Answer:
    """GET /subscribers/{number}/arrears."""
    async with call.parts.database.read() as work:
        row = await found_subscriber(work, call.params["number"])
        money = await work.readmodels.subscriber_money(row.id, call.today)
        promised = await work.dunning_terms.promises(from_on=call.today, subscriber_id=row.id)
        exempted = await work.dunning_terms.exemption("subscriber", row.number)
    document = ArrearsDocument(
        subscriber_no=row.number,
        outstanding=money.outstanding_minor,
        overdue=money.overdue_minor,
        promise=PromiseDocument(**_decided(promised[0], call)) if promised else None,
        exemption=ExemptionDocument(**_decided(exempted, call)) if exempted is not None else None,
    )
    return Answer(document)


def _decided(one: Any, call: Call) -> dict[str, Any]:
    return {"until": one.until_on, "reason": one.reason, "actor": one.actor, "made_at": call.local(one.created_at)}


async def promise(call: Call) -> Answer:
    """POST /subscribers/{number}/promise."""
    body, who = call.body(PromiseBody), await _who(call)
    await call.parts.money.manage_dunning.promise(who, body.until, body.reason, call.actor, call.now, call.key)
    return await _done(call)


async def end_promise(call: Call) -> Answer:
    """DELETE /subscribers/{number}/promise."""
    await call.parts.money.manage_dunning.end_promise(await _who(call), call.actor, call.now)
    await call.parts.nudge()
    return Answer()


async def exempt(call: Call) -> Answer:
    """POST /subscribers/{number}/exemption."""
    body, who = call.body(ExemptionBody), await _who(call)
    await call.parts.money.manage_dunning.exempt(who, body.until, body.reason, call.actor, call.now, is_group=False)
    return await _done(call)


async def end_exemption(call: Call) -> Answer:
    """DELETE /subscribers/{number}/exemption."""
    await call.parts.money.manage_dunning.end_exemption(await _who(call), call.actor, call.now, is_group=False)
    await call.parts.nudge()
    return Answer()


async def _who(call: Call) -> str:
    number = call.params["number"]
    async with call.parts.database.read() as work:
        await found_subscriber(work, number)
    return await payer_of(call, number)


async def _done(call: Call) -> Answer:
    await call.parts.nudge()
    return await show(call)


_TAG: Final = "Subscribers"
_ENDED: Final[dict[str, Any]] = {"method": "DELETE", "params": (NUMBER,), "tag": _TAG, "status": 204}

ENDPOINTS: Final = (
    Endpoint(
        name="getArrears",
        method="GET",
        path="/subscribers/{number}/arrears",
        params=(NUMBER,),
        tag=_TAG,
        says="Get what was decided about a subscriber's debt",
        handler=show,
        scope=Permission.VIEW_MONEY,
        gives=ArrearsDocument,
    ),
    Endpoint(
        name="promisePayment",
        method="POST",
        path="/subscribers/{number}/promise",
        params=(NUMBER,),
        tag=_TAG,
        says="Take a promise to pay",
        more="An earlier one ends with it.",
        handler=promise,
        scope=Permission.RECORD_PAYMENTS,
        body=PromiseBody,
        gives=ArrearsDocument,
        is_keyed=True,
        conflicts=True,
    ),
    Endpoint(
        name="endPromise",
        path="/subscribers/{number}/promise",
        says="Take a promise back",
        handler=end_promise,
        scope=Permission.RECORD_PAYMENTS,
        **_ENDED,
    ),
    Endpoint(
        name="exemptSubscriber",
        method="POST",
        path="/subscribers/{number}/exemption",
        params=(NUMBER,),
        tag=_TAG,
        says="Let nothing follow a subscriber's arrears",
        handler=exempt,
        scope=Permission.EDIT_MONEY,
        body=ExemptionBody,
        gives=ArrearsDocument,
    ),
    Endpoint(
        name="endExemption",
        path="/subscribers/{number}/exemption",
        says="Take an exemption back",
        handler=end_exemption,
        scope=Permission.EDIT_MONEY,
        **_ENDED,
    ),
)
