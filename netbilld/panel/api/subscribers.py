"""Subscribers: who owes and pays."""

from typing import Any, Final, Literal

from pydantic import Field

from netbilld.model.periods import local_date
from netbilld.model.permissions import Permission
from netbilld.model.subscriber import LOCALES, SubscriberStatus
from netbilld.panel.api.call import Call, version_of
from netbilld.panel.api.endpoint import NUMBER, PREFIX, Answer, Endpoint
from netbilld.panel.api.paging import cursor_of, place_of, split
from netbilld.panel.api.problem import Problem
from netbilld.panel.api.services import NewServiceBody, ServiceDocument, service_document
from netbilld.panel.api.shapes import Amount, Asked, Day, Moment, Name, Page, PageQuery, Shape, Text, Word
from netbilld.panel.within import Within
from netbilld.services.api_views import SubscriberRow
from netbilld.services.manage_subscribers import SubscriberChanges
from netbilld.services.new_service import NewService

Locale = Literal["id", "en"]
assert set(LOCALES) == {"id", "en"}, "what is offered is what is known"  # noqa: S101


class SubscriberSummary(Shape):
    """A subscriber in a list."""

    subscriber_no: str
    name: str
    phone: str | None = Field(description="In E.164.")
    email: str | None
    address: str | None
    area: str | None
    group: str | None = Field(description="Code of a customer group.")
    locale: str | None = Field(description="Null: the provider's.")
    currency: str
    status: Literal["active", "terminated"]
    created_at: Moment


class Standing(Shape):
    """What a subscriber owes and holds: two numbers, never netted."""

    wallet: Amount = Field(description="Credit held, in minor units.")
    outstanding: Amount = Field(description="What is owed, in minor units.")
    overdue: Amount = Field(description="The part of it that is past its due date, in minor units.")
    next_due_on: Day | None


class SubscriberDocument(SubscriberSummary):
    """A subscriber in full."""

    money: Standing | None = Field(description="Null where the token lacks `view_money`.")
    services: list[ServiceDocument]


class SubscriberPage(Page):
    items: list[SubscriberSummary]


class SubscriberQuery(PageQuery):
    search: Word | None = Field(
        default=None, description="Part of a name, number or phone, or a whole name to log in with."
    )
    status: Literal["active", "terminated"] | None = None
    area: Word | None = Field(default=None, description="Exactly this one.")


class NewSubscriberBody(NewServiceBody):
    """A new subscriber, with a first service and its credential."""

    name: Name | None = None
    phone: Word | None = None
    email: Name | None = None
    address: Text | None = None
    area: Word | None = None
    group: Word | None = None
    locale: Locale | None = None


class SubscriberPatch(Asked):
    """What to change; null clears a field, what is not there stays."""

    name: Name | None = None
    phone: Word | None = None
    email: Name | None = None
    address: Text | None = None
    area: Word | None = None
    group: Word | None = None
    locale: Locale | None = None


async def show_list(call: Call) -> Answer:
    """GET /subscribers."""
    query = call.query(SubscriberQuery)
    place = place_of(query.cursor, str)
    async with call.parts.database.read() as work:
        rows = await work.api_reads.subscribers(
            call.areas,
            after=place[0] if place else None,
            limit=query.limit + 1,
            text=query.search,
            status=query.status,
            area=query.area,
        )
    shown, last = split(rows, query.limit)
    items = [SubscriberSummary(**_summary(row, call)) for row in shown]
    return Answer(SubscriberPage(items=items, next_cursor=cursor_of(last.number) if last else None))


async def show(call: Call) -> Answer:
    """GET /subscribers/{number}."""
    return await subscriber_answer(call, call.params["number"])


async def subscriber_answer(call: Call, number: str) -> Answer:
    """Return a subscriber in full, with the version that a change can be guarded by.

    Raises:
        Problem: there is none.
    """
    money = None
    async with call.parts.database.read() as work:
        row = await found_subscriber(work, number)
        version = await version_of(work, "subscriber", row.id)
        services = await work.api_reads.services(call.areas, after=None, limit=1000, subscriber_no=row.number)
        documents = await service_document(work, call, services)
        if call.may(Permission.VIEW_MONEY):
            today = local_date(call.now, call.parts.timezone)
            known = await work.readmodels.subscriber_money(row.id, today)
            money = Standing(
                wallet=known.wallet_minor,
                outstanding=known.outstanding_minor,
                overdue=known.overdue_minor,
                next_due_on=known.next_due_on,
            )
    document = SubscriberDocument(**_summary(row, call), money=money, services=documents)
    return Answer(document, version=version)


async def add(call: Call) -> Answer:
    """POST /subscribers."""
    body = call.body(NewSubscriberBody)
    call.keep_within(body.area)
    new = NewService(
        **body.fields(),
        name=body.name,
        phone=body.phone,
        email=body.email,
        address=body.address,
        area=body.area,
        group=body.group,
        locale=body.locale,
    )
    manage = call.parts.manage_subscribers(call.parts.database)
    added = await manage.add(new, call.actor, call.now, call.key)
    await call.parts.nudge()
    answer = await subscriber_answer(call, added.subscriber_no)
    return Answer(
        answer.document,
        version=answer.version,
        headers={"Location": f"{PREFIX}/subscribers/{added.subscriber_no}"},
    )


async def change(call: Call) -> Answer:
    """PATCH /subscribers/{number}."""
    body, number = call.body(SubscriberPatch), call.params["number"]
    if "area" in body.model_fields_set:
        call.keep_within(body.area)
    async with call.parts.database.read() as work:
        row = await found_subscriber(work, number)
        name = await work.api_reads.payer_name(row.id)
    if name is None:
        raise Problem(409, "no_service", "the subscriber has no service to be found by")
    told: dict[str, Any] = {field: getattr(body, field) or "" for field in body.model_fields_set}
    store = call.guarded("subscriber", row.id, lambda work: work.subscribers.by_number(row.number, lock=True))
    await call.parts.manage_subscribers(store).set(name, SubscriberChanges(**told), call.actor, call.now)
    await call.parts.nudge()
    return await subscriber_answer(call, number)


async def found_subscriber(work: Any, number: str) -> SubscriberRow:
    """Return the subscriber with that number.

    Raises:
        Problem: there is none.
    """
    row: SubscriberRow | None = await work.api_reads.subscriber(number)
    if row is None:
        raise Problem(404, "not_found", f"no subscriber has the number {number}")
    return row


def _summary(row: SubscriberRow, call: Call) -> dict[str, Any]:
    return {
        "subscriber_no": row.number,
        "name": row.name,
        "phone": row.phone,
        "email": row.email,
        "address": row.address,
        "area": row.area,
        "group": row.customer_group,
        "locale": row.locale,
        "currency": row.currency,
        "status": SubscriberStatus(row.status).value,
        "created_at": call.local(row.created_at),
    }


_TAG: Final = "Subscribers"

ENDPOINTS: Final = (
    Endpoint(
        name="listSubscribers",
        method="GET",
        path="/subscribers",
        tag=_TAG,
        says="List subscribers",
        more="In order of their number as text.",
        handler=show_list,
        scope=Permission.VIEW_SUBSCRIBERS,
        query=SubscriberQuery,
        gives=SubscriberPage,
        within=Within.AREAS,
    ),
    Endpoint(
        name="addSubscriber",
        method="POST",
        path="/subscribers",
        tag=_TAG,
        says="Add a subscriber with a service",
        handler=add,
        scope=Permission.EDIT_SUBSCRIBERS,
        body=NewSubscriberBody,
        gives=SubscriberDocument,
        status=201,
        is_keyed=True,
        within=Within.AREAS,
        conflicts=True,
    ),
    Endpoint(
        name="getSubscriber",
        method="GET",
        path="/subscribers/{number}",
        params=(NUMBER,),
        tag=_TAG,
        says="Get a subscriber with services and standing",
        handler=show,
        scope=Permission.VIEW_SUBSCRIBERS,
        gives=SubscriberDocument,
    ),
    Endpoint(
        name="changeSubscriber",
        method="PATCH",
        path="/subscribers/{number}",
        params=(NUMBER,),
        tag=_TAG,
        says="Change a subscriber",
        more="Another group or area is billed from today on.",
        handler=change,
        scope=Permission.EDIT_SUBSCRIBERS,
        body=SubscriberPatch,
        gives=SubscriberDocument,
        is_conditional=True,
        conflicts=True,
    ),
)
