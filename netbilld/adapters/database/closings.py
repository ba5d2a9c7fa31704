"""Which months of the books are closed, and what an accountant is given."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.document_figures import closed_until
from netbilld.adapters.database.service_figures import service_figures
from netbilld.adapters.database.tables import accounts, closed_months, ledger_entries, postings
from netbilld.billing.chart import AccountKind, Side
from netbilld.billing.closing import ClosedMonth
from netbilld.billing.service_checks import ServiceFigures

ROWS_A_PAGE: Final = 5_000


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One posting of the general journal."""

    entry_id: int
    line: int
    booked_on: date
    at: datetime
    kind: str
    document: str
    document_id: str
    memo: str
    actor: str
    account: str
    currency: str
    side: Side
    amount_minor: int


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """An account as it stands, on its normal side."""

    code: str
    kind: AccountKind
    currency: str
    balance_minor: int


class ClosingStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock_books(self) -> None:
        """Wait for whoever is booking, and let nobody book until the transaction ends (SQLite has one writer)."""
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(text("LOCK TABLE ledger_entries IN SHARE ROW EXCLUSIVE MODE"))

    async def closed_until_on(self) -> date | None:
        """Return the last day that is closed."""
        until_on: date | None = await self._connection.scalar(closed_until())
        return until_on

    async def first_entry_on(self) -> date | None:
        """Return the first day on which anything is booked."""
        first_on: date | None = await self._connection.scalar(select(func.min(ledger_entries.c.booked_on)))
        return first_on

    async def close(self, month: str, until_on: date, at: datetime, actor: str) -> None:
        """Close a month."""
        values = {"month": month, "until_on": until_on, "closed_at": at, "closed_by": actor}
        await self._connection.execute(insert(closed_months).values(values))

    async def reopen(self, month: str, at: datetime, actor: str, why: str) -> None:
        """Open a month again; that it was closed stays on record."""
        await self._connection.execute(
            update(closed_months)
            .where(closed_months.c.month == month, closed_months.c.reopened_at.is_(None))
            .values(reopened_at=at, reopened_by=actor, why=why)
        )

    async def closings(self) -> list[ClosedMonth]:
        """Return every closing there was, oldest first."""
        query = select(closed_months).order_by(closed_months.c.id)
        return [
            ClosedMonth(
                row.month, row.until_on, row.closed_at, row.closed_by, row.reopened_at, row.reopened_by, row.why
            )
            for row in await self._connection.execute(query)
        ]

    async def balances(self) -> list[AccountBalance]:
        """Return every account, by code."""
        rows = await self._connection.execute(select(accounts).order_by(accounts.c.code))
        return [AccountBalance(row.code, AccountKind(row.kind), row.currency, int(row.balance_minor)) for row in rows]

    async def service_figures(self, today: date) -> ServiceFigures:
        """Return what the check of delivered against billed looks at; run it in a read transaction."""
        return await service_figures(self._connection, today)

    async def journal(self, from_on: date | None, until_on: date | None) -> AsyncIterator[JournalRow]:
        """Yield the postings that are booked on these days, half-open, in the order of their entries."""
        query = (
            select(
                ledger_entries,
                postings.c.line,
                postings.c.side,
                postings.c.amount_minor,
                accounts.c.code,
                accounts.c.currency,
            )
            .join(postings, postings.c.entry_id == ledger_entries.c.id)
            .join(accounts, accounts.c.id == postings.c.account_id)
            .order_by(ledger_entries.c.id, postings.c.line)
            .limit(ROWS_A_PAGE)
        )
        if from_on is not None:
            query = query.where(ledger_entries.c.booked_on >= from_on)
        if until_on is not None:
            query = query.where(ledger_entries.c.booked_on < until_on)
        last = (0, -1)
        while True:
            entry_id, line = last
            later = (ledger_entries.c.id > entry_id) | ((ledger_entries.c.id == entry_id) & (postings.c.line > line))
            rows = (await self._connection.execute(query.where(later))).all()
            for row in rows:
                yield JournalRow(
                    entry_id=row.id,
                    line=row.line,
                    booked_on=row.booked_on,
                    at=row.at,
                    kind=row.kind,
                    document=row.document,
                    document_id=row.document_id,
                    memo=row.memo,
                    actor=row.actor,
                    account=row.code,
                    currency=row.currency,
                    side=Side(row.side),
                    amount_minor=row.amount_minor,
                )
            if len(rows) < ROWS_A_PAGE:
                return
            last = (rows[-1].id, rows[-1].line)
