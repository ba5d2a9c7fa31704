"""How long money is waited for: days sales outstanding, and how much of what fell due was paid in time."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.reports.documents import SIGN, issued_in
from netbilld.adapters.database.reports.receivables import owed_in_ledger
from netbilld.adapters.database.reports.source import ratio, stream, summed
from netbilld.adapters.database.tables import allocations, invoices, payments
from netbilld.billing.invoice import DocumentKind
from netbilld.model.periods import local_date
from netbilld.services.correct_invoice import WRITE_OFF
from netbilld.services.reports.table import Span, Table, months_before


@dataclass(slots=True)
class _Month:
    billed_minor: int = 0
    fallen_due: int = 0
    fallen_due_minor: int = 0
    on_time: int = 0
    on_time_minor: int = 0


async def dso(connection: AsyncConnection, table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield months: billed, owed at the end, DSO, and how many of the invoices that fell due were paid by then.

    DSO is what is owed at the end of the month / what was billed in it × its days; None where nothing was billed.
    """
    months: dict[tuple[date, str], _Month] = defaultdict(_Month)
    billed = (
        select(invoices.c.issued_on, invoices.c.currency, summed(SIGN * invoices.c.total_minor).label("minor"))
        .where(issued_in(span))
        .group_by(invoices.c.issued_on, invoices.c.currency)
    )
    async for row in stream(connection, billed):
        months[row.issued_on.replace(day=1), row.currency].billed_minor += row.minor
    await _add_fallen_due(connection, span, months)
    for month_on, currency in sorted(months):
        month = months[month_on, currency]
        first, last = max(month_on, span.from_on), min(months_before(month_on, -1) - timedelta(days=1), span.to_on)
        part = Span(first, last, span.timezone)
        owed_minor = (await owed_in_ledger(connection, table, part)).get(("outstanding", currency), 0)
        yield (
            month_on,
            month.billed_minor,
            owed_minor,
            ratio(owed_minor * ((last - first).days + 1), month.billed_minor, 10),
            month.fallen_due,
            month.on_time,
            ratio(month.on_time, month.fallen_due, 10_000),
            ratio(month.on_time_minor, month.fallen_due_minor, 10_000),
            currency,
        )


async def _add_fallen_due(connection: AsyncConnection, span: Span, months: dict[tuple[date, str], _Month]) -> None:
    """Add invoices by the month of their due day; in time is what was paid in full by the end of that day."""
    query = (
        select(
            invoices.c.id,
            invoices.c.currency,
            invoices.c.due_on,
            invoices.c.timezone,
            invoices.c.total_minor,
            allocations.c.amount_minor,
            allocations.c.at,
            allocations.c.document,
            payments.c.received_on,
        )
        .outerjoin(allocations, allocations.c.invoice_id == invoices.c.id)
        .outerjoin(payments, payments.c.id == allocations.c.payment_id)
        .where(
            invoices.c.number.is_not(None),
            invoices.c.kind == DocumentKind.INVOICE.value,
            invoices.c.due_on >= span.from_on,
            invoices.c.due_on <= span.to_on,
        )
        .order_by(invoices.c.id)
    )
    whose, rest_minor = None, 0
    async for row in stream(connection, query):
        month = months[row.due_on.replace(day=1), row.currency]
        if row.id != whose:
            whose, rest_minor = row.id, row.total_minor
            month.fallen_due += 1
            month.fallen_due_minor += row.total_minor
        if row.at is None or row.document == WRITE_OFF:  # what was given up, nobody has paid
            continue
        received_on = row.received_on if row.amount_minor > 0 else None
        if (received_on or local_date(row.at, row.timezone)) <= row.due_on:
            month.on_time += (rest_minor - row.amount_minor == 0) - (rest_minor == 0 and row.amount_minor != 0)
            rest_minor -= row.amount_minor
            month.on_time_minor += row.amount_minor
