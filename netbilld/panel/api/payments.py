"""Payments: money that comes in, bounces or goes back."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

from netbilld.billing.allocation import Choice
from netbilld.billing.payment import Withheld
from netbilld.model.errors import RefusedError
from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import PAYMENT, PREFIX, Answer, Endpoint
from netbilld.panel.api.invoices import SubscriberNo
from netbilld.panel.api.paging import cursor_of, place_of, refused_cursor, split
from netbilld.panel.api.payers import payer_of
from netbilld.panel.api.shapes import Amount, Asked, Day, Moment, Page, PageQuery, Paid, Shape, Why, Word
from netbilld.panel.within import Within
from netbilld.services.api_views import PaymentFilter, PaymentRow
from netbilld.services.receive_payment import AlreadyReceived, WithheldPart

Method = Annotated[str, Field(min_length=1, max_length=32, description="One word, such as cash or transfer.")]
Reference = Annotated[str, Field(min_length=1, max_length=200, description="Unique within its method.")]


class AllocationDocument(Shape):
    invoice: str
    amount: Amount


class PaymentDocument(Shape):
    """A payment, and what it settles now; the rest is in the wallet."""

    id: UUID
    receipt_no: str | None
    status: Literal["received", "reversed"]
    subscriber_no: str
    subscriber_name: str
    amount: Amount
    currency: str
    method: str
    reference: str | None
    collector: str | None
    received_on: Day
    recorded_at: Moment
    actor: str
    note: str
    part_of: UUID | None = Field(description="Of what was withheld: the payment it belongs to.")
    moved_from: UUID | None = Field(description="The payment of another subscriber that this one was.")
    reversed_at: Moment | None
    reversed_by: str | None
    reversed_because: str | None
    allocations: list[AllocationDocument]
    to_wallet: Amount


class PaymentPage(Page):
    items: list[PaymentDocument]


class PaymentQuery(PageQuery):
    subscriber: SubscriberNo | None = Field(default=None, description="A subscriber number.")
    method: Method | None = None
    reference: Reference | None = None
    received_from: date | None = None
    received_to: date | None = None


class ChosenInvoice(Asked):
    number: Word
    amount: Paid | None = Field(default=None, description="In minor units; default all that is owed on it.")


class WithheldBody(Asked):
    kind: Literal["pph23", "ppn_withheld"]
    proof: Reference
    amount: Paid | None = Field(default=None, description="In minor units; default as the chosen invoice says.")


class NewPaymentBody(Asked):
    """Money received: chosen invoices first, then the oldest due, the rest to the wallet."""

    subscriber_no: SubscriberNo
    amount: Paid
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = Field(
        default=None, description="Refused where the subscriber's is another."
    )
    method: Method
    reference: Reference | None = None
    received_on: date | None = Field(default=None, description="A local day; default today.")
    invoices: Annotated[list[ChosenInvoice], Field(max_length=50)] = Field(default_factory=list)
    rest_to_wallet: bool = Field(default=False, description="Settle no other invoice than the chosen ones.")
    collector: Word | None = Field(default=None, description="Who took it, and holds it until it is handed over.")
    withheld: Annotated[list[WithheldBody], Field(max_length=2)] = Field(default_factory=list)
    confirmed: bool = Field(default=False, description="An amount above the plausible is right.")
    note: Annotated[str, Field(max_length=200)] = ""


class ReverseBody(Asked):
    why: Why
    on: date | None = Field(default=None, description="The local day the money went back; default today.")


class MoveBody(Asked):
    to_subscriber_no: SubscriberNo
    why: Why


class RefundBody(Asked):
    """Credit paid back out of a wallet."""

    subscriber_no: SubscriberNo
    amount: Paid | None = Field(default=None, description="In minor units; default all that the wallet holds.")
    method: Method
    why: Why
    reference: Reference | None = None
    collector: Word | None = None
    paid_on: date | None = None


class RefundDocument(Shape):
    id: UUID
    subscriber_no: str
    amount: Amount
    currency: str
    method: str
    reference: str | None
    paid_on: Day
    wallet: Amount
    outstanding: Amount


async def show_list(call: Call) -> Answer:
    """GET /payments."""
    query = call.query(PaymentQuery)
    place = place_of(query.cursor, str, str)
    after = _after(*place) if place else None
    wanted = PaymentFilter(
        subscriber_no=query.subscriber,
        method=query.method,
        reference=query.reference,
        received_from=query.received_from,
        received_to=query.received_to,
    )
    async with call.parts.database.read() as work:
        rows = await work.api_reads.payments(call.areas, wanted, after=after, limit=query.limit + 1)
    shown, last = split(rows, query.limit)
    end = cursor_of(last.payment.recorded_at.isoformat(), str(last.payment.id)) if last else None
    return Answer(PaymentPage(items=[_document(row, call) for row in shown], next_cursor=end))


def _after(recorded_at: str, payment_id: str) -> tuple[datetime, UUID]:
    try:
        at = datetime.fromisoformat(recorded_at)
        if at.tzinfo is not None:
            return at.astimezone(UTC), UUID(payment_id)
    except (ValueError, OverflowError):
        pass
    raise refused_cursor()


async def show(call: Call) -> Answer:
    """GET /payments/{reference}."""
    async with call.parts.database.read() as work:
        found = await work.payments.find(call.params["reference"])
        row = await work.api_reads.payment(found.id)
    return Answer(_document(row, call))


async def receipt(call: Call) -> Answer:
    """GET /payments/{reference}/receipt."""
    printed = await call.parts.printing.receipt(call.params["reference"], call.now)
    return Answer(file=(printed.octets, "application/pdf", printed.name))


async def add(call: Call) -> Answer:
    """POST /payments."""
    body = call.body(NewPaymentBody)
    outcome = await call.parts.receive_payment.run(
        await payer_of(call, body.subscriber_no),
        body.amount,
        currency=body.currency,
        method=body.method,
        reference=body.reference,
        received_on=body.received_on,
        actor=call.actor,
        now=call.now,
        idempotency_key=call.key,
        chosen=[Choice(one.number, one.amount) for one in body.invoices],
        rest_to_wallet=body.rest_to_wallet,
        collector=body.collector,
        withheld=[WithheldPart(Withheld(one.kind), one.proof, one.amount) for one in body.withheld],
        is_meant=body.confirmed,
        note=body.note,
    )
    if isinstance(outcome, AlreadyReceived):
        earlier = outcome.payment
        raise RefusedError(
            f"{earlier.method} {earlier.reference} is recorded as payment {earlier.id}, by {earlier.actor}",
            hint="nothing was done",
            code="already_received",
        )
    await call.parts.nudge()
    return await made_payment(call, UUID(outcome.payment_id))


async def reverse(call: Call) -> Answer:
    """POST /payments/{reference}/reverse."""
    body = call.body(ReverseBody)
    done = await call.parts.money.reverse_payment.run(
        call.params["reference"],
        because=body.why,
        on=body.on,
        actor=call.actor,
        now=call.now,
        idempotency_key=call.key,
    )
    await call.parts.nudge()
    return await made_payment(call, UUID(done.payment_id))


async def move(call: Call) -> Answer:
    """POST /payments/{reference}/move."""
    body = call.body(MoveBody)
    done = await call.parts.money.reverse_payment.move(
        call.params["reference"],
        await payer_of(call, body.to_subscriber_no, "to_subscriber_no"),
        because=body.why,
        actor=call.actor,
        now=call.now,
        idempotency_key=call.key,
    )
    await call.parts.nudge()
    return await made_payment(call, UUID(done.moved_to.payment_id if done.moved_to else done.payment_id))


async def refund(call: Call) -> Answer:
    """POST /refunds."""
    body = call.body(RefundBody)
    done = await call.parts.money.refund_wallet.run(
        await payer_of(call, body.subscriber_no),
        body.amount,
        method=body.method,
        because=body.why,
        reference=body.reference,
        collector=body.collector,
        paid_on=body.paid_on,
        actor=call.actor,
        now=call.now,
        idempotency_key=call.key,
    )
    await call.parts.nudge()
    document = RefundDocument(
        id=UUID(done.refund_id),
        subscriber_no=done.subscriber_no,
        amount=done.amount_minor,
        currency=done.currency,
        method=done.method,
        reference=done.reference,
        paid_on=date.fromisoformat(done.paid_on),
        wallet=done.wallet_minor,
        outstanding=done.outstanding_minor,
    )
    return Answer(document)


async def made_payment(call: Call, payment_id: UUID) -> Answer:
    """Return a payment that was made just now."""
    async with call.parts.database.read() as work:
        row = await work.api_reads.payment(payment_id)
    return Answer(_document(row, call), headers={"Location": f"{PREFIX}/payments/{payment_id}"})


def _document(row: PaymentRow, call: Call) -> PaymentDocument:
    payment = row.payment
    settled_minor = sum(amount_minor for _, amount_minor in row.allocations)
    return PaymentDocument(
        id=payment.id,
        receipt_no=payment.receipt_no,
        status=payment.status.value,
        subscriber_no=row.subscriber_no,
        subscriber_name=row.subscriber_name,
        amount=payment.amount_minor,
        currency=payment.currency,
        method=payment.method,
        reference=payment.reference,
        collector=payment.collector,
        received_on=payment.received_on,
        recorded_at=call.local(payment.recorded_at),
        actor=payment.actor,
        note=payment.note,
        part_of=payment.part_of,
        moved_from=payment.moved_from,
        reversed_at=call.local_or_none(payment.reversed_at),
        reversed_by=payment.reversed_by,
        reversed_because=payment.reversed_because,
        allocations=[AllocationDocument(invoice=number, amount=amount) for number, amount in row.allocations],
        to_wallet=0 if payment.reversed_at else payment.amount_minor - settled_minor,
    )


_TAG: Final = "Payments"
_THINGS: Final[dict[str, Any]] = {"tag": _TAG, "is_keyed": True, "conflicts": True}

ENDPOINTS: Final = (
    Endpoint(
        name="listPayments",
        method="GET",
        path="/payments",
        tag=_TAG,
        says="List payments",
        more="Newest first.",
        handler=show_list,
        scope=Permission.VIEW_MONEY,
        query=PaymentQuery,
        gives=PaymentPage,
        within=Within.AREAS,
    ),
    Endpoint(
        name="addPayment",
        method="POST",
        path="/payments",
        says="Record a payment",
        more="Without an Idempotency-Key, a reference keeps a payment from being recorded twice.",
        handler=add,
        scope=Permission.RECORD_PAYMENTS,
        body=NewPaymentBody,
        gives=PaymentDocument,
        status=201,
        within=Within.AREAS,
        **_THINGS,
    ),
    Endpoint(
        name="getPayment",
        method="GET",
        path="/payments/{reference}",
        params=(PAYMENT,),
        tag=_TAG,
        says="Get a payment",
        handler=show,
        scope=Permission.VIEW_MONEY,
        gives=PaymentDocument,
    ),
    Endpoint(
        name="getReceipt",
        method="GET",
        path="/payments/{reference}/receipt",
        params=(PAYMENT,),
        tag=_TAG,
        says="Get the receipt of a payment as PDF",
        handler=receipt,
        scope=Permission.VIEW_MONEY,
        file_type="application/pdf",
        conflicts=True,
    ),
    Endpoint(
        name="reversePayment",
        method="POST",
        path="/payments/{reference}/reverse",
        params=(PAYMENT,),
        says="Take a payment back: what it had settled is owed again",
        handler=reverse,
        scope=Permission.EDIT_MONEY,
        body=ReverseBody,
        gives=PaymentDocument,
        **_THINGS,
    ),
    Endpoint(
        name="movePayment",
        method="POST",
        path="/payments/{reference}/move",
        params=(PAYMENT,),
        says="Give a payment to the subscriber it belongs to",
        handler=move,
        scope=Permission.EDIT_MONEY,
        body=MoveBody,
        gives=PaymentDocument,
        **_THINGS,
    ),
    Endpoint(
        name="addRefund",
        method="POST",
        path="/refunds",
        says="Pay credit back out of a wallet",
        handler=refund,
        scope=Permission.EDIT_MONEY,
        body=RefundBody,
        gives=RefundDocument,
        status=201,
        within=Within.AREAS,
        **_THINGS,
    ),
)
