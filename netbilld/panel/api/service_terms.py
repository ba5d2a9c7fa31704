"""What a service is billed by beside its plan: its own terms, top-ups, and what another plan would cost."""

from datetime import date
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

from netbilld.billing.plan_parts import Discount
from netbilld.billing.terms import Terms
from netbilld.model.permissions import Permission
from netbilld.model.units import written_amount
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import SERVICE, Answer, Endpoint
from netbilld.panel.api.problem import Problem
from netbilld.panel.api.services import found_service
from netbilld.panel.api.shapes import MOST_MINOR, Amount, Asked, Day, Query, Shape, Word
from netbilld.services.api_views import ServiceRow
from netbilld.services.manage_terms import NOTHING, PERIODS_LIMIT, TermsWanted

Starts = Annotated[
    str, Field(pattern=r"^(now|next|\d{4}-\d{2}-\d{2})$", description="`now`, `next` (period) or a local day.")
]
_CLEARS: Final = "Null goes back to what the plan says."


class DiscountDocument(Shape):
    """Taken from recurring fees: exactly one of percent and amount."""

    name: str
    percent_hundredths: int | None = Field(description="10 % is 1000.")
    amount: Amount | None
    periods: int | None = Field(description="How many it lasts; null: for as long as the service.")
    from_on: Day | None = Field(serialization_alias="from")


class TermsDocument(Shape):
    """What holds from a day on, until the day of the next terms; null is as the plan says."""

    from_on: Day = Field(serialization_alias="from")
    plan: str
    plan_version: int
    price: Amount | None
    down_bps: int | None
    up_bps: int | None
    timing: Literal["prepaid", "postpaid"] | None
    free: bool
    add_ons: list[str]
    discounts: list[DiscountDocument]
    reason: str | None
    actor: str


class TermsPage(Shape):
    """Its terms, the first first; those whose day is to come are planned."""

    items: list[TermsDocument]


class TermsBody(Asked):
    """What to set, all from the same day on; what is not there stays."""

    starts: Starts | None = Field(default=None, description="Default at once.")
    price: Annotated[int, Field(ge=0, le=MOST_MINOR)] | None = Field(
        default=None, description=f"Of a period, in minor units. {_CLEARS}"
    )
    speed: Annotated[str, Field(max_length=40)] | None = Field(
        default=None, description=f"Down and up, as in `20M/10M`. {_CLEARS}"
    )
    free: bool | None = None
    timing: Literal["prepaid", "postpaid"] | None = Field(default=None, description=_CLEARS)
    add_ons: Annotated[list[Word], Field(max_length=50)] = Field(
        default_factory=list, description="Codes of the plan's to take."
    )
    without: Annotated[list[Word], Field(max_length=50)] = Field(
        default_factory=list, description="Codes of add-ons to give back."
    )
    discount: Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?%?$")] | None = Field(
        default=None, description="`10%`, or an amount as people write it, beside those it has. Null takes all back."
    )
    periods: Annotated[int, Field(ge=1, le=PERIODS_LIMIT)] | None = Field(
        default=None, description="How long that discount lasts."
    )
    coupon: Word | None = None
    reset_allowance: bool = Field(default=False, description="What was used of the allowance counts no more.")
    why: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="Needed for whatever the plan does not say."
    )


class TopUpBody(Asked):
    code: Word = Field(description="Of a top-up of the service's plan.")


class TopUpDocument(Shape):
    id: UUID
    name: str
    price: Amount = Field(description="With its tax, in minor units.")
    until: Day
    paid_from: str = Field(description="wallet, or invoice: the next one.")


class PreviewQuery(Query):
    plan: Word = Field(description="A plan's code.")
    starts: Starts | None = Field(
        default=None, description="Default: an upgrade now, a downgrade with the next period."
    )


class PreviewDocument(Shape):
    """What another plan would cost, by the rules that bill it; nothing is changed by asking."""

    plan: str
    present_plan: str
    from_on: Day = Field(serialization_alias="from")
    waits: bool = Field(description="It is still to come.")
    period_start: Day
    period_end: Day = Field(description="The day after the last.")
    period_before: Amount = Field(description="The fees of the running period as things stand.")
    period_after: Amount = Field(description="With the change.")
    next_period: Amount = Field(description="The fees of the period after it.")


async def show(call: Call) -> Answer:
    """GET /services/{service}/terms."""
    async with call.parts.database.read() as work:
        row = await found_service(work, call)
        rows = (await work.terms.of([row.id]))[row.id]
        versions = await work.plans.versions({one.plan_version_id for one in rows})
    items = [_document(one, versions[one.plan_version_id]) for one in rows]
    return Answer(TermsPage(items=items))


async def change(call: Call) -> Answer:
    """POST /services/{service}/terms."""
    body, row = call.body(TermsBody), await _service(call)
    told = body.model_fields_set
    if not told - {"starts", "why", "periods"}:
        raise Problem(422, "nothing_to_set", "say what to set")
    wanted = TermsWanted(
        starts=body.starts,
        reset=body.reset_allowance,
        price=_written(body, "price", lambda: written_amount(body.price or 0, row.currency)),
        speed=_written(body, "speed", lambda: body.speed or ""),
        free=body.free,
        timing="plan" if "timing" in told and body.timing is None else body.timing,
        add_ons=tuple(body.add_ons),
        without=tuple(body.without),
        discount=_written(body, "discount", lambda: body.discount or ""),
        periods=body.periods,
        coupon=body.coupon,
        why=body.why,
    )
    await call.parts.people.terms.set(row.username, wanted, call.actor, call.now, call.key)
    await call.parts.nudge()
    return await show(call)


async def sell(call: Call) -> Answer:
    """POST /services/{service}/top-ups."""
    row = await _service(call)
    code = call.body(TopUpBody).code
    sale = await call.parts.people.top_ups.run(row.username, code, call.actor, call.now, call.key)
    await call.parts.nudge()
    document = TopUpDocument(
        id=UUID(sale.top_up_id),
        name=sale.name,
        price=sale.price_minor,
        until=date.fromisoformat(sale.until_on),
        paid_from=sale.paid_from,
    )
    return Answer(document)


async def preview(call: Call) -> Answer:
    """GET /services/{service}/plan-preview."""
    query, row = call.query(PreviewQuery), await _service(call)
    found = await call.parts.people.preview.run(row.username, query.plan, query.starts, call.now)
    document = PreviewDocument(
        plan=found.new.code,
        present_plan=found.old.code,
        from_on=found.from_on,
        waits=found.waits,
        period_start=found.period_start_on,
        period_end=found.period_end_on,
        period_before=found.before_minor,
        period_after=found.after_minor,
        next_period=found.next_minor,
    )
    return Answer(document)


async def _service(call: Call) -> ServiceRow:
    async with call.parts.database.read() as work:
        return await found_service(work, call)


def _written(body: TermsBody, name: str, text: Any) -> str | None:
    """Return a value as the service takes it, where it was told; null is `none`."""
    if name not in body.model_fields_set:
        return None
    return NOTHING if getattr(body, name) is None else str(text())


def _document(one: Terms, version: Any) -> TermsDocument:
    return TermsDocument(
        from_on=one.from_on,
        plan=version.code,
        plan_version=version.version,
        price=one.price_minor,
        down_bps=one.speed.down_bps if one.speed else None,
        up_bps=one.speed.up_bps if one.speed else None,
        timing=one.timing.value if one.timing else None,
        free=one.free,
        add_ons=list(one.add_ons),
        discounts=[_discount(discount) for discount in one.discounts],
        reason=one.reason,
        actor=one.actor,
    )


def _discount(one: Discount) -> DiscountDocument:
    return DiscountDocument(
        name=one.name,
        percent_hundredths=one.percent_hundredths,
        amount=one.amount_minor,
        periods=one.periods,
        from_on=one.from_on,
    )


_TAG: Final = "Services"

ENDPOINTS: Final = (
    Endpoint(
        name="listTerms",
        method="GET",
        path="/services/{service}/terms",
        params=(SERVICE,),
        tag=_TAG,
        says="List what a service is billed by, day by day",
        handler=show,
        scope=Permission.VIEW_MONEY,
        gives=TermsPage,
    ),
    Endpoint(
        name="changeTerms",
        method="POST",
        path="/services/{service}/terms",
        params=(SERVICE,),
        tag=_TAG,
        says="Give a service a price, speed, discount or add-on of its own",
        handler=change,
        scope=Permission.EDIT_MONEY,
        body=TermsBody,
        gives=TermsPage,
        is_keyed=True,
        conflicts=True,
    ),
    Endpoint(
        name="sellTopUp",
        method="POST",
        path="/services/{service}/top-ups",
        params=(SERVICE,),
        tag=_TAG,
        says="Sell a top-up: prepaid from the wallet, postpaid onto the next invoice",
        handler=sell,
        scope=Permission.RECORD_PAYMENTS,
        body=TopUpBody,
        gives=TopUpDocument,
        status=201,
        is_keyed=True,
        conflicts=True,
    ),
    Endpoint(
        name="previewPlan",
        method="GET",
        path="/services/{service}/plan-preview",
        params=(SERVICE,),
        tag=_TAG,
        says="Get what another plan would cost a service",
        handler=preview,
        scope=Permission.VIEW_MONEY,
        query=PreviewQuery,
        gives=PreviewDocument,
        conflicts=True,
    ),
)
