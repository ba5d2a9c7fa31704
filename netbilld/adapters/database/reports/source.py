"""What the sources of reports share: rows streamed, and sums over the postings of kinds of accounts."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, func, select
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import accounts, ledger_entries, postings
from netbilld.billing.chart import Side
from netbilld.model.units import half_up
from netbilld.services.reports.table import Span, Table

Rows = Callable[[AsyncConnection, Table, Span], AsyncIterator[Sequence[Any]]]
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


async def debits(
    connection: AsyncConnection, *which: ColumnElement[bool], span: Span, from_the_first: bool = False
) -> dict[str, int]:
    """Return, by currency, debits less credits of postings that were booked in a span, or from the first to its end."""
    query = (
        select(accounts.c.currency, summed(DEBIT).label("minor"))
        .select_from(postings)
        .join(ledger_entries, ledger_entries.c.id == postings.c.entry_id)
        .join(accounts, accounts.c.id == postings.c.account_id)
        .where(ledger_entries.c.booked_on <= span.to_on, *which)
        .group_by(accounts.c.currency)
    )
    if not from_the_first:
        query = query.where(ledger_entries.c.booked_on >= span.from_on)
    return {row.currency: int(row.minor) for row in await connection.execute(query)}


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
