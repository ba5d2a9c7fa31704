"""Bills and their tax: invoices and credit notes by the day on which they were issued."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.reports.source import ISSUED_KINDS, debits, stream, summed
from netbilld.adapters.database.tables import invoice_lines, invoices, ledger_days, subscribers
from netbilld.adapters.database.wallet_sales import taxed_sales
from netbilld.billing.chart import RECEIVABLE, WALLET
from netbilld.billing.invoice import OPEN_STATUSES, DocumentKind
from netbilld.services.reports.table import Span, Sums, Table

_IS_NOTE: Final = invoices.c.kind == DocumentKind.CREDIT_NOTE.value
SIGN: Final = case((_IS_NOTE, -1), else_=1)  # a credit note's is given back
NET: Final = invoice_lines.c.amount_minor - case((invoice_lines.c.inclusive, invoice_lines.c.tax_minor), else_=0)
_SHOWN: Final = tuple(
    invoices.c[name]
    for name in (
        "number", "kind", "issued_on", "due_on", "status", "total_minor", "tax_minor", "paid_minor", "currency",
    )
)  # fmt: skip
WALLET_SALE: Final = "wallet"  # stands where a document's kind does
_OPEN: Final = {status.value for status in OPEN_STATUSES}


def issued_in(span: Span) -> ColumnElement[bool]:
    """Return whether a document was issued in a span."""
    return and_(
        invoices.c.number.is_not(None), invoices.c.issued_on >= span.from_on, invoices.c.issued_on <= span.to_on
    )


async def bills(connection: AsyncConnection, table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield documents as they were issued, or their sums by month; what a credit note gives back is below zero."""
    if table.by == "month":
        async for row in _bills_by_month(connection, span):
            yield row
        return
    async for row in stream(connection, _documents(span)):
        yield _document(row)


async def first_bills(
    connection: AsyncConnection, table: Table, span: Span, most: int
) -> tuple[list[Sequence[Any]], Sums]:
    """Return the first documents of a span, and the sums of all."""
    is_open = and_(invoices.c.status.in_(_OPEN), ~_IS_NOTE)
    figures = {
        "net": SIGN * (invoices.c.total_minor - invoices.c.tax_minor),
        "tax": SIGN * invoices.c.tax_minor,
        "total": SIGN * invoices.c.total_minor,
        "paid": case((_IS_NOTE, 0), else_=invoices.c.paid_minor),
        "outstanding": case((is_open, invoices.c.total_minor - invoices.c.paid_minor), else_=0),
    }
    query = select(invoices.c.currency, func.count(), *map(summed, figures.values())).where(issued_in(span))
    sums = Sums(table)
    places = [table.keys.index(key) for key in figures]
    for currency, count, *values in await connection.execute(query.group_by(invoices.c.currency)):
        sums.take(currency, count, dict(zip(places, values, strict=True)))
    rows = await connection.execute(_documents(span).limit(most))
    return [_document(row) for row in rows], sums


def _documents(span: Span) -> Select[Any]:
    return (
        select(*_SHOWN, subscribers.c.number.label("subscriber_no"), subscribers.c.name, subscribers.c.area)
        .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
        .where(issued_in(span))
        .order_by(invoices.c.issued_on, invoices.c.number)
    )


def _document(row: Any) -> Sequence[Any]:
    is_note = row.kind == DocumentKind.CREDIT_NOTE.value
    sign = -1 if is_note else 1
    return (
        row.number,
        row.kind,
        row.issued_on,
        None if is_note else row.due_on,
        row.subscriber_no,
        row.name,
        row.area,
        row.status,
        sign * (row.total_minor - row.tax_minor),
        sign * row.tax_minor,
        sign * row.total_minor,
        0 if is_note else row.paid_minor,
        row.total_minor - row.paid_minor if row.status in _OPEN and not is_note else 0,
        row.currency,
    )


async def _bills_by_month(connection: AsyncConnection, span: Span) -> AsyncIterator[Sequence[Any]]:
    query = (
        select(
            invoices.c.issued_on,
            invoices.c.currency,
            func.count().label("documents"),
            summed(SIGN * invoices.c.tax_minor).label("tax"),
            summed(SIGN * invoices.c.total_minor).label("total"),
        )
        .where(issued_in(span))
        .group_by(invoices.c.issued_on, invoices.c.currency)
    )
    months: dict[tuple[date, str], list[int]] = {}
    async for row in stream(connection, query):
        month = months.setdefault((row.issued_on.replace(day=1), row.currency), [0, 0, 0, 0])
        for place, added in enumerate((row.documents, row.total - row.tax, row.tax, row.total)):
            month[place] += added
    for (month_on, currency), figures in sorted(months.items()):
        yield (month_on, *figures, currency)


async def billed_in_ledger(
    connection: AsyncConnection,
    _table: Table,
    span: Span,
) -> dict[tuple[str, str], int]:
    """Return what issued documents made subscribers owe, less what they were given back."""
    owed = await debits(
        connection,
        or_(  # a line of an invoice may fund the wallet; a note puts into it what nobody owes any more
            and_(ledger_days.c.account == RECEIVABLE, ledger_days.c.kind.in_(ISSUED_KINDS)),
            and_(ledger_days.c.account == WALLET, ledger_days.c.kind == ISSUED_KINDS[1]),
        ),
        span=span,
    )
    return {("total", currency): minor for currency, minor in owed.items()}


async def tax(connection: AsyncConnection, table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield taxed lines' net amounts and their tax, by tax code: all together, by document, or by month.

    What wallets have paid for without a document is in the sums, and listed by day and subscriber.
    """
    found = _tax_by_document(connection, span) if table.by == "document" else _tax_sums(connection, table, span)
    async for row in found:
        yield row


def _taxed(span: Span) -> Select[Any]:
    return (
        select(invoice_lines.c.tax_code, invoices.c.currency)
        .join(invoices, invoices.c.id == invoice_lines.c.invoice_id)
        .where(issued_in(span), invoice_lines.c.tax_code.is_not(None))
        .add_columns(
            summed(SIGN * NET).label("net"),
            summed(SIGN * invoice_lines.c.tax_minor).label("tax"),
            func.count(invoices.c.id.distinct()).label("documents"),
        )
    )


async def first_taxed(
    connection: AsyncConnection, table: Table, span: Span, most: int
) -> tuple[list[Sequence[Any]], Sums]:
    """Return the first taxed documents of a span, and the sums of all, with what wallets have paid for."""
    query = _taxed(span).group_by(invoice_lines.c.tax_code, invoices.c.currency)  # a row is a document's of one code
    sums = Sums(table)
    net_at, tax_at = table.keys.index("net"), table.keys.index("tax")
    for row in await connection.execute(query):
        sums.take(row.currency, row.documents, {net_at: row.net, tax_at: row.tax})
    rows = [_taxed_document(row) for row in await connection.execute(_taxed_documents(span).limit(most))]
    async for cells in _taxed_sales(connection, span):
        sums.add(cells)
        if len(rows) < most:
            rows.append(cells)
    return rows, sums


async def _tax_by_document(connection: AsyncConnection, span: Span) -> AsyncIterator[Sequence[Any]]:
    async for row in stream(connection, _taxed_documents(span)):
        yield _taxed_document(row)
    async for cells in _taxed_sales(connection, span):
        yield cells


async def _taxed_sales(connection: AsyncConnection, span: Span) -> AsyncIterator[Sequence[Any]]:
    async for sale in taxed_sales(connection, span.from_on, span.to_on, by_subscriber=True):
        head = (None, WALLET_SALE, sale.on, sale.subscriber_no, sale.name)
        yield (*head, sale.tax_code, sale.net_minor, sale.tax_minor, sale.currency)


def _taxed_document(row: Any) -> Sequence[Any]:
    head = (row.number, row.kind, row.issued_on, row.subscriber_no, row.name)
    return (*head, row.tax_code, row.net, row.tax, row.currency)


def _taxed_documents(span: Span) -> Select[Any]:
    shown = (
        invoices.c.number,
        invoices.c.kind,
        invoices.c.issued_on,
        subscribers.c.number.label("subscriber_no"),
        subscribers.c.name,
    )
    return (
        _taxed(span)
        .add_columns(*shown)
        .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
        .group_by(*shown, invoices.c.currency, invoice_lines.c.tax_code)
        .order_by(invoices.c.issued_on, invoices.c.number, invoice_lines.c.tax_code)
    )


async def _tax_sums(connection: AsyncConnection, table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    query = _taxed(span).group_by(invoice_lines.c.tax_code, invoices.c.currency, invoices.c.issued_on)
    sums: dict[tuple[date, str, str], list[int]] = {}

    def add(on: date, code: str, currency: str, *figures: int) -> None:
        month_on = on.replace(day=1) if table.by == "month" else span.from_on
        sum_so_far = sums.setdefault((month_on, code, currency), [0, 0, 0])
        for place, added in enumerate(figures):
            sum_so_far[place] += added

    async for row in stream(connection, query.add_columns(invoices.c.issued_on)):
        add(row.issued_on, row.tax_code, row.currency, row.documents, row.net, row.tax)
    async for sale in taxed_sales(connection, span.from_on, span.to_on, by_subscriber=False):
        add(sale.on, sale.tax_code, sale.currency, 0, sale.net_minor, sale.tax_minor)
    for (month_on, code, currency), figures in sorted(sums.items()):
        yield (*((month_on,) if table.by == "month" else ()), code, *figures, currency)


async def tax_in_ledger(
    connection: AsyncConnection,
    _table: Table,
    span: Span,
) -> dict[tuple[str, str], int]:
    """Return what was booked as owed to the tax office."""
    owed = await debits(connection, ledger_days.c.account.like("tax:%"), span=span)
    return {("tax", currency): -minor for currency, minor in owed.items()}
