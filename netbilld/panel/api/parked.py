"""Money that came in and is nobody's yet: kept, given to whom it belongs, or sent back."""

from datetime import date
from typing import Final, Literal
from uuid import UUID

from pydantic import Field

from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import PARKED, Answer, Endpoint
from netbilld.panel.api.invoices import SubscriberNo
from netbilld.panel.api.paging import offset_cursor, offset_of
from netbilld.panel.api.payers import payer_of
from netbilld.panel.api.payments import Method, PaymentDocument, Reference, made_payment
from netbilld.panel.api.shapes import Amount, Asked, Day, Moment, Page, Paid, Query, Shape, Why
from netbilld.services.park_payments import ParkedPayment


class ParkedDocument(Shape):
    """Money without a name."""

    id: UUID
    amount: Amount
    currency: str
    method: str
    reference: str | None
    received_on: Day
    recorded_at: Moment
    actor: str
    text: str
    status: Literal["parked", "released", "returned"]
    payment_id: UUID | None = Field(description="What it became.")
    decided_at: Moment | None
    decided_by: str | None
    reason: str | None


class ParkedPage(Page):
    items: list[ParkedDocument]
    total: int


class ParkedQuery(Query):
    all: bool = Field(default=False, description="Also what somebody has decided on.")
    cursor: str | None = Field(default=None, max_length=400, description="`next_cursor` of the page before.")


class ParkBody(Asked):
    amount: Paid
    method: Method
    text: Why = Field(description="What came with it: the sender, and why it waits.")
    reference: Reference | None = None
    received_on: date | None = Field(default=None, description="A local day; default today.")


class ReleaseBody(Asked):
    subscriber_no: SubscriberNo


class ReturnBody(Asked):
    why: Why


async def show_list(call: Call) -> Answer:
    """GET /parked-payments."""
    query = call.query(ParkedQuery)
    offset = offset_of(query.cursor)
    async with call.parts.database.read() as work:
        found = await work.money_views.parked_page(waiting_only=not query.all, offset=offset)
    items = [_document(one, call) for one in found.lines]
    return Answer(ParkedPage(items=items, total=found.total, next_cursor=offset_cursor(offset, items, found.total)))


async def park(call: Call) -> Answer:
    """POST /parked-payments."""
    body = call.body(ParkBody)
    parked = await call.parts.money.park_payments.park(
        body.amount,
        method=body.method,
        text=body.text,
        reference=body.reference,
        received_on=body.received_on,
        actor=call.actor,
        now=call.now,
        idempotency_key=call.key,
    )
    return Answer(_document(parked, call))


async def release(call: Call) -> Answer:
    """POST /parked-payments/{parked}/release."""
    who = await payer_of(call, call.body(ReleaseBody).subscriber_no)
    receipt = await call.parts.money.park_payments.release(call.params["parked"], who, actor=call.actor, now=call.now)
    await call.parts.nudge()
    return await made_payment(call, UUID(receipt.payment_id))


async def give_back(call: Call) -> Answer:
    """POST /parked-payments/{parked}/return."""
    why = call.body(ReturnBody).why
    parked = await call.parts.money.park_payments.give_back(
        call.params["parked"], because=why, actor=call.actor, now=call.now
    )
    return Answer(_document(parked, call))


def _document(one: ParkedPayment, call: Call) -> ParkedDocument:
    return ParkedDocument(
        id=one.id,
        amount=one.amount_minor,
        currency=one.currency,
        method=one.method,
        reference=one.reference,
        received_on=one.received_on,
        recorded_at=call.local(one.recorded_at),
        actor=one.actor,
        text=one.text,
        status=one.status,
        payment_id=one.payment_id,
        decided_at=call.local_or_none(one.decided_at),
        decided_by=one.decided_by,
        reason=one.reason,
    )


_TAG: Final = "Payments"

ENDPOINTS: Final = (
    Endpoint(
        name="listParkedPayments",
        method="GET",
        path="/parked-payments",
        tag=_TAG,
        says="List money that is nobody's yet",
        more="The oldest first, fifty at a time.",
        handler=show_list,
        scope=Permission.EDIT_MONEY,
        query=ParkedQuery,
        gives=ParkedPage,
    ),
    Endpoint(
        name="parkPayment",
        method="POST",
        path="/parked-payments",
        tag=_TAG,
        says="Keep money that nobody is known for",
        handler=park,
        scope=Permission.EDIT_MONEY,
        body=ParkBody,
        gives=ParkedDocument,
        status=201,
        is_keyed=True,
        conflicts=True,
    ),
    Endpoint(
        name="releaseParkedPayment",
        method="POST",
        path="/parked-payments/{parked}/release",
        params=(PARKED,),
        tag=_TAG,
        says="Give parked money to whom it belongs: it becomes a payment of theirs",
        handler=release,
        scope=Permission.EDIT_MONEY,
        body=ReleaseBody,
        gives=PaymentDocument,
        conflicts=True,
    ),
    Endpoint(
        name="returnParkedPayment",
        method="POST",
        path="/parked-payments/{parked}/return",
        params=(PARKED,),
        tag=_TAG,
        says="Send parked money back to its sender",
        handler=give_back,
        scope=Permission.EDIT_MONEY,
        body=ReturnBody,
        gives=ParkedDocument,
        conflicts=True,
    ),
)
