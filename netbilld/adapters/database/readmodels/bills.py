"""Invoices, credit notes and drafts as staff look at them: a filtered list with its sums, and one document in full."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, true

from netbilld.adapters.database.in_areas import in_areas
from netbilld.adapters.database.invoices import InvoiceDocument, InvoiceStore
from netbilld.adapters.database.payment_codes import PaymentCodeStore
from netbilld.adapters.database.queries import Queries, escaped, first_username, like
from netbilld.adapters.database.subscribers import credential_key
from netbilld.adapters.database.tables import (
    allocations,
    changes,
    credentials,
    due_extensions,
    invoices,
    outbox,
    paper_invoices,
    payments,
    services,
    subscribers,
    write_offs,
)
from netbilld.billing.invoice import OPEN_STATUSES, DocumentKind, Invoice, InvoiceStatus
from netbilld.services.areas import Areas
from netbilld.services.bill_views import (
    BillFile,
    BillFilter,
    BillLine,
    BillPage,
    BillSums,
    OpenBill,
    PaperWay,
    Settlement,
    ToldLine,
)
from netbilld.services.readmodels import PAGE_LENGTH, ChangeLine

_MOST_AREAS: Final = 500
_MOST_CHANGES: Final = 50
_MOST_OPEN: Final = 100
_TOLD: Final = ("invoice_issued", "credit_note_issued")
_DRAFT: Final = InvoiceStatus.DRAFT.value
_IS_OPEN: Final = invoices.c.status.in_([status.value for status in OPEN_STATUSES])
_IS_NOTE: Final = invoices.c.kind == DocumentKind.CREDIT_NOTE.value
_OUTSTANDING: Final = invoices.c.total_minor - invoices.c.paid_minor
_IS_WRITTEN_OFF: Final = exists().where(write_offs.c.invoice_id == invoices.c.id)


class BillQueries(Queries):
    """Reads documents; pages are picked by their keys alone."""

    async def bill_page(self, wanted: BillFilter, offset: int) -> BillPage:
        """Return a page of documents: newest first, but those that wait to be paid by their last day to pay."""
        summed = await self._sums(wanted)
        ids = select(invoices.c.id).select_from(_whose()).where(_matching(wanted)).order_by(*_order(wanted))
        written_off = select(func.coalesce(func.sum(write_offs.c.amount_minor), 0)).where(
            write_offs.c.invoice_id == invoices.c.id
        )
        query = (
            select(
                invoices.c.id,
                invoices.c.number,
                invoices.c.kind,
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name,
                subscribers.c.area,
                invoices.c.status,
                invoices.c.issued_on,
                invoices.c.due_on,
                invoices.c.period_start_on,
                invoices.c.period_end_on,
                invoices.c.currency,
                invoices.c.total_minor,
                invoices.c.paid_minor,
                written_off.scalar_subquery().label("written_off_minor"),
                invoices.c.created_at,
            )
            .select_from(_whose())
            .where(invoices.c.id.in_(ids.limit(PAGE_LENGTH).offset(offset)))
            .order_by(*_order(wanted))
        )
        lines = [BillLine(**row) for row in await self._rows(query)]
        return BillPage(lines, sum(one.documents for one in summed), summed)

    async def _sums(self, wanted: BillFilter) -> list[BillSums]:
        def total(amount: ColumnElement[int], condition: ColumnElement[bool]) -> ColumnElement[int]:
            return func.coalesce(func.sum(case((condition, amount), else_=0)), 0)

        query = (
            select(
                invoices.c.currency,
                func.count().label("documents"),
                total(invoices.c.total_minor, ~_IS_NOTE).label("invoiced_minor"),
                total(invoices.c.total_minor, _IS_NOTE).label("credited_minor"),
                total(_OUTSTANDING, _IS_OPEN).label("outstanding_minor"),
                total(_OUTSTANDING, and_(_IS_OPEN, invoices.c.due_on < wanted.today)).label("overdue_minor"),
            )
            .select_from(_whose() if wanted.text or wanted.area or wanted.areas.is_limited else invoices)
            .where(_matching(wanted))
            .group_by(invoices.c.currency)
            .order_by(invoices.c.currency)
        )
        return [
            BillSums(row["currency"], row["documents"], *(int(row[name]) for name in BillSums.__slots__[2:]))
            for row in await self._rows(query)
        ]

    async def bill_ids(self, wanted: BillFilter, limit: int) -> Sequence[UUID]:
        """Return issued documents of a filter, in the order of the list."""
        query = (
            select(invoices.c.id)
            .select_from(_whose())
            .where(_matching(wanted), invoices.c.number.is_not(None))
            .order_by(*_order(wanted))
            .limit(limit)
        )
        return [row["id"] for row in await self._rows(query)]

    async def ids_of_numbers(self, numbers: Sequence[str], areas: Areas) -> Sequence[UUID]:
        """Return the documents of these numbers, in order of them."""
        chosen = invoices.c.number.in_(list(numbers))
        query = select(invoices.c.id).select_from(_whose()).where(chosen, in_areas(areas)).order_by(invoices.c.number)
        return [row["id"] for row in await self._rows(query)]

    async def areas(self, areas: Areas) -> Sequence[str]:
        """Return the areas that subscribers live in, of those that may be looked at."""
        named = and_(subscribers.c.area.is_not(None), subscribers.c.area != "", in_areas(areas))
        query = select(subscribers.c.area).where(named).distinct().order_by(subscribers.c.area).limit(_MOST_AREAS)
        rows = await self._rows(query)
        return [row["area"] for row in rows]

    async def open_bills(self, subscriber_no: str) -> Sequence[OpenBill]:
        """Return a subscriber's open invoices, oldest due first."""
        query = (
            select(invoices.c.number, invoices.c.due_on, _OUTSTANDING.label("outstanding_minor"))
            .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
            .where(subscribers.c.number == subscriber_no, _IS_OPEN)
            .order_by(invoices.c.due_on, invoices.c.number)
            .limit(_MOST_OPEN)
        )
        return [OpenBill(**row) for row in await self._rows(query)]

    async def payer_named(self, text: str) -> tuple[str, str] | None:
        """Return (number, name) of the subscriber that a user name or number leads to."""
        of_name = (
            select(services.c.subscriber_id)
            .join(credentials, credentials.c.service_id == services.c.id)
            .where(credentials.c.name_key == credential_key(text))
        )
        found = await self._row(of_name)
        who = subscribers.c.number == text.strip() if found is None else subscribers.c.id == found["subscriber_id"]
        row = await self._row(select(subscribers.c.number, subscribers.c.name).where(who))
        return None if row is None else (row["number"], row["name"])

    # -- one document --------------------------------------------------------------------------------------------------

    async def bill_file(self, number: str, now: datetime) -> BillFile | None:
        """Return an issued document in full."""
        document = await InvoiceStore(self._connection).by_number(number)
        return None if document is None else await self._file(document, now)

    async def draft_file(self, draft_id: UUID, now: datetime) -> BillFile | None:
        """Return a draft in full."""
        found = await InvoiceStore(self._connection).matching(
            and_(invoices.c.id == draft_id, invoices.c.status == _DRAFT)
        )
        return await self._file(found[0], now) if found else None

    async def _file(self, document: InvoiceDocument, now: datetime) -> BillFile:
        invoice = document.invoice
        notes = await InvoiceStore(self._connection).matching(invoices.c.credits_id == invoice.id)
        credits_number = None
        if invoice.credits_id is not None:
            row = await self._row(select(invoices.c.number).where(invoices.c.id == invoice.credits_id))
            credits_number = row["number"] if row else None
        extended = await self._row(select(due_extensions.c.until_on).where(due_extensions.c.invoice_id == invoice.id))
        area = await self._row(select(subscribers.c.area).where(subscribers.c.id == invoice.subscriber_id))
        return BillFile(
            invoice=invoice,
            subscriber_no=document.payer.number,
            name=document.subscriber_name,
            area=area["area"] if area else None,
            settlements=await self._settlements(invoice),
            notes=[note.invoice for note in notes if note.invoice.number is not None],
            credits_number=credits_number,
            usernames=await self._usernames(invoice),
            code=await PaymentCodeStore(self._connection).of_invoice(invoice.id, now),
            paper=await self._paper(invoice),
            told=await self._told(invoice),
            changes=await self._changes(invoice),
            extended_until_on=extended["until_on"] if extended else None,
        )

    async def _settlements(self, invoice: Invoice) -> list[Settlement]:
        notes = invoices.alias("notes")
        query = (
            select(
                allocations.c.at,
                allocations.c.amount_minor,
                allocations.c.document,
                allocations.c.payment_id,
                payments.c.method,
                payments.c.reference,
                payments.c.receipt_no,
                payments.c.received_on,
                notes.c.number.label("note_no"),
                notes.c.issued_on,
                write_offs.c.reason,
                write_offs.c.booked_on,
            )
            .outerjoin(payments, payments.c.id == allocations.c.payment_id)
            .outerjoin(notes, notes.c.id == allocations.c.document_id)
            .outerjoin(write_offs, write_offs.c.id == allocations.c.document_id)
            .where(allocations.c.invoice_id == invoice.id)
            .order_by(allocations.c.id)
        )
        return [
            Settlement(
                at=row["at"],
                how=row["document"] or ("payment" if row["payment_id"] else "wallet"),
                amount_minor=int(row["amount_minor"]),
                document=row["receipt_no"] or row["note_no"],
                payment_id=row["payment_id"],
                said=row["method"] or row["reason"],
                reference=row["reference"],
                on=row["received_on"] or row["issued_on"] or row["booked_on"],
            )
            for row in await self._rows(query)
        ]

    async def _usernames(self, invoice: Invoice) -> dict[UUID, str]:
        ids = {line.service_id for line in invoice.lines if line.service_id is not None}
        if not ids:
            return {}
        query = select(services.c.id, first_username(services.c.id).label("username")).where(services.c.id.in_(ids))
        return {row["id"]: row["username"] or "" for row in await self._rows(query)}

    async def _paper(self, invoice: Invoice) -> PaperWay | None:
        columns = [paper_invoices.c[name] for name in PaperWay.__slots__]
        row = await self._row(select(*columns).where(paper_invoices.c.invoice_id == invoice.id))
        return None if row is None else PaperWay(**row)

    async def _told(self, invoice: Invoice) -> list[ToldLine]:
        if invoice.number is None:
            return []
        keys = [f"{kind}:{invoice.number}" for kind in _TOLD]
        columns = [outbox.c[name] for name in ToldLine.__slots__]
        about = or_(outbox.c.dedupe_key.in_(keys), outbox.c.while_open_id == invoice.id)
        query = select(*columns).where(outbox.c.subscriber_id == invoice.subscriber_id, about).order_by(outbox.c.id)
        return [ToldLine(**row) for row in await self._rows(query.limit(_MOST_CHANGES))]

    async def _changes(self, invoice: Invoice) -> list[ChangeLine]:
        names = [str(invoice.id), *([invoice.number] if invoice.number else [])]
        query = (
            select(changes.c.id, changes.c.at, changes.c.actor, changes.c.origin, changes.c.action, changes.c.details)
            .where(changes.c.entity == "invoice", changes.c.entity_id.in_(names))
            .order_by(changes.c.id.desc())
            .limit(_MOST_CHANGES)
        )
        return [ChangeLine(**row) for row in await self._rows(query)]


def _whose() -> Any:
    return invoices.join(subscribers, subscribers.c.id == invoices.c.subscriber_id)


def _matching(wanted: BillFilter) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [_state(wanted)]
    if wanted.areas.is_limited:
        conditions.append(in_areas(wanted.areas))
    if wanted.from_on is not None:
        conditions += [invoices.c.issued_on >= wanted.from_on, _not_due_before(wanted)]
    if wanted.end_on is not None:
        conditions.append(invoices.c.issued_on < wanted.end_on)
    if wanted.area:
        below = subscribers.c.area.like(f"{escaped(wanted.area)}/%", escape="\\")
        conditions.append(or_(subscribers.c.area == wanted.area, below))
    if wanted.text:
        pattern = like(wanted.text.lower())
        conditions.append(
            or_(
                invoices.c.number.like(like(wanted.text.upper()), escape="\\"),
                subscribers.c.number == wanted.text,
                func.lower(subscribers.c.name).like(pattern, escape="\\"),
            )
        )
    return and_(*conditions)


def _not_due_before(wanted: BillFilter) -> ColumnElement[bool]:
    """Return what is true of whatever is issued from that day on, and has an index: no document is due before it."""
    return invoices.c.due_on >= wanted.from_on


def _state(wanted: BillFilter) -> ColumnElement[bool]:
    issued = invoices.c.number.is_not(None)
    owed = and_(_IS_OPEN, _OUTSTANDING > 0)
    match wanted.state:
        case "draft":
            return invoices.c.status == _DRAFT
        case "open":
            return _IS_OPEN
        case "overdue":
            return and_(owed, invoices.c.due_on < wanted.today)
        case "near_due":
            return and_(owed, invoices.c.due_on >= wanted.today, invoices.c.due_on <= wanted.near_due_until_on)
        case "paid":
            return and_(issued, invoices.c.status == InvoiceStatus.PAID.value, ~_IS_NOTE, ~_IS_WRITTEN_OFF)
        case "written_off":
            return and_(invoices.c.status == InvoiceStatus.PAID.value, ~_IS_NOTE, _IS_WRITTEN_OFF)
        case "credit_note":
            return and_(issued, _IS_NOTE)
        case "part_paid" | "credited":
            return and_(issued, invoices.c.status == wanted.state)
        case _:
            return issued if not wanted.state else ~true()


def _order(wanted: BillFilter) -> tuple[ColumnElement[Any], ...]:
    if wanted.state in {"open", "overdue", "near_due"}:
        return invoices.c.due_on, invoices.c.number, invoices.c.id
    if wanted.state == "draft":
        return invoices.c.created_at.desc(), invoices.c.id
    return invoices.c.issued_on.desc(), invoices.c.number.desc(), invoices.c.id
