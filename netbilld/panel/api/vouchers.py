"""Vouchers: batches made, sold, taken back; a code found, extended, taken back, refunded. None is in an address."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from netbilld.model.permissions import Permission
from netbilld.model.voucher import MOST_IN_A_BATCH, Batch, CodeKind, ValidFrom, VoucherStatus, batch_number
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import Answer, Endpoint, Param
from netbilld.panel.api.paging import cursor_of, place_of, refused_cursor
from netbilld.panel.api.shapes import Amount, Asked, Moment, Page, PageQuery, Shape, Why
from netbilld.services.make_vouchers import NewBatch
from netbilld.services.open_vouchers import OpenVoucher
from netbilld.services.voucher_views import BatchFigures

_MOST_SOLD: Final = 1_000
_MOST_BATCHES: Final = 10**9  # by the digits that their names may have
_BATCH: Final = Param("batch", r"V[0-9]{4,9}", "A batch's name.", example="V0001")
Status = Literal["created", "sold", "active", "used_up", "expired", "void"]
Code = Annotated[str, Field(min_length=1, max_length=64, description="In any letter case, with or without spaces.")]
Seconds = Annotated[int, Field(ge=60, le=366 * 86_400, description="A day is 86400.")]
Price = Annotated[int, Field(ge=0, le=10**10, description="Money in minor units.")]


class BatchDocument(Shape):
    """Vouchers that were made together."""

    batch: str
    name: str
    plan: str
    count: int
    kind: Literal["digits", "letters", "mixed"]
    has_password: bool
    validity_seconds: int
    valid_from: Literal["first_use", "sale"]
    only_sold: bool = Field(description="They work only once their sale is on record.")
    online: bool = Field(description="Sold on the hotspot's page too.")
    use_by: Moment | None = Field(description="Who has not begun by then can't any more.")
    price: Amount
    agent_price: Amount
    currency: str
    created_at: Moment
    actor: str
    vouchers: dict[str, int] = Field(description="How many stand where, by status.")
    used_unsold: int


class BatchPage(Page):
    items: list[BatchDocument]


class VoucherDocument(Shape):
    """One code and what became of it."""

    batch: str
    position: int
    code: str
    password: str
    status: Status
    sold_at: Moment | None
    first_used_at: Moment | None
    valid_until: Moment | None
    ended_at: Moment | None
    ended_reason: str | None


class SaleDocument(Shape):
    """Vouchers that were sold together, with their codes."""

    sale_id: UUID
    receipt_no: str
    batch: str
    paid: Amount
    currency: str
    method: str
    collector: str | None
    buyer: str
    sold_at: Moment
    vouchers: list[VoucherDocument]


class RefundDocument(Shape):
    """Money that was given back for a voucher, as it was paid."""

    amount: Amount
    commission: Amount = Field(description="Of it what an agent had kept.")
    currency: str
    method: str
    collector: str | None
    agent: str | None
    refunded_at: Moment


class RevokedDocument(Shape):
    batch: str
    revoked: int


class MakeBody(Asked):
    """A batch; what is left out is the plan's, or usual."""

    plan: Annotated[str, Field(min_length=1, max_length=64)]
    count: int = Field(ge=0, le=MOST_IN_A_BATCH, description="0 only of what is sold on the hotspot's page.")
    name: str = Field(default="", max_length=200, description="What is printed on it.")
    kind: Literal["digits", "letters", "mixed"] = "mixed"
    length: int | None = Field(default=None, ge=4, le=32)
    prefix: str = Field(default="", max_length=8)
    has_password: bool = False
    validity_seconds: Seconds | None = None
    valid_from: Literal["first_use", "sale"] = "first_use"
    only_sold: bool = False
    online: bool = False
    use_by: AwareDatetime | None = Field(default=None, strict=False)
    price: Price | None = None
    agent_price: Price | None = None


class SellBody(Asked):
    count: int = Field(default=1, ge=1, le=_MOST_SOLD)
    method: str = Field(default="cash", max_length=32)
    buyer: str = Field(default="", max_length=200)
    collector: str | None = Field(default=None, max_length=32, description="Whose cash it is.")


class FindBody(Asked):
    code: Code


class ExtendBody(Asked):
    code: Code
    by_seconds: Seconds


class RevokeBody(Asked):
    code: Code
    why: Why


class RevokeBatchBody(Asked):
    why: Why


async def show_list(call: Call) -> Answer:
    """GET /voucher-batches."""
    query = call.query(PageQuery)
    place = place_of(query.cursor, int)
    if place and not 0 <= place[0] <= _MOST_BATCHES:
        raise refused_cursor()
    async with call.parts.database.read() as work:
        found = await work.vouchers.batches(query.limit + 1, place[0] if place else None)
        shown = found[: query.limit]
        figures = await work.vouchers.figures([one.id for one in shown], call.now)
    items = [_batch(one, figures.get(one.id, BatchFigures()), call) for one in shown]
    return Answer(BatchPage(items=items, next_cursor=cursor_of(shown[-1].number) if len(found) > query.limit else None))


async def show(call: Call) -> Answer:
    """GET /voucher-batches/{batch}."""
    return await _shown(call, batch_number(call.params["batch"]))


async def make(call: Call) -> Answer:
    """POST /voucher-batches."""
    body = call.body(MakeBody)
    new = NewBatch(
        plan=body.plan,
        count=body.count,
        name=body.name,
        kind=CodeKind(body.kind),
        length=body.length,
        prefix=body.prefix,
        has_password=body.has_password,
        validity_seconds=body.validity_seconds,
        valid_from=ValidFrom(body.valid_from),
        is_only_sold=body.only_sold,
        use_by_at=body.use_by,
        price_minor=body.price,
        agent_price_minor=body.agent_price,
        is_online=body.online,
    )
    batch = await call.parts.selling.make_vouchers.run(new, actor=call.actor, now=call.now, idempotency_key=call.key)
    await call.parts.nudge()
    return await _shown(call, batch.number)


async def sell(call: Call) -> Answer:
    """POST /voucher-batches/{batch}/sell."""
    body = call.body(SellBody)
    sold = await call.parts.selling.sell_vouchers.run(
        batch_number(call.params["batch"]),
        body.count,
        method=body.method,
        buyer=body.buyer,
        collector=body.collector,
        actor=call.actor,
        now=call.now,
        idempotency_key=call.key,
    )
    await call.parts.nudge()
    sale = sold.sale
    document = SaleDocument(
        sale_id=sale.id,
        receipt_no=sale.receipt_no,
        batch=sold.batch.label,
        paid=sale.paid_minor,
        currency=sale.currency,
        method=sale.method,
        collector=sale.collector,
        buyer=sale.buyer,
        sold_at=call.local(sale.sold_at),
        vouchers=[_voucher(one, call) for one in sold.vouchers],
    )
    return Answer(document)


async def revoke_unused(call: Call) -> Answer:
    """POST /voucher-batches/{batch}/revoke."""
    number, why = batch_number(call.params["batch"]), call.body(RevokeBatchBody).why
    count = await call.parts.selling.keep_vouchers.revoke_unused(number, why, actor=call.actor, now=call.now)
    await call.parts.nudge()
    return Answer(RevokedDocument(batch=call.params["batch"], revoked=count))


async def find(call: Call) -> Answer:
    """POST /vouchers/find."""
    return await _found(call, call.body(FindBody).code)


async def extend(call: Call) -> Answer:
    """POST /vouchers/extend."""
    body = call.body(ExtendBody)
    await call.parts.selling.keep_vouchers.extend(body.code, body.by_seconds, actor=call.actor, now=call.now)
    await call.parts.nudge()
    return await _found(call, body.code)


async def revoke(call: Call) -> Answer:
    """POST /vouchers/revoke."""
    body = call.body(RevokeBody)
    await call.parts.selling.keep_vouchers.revoke(body.code, body.why, actor=call.actor, now=call.now)
    await call.parts.nudge()
    return await _found(call, body.code)


async def refund(call: Call) -> Answer:
    """POST /vouchers/refund."""
    body = call.body(RevokeBody)
    done = await call.parts.selling.refund_vouchers.run(body.code, body.why, actor=call.actor, now=call.now)
    document = RefundDocument(
        amount=done.amount_minor,
        commission=done.commission_minor,
        currency=done.currency,
        method=done.method,
        collector=done.collector,
        agent=done.agent,
        refunded_at=call.local(done.refunded_at),
    )
    return Answer(document)


async def _shown(call: Call, number: int) -> Answer:
    async with call.parts.database.read() as work:
        batch = await work.vouchers.batch(number)
        figures = (await work.vouchers.figures([batch.id], call.now)).get(batch.id, BatchFigures())
    return Answer(_batch(batch, figures, call))


async def _found(call: Call, code: str) -> Answer:
    return Answer(_voucher(await call.parts.selling.keep_vouchers.find(code), call))


def _batch(one: Batch, figures: BatchFigures, call: Call) -> BatchDocument:
    return BatchDocument(
        batch=one.label,
        name=one.name,
        plan=one.plan,
        count=one.count,
        kind=one.code_kind.value,
        has_password=one.has_password,
        validity_seconds=one.validity_seconds,
        valid_from=one.valid_from.value,
        only_sold=one.is_only_sold,
        online=one.is_online,
        use_by=call.local_or_none(one.use_by_at),
        price=one.price_minor,
        agent_price=one.agent_price_minor,
        currency=one.currency,
        created_at=call.local(one.created_at),
        actor=one.actor,
        vouchers={status.value: figures.of(status) for status in VoucherStatus},
        used_unsold=figures.used_unsold,
    )


def _voucher(found: OpenVoucher, call: Call) -> VoucherDocument:
    one = found.voucher
    return VoucherDocument(
        batch=found.batch.label,
        position=one.position,
        code=found.code,
        password=found.password,
        status=one.status_at(call.now).value,
        sold_at=call.local_or_none(one.sold_at),
        first_used_at=call.local_or_none(one.first_used_at),
        valid_until=call.local_or_none(one.valid_until_at),
        ended_at=call.local_or_none(one.ended_at),
        ended_reason=one.ended_reason,
    )


_ONE: Final[dict[str, Any]] = {"method": "POST", "tag": "Vouchers", "gives": VoucherDocument}

ENDPOINTS: Final = (
    Endpoint(
        name="listVoucherBatches",
        method="GET",
        path="/voucher-batches",
        tag="Vouchers",
        says="List batches of vouchers, the newest first",
        handler=show_list,
        scope=Permission.VIEW_MONEY,
        query=PageQuery,
        gives=BatchPage,
    ),
    Endpoint(
        name="makeVouchers",
        method="POST",
        path="/voucher-batches",
        tag="Vouchers",
        says="Make a batch of vouchers",
        more="Their codes are told when they are sold, or printed by staff.",
        handler=make,
        scope=Permission.EDIT_MONEY,
        body=MakeBody,
        gives=BatchDocument,
        status=201,
        is_keyed=True,
        conflicts=True,
    ),
    Endpoint(
        name="getVoucherBatch",
        method="GET",
        path="/voucher-batches/{batch}",
        params=(_BATCH,),
        tag="Vouchers",
        says="Read a batch of vouchers",
        handler=show,
        scope=Permission.VIEW_MONEY,
        gives=BatchDocument,
    ),
    Endpoint(
        name="sellVouchers",
        method="POST",
        path="/voucher-batches/{batch}/sell",
        params=(_BATCH,),
        tag="Vouchers",
        says="Sell the next vouchers of a batch at its price, and read their codes",
        handler=sell,
        scope=Permission.RECORD_PAYMENTS,
        body=SellBody,
        gives=SaleDocument,
        status=201,
        is_keyed=True,
        conflicts=True,
    ),
    Endpoint(
        name="revokeVoucherBatch",
        method="POST",
        path="/voucher-batches/{batch}/revoke",
        params=(_BATCH,),
        tag="Vouchers",
        says="Take back whatever of a batch nobody has used",
        handler=revoke_unused,
        scope=Permission.EDIT_MONEY,
        body=RevokeBatchBody,
        gives=RevokedDocument,
    ),
    Endpoint(
        name="findVoucher",
        path="/vouchers/find",
        says="Read what became of a code",
        handler=find,
        scope=Permission.VIEW_MONEY,
        body=FindBody,
        **_ONE,
    ),
    Endpoint(
        name="extendVoucher",
        path="/vouchers/extend",
        says="Let a voucher be valid for longer, from its end or, where that is over, from now",
        handler=extend,
        scope=Permission.EDIT_MONEY,
        body=ExtendBody,
        conflicts=True,
        **_ONE,
    ),
    Endpoint(
        name="revokeVoucher",
        path="/vouchers/revoke",
        says="Take a voucher back; who is online with it goes offline",
        handler=revoke,
        scope=Permission.EDIT_MONEY,
        body=RevokeBody,
        conflicts=True,
        **_ONE,
    ),
    Endpoint(
        name="refundVoucher",
        method="POST",
        path="/vouchers/refund",
        tag="Vouchers",
        says="Book that the price of a voucher that was taken back went back as it was paid",
        handler=refund,
        scope=Permission.EDIT_MONEY,
        body=RevokeBody,
        gives=RefundDocument,
        conflicts=True,
    ),
)
