"""What is booked, summed by day, kind of entry and account.

Who books adds rows in the same transaction and changes none, so that nobody waits for anybody over a sum; `fold` makes
one row of many when there is time. A sum of nothing stays: it says that entries of a kind were booked.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlalchemy import case, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.document_figures import NAMED
from netbilld.adapters.database.tables import accounts, ledger_days, ledger_entries, postings
from netbilld.billing.chart import DEPOSITS, RECEIVABLE, WALLET, Account, Side
from netbilld.billing.ledger import LedgerEntry

DAYS_AT_ONCE: Final = 31
_KEY: Final = ("booked_on", "kind", "account", "account_kind", "of_subscribers", "currency")
_COLUMNS: Final = (*_KEY, "debit_minor")


class LedgerDays:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, entries: Sequence[LedgerEntry], booked_on: date) -> None:
        """Add what entries come to, in the transaction that books them."""
        sums: dict[tuple[str, str, str, bool, str], int] = defaultdict(int)
        for entry in entries:
            for posting in entry.postings:
                held = posting.account
                key = (entry.kind, shown(held), held.kind.value, held.subscriber_id is not None, entry.currency)
                sums[key] += posting.amount_minor if posting.side is Side.DEBIT else -posting.amount_minor
        rows = [(booked_on, *key, debit_minor) for key, debit_minor in sorted(sums.items())]
        await insert_rows(self._connection, ledger_days, _COLUMNS, rows)

    async def fold(self) -> int:
        """Make one row of each sum that is spread over several, of a month of days at most; return the rows saved.

        What is taken out is what this transaction deleted, whoever else folds at that moment.
        """
        table = ledger_days.c
        spread = select(table.booked_on).group_by(*(table[name] for name in _KEY)).having(func.count() > 1)
        some = select(spread.subquery().c.booked_on).distinct().limit(DAYS_AT_ONCE)
        days = (await self._connection.scalars(some)).all()
        if not days:
            return 0
        taken = delete(ledger_days).where(table.booked_on.in_(days)).returning(*(table[name] for name in _COLUMNS))
        sums: dict[tuple[object, ...], int] = defaultdict(int)
        count = 0
        for row in await self._connection.execute(taken):
            sums[tuple(row[:-1])] += row.debit_minor
            count += 1
        rows = [(*key, debit_minor) for key, debit_minor in sums.items()]
        await insert_rows(self._connection, ledger_days, _COLUMNS, rows)
        return count - len(rows)


def shown(account: Account) -> str:
    """Return what an account is summed under: those of subscribers all together, by their sort."""
    return account.code if account.subscriber_id is None else account.code.partition(":")[0]


async def wrong_days(connection: AsyncConnection) -> dict[str, int]:
    """Return, of the first few kept sums that are not what is booked, how much each is off, by what it is of."""
    table = ledger_days.c
    held = case(
        (accounts.c.subscriber_id.is_(None), accounts.c.code),
        *((accounts.c.code.like(f"{word}:%"), word) for word in (RECEIVABLE, WALLET)),
        else_=DEPOSITS,
    )
    kept = select(table.booked_on, table.kind, table.account, table.debit_minor)
    booked = (
        select(
            ledger_entries.c.booked_on,
            ledger_entries.c.kind,
            held.label("account"),
            case((postings.c.side == Side.DEBIT.value, -postings.c.amount_minor), else_=postings.c.amount_minor).label(
                "debit_minor"
            ),
        )
        .join(postings, postings.c.entry_id == ledger_entries.c.id)
        .join(accounts, accounts.c.id == postings.c.account_id)
    )
    both = kept.union_all(booked).subquery()
    of = (both.c.booked_on, both.c.kind, both.c.account)
    off = func.sum(both.c.debit_minor)
    query = select(*of, off.label("off")).group_by(*of).having(off != 0).order_by(*of).limit(NAMED)
    return {f"{row.booked_on} {row.kind} {row.account}": int(row.off) for row in await connection.execute(query)}
