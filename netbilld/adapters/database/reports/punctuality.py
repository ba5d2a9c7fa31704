"""How long money is waited for: days sales outstanding, and how much of what fell due was paid in time."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.reports.documents import SIGN, issued_in
from netbilld.adapters.database.reports.source import ratio, stream, summed
from netbilld.adapters.database.tables import OTHERWISE, allocations, invoices, ledger_days, payments
from netbilld.billing.chart import AccountKind
from netbilld.billing.invoice import DocumentKind
from netbilld.billing.write_off import WRITE_OFF
from netbilld.model.periods import local_date
from netbilld.services.reports.table import Span, Table, months_before


@dataclass(slots=True)
class _Month:
    billed_minor: int = 0
    fallen_due: int = 0
    fallen_due_minor: int = 0
    on_time: int = 0
    on_time_minor: int = 0


_Months = dict[tuple[date, str], _Month]  # by the first day, and currency


async def dso(connection: AsyncConnection, _table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield months: billed, owed at the end, DSO, and how many of the invoices that fell due were paid by then.

    DSO is what is owed at the end of the month / what was billed in it × its days; None where nothing was billed.
    """
    months: _Months = defaultdict(_Month)
    billed = (
        select(invoices.c.issued_on, invoices.c.currency, summed(SIGN * invoices.c.total_minor).label("minor"))
        .where(issued_in(span))
        .group_by(invoices.c.issued_on, invoices.c.currency)
    )
    async for row in stream(connection, billed):
        months[row.issued_on.replace(day=1), row.currency].billed_minor += row.minor
    await _add_fallen_due(connection, span, months)
    await _add_settled_otherwise(connection, span, months)
    owed = await _owed(connection, span)
    for month_on, currency in sorted(months):
        month = months[month_on, currency]
        first, last = max(month_on, span.from_on), min(months_before(month_on, -1) - timedelta(days=1), span.to_on)
        owed_minor = sum(minor for on, minor in owed[currency] if on <= last)
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


async def _owed(connection: AsyncConnection, span: Span) -> dict[str, list[tuple[date, int]]]:
    """Return, by currency, what each day up to the span's last added to what subscribers owe by the books."""
    table = ledger_days.c
    query = select(table.currency, table.booked_on, summed(table.debit_minor).label("minor")).where(
        table.account_kind == AccountKind.ASSET.value, table.of_subscribers.is_(True), table.booked_on <= span.to_on
    )
    found: dict[str, list[tuple[date, int]]] = defaultdict(list)
    for row in await connection.execute(query.group_by(table.currency, table.booked_on)):
        found[row.currency].append((row.booked_on, row.minor))
    return found


async def _add_fallen_due(connection: AsyncConnection, span: Span, months: _Months) -> None:
    """Add invoices by the month of their due day; in time is what was paid in full by the end of that day.

    Those settled by payments alone, which are nearly all: their days are compared by the database.
    """
    each = (
        select(
            invoices.c.due_on,
            invoices.c.currency,
            invoices.c.total_minor,
            summed(case((payments.c.received_on <= invoices.c.due_on, allocations.c.amount_minor), else_=0)).label(
                "in_time_minor"
            ),
        )
        .outerjoin(allocations, allocations.c.invoice_id == invoices.c.id)
        .outerjoin(payments, payments.c.id == allocations.c.payment_id)
        .where(_fell_due(span), invoices.c.id.not_in(_settled_otherwise()))
        .group_by(invoices.c.id)
        .subquery()
    )
    is_in_time = and_(each.c.in_time_minor == each.c.total_minor, each.c.total_minor != 0)
    query = select(
        each.c.due_on,
        each.c.currency,
        func.count().label("fallen_due"),
        summed(each.c.total_minor).label("fallen_due_minor"),
        summed(case((is_in_time, 1), else_=0)).label("on_time"),
        summed(each.c.in_time_minor).label("on_time_minor"),
    ).group_by(each.c.due_on, each.c.currency)
    async for row in stream(connection, query):
        month = months[row.due_on.replace(day=1), row.currency]
        month.fallen_due += row.fallen_due
        month.fallen_due_minor += row.fallen_due_minor
        month.on_time += row.on_time
        month.on_time_minor += row.on_time_minor


async def _add_settled_otherwise(connection: AsyncConnection, span: Span, months: _Months) -> None:
    """Add those of which anything was settled but by a payment, or taken back: each part has its own local day."""
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
        .join(allocations, allocations.c.invoice_id == invoices.c.id)
        .outerjoin(payments, payments.c.id == allocations.c.payment_id)
        .where(_fell_due(span), invoices.c.id.in_(_settled_otherwise()))
        .order_by(invoices.c.id)
    )
    whose, rest_minor = None, 0
    async for row in stream(connection, query):
        month = months[row.due_on.replace(day=1), row.currency]
        if row.id != whose:
            whose, rest_minor = row.id, row.total_minor
            month.fallen_due += 1
            month.fallen_due_minor += row.total_minor
        if row.document == WRITE_OFF:  # what was given up, nobody has paid
            continue
        received_on = row.received_on if row.amount_minor > 0 else None
        if (received_on or local_date(row.at, row.timezone)) <= row.due_on:
            month.on_time += (rest_minor - row.amount_minor == 0) - (rest_minor == 0 and row.amount_minor != 0)
            rest_minor -= row.amount_minor
            month.on_time_minor += row.amount_minor


def _fell_due(span: Span) -> ColumnElement[bool]:
    return and_(
        invoices.c.number.is_not(None),
        invoices.c.kind == DocumentKind.INVOICE.value,
        invoices.c.due_on >= span.from_on,
        invoices.c.due_on <= span.to_on,
    )


def _settled_otherwise() -> Select[Any]:
    return select(allocations.c.invoice_id).where(text(OTHERWISE))
