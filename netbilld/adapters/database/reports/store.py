"""Finds the query of a report."""

from collections.abc import AsyncIterator, Hashable, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.reports import (
    deliveries,
    documents,
    people,
    punctuality,
    receivables,
    revenue,
    takings,
    used,
)
from netbilld.adapters.database.reports.marks import mark_of
from netbilld.adapters.database.reports.source import First, Ledger, Rows, no_ledger
from netbilld.services.reports.table import Span, Sums, Table

_SOURCES: Final[dict[str, tuple[Rows, Ledger]]] = {
    "bills": (documents.bills, documents.billed_in_ledger),
    "tax": (documents.tax, documents.tax_in_ledger),
    "payments": (takings.payments, takings.received_in_ledger),
    "revenue": (revenue.revenue, revenue.earned_in_ledger),
    "receivables": (receivables.receivables, receivables.owed_in_ledger),
    "usage": (used.usage, no_ledger),
    "deliveries": (deliveries.deliveries, no_ledger),
    "churn": (people.churn, no_ledger),
    "tenure": (people.tenure, no_ledger),
    "dso": (punctuality.dso, no_ledger),
}
_LONG: Final[dict[tuple[str, str], First]] = {  # of many rows: the sums come from the database
    ("bills", "document"): documents.first_bills,
    ("tax", "document"): documents.first_taxed,
    ("payments", "payment"): takings.first_payments,
    ("receivables", "subscriber"): receivables.first_receivables,
    ("usage", "subscriber"): used.first_used,
}


class ReportStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    def rows(self, table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
        """Yield the cells of a table's rows, in the order in which they are shown."""
        return _SOURCES[table.report][0](self._connection, table, span)

    async def first(self, table: Table, span: Span, most: int) -> tuple[list[Sequence[Any]], Sums]:
        """Return the first rows, so many at most, and the sums of all."""
        if (table.report, table.by) in _LONG:
            return await _LONG[table.report, table.by](self._connection, table, span, most)
        rows: list[Sequence[Any]] = []
        sums = Sums(table)
        async for cells in self.rows(table, span):
            sums.add(cells)
            if len(rows) < most:
                rows.append(cells)
        return rows, sums

    async def mark(self, table: Table) -> Hashable | None:
        """Return what stays the same while a table of any days does; None of one that is read quickly."""
        return await mark_of(self._connection, table.report)

    async def ledger(self, table: Table, span: Span) -> dict[tuple[str, str], int]:
        """Return, by column and currency, what the ledger says that the sum is; empty where it says nothing."""
        return await _SOURCES[table.report][1](self._connection, table, span)
