"""What goes with an invoice: an amount of its own to be paid by, its paper on the way, and where it comes from."""

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import INVOICE, Answer, Endpoint
from netbilld.panel.api.invoices import found_document
from netbilld.panel.api.problem import FieldProblem, Problem, invalid
from netbilld.panel.api.shapes import Amount, Asked, Day, Moment, Shape

State = Literal["printed", "with_courier", "received", "returned"]


class CodeBody(Asked):
    renew: bool = Field(default=False, description="Another one in any case.")


class CodeDocument(Shape):
    """An amount that is one invoice's for a while (kode unik)."""

    invoice: str
    amount: Amount = Field(description="What is to be transferred, in minor units.")
    code: int = Field(description="What of it is added; it becomes credit in the wallet.")
    currency: str
    expires_at: Moment


class DeliveryStepDocument(Shape):
    state: State
    at: Moment
    actor: str


class DeliveryDocument(Shape):
    """An invoice's paper."""

    invoice: str
    subscriber_no: str
    state: State | None = Field(description="Null: never printed.")
    courier: str | None
    tracking_number: str | None
    printed_on: Day | None
    handed_on: Day | None
    received_on: Day | None
    returned_on: Day | None
    receiver: str | None
    next_states: list[State]
    steps: list[DeliveryStepDocument]


class DeliveryBody(Asked):
    """The next step; none is skipped."""

    state: State
    courier: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Needed with `with_courier`."
    )
    tracking_number: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    receiver: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Needed with `received`."
    )
    on: date | None = Field(default=None, description="Of `received` and `returned`: the local day; default today.")


class ExplanationDocument(Shape):
    """Where the amounts of a document come from, worked out again."""

    number: str
    equal: bool = Field(description="What is worked out is what was issued.")
    sha256: str = Field(description="Of its canonical form.")
    explanation: dict[str, Any]


async def give_code(call: Call) -> Answer:
    """POST /invoices/{reference}/payment-code."""
    number = await _number(call)
    code = await call.parts.money.payment_codes.run(
        number, actor=call.actor, now=call.now, renew=call.body(CodeBody).renew
    )
    document = CodeDocument(
        invoice=code.invoice_number,
        amount=code.amount_minor,
        code=code.code,
        currency=code.currency,
        expires_at=call.local(code.expires_at),
    )
    return Answer(document)


async def show_delivery(call: Call) -> Answer:
    """GET /invoices/{reference}/delivery."""
    number = await _number(call)
    async with call.parts.database.read() as work:
        found = await work.money_views.delivery_file(number)
    if found is None:
        raise _not_issued(number)
    line = found.line
    document = DeliveryDocument(
        invoice=found.number,
        subscriber_no=found.subscriber_no,
        state=line.state if line else None,
        courier=line.courier if line else None,
        tracking_number=line.tracking_number if line else None,
        printed_on=line.printed_on if line else None,
        handed_on=line.handed_on if line else None,
        received_on=line.received_on if line else None,
        returned_on=line.returned_on if line else None,
        receiver=line.receiver if line else None,
        next_states=list(found.next_states),
        steps=[DeliveryStepDocument(state=one.state, at=call.local(one.at), actor=one.actor) for one in found.steps],
    )
    return Answer(document)


async def move(call: Call) -> Answer:
    """POST /invoices/{reference}/delivery."""
    body, number, paper = call.body(DeliveryBody), await _number(call), call.parts.money.manage_paper
    match body.state:
        case "printed":
            await paper.printed(number, call.actor, call.now)
        case "with_courier":
            courier = _needed("courier", body.courier)
            await paper.handed_over(number, courier, body.tracking_number, call.actor, call.now)
        case "received":
            receiver = _needed("receiver", body.receiver)
            await paper.received(number, receiver, body.on, None, call.actor, call.now)
        case "returned":
            await paper.returned(number, body.on, None, call.actor, call.now)
    await call.parts.nudge()
    return await show_delivery(call)


async def explain(call: Call) -> Answer:
    """GET /invoices/{reference}/explanation."""
    number = await _number(call)
    explanation = dict(await call.parts.money.explain_invoice.run(number))
    document = ExplanationDocument(
        number=number, equal=explanation["equal"], sha256=explanation["sha256"], explanation=explanation
    )
    return Answer(document)


async def _number(call: Call) -> str:
    """Return the number of the issued document in the address.

    Raises:
        Problem: there is none.
    """
    reference = call.params["reference"]
    async with call.parts.database.read() as work:
        number: str | None = (await found_document(work, reference)).invoice.number
    if number is None:
        raise _not_issued(reference)
    return number


def _not_issued(reference: str) -> Problem:
    return Problem(409, "not_issued", f"{reference[:60]!r} is no issued invoice")


def _needed(field: str, value: str | None) -> str:
    if value is None:
        raise invalid([FieldProblem(field=field, code="missing", message="is needed with this state")])
    return value


_TAG: Final = "Invoices"

ENDPOINTS: Final = (
    Endpoint(
        name="givePaymentCode",
        method="POST",
        path="/invoices/{reference}/payment-code",
        params=(INVOICE,),
        tag=_TAG,
        says="Give an invoice an amount of its own, by which a transfer is known",
        more="The same one again while it fits.",
        handler=give_code,
        scope=Permission.RECORD_PAYMENTS,
        body=CodeBody,
        gives=CodeDocument,
        conflicts=True,
    ),
    Endpoint(
        name="getDelivery",
        method="GET",
        path="/invoices/{reference}/delivery",
        params=(INVOICE,),
        tag=_TAG,
        says="Get where an invoice's paper is",
        handler=show_delivery,
        scope=Permission.VIEW_MONEY,
        gives=DeliveryDocument,
        conflicts=True,
    ),
    Endpoint(
        name="moveDelivery",
        method="POST",
        path="/invoices/{reference}/delivery",
        params=(INVOICE,),
        tag=_TAG,
        says="Say that an invoice's paper was printed, handed over, received or returned",
        handler=move,
        scope=Permission.EDIT_MONEY,
        body=DeliveryBody,
        gives=DeliveryDocument,
        conflicts=True,
    ),
    Endpoint(
        name="explainInvoice",
        method="GET",
        path="/invoices/{reference}/explanation",
        params=(INVOICE,),
        tag=_TAG,
        says="Get where the amounts of an invoice come from",
        handler=explain,
        scope=Permission.VIEW_MONEY,
        gives=ExplanationDocument,
        conflicts=True,
    ),
)
