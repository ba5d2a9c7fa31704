"""Invoices with their lines and numbers, and which period of which service is billed."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.driver import Driver
from netbilld.adapters.database.tables import (
    allocations,
    counters,
    invoice_lines,
    invoices,
    subscribers,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.allocation import Part
from netbilld.billing.chart import Payer
from netbilld.billing.invoice import OPEN_STATUSES, DocumentKind, Invoice, InvoiceLine, InvoiceStatus, LineKind
from netbilld.billing.standing import OpenInvoice

BATCH: Final = 10_000
NEAR_DUE_DAYS: Final = 7
_DOCUMENT_COLUMNS: Final = (
    "id", "number", "subscriber_id", "status", "issued_on", "due_on", "period_start_on", "period_end_on", "timezone",
    "currency", "tax_minor", "total_minor", "paid_minor", "created_at", "kind", "credits_id", "buyer", "note",
)  # fmt: skip
_LINE_COLUMNS: Final = (
    "invoice_id", "position", "service_id", "kind", "text", "quantity", "unit_price_minor", "per", "amount_minor",
    "tax_code", "tax_minor", "inclusive", "revenue", "from_on", "until_on", "site", "details",
)  # fmt: skip
_OPEN: Final = [status.value for status in OPEN_STATUSES]


@dataclass(frozen=True, slots=True)
class ListedInvoice:
    """An invoice in a list: without its lines, with whose it is."""

    number: str
    subscriber_no: str
    subscriber_name: str
    status: InvoiceStatus
    issued_on: date
    due_on: date
    period_start_on: date
    period_end_on: date
    currency: str
    total_minor: int
    paid_minor: int
    kind: DocumentKind = DocumentKind.INVOICE

    @property
    def outstanding_minor(self) -> int:
        return self.total_minor - self.paid_minor if self.status in OPEN_STATUSES else 0

    def overdue(self, today: date) -> bool:
        """Tell whether a part of it is unpaid after its last day to pay."""
        return self.outstanding_minor > 0 and self.due_on < today

    def days_late(self, today: date) -> int:
        """Return how many days it is past its last day to pay; 0 where nothing is owed on it or it is not."""
        return (today - self.due_on).days if self.overdue(today) else 0

    def near_due(self, today: date, within_days: int = NEAR_DUE_DAYS) -> bool:
        """Tell whether a part of it is unpaid and its last day to pay is today or in so many days at most."""
        return self.outstanding_minor > 0 and 0 <= (self.due_on - today).days <= within_days


@dataclass(frozen=True, slots=True)
class InvoiceDocument:
    """An invoice with its lines, and whose it is."""

    invoice: Invoice
    payer: Payer
    subscriber_name: str


class InvoiceStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # -- what is to be billed ------------------------------------------------------------------------------------------

    async def lock_subscribers(self, subscriber_ids: Iterable[UUID]) -> None:
        """Let no one else bill or settle these subscribers until the transaction ends (SQLite has one writer)."""
        if self._connection.dialect.name == "postgresql":
            # a plan cached while the tables were empty reads them whole, chunk after chunk, as the run fills them
            await self._connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
        query = select(subscribers.c.id).where(subscribers.c.id.in_(list(subscriber_ids))).order_by(subscribers.c.id)
        await self._connection.execute(query.with_for_update(key_share=True))

    # -- what is written ---------------------------------------------------------------------------------------------

    async def take_numbers(self, series: str, count: int) -> int:
        """Return the first of `count` numbers that follow the series; they are given back if the transaction fails."""
        statement = (
            insert_into(self._connection, counters)
            .values(series=series, last_number=count)
            .on_conflict_do_update(index_elements=["series"], set_={"last_number": counters.c.last_number + count})
            .returning(counters.c.last_number)
        )
        return int((await self._connection.execute(statement)).scalar_one()) - count + 1

    async def add(self, added: Sequence[Invoice], at: datetime) -> None:
        """Store documents with their lines, in the order that the guards of either database want (migration 0018)."""
        if not added:
            return
        if self._connection.dialect.name == "sqlite":
            await self._connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            await self.add_lines(added)
            await self._add_documents(added, at)
            return
        await self._add_documents(added, at)
        await self.add_lines(added)

    async def _add_documents(self, added: Sequence[Invoice], at: datetime) -> None:
        rows = [
            (
                one.id, one.number, one.subscriber_id, one.status.value, one.issued_on, one.due_on, one.period_start_on,
                one.period_end_on, one.timezone, one.currency, one.tax_minor, one.total_minor, one.paid_minor, at,
                one.kind.value, one.credits_id, json.dumps(dict(one.buyer)) if one.buyer else None, one.note,
            )
            for one in added
        ]  # fmt: skip
        await Driver(self._connection).append(invoices.name, _DOCUMENT_COLUMNS, rows)

    async def add_lines(self, added: Sequence[Invoice]) -> None:
        """Store the lines of documents."""
        rows = [
            (
                invoice.id, position, line.service_id, line.kind.value, line.text[:300], line.quantity,
                line.unit_price_minor, line.per, line.amount_minor, line.tax_code, line.tax_minor, line.inclusive,
                line.revenue, line.from_on, line.until_on, line.site,
                json.dumps(dict(line.details)) if line.details else None,
            )
            for invoice in added
            for position, line in enumerate(invoice.lines, 1)
        ]  # fmt: skip
        await Driver(self._connection).append(invoice_lines.name, _LINE_COLUMNS, rows)

    async def add_allocations(self, parts: Sequence[Part], payment_id: UUID | None, at: datetime) -> None:
        """Write down which invoices a payment (None: the wallet) has settled, by how much."""
        if parts:
            await self._connection.execute(
                insert(allocations),
                [
                    {
                        "invoice_id": part.invoice_id,
                        "payment_id": payment_id,
                        "amount_minor": part.amount_minor,
                        "at": at,
                    }
                    for part in parts
                ],
            )

    async def save_settled(self, invoice: Invoice) -> None:
        """Store how much of an invoice is paid, and its status; nothing else of it ever changes."""
        await self._connection.execute(
            update(invoices)
            .where(invoices.c.id == invoice.id)
            .values(status=invoice.status.value, paid_minor=invoice.paid_minor)
        )

    # -- what is asked -------------------------------------------------------------------------------------------------

    async def open_of(self, subscriber_id: UUID) -> list[Invoice]:
        """Return a subscriber's open invoices, oldest due first, without their lines."""
        query = (
            select(invoices)
            .where(invoices.c.subscriber_id == subscriber_id, invoices.c.status.in_(_OPEN))
            .order_by(invoices.c.due_on, invoices.c.number)
        )
        return [_invoice(row, ()) for row in await self._connection.execute(query)]

    async def of_ids(self, invoice_ids: Iterable[UUID]) -> dict[UUID, Invoice]:
        """Return documents by id, with their lines."""
        found: dict[UUID, Invoice] = {}
        for some in _batches(list(invoice_ids)):
            lines = await self._lines_of(some)
            for row in await self._connection.execute(select(invoices).where(invoices.c.id.in_(some))):
                found[row.id] = _invoice(row, tuple(lines.get(row.id, ())))
        return found

    async def open_invoices(self, subscriber_ids: Iterable[UUID]) -> dict[UUID, list[OpenInvoice]]:
        """Return what each of these subscribers has open, oldest due first; an empty list where nothing is."""
        found: dict[UUID, list[OpenInvoice]] = {subscriber_id: [] for subscriber_id in subscriber_ids}
        for some in _batches(list(found)):
            query = (
                select(
                    invoices.c.subscriber_id,
                    invoices.c.number,
                    invoices.c.due_on,
                    (invoices.c.total_minor - invoices.c.paid_minor).label("outstanding_minor"),
                )
                .where(invoices.c.subscriber_id.in_(some), invoices.c.status.in_(_OPEN))
                .order_by(invoices.c.due_on, invoices.c.number)
            )
            for row in await self._connection.execute(query):
                found[row.subscriber_id].append(OpenInvoice(row.number, row.due_on, int(row.outstanding_minor)))
        return found

    async def by_number(self, number: str) -> InvoiceDocument | None:
        """Return an issued document with its lines."""
        found = await self.matching(invoices.c.number == number.strip().upper())
        return found[0] if found else None

    async def by_ids(self, invoice_ids: Sequence[UUID]) -> list[InvoiceDocument]:
        """Return documents of any state with their lines, oldest first."""
        return [one for some in _batches(invoice_ids) for one in await self.matching(invoices.c.id.in_(some))]

    async def matching(self, wanted: ColumnElement[bool]) -> list[InvoiceDocument]:
        """Return documents of any state with their lines, oldest first."""
        query = (
            select(invoices, subscribers.c.number.label("subscriber_no"), subscribers.c.name.label("subscriber_name"))
            .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
            .where(wanted)
            .order_by(invoices.c.created_at, invoices.c.number)
        )
        rows = (await self._connection.execute(query)).all()
        lines = await self._lines_of([row.id for row in rows])
        return [
            InvoiceDocument(
                _invoice(row, tuple(lines.get(row.id, ()))),
                Payer(row.subscriber_id, row.subscriber_no, row.currency),
                row.subscriber_name,
            )
            for row in rows
        ]

    async def _lines_of(self, invoice_ids: Sequence[UUID]) -> dict[UUID, list[InvoiceLine]]:
        found: dict[UUID, list[InvoiceLine]] = {}
        for some in _batches(invoice_ids):
            query = select(invoice_lines).where(invoice_lines.c.invoice_id.in_(some))
            for line in await self._connection.execute(query.order_by(invoice_lines.c.position)):
                found.setdefault(line.invoice_id, []).append(_line(line))
        return found

    async def documents(self, ids: Sequence[UUID]) -> list[InvoiceDocument]:
        """Return these issued documents with their lines, by number."""
        found = [one for one in await self.by_ids(ids) if one.invoice.number is not None]
        return sorted(found, key=lambda document: document.invoice.number or "")

    async def listed(
        self,
        *,
        subscriber_id: UUID | None = None,
        statuses: Sequence[InvoiceStatus] = (),
        due_from: date | None = None,
        due_before: date | None = None,
        limit: int | None = None,
    ) -> list[ListedInvoice]:
        """Return issued invoices, newest first.

        Args:
            subscriber_id: only this subscriber's.
            statuses: only in one of these; all where none is named.
            due_from: only those whose last day to pay is this day or a later one.
            due_before: only those whose last day to pay is before this day.
            limit: at most so many.
        """
        query = _listed()
        if subscriber_id is not None:
            query = query.where(invoices.c.subscriber_id == subscriber_id)
        if statuses:
            query = query.where(invoices.c.status.in_([status.value for status in statuses]))
        if due_from is not None:
            query = query.where(invoices.c.due_on >= due_from)
        if due_before is not None:
            query = query.where(invoices.c.due_on < due_before)
        rows = (await self._connection.execute(query.limit(limit))).mappings()
        return [
            ListedInvoice(**{**row, "status": InvoiceStatus(row["status"]), "kind": DocumentKind(row["kind"])})
            for row in rows
        ]


def _listed() -> Select[Any]:
    return (
        select(
            invoices.c.number,
            subscribers.c.number.label("subscriber_no"),
            subscribers.c.name.label("subscriber_name"),
            invoices.c.status,
            invoices.c.issued_on,
            invoices.c.due_on,
            invoices.c.period_start_on,
            invoices.c.period_end_on,
            invoices.c.currency,
            invoices.c.total_minor,
            invoices.c.paid_minor,
            invoices.c.kind,
        )
        .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
        .where(invoices.c.number.is_not(None))
        .order_by(invoices.c.issued_on.desc(), invoices.c.number.desc())
    )


def _line(line: Row[Any]) -> InvoiceLine:
    return InvoiceLine(
        kind=LineKind(line.kind),
        service_id=line.service_id,
        text=line.text,
        quantity=line.quantity,
        unit_price_minor=line.unit_price_minor,
        per=line.per,
        amount_minor=line.amount_minor,
        tax_code=line.tax_code,
        tax_minor=line.tax_minor,
        inclusive=line.inclusive,
        revenue=line.revenue,
        from_on=line.from_on,
        until_on=line.until_on,
        site=line.site,
        details=line.details or {},
    )


def _invoice(row: Row[Any], lines: tuple[InvoiceLine, ...]) -> Invoice:
    return Invoice(
        id=row.id,
        subscriber_id=row.subscriber_id,
        status=InvoiceStatus(row.status),
        number=row.number,
        issued_on=row.issued_on,
        due_on=row.due_on,
        period_start_on=row.period_start_on,
        period_end_on=row.period_end_on,
        timezone=row.timezone,
        currency=row.currency,
        lines=lines,
        tax_minor=row.tax_minor,
        total_minor=row.total_minor,
        paid_minor=row.paid_minor,
        kind=DocumentKind(row.kind),
        credits_id=row.credits_id,
        buyer=row.buyer or {},
        note=row.note,
    )


def _batches(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]
