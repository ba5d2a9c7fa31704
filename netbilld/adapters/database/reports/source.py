"""What the sources of reports share: rows streamed, and sums over what was booked on kinds of accounts."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, func, select
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import ledger_days, postings
from netbilld.billing.chart import Side
from netbilld.model.units import half_up
from netbilld.services.reports.table import Span, Sums, Table

Rows = Callable[[AsyncConnection, Table, Span], AsyncIterator[Sequence[Any]]]
First = Callable[[AsyncConnection, Table, Span, int], Awaitable[tuple[list[Sequence[Any]], Sums]]]
Ledger = Callable[[AsyncConnection, Table, Span], Awaitable[dict[tuple[str, str], int]]]
ISSUED_KINDS: Final = ("invoice_issued", "credit_note_issued")  # entries of documents
AT_ONCE: Final = 1_000  # rows that are fetched at once
DEBIT: Final = case((postings.c.side == Side.DEBIT.value, postings.c.amount_minor), else_=-postings.c.amount_minor)


async def stream(connection: AsyncConnection, query: Select[Any]) -> AsyncIterator[Row[Any]]:
    """Yield rows as they are read; memory does not grow with their number."""
    async with connection.stream(query, execution_options={"yield_per": AT_ONCE}) as result:
        async for rows in result.partitions():  # one by one each would cost a turn of the loop
            for row in rows:
                yield row


async def kinds_booked(
    connection: AsyncConnection, *which: ColumnElement[bool], from_on: date, to_on: date
) -> list[str]:
    """Return which kinds of entries, beside those of documents, put anything on some accounts in these days."""
    table = ledger_days.c
    within = (table.booked_on >= from_on, table.booked_on <= to_on, table.kind.not_in(ISSUED_KINDS))
    query = select(table.kind).where(*within, *which).distinct()
    return sorted((await connection.scalars(query)).all())


async def debits(
    connection: AsyncConnection, *which: ColumnElement[bool], span: Span, from_the_first: bool = False
) -> dict[str, int]:
    """Return, by currency, debits less credits that were booked in a span, or from the first day to its end.

    `which` is of the sums by day, which hold all that is booked.
    """
    table = ledger_days.c
    query = select(table.currency, summed(table.debit_minor).label("minor"))
    query = query.where(table.booked_on <= span.to_on, *which)
    if not from_the_first:
        query = query.where(table.booked_on >= span.from_on)
    return {row.currency: int(row.minor) for row in await connection.execute(query.group_by(table.currency))}


def summed(of: ColumnElement[Any]) -> ColumnElement[int]:
    """Return the sum of whole numbers as a whole number (PostgreSQL's would be a numeric)."""
    return cast(func.coalesce(func.sum(of), 0), BigInteger)


def ratio(part: int, whole: int, times: int) -> int | None:
    """Return part / whole × times rounded half up, with the sign of the part; None where there is no whole."""
    if whole <= 0:
        return None
    return half_up(part * times, whole) if part >= 0 else -half_up(-part * times, whole)


async def no_ledger(
    _connection: AsyncConnection,
    _table: Table,
    _span: Span,
) -> dict[tuple[str, str], int]:
    """Say nothing: the ledger does not know of it."""
    return {}
