"""Invoices by hand, drafts, credit notes and write-offs: what is issued is corrected and never changed."""

from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from pydantic import Field, model_validator

from netbilld.billing.credit_note import Asked as AskedCredit
from netbilld.billing.invoice import InvoiceLine
from netbilld.billing.manual_line import line_by_hand
from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import INVOICE, PREFIX, Answer, Endpoint
from netbilld.panel.api.invoices import InvoiceDocument, SubscriberNo, found_document, invoice_answer
from netbilld.panel.api.payers import payer_of
from netbilld.panel.api.shapes import MOST_MINOR, Amount, Asked, Paid, Shape
from netbilld.panel.within import Within

DueDays = Annotated[int, Field(ge=0, le=365, description="Until it is due; default as the settings say.")]
Why = Annotated[str, Field(min_length=1, max_length=200, description="What the document and the trail say.")]


class LineBody(Asked):
    """A line by hand; its tax is worked out by the rule of the day."""

    text: Annotated[str, Field(min_length=1, max_length=300)]
    quantity: Annotated[int, Field(ge=1, lt=10**9)] = 1
    unit_price: Annotated[int, Field(ge=-MOST_MINOR, le=MOST_MINOR)] = Field(
        description="In minor units, not 0; below zero gives back. A discount is written above zero."
    )
    tax: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = Field(
        default="none", description="`none`, or the code of a tax."
    )
    tax_inclusive: bool = True
    revenue: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = Field(
        default="other", description="A word for its account, or deposit, late_fee or discount."
    )

    def line(self) -> InvoiceLine:
        """Return it as a document has it.

        Raises:
            InvalidInputError: an amount can't be.
        """
        return line_by_hand(
            self.text,
            self.quantity,
            self.unit_price,
            tax_code=self.tax,
            inclusive=self.tax_inclusive,
            revenue=self.revenue,
        )


Lines = Annotated[list[LineBody], Field(max_length=100)]


class NewInvoiceBody(Asked):
    """An invoice by hand."""

    subscriber_no: SubscriberNo
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=100)]
    note: Annotated[str, Field(max_length=500)] = ""
    draft: bool = Field(default=False, description="Keep it open: it gets its number when it is issued.")
    due_days: DueDays | None = None


class DraftPatch(Asked):
    """What to change in a draft: lines are taken away by their position first."""

    remove_lines: Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Field(max_length=100)] = Field(
        default_factory=list
    )
    add_lines: Lines = Field(default_factory=list)
    note: Annotated[str, Field(max_length=500)] | None = None


class IssueBody(Asked):
    due_days: DueDays | None = None


class CreditedLine(Asked):
    line: Annotated[int, Field(ge=1, le=1000)]
    amount: Paid | None = Field(default=None, description="Tax included, in minor units; default all that is left.")


class CreditBody(Asked):
    """What to give back; no lines are all that is left of it, which voids the invoice."""

    lines: Annotated[list[CreditedLine], Field(max_length=100)] = Field(default_factory=list)
    why: Why

    @model_validator(mode="after")
    def _each_line_once(self) -> "CreditBody":
        positions = [one.line for one in self.lines]
        if len(set(positions)) != len(positions):
            raise ValueError("a line is named twice")
        return self


class CreditDocument(Shape):
    """A credit note that was made, and what is left of its invoice."""

    number: str
    credits: str
    subscriber_no: str
    currency: str
    total: Amount
    tax: Amount
    to_wallet: Amount = Field(description="What had been paid of it and is credit now, in minor units.")
    invoice_status: Literal["issued", "part_paid", "paid", "credited"]
    invoice_outstanding: Amount


class WriteOffBody(Asked):
    amount: Paid | None = Field(default=None, description="In minor units; default all that is owed on it.")
    why: Why


async def add(call: Call) -> Answer:
    """POST /invoices."""
    body = call.body(NewInvoiceBody)
    name = await payer_of(call, body.subscriber_no)
    made = await call.parts.manual_invoices(call.parts.database).add(
        name,
        [line.line() for line in body.lines],
        note=body.note,
        is_draft=body.draft,
        due_days=body.due_days,
        actor=call.actor,
        now=call.now,
        idempotency_key=call.key,
    )
    await call.parts.nudge()
    return await _made(call, made["number"] or made["id"])


async def edit(call: Call) -> Answer:
    """PATCH /invoices/{reference}."""
    body = call.body(DraftPatch)
    async with call.parts.database.read() as work:
        found = await found_document(work, call.params["reference"])
    invoice, payer = found.invoice, found.payer
    store = call.guarded(
        "invoice", invoice.number or invoice.id, lambda work: work.invoices.lock_subscribers([payer.id])
    )
    await call.parts.manual_invoices(store).edit(
        _reference(invoice),
        add=[line.line() for line in body.add_lines],
        remove=body.remove_lines,
        note=body.note,
        actor=call.actor,
        now=call.now,
    )
    return await invoice_answer(call, _reference(invoice))


async def issue(call: Call) -> Answer:
    """POST /invoices/{reference}/issue."""
    async with call.parts.database.read() as work:
        found = await found_document(work, call.params["reference"])
    made = await call.parts.manual_invoices(call.parts.database).issue(
        _reference(found.invoice),
        due_days=call.body(IssueBody).due_days,
        actor=call.actor,
        now=call.now,
        idempotency_key=call.key,
    )
    await call.parts.nudge()
    return await _made(call, made["number"])


async def discard(call: Call) -> Answer:
    """DELETE /invoices/{reference}."""
    async with call.parts.database.read() as work:
        found = await found_document(work, call.params["reference"])
    invoice, payer = found.invoice, found.payer
    store = call.guarded(
        "invoice", invoice.number or invoice.id, lambda work: work.invoices.lock_subscribers([payer.id])
    )
    await call.parts.manual_invoices(store).discard(_reference(invoice), actor=call.actor, now=call.now)
    return Answer()


async def credit(call: Call) -> Answer:
    """POST /invoices/{reference}/credit-notes."""
    body = call.body(CreditBody)
    async with call.parts.database.read() as work:
        found = await found_document(work, call.params["reference"])
    made = await call.parts.money.correct_invoice.credit(
        _reference(found.invoice),
        [AskedCredit(one.line, one.amount) for one in body.lines],
        why=body.why,
        actor=call.actor,
        now=call.now,
        idempotency_key=call.key,
    )
    await call.parts.nudge()
    return Answer(CreditDocument(**made), headers={"Location": _place(made["number"])})


async def write_off(call: Call) -> Answer:
    """POST /invoices/{reference}/write-off."""
    body = call.body(WriteOffBody)
    async with call.parts.database.read() as work:
        found = await found_document(work, call.params["reference"])
    await call.parts.money.correct_invoice.write_off(
        _reference(found.invoice),
        body.amount,
        why=body.why,
        actor=call.actor,
        now=call.now,
        idempotency_key=call.key,
    )
    await call.parts.nudge()
    return await invoice_answer(call, _reference(found.invoice))


async def _made(call: Call, reference: str) -> Answer:
    return await invoice_answer(call, reference, headers={"Location": _place(reference)})


def _reference(invoice: Any) -> str:
    return invoice.number or str(invoice.id)


def _place(reference: str) -> str:
    return f"{PREFIX}/invoices/{quote(reference, safe='')}"


_TAG: Final = "Invoices"

ENDPOINTS: Final = (
    Endpoint(
        name="addInvoice",
        method="POST",
        path="/invoices",
        tag=_TAG,
        says="Make an invoice by hand, or a draft",
        more="It is settled from the wallet as far as that goes.",
        handler=add,
        scope=Permission.EDIT_MONEY,
        body=NewInvoiceBody,
        gives=InvoiceDocument,
        status=201,
        is_keyed=True,
        conflicts=True,
        within=Within.AREAS,
    ),
    Endpoint(
        name="changeDraft",
        method="PATCH",
        path="/invoices/{reference}",
        params=(INVOICE,),
        tag=_TAG,
        says="Change a draft",
        handler=edit,
        scope=Permission.EDIT_MONEY,
        body=DraftPatch,
        gives=InvoiceDocument,
        is_conditional=True,
        conflicts=True,
    ),
    Endpoint(
        name="discardDraft",
        method="DELETE",
        path="/invoices/{reference}",
        params=(INVOICE,),
        tag=_TAG,
        says="Give up a draft; it never had a number",
        handler=discard,
        scope=Permission.EDIT_MONEY,
        status=204,
        is_conditional=True,
        conflicts=True,
    ),
    Endpoint(
        name="issueDraft",
        method="POST",
        path="/invoices/{reference}/issue",
        params=(INVOICE,),
        tag=_TAG,
        says="Issue a draft",
        handler=issue,
        scope=Permission.EDIT_MONEY,
        body=IssueBody,
        gives=InvoiceDocument,
        is_keyed=True,
        conflicts=True,
    ),
    Endpoint(
        name="creditInvoice",
        method="POST",
        path="/invoices/{reference}/credit-notes",
        params=(INVOICE,),
        tag=_TAG,
        says="Give back a part of an invoice, or all of it",
        handler=credit,
        scope=Permission.EDIT_MONEY,
        body=CreditBody,
        gives=CreditDocument,
        status=201,
        is_keyed=True,
        conflicts=True,
    ),
    Endpoint(
        name="writeOffInvoice",
        method="POST",
        path="/invoices/{reference}/write-off",
        params=(INVOICE,),
        tag=_TAG,
        says="Give up what is owed on an invoice, as a loss",
        handler=write_off,
        scope=Permission.EDIT_MONEY,
        body=WriteOffBody,
        gives=InvoiceDocument,
        is_keyed=True,
        conflicts=True,
    ),
)
