"""Credit that is put to open invoices: from a wallet, or what a payment had gone to."""

from typing import Annotated, Any, Final

from pydantic import Field

from netbilld.billing.allocation import Choice
from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import NUMBER, PAYMENT, Answer, Endpoint
from netbilld.panel.api.payers import payer_of
from netbilld.panel.api.payments import AllocationDocument, ChosenInvoice
from netbilld.panel.api.shapes import Amount, Asked, Shape
from netbilld.panel.api.subscribers import found_subscriber


class AllocateBody(Asked):
    """Chosen invoices first, then the oldest due."""

    invoices: Annotated[list[ChosenInvoice], Field(max_length=50)] = Field(default_factory=list)
    only_chosen: bool = Field(default=False, description="Settle no other invoice than the chosen ones.")


class AllocatedDocument(Shape):
    """What was settled, and what a payment settles no more."""

    subscriber_no: str
    currency: str
    allocations: list[AllocationDocument]
    reopened: list[AllocationDocument]
    wallet: Amount
    outstanding: Amount


async def allocate(call: Call) -> Answer:
    """POST /subscribers/{number}/wallet/allocate."""
    number = call.params["number"]
    async with call.parts.database.read() as work:
        await found_subscriber(work, number)
    return await _allocated(call, number, None)


async def allocate_payment(call: Call) -> Answer:
    """POST /payments/{reference}/allocate."""
    async with call.parts.database.read() as work:
        found = await work.payments.find(call.params["reference"])
        row = await work.api_reads.payment(found.id)
    return await _allocated(call, row.subscriber_no, str(found.id))


async def _allocated(call: Call, number: str, payment: str | None) -> Answer:
    body = call.body(AllocateBody)
    done = await call.parts.money.allocate_wallet.run(
        await payer_of(call, number),
        actor=call.actor,
        now=call.now,
        chosen=[Choice(one.number, one.amount) for one in body.invoices],
        only_chosen=body.only_chosen,
        payment=payment,
        idempotency_key=call.key,
    )
    await call.parts.nudge()
    document = AllocatedDocument(
        subscriber_no=done.subscriber_no,
        currency=done.currency,
        allocations=_parts(done.allocations),
        reopened=_parts(done.reopened),
        wallet=done.wallet_minor,
        outstanding=done.outstanding_minor,
    )
    return Answer(document)


def _parts(parts: Any) -> list[AllocationDocument]:
    return [AllocationDocument(invoice=number, amount=amount_minor) for number, amount_minor in parts]


_THINGS: Final[dict[str, Any]] = {
    "method": "POST",
    "tag": "Payments",
    "scope": Permission.EDIT_MONEY,
    "body": AllocateBody,
    "gives": AllocatedDocument,
    "is_keyed": True,
    "conflicts": True,
}

ENDPOINTS: Final = (
    Endpoint(
        name="allocateWallet",
        path="/subscribers/{number}/wallet/allocate",
        params=(NUMBER,),
        says="Settle open invoices from a wallet",
        handler=allocate,
        **_THINGS,
    ),
    Endpoint(
        name="allocatePayment",
        path="/payments/{reference}/allocate",
        params=(PAYMENT,),
        says="Take a payment off what it has settled, and put it to other invoices",
        handler=allocate_payment,
        **_THINGS,
    ),
)
