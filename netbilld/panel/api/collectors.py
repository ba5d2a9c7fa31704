"""Collectors: what they hold, whom to visit, hand-overs, and what their months show."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from netbilld.model.errors import NotFoundError
from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import COLLECTOR, Answer, Endpoint
from netbilld.panel.api.shapes import MOST_MINOR, Amount, Asked, Day, Moment, Name, Query, Shape, Why
from netbilld.panel.within import Within
from netbilld.services.collector_conduct import Conduct, look_at
from netbilld.services.keep_collectors import Collector, Handover


class CollectorDocument(Shape):
    """Who takes cash, and what they hold."""

    name: str
    full_name: str
    staff: str | None = Field(description="Whose cash, recorded by themselves, is on this account.")
    status: Literal["active", "ended"]
    held: Amount
    currency: str
    payments: int = Field(description="Taken since the last hand-over.")
    handed_over_at: Moment | None


class CollectorList(Shape):
    items: list[CollectorDocument]


class CollectorMonthDocument(Shape):
    month: Day = Field(description="Its first day.")
    receipts: int
    taken: Amount
    late: int = Field(description="Told on a later day than they were taken on.")
    late_amount: Amount
    most_days: int
    reversed: int
    reversed_amount: Amount
    handovers: int
    short: Amount = Field(description="Missing anew in hand-overs.")
    over: Amount


class LateReceiptDocument(Shape):
    payment_id: UUID
    receipt_no: str | None
    amount: Amount
    received_on: Day
    recorded_at: Moment
    days: int


class OneCollectorDocument(CollectorDocument):
    months: list[CollectorMonthDocument] = Field(description="Six at most, the newest first.")
    missing_receipts: list[str] = Field(description="Numbers that a phone gave away and that never came.")
    late_receipts: list[LateReceiptDocument]


class StopDocument(Shape):
    """Somebody to visit."""

    subscriber_no: str
    name: str
    phone: str | None
    address: str | None
    area: str | None
    outstanding: Amount
    currency: str
    due_on: Day
    invoices: int


class RouteDocument(Shape):
    items: list[StopDocument]


class HandoverDocument(Shape):
    """Cash counted and handed over."""

    id: int
    collector: str
    currency: str
    held: Amount = Field(description="By the books, before it.")
    counted: Amount
    difference: Amount = Field(description="What was missing; below 0 where there was too much.")
    booked: Amount = Field(description="Of the difference; the rest stays with them.")
    left: Amount
    method: str
    handed_on: Day
    recorded_at: Moment
    actor: str
    reason: str


class HandoverList(Shape):
    items: list[HandoverDocument]


class HandoverQuery(Query):
    limit: int = Field(default=50, ge=1, le=200, description="At most so many.")


class HandoverBody(Asked):
    counted: Annotated[int, Field(ge=0, lt=MOST_MINOR, description="What was there.")]
    held: Amount | None = Field(
        default=None, description="What they held when it was counted; refused where that is not so any more."
    )
    signed_by: Name | None = None
    book_difference: Why | None = Field(
        default=None, description="Why a difference is booked, so that nothing is left."
    )


async def show_list(call: Call) -> Answer:
    """GET /collectors."""
    async with call.parts.database.read() as work:
        found = await work.collectors.all()
    return Answer(CollectorList(items=[CollectorDocument(**_fields(one, call)) for one in found]))


async def show(call: Call) -> Answer:
    """GET /collectors/{collector}."""
    name = call.params["collector"]
    async with call.parts.database.read() as work:
        found = await _known(work.collectors, name)
        conduct = (await look_at(work.conduct, call.now, call.parts.timezone, name)).get(name, Conduct())
    months = [
        CollectorMonthDocument(
            month=one.month,
            receipts=one.receipts,
            taken=one.taken_minor,
            late=one.late,
            late_amount=one.late_minor,
            most_days=one.most_days,
            reversed=one.reversed,
            reversed_amount=one.reversed_minor,
            handovers=one.handovers,
            short=one.short_minor,
            over=one.over_minor,
        )
        for one in conduct.months
    ]
    late = [
        LateReceiptDocument(
            payment_id=one.payment_id,
            receipt_no=one.receipt_no,
            amount=one.amount_minor,
            received_on=one.received_on,
            recorded_at=call.local(one.recorded_at),
            days=one.days,
        )
        for one in conduct.late
    ]
    document = OneCollectorDocument(
        **_fields(found, call), months=months, missing_receipts=list(conduct.missing), late_receipts=late
    )
    return Answer(document)


async def route(call: Call) -> Answer:
    """GET /collection-route."""
    async with call.parts.database.read() as work:
        stops = await work.collectors.route(call.areas, call.today)
    items = [
        StopDocument(
            subscriber_no=one.number,
            name=one.name,
            phone=one.phone,
            address=one.address,
            area=one.area,
            outstanding=one.owed_minor,
            currency=one.currency,
            due_on=one.due_on,
            invoices=one.invoices,
        )
        for one in stops
    ]
    return Answer(RouteDocument(items=items))


async def handovers(call: Call) -> Answer:
    """GET /collectors/{collector}/hand-overs."""
    name = call.params["collector"]
    async with call.parts.database.read() as work:
        await _known(work.collectors, name)
        found = await work.collectors.handovers(name, call.query(HandoverQuery).limit)
    return Answer(HandoverList(items=[_handover(one, call) for one in found]))


async def hand_over(call: Call) -> Answer:
    """POST /collectors/{collector}/hand-overs."""
    body, name = call.body(HandoverBody), call.params["collector"]
    async with call.parts.database.read() as work:
        await _known(work.collectors, name)
    done = await call.parts.keep_collectors.hand_over(
        name,
        body.counted,
        book_difference=body.book_difference,
        signed_by=body.signed_by or "",
        seen_minor=body.held,
        actor=call.actor,
        now=call.now,
        idempotency_key=call.key,
    )
    return Answer(_handover(done, call))


async def _known(collectors: object, name: str) -> Collector:
    found: Collector | None = await collectors.named(name)  # type: ignore[attr-defined]  # as each operation reads
    if found is None:
        raise NotFoundError(f"no collector {name!r}", code="no_collector")
    return found


def _fields(one: Collector, call: Call) -> dict[str, object]:
    return {
        "name": one.name,
        "full_name": one.full_name,
        "staff": one.staff,
        "status": one.status,
        "held": one.held_minor,
        "currency": one.currency or call.parts.currency,
        "payments": one.payments,
        "handed_over_at": call.local_or_none(one.handed_over_at),
    }


def _handover(one: Handover, call: Call) -> HandoverDocument:
    return HandoverDocument(
        id=one.id,
        collector=one.collector,
        currency=one.currency,
        held=one.held_minor,
        counted=one.counted_minor,
        difference=one.difference_minor,
        booked=one.booked_minor,
        left=one.left_minor,
        method=one.method,
        handed_on=one.handed_on,
        recorded_at=call.local(one.recorded_at),
        actor=one.actor,
        reason=one.reason,
    )


_TAG: Final = "Collectors"

ENDPOINTS: Final = (
    Endpoint(
        name="listCollectors",
        method="GET",
        path="/collectors",
        tag=_TAG,
        says="List who takes cash, and what they hold",
        handler=show_list,
        scope=Permission.VIEW_MONEY,
        gives=CollectorList,
    ),
    Endpoint(
        name="getCollector",
        method="GET",
        path="/collectors/{collector}",
        params=(COLLECTOR,),
        tag=_TAG,
        says="Show a collector's months, and which receipts are missing or came late",
        handler=show,
        scope=Permission.VIEW_MONEY,
        gives=OneCollectorDocument,
    ),
    Endpoint(
        name="getCollectionRoute",
        method="GET",
        path="/collection-route",
        tag=_TAG,
        says="List whom to visit: who owes what is due by now or within three days",
        handler=route,
        scope=Permission.RECORD_PAYMENTS,
        gives=RouteDocument,
        within=Within.AREAS,
    ),
    Endpoint(
        name="listHandovers",
        method="GET",
        path="/collectors/{collector}/hand-overs",
        params=(COLLECTOR,),
        tag=_TAG,
        says="List what was handed over, newest first",
        handler=handovers,
        scope=Permission.VIEW_MONEY,
        query=HandoverQuery,
        gives=HandoverList,
    ),
    Endpoint(
        name="handOver",
        method="POST",
        path="/collectors/{collector}/hand-overs",
        params=(COLLECTOR,),
        tag=_TAG,
        says="Take what a collector hands over, counted",
        handler=hand_over,
        scope=Permission.EDIT_MONEY,
        body=HandoverBody,
        gives=HandoverDocument,
        status=201,
        is_keyed=True,
        conflicts=True,
    ),
)
