"""Invoices and credit notes: listed, shown, printed."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

from netbilld.billing.invoice import DocumentKind, Invoice, InvoiceLine, InvoiceStatus
from netbilld.billing.write_off import WRITE_OFF
from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call, version_of
from netbilld.panel.api.endpoint import INVOICE, Answer, Endpoint
from netbilld.panel.api.paging import cursor_of, place_of, refused_cursor, split
from netbilld.panel.api.problem import Problem
from netbilld.panel.api.shapes import Amount, Day, Moment, Page, PageQuery, Shape
from netbilld.panel.within import Within
from netbilld.services.api_views import InvoiceFilter, InvoiceRow
from netbilld.services.correct_invoice import CREDIT_NOTE

Status = Literal["draft", "issued", "part_paid", "paid", "credited"]
Kind = Literal["invoice", "credit_note"]
SubscriberNo = Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
_UNPAID: Final = (InvoiceStatus.ISSUED, InvoiceStatus.PART_PAID)
_NEAR_DAYS: Final = 7


class Period(Shape):
    """Half-open: from the first day to the day after the last."""

    start: Day
    end: Day


class InvoiceSummary(Shape):
    """A document without its lines."""

    id: UUID
    number: str | None = Field(description="Null of a draft.")
    kind: Kind
    subscriber_no: str
    subscriber_name: str
    status: Status
    overdue: bool = Field(description="A part of it is unpaid after its due date.")
    issued_on: Day | None
    due_on: Day | None
    period: Period
    currency: str
    tax: Amount
    total: Amount
    outstanding: Amount
    created_at: Moment


class LineDocument(Shape):
    """A line; `unit_price` is for `per` units."""

    line: int
    kind: str
    text: str
    service_id: UUID | None
    site: str | None
    from_on: Day | None = Field(serialization_alias="from")
    until: Day | None = Field(description="The day after the last.")
    quantity: int
    unit_price: Amount
    per: int
    amount: Amount
    net: Amount
    tax_code: str | None
    tax: Amount
    tax_inclusive: bool


class InvoiceDocument(Shape):
    """A document in full."""

    id: UUID
    number: str | None = Field(description="Null of a draft.")
    kind: Kind
    subscriber_no: str
    subscriber_name: str
    status: Status
    overdue: bool
    issued_on: Day | None
    due_on: Day | None
    period: Period
    timezone: str
    currency: str
    lines: list[LineDocument]
    tax: Amount
    total: Amount
    paid: Amount = Field(description="By money, in minor units.")
    credited: Amount = Field(description="By credit notes, in minor units.")
    written_off: Amount
    outstanding: Amount
    credits: str | None = Field(description="Of a credit note: the number of its invoice.")
    credit_notes: list[str]
    note: str


class InvoicePage(Page):
    items: list[InvoiceSummary]


class InvoiceQuery(PageQuery):
    subscriber: SubscriberNo | None = Field(default=None, description="A subscriber number.")
    status: Status | None = Field(default=None, description="`draft` lists drafts alone.")
    kind: Kind | None = None
    overdue: bool = Field(default=False, description="Only with an unpaid part past its due date.")
    near_due: bool = Field(default=False, description="Only with an unpaid part due today or within 7 days.")
    issued_from: date | None = None
    issued_to: date | None = None


async def show_list(call: Call) -> Answer:
    """GET /invoices."""
    query = call.query(InvoiceQuery)
    place = place_of(query.cursor, str)
    drafts = query.status == InvoiceStatus.DRAFT.value
    try:
        after = (str(UUID(place[0])) if drafts else place[0]) if place else None
    except ValueError:
        raise refused_cursor() from None
    async with call.parts.database.read() as work:
        wanted = InvoiceFilter(
            subscriber_no=query.subscriber,
            drafts=drafts,
            statuses=_statuses(query),
            kind=DocumentKind(query.kind) if query.kind else None,
            issued_from=query.issued_from,
            issued_to=query.issued_to,
            due_from=call.today if query.near_due else None,
            due_before=_due_before(query, call.today),
        )
        rows = await work.api_reads.invoices(call.areas, wanted, after=after, limit=query.limit + 1)
    shown, last = split(rows, query.limit)
    end = (str(last.id) if drafts else last.number or "") if last else None
    items = [_summary(row, call) for row in shown]
    return Answer(InvoicePage(items=items, next_cursor=cursor_of(end) if end else None))


async def show(call: Call) -> Answer:
    """GET /invoices/{reference}."""
    return await invoice_answer(call, call.params["reference"])


async def pdf(call: Call) -> Answer:
    """GET /invoices/{reference}/pdf."""
    printed = await call.parts.printing.invoice(call.params["reference"], call.now)
    return Answer(file=(printed.octets, "application/pdf", printed.name))


async def invoice_answer(call: Call, reference: str, **said: Any) -> Answer:
    """Return a document in full, with the version that a change of a draft can be guarded by.

    Raises:
        Problem: there is none.
    """
    async with call.parts.database.read() as work:
        found = await found_document(work, reference)
        invoice = found.invoice
        [named] = await work.invoices.by_ids([invoice.id])
        settled = (await work.corrections.settled_by_documents([invoice.id])).get(invoice.id, {})
        credits_number = await work.corrections.number_of(invoice.credits_id) if invoice.credits_id else None
        notes = (await work.api_reads.credit_notes([invoice.id])).get(invoice.id, [])
        version = await version_of(work, "invoice", invoice.number or str(invoice.id))
    document = _document(invoice, found.payer.number, named.subscriber_name, settled, credits_number, notes, call.today)
    return Answer(document, version=version, **said)


async def found_document(work: Any, reference: str) -> Any:
    """Return the document with that number, or the draft with that id.

    Raises:
        Problem: there is none.
    """
    found = await work.corrections.found(reference)
    if len(found) != 1 or (found[0].invoice.number is None and not _is_id(reference)):
        raise Problem(404, "not_found", f"there is no document {reference[:60]!r}")
    return found[0]


def _is_id(reference: str) -> bool:
    try:
        return str(UUID(reference)) == reference.lower()
    except ValueError:
        return False


def _statuses(query: InvoiceQuery) -> Sequence[InvoiceStatus]:
    wanted = [InvoiceStatus(query.status)] if query.status else []
    if query.overdue or query.near_due:
        wanted = [status for status in _UNPAID if not wanted or status in wanted]
        if not wanted:
            raise Problem(422, "invalid_input", "only issued and part_paid invoices are overdue or near due")
    return wanted


def _due_before(query: InvoiceQuery, today: date) -> date | None:
    if query.overdue:
        return today
    return today + timedelta(days=_NEAR_DAYS + 1) if query.near_due else None


def _summary(row: InvoiceRow, call: Call) -> InvoiceSummary:
    outstanding_minor = row.total_minor - row.paid_minor if row.status in _UNPAID else 0
    return InvoiceSummary(
        id=row.id,
        number=row.number,
        kind=row.kind.value,
        subscriber_no=row.subscriber_no,
        subscriber_name=row.subscriber_name,
        status=row.status.value,
        overdue=outstanding_minor > 0 and row.due_on is not None and row.due_on < call.today,
        issued_on=row.issued_on,
        due_on=row.due_on,
        period=Period(start=row.period_start_on, end=row.period_end_on),
        currency=row.currency,
        tax=row.tax_minor,
        total=row.total_minor,
        outstanding=outstanding_minor,
        created_at=call.local(row.created_at),
    )


def _document(
    invoice: Invoice,
    subscriber_no: str,
    subscriber_name: str,
    settled: Mapping[str, int],
    credits_number: str | None,
    notes: Sequence[str],
    today: date,
) -> InvoiceDocument:
    credited_minor, lost_minor = settled.get(CREDIT_NOTE, 0), settled.get(WRITE_OFF, 0)
    return InvoiceDocument(
        id=invoice.id,
        number=invoice.number,
        kind=invoice.kind.value,
        subscriber_no=subscriber_no,
        subscriber_name=subscriber_name,
        status=invoice.status.value,
        overdue=invoice.overdue(today),
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        period=Period(start=invoice.period_start_on, end=invoice.period_end_on),
        timezone=invoice.timezone,
        currency=invoice.currency,
        lines=[_line(position, line) for position, line in enumerate(invoice.lines, 1)],
        tax=invoice.tax_minor,
        total=invoice.total_minor,
        paid=invoice.paid_minor - credited_minor - lost_minor,
        credited=credited_minor,
        written_off=lost_minor,
        outstanding=invoice.outstanding_minor,
        credits=credits_number,
        credit_notes=list(notes),
        note=invoice.note,
    )


def _line(position: int, line: InvoiceLine) -> LineDocument:
    return LineDocument(
        line=position,
        kind=line.kind.value,
        text=line.text,
        service_id=line.service_id,
        site=line.site,
        from_on=line.from_on,
        until=line.until_on,
        quantity=line.quantity,
        unit_price=line.unit_price_minor,
        per=line.per,
        amount=line.amount_minor,
        net=line.net_minor,
        tax_code=line.tax_code,
        tax=line.tax_minor,
        tax_inclusive=line.inclusive,
    )


_TAG: Final = "Invoices"

ENDPOINTS: Final = (
    Endpoint(
        name="listInvoices",
        method="GET",
        path="/invoices",
        tag=_TAG,
        says="List invoices and credit notes",
        more="The highest number first; with `status=draft` drafts alone.",
        handler=show_list,
        scope=Permission.VIEW_MONEY,
        query=InvoiceQuery,
        gives=InvoicePage,
        within=Within.AREAS,
    ),
    Endpoint(
        name="getInvoice",
        method="GET",
        path="/invoices/{reference}",
        params=(INVOICE,),
        tag=_TAG,
        says="Get a document with its lines",
        handler=show,
        scope=Permission.VIEW_MONEY,
        gives=InvoiceDocument,
    ),
    Endpoint(
        name="getInvoicePdf",
        method="GET",
        path="/invoices/{reference}/pdf",
        params=(INVOICE,),
        tag=_TAG,
        says="Get an issued document as PDF",
        handler=pdf,
        scope=Permission.VIEW_MONEY,
        file_type="application/pdf",
        conflicts=True,
    ),
)
