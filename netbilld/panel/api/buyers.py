"""A subscriber as a buyer: what invoices and tax documents say of them."""

from typing import Annotated, Final, Literal

from pydantic import Field

from netbilld.billing.buyer import TRX_CODES, Buyer
from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import NUMBER, Answer, Endpoint
from netbilld.panel.api.payers import payer_of
from netbilld.panel.api.problem import Problem
from netbilld.panel.api.shapes import Asked, Name, Shape
from netbilld.services.manage_buyers import BuyerChanges

Kind = Literal["person", "company"]
Faktur = Literal["none", "retail", "full"]
TrxCode = Annotated[str, Field(pattern=f"^({'|'.join(TRX_CODES)})$")]
_CLEARED: Final = ("name", "address", "tax_id", "branch", "nik", "po_number", "faktur", "trx_code")


class BuyerDocument(Shape):
    """What is known of a subscriber as a buyer; issued documents keep what they say."""

    subscriber_no: str
    kind: Kind
    name: str | None = Field(description="On invoices; null: the subscriber's.")
    address: str | None = Field(description="Likewise.")
    tax_id: str | None = Field(description="NPWP, 16 digits.")
    branch: str = Field(description="The last 6 digits of the buyer's IDTKU.")
    nik: str | None = Field(description="Masked; in full only on the panel, where each look is written down.")
    po_number: str | None
    faktur: Faktur | None = Field(description="How a sale is reported; null: as the settings say.")
    trx_code: str | None
    withholds_pph23: bool
    exempt: bool


class BuyerPatch(Asked):
    """What to change; null clears a field, what is not there stays."""

    kind: Kind = "person"
    name: Name | None = None
    address: Annotated[str, Field(max_length=500)] | None = None
    tax_id: Annotated[str, Field(max_length=40)] | None = None
    branch: Annotated[str, Field(max_length=22)] | None = None
    nik: Annotated[str, Field(max_length=40)] | None = Field(default=None, description="16 digits; it is kept sealed.")
    po_number: Annotated[str, Field(max_length=60)] | None = None
    faktur: Faktur | None = None
    trx_code: TrxCode | None = None
    withholds_pph23: bool = False
    exempt: bool = False


async def show(call: Call) -> Answer:
    """GET /subscribers/{number}/buyer."""
    number = call.params["number"]
    found = await call.parts.buyers.of_number(number)
    if found is None:
        raise Problem(404, "not_found", f"no subscriber has the number {number}")
    subscriber, known = found
    buyer = known or Buyer(subscriber.id)
    document = BuyerDocument(
        subscriber_no=subscriber.number,
        kind=buyer.kind.value,
        name=buyer.name,
        address=buyer.address,
        tax_id=buyer.tax_id,
        branch=buyer.branch,
        nik=buyer.nik_masked,
        po_number=buyer.po_number,
        faktur=buyer.faktur.value if buyer.faktur else None,
        trx_code=buyer.trx_code,
        withholds_pph23=buyer.withholds_pph23,
        exempt=buyer.exempt,
    )
    return Answer(document)


async def change(call: Call) -> Answer:
    """PATCH /subscribers/{number}/buyer."""
    body = call.body(BuyerPatch)
    await show(call)  # whoever is not there is not found, and not a value that is wrong
    told = {name: getattr(body, name) for name in body.model_fields_set}
    told = {name: "" if value is None and name in _CLEARED else value for name, value in told.items()}
    who = await payer_of(call, call.params["number"])
    await call.parts.buyers.set(who, BuyerChanges(**told), call.actor, call.now)
    await call.parts.nudge()
    return await show(call)


_TAG: Final = "Subscribers"

ENDPOINTS: Final = (
    Endpoint(
        name="getBuyer",
        method="GET",
        path="/subscribers/{number}/buyer",
        params=(NUMBER,),
        tag=_TAG,
        says="Get what tax documents say of a subscriber",
        handler=show,
        scope=Permission.VIEW_SUBSCRIBERS,
        gives=BuyerDocument,
    ),
    Endpoint(
        name="changeBuyer",
        method="PATCH",
        path="/subscribers/{number}/buyer",
        params=(NUMBER,),
        tag=_TAG,
        says="Change what tax documents say of a subscriber",
        handler=change,
        scope=Permission.EDIT_MONEY,
        body=BuyerPatch,
        gives=BuyerDocument,
        conflicts=True,
    ),
)
