"""The books: entries are appended, never edited; an account's balance is kept beside it in the same transaction."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.book_figures import book_figures
from netbilld.adapters.database.bulk import Row, insert_rows, insert_together
from netbilld.adapters.database.document_figures import closed_until
from netbilld.adapters.database.ledger_days import LedgerDays
from netbilld.adapters.database.tables import accounts, ledger_entries, postings
from netbilld.billing.books import BookFigures
from netbilld.billing.chart import DEPOSITS, RECEIVABLE, WALLET, Account, AccountKind, Side
from netbilld.billing.ledger import LedgerEntry
from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError

BATCH: Final = 10_000
_ENTRY_COLUMNS: Final = ("id", "at", "booked_on", "kind", "document", "document_id", "memo", "actor")
_POSTING_COLUMNS: Final = ("entry_id", "line", "account_id", "side", "amount_minor")
_WALLETS: Final = f"{WALLET}:%"


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One posting to an account, with the balance after it on the account's normal side."""

    entry_id: int
    at: datetime
    booked_on: date
    kind: str
    document: str
    document_id: str
    memo: str
    actor: str
    side: Side
    amount_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """An account and all that was posted to it, oldest first."""

    code: str
    kind: AccountKind
    currency: str
    balance_minor: int
    lines: tuple[StatementLine, ...]


@dataclass(frozen=True, slots=True)
class SubscriberBalance:
    """The numbers of a subscriber, never netted: credit held, what is owed on issued invoices, deposits held."""

    wallet_minor: int = 0
    outstanding_minor: int = 0
    deposits_minor: int = 0


class LedgerStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def post(self, entry: LedgerEntry, *, at: datetime, booked_on: date, actor: Actor) -> int:
        """Append one entry and return its number; see post_many."""
        return (await self.post_many([entry], at=at, booked_on=booked_on, actor=actor))[0]

    async def post_many(
        self, entries: Sequence[LedgerEntry], *, at: datetime, booked_on: date, actor: Actor
    ) -> list[int]:
        """Append entries, opening accounts that are new, and return their numbers in the same order.

        What falls into a month that is closed is booked on the first day after it. Balances move once an account, the
        subscribers' in order of code before the shared ones: a transaction that posts everything in one call can't
        deadlock with another that does the same.

        Raises:
            RefusedError: an account is kept in another currency.
        """
        if not entries:
            return []
        closed_until_on = await self.closed_until_on()
        if closed_until_on is not None:
            booked_on = max(booked_on, closed_until_on + timedelta(days=1))
        ids = await self._account_ids(entries)
        entry_ids = await self._next_entry_ids(len(entries))
        rows = []
        changes_minor: dict[Account, int] = defaultdict(int)
        for entry_id, entry in zip(entry_ids, entries, strict=True):
            for line, posting in enumerate(entry.postings):
                changes_minor[posting.account] += posting.change_minor
                rows.append((entry_id, line, ids[posting.account.code], posting.side.value, posting.amount_minor))
        booked = [
            (entry_id, at, booked_on, entry.kind, entry.document, entry.document_id, entry.memo[:200], actor.name)
            for entry_id, entry in zip(entry_ids, entries, strict=True)
        ]
        await self._append(booked, rows)
        await LedgerDays(self._connection).add(entries, booked_on)
        moved = sorted(changes_minor, key=lambda account: (account.subscriber_id is None, account.code))
        await self._move([(ids[account.code], changes_minor[account]) for account in moved])
        return entry_ids

    async def closed_until_on(self) -> date | None:
        """Return the last day of the books that is closed; None where every month is open."""
        until_on: date | None = await self._connection.scalar(closed_until())
        return until_on

    async def _next_entry_ids(self, count: int) -> list[int]:
        if self._connection.dialect.name == "sqlite":  # one writer, and nothing is ever deleted
            last = int(await self._connection.scalar(select(func.max(ledger_entries.c.id))) or 0)
            return list(range(last + 1, last + 1 + count))
        taken = await self._connection.exec_driver_sql(
            "SELECT nextval(pg_get_serial_sequence('ledger_entries', 'id')) FROM generate_series(1, $1)", (count,)
        )
        return [int(entry_id) for (entry_id,) in taken]

    async def _append(self, booked: Sequence[Row], rows: Sequence[Row]) -> None:
        """Write entries and postings as the guards of either database want it; migration 0018 says why."""
        if self._connection.dialect.name == "sqlite":
            await self._connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            await insert_rows(self._connection, postings, _POSTING_COLUMNS, rows)
            await insert_rows(self._connection, ledger_entries, _ENTRY_COLUMNS, booked)
            return
        both = (ledger_entries, _ENTRY_COLUMNS, booked), (postings, _POSTING_COLUMNS, rows)
        await insert_together(self._connection, *both)

    async def _move(self, changes_minor: Sequence[tuple[int, int]]) -> None:
        """Add to the balances of accounts, given in the order in which they are locked."""
        if self._connection.dialect.name == "sqlite":
            await self._connection.exec_driver_sql(
                "UPDATE accounts SET balance_minor = balance_minor + ?2 WHERE id = ?1", list(changes_minor)
            )
            return
        ids, amounts = [key for key, _ in changes_minor], [minor for _, minor in changes_minor]
        locking = "SELECT id FROM accounts WHERE id = ANY($1::bigint[]) ORDER BY subscriber_id IS NULL, code FOR UPDATE"
        await self._connection.exec_driver_sql(locking, (ids,))
        await self._connection.exec_driver_sql(
            "UPDATE accounts SET balance_minor = balance_minor + moved.minor"
            " FROM unnest($1::bigint[], $2::bigint[]) AS moved (id, minor) WHERE accounts.id = moved.id",
            (ids, amounts),
        )

    async def _account_ids(self, entries: Sequence[LedgerEntry]) -> dict[str, int]:
        wanted = {posting.account.code: (posting.account, e.currency) for e in entries for posting in e.postings}
        found = await self._existing(wanted)
        missing = [wanted[code] for code in sorted(wanted.keys() - found.keys())]
        if missing:
            columns = ("code", "kind", "subscriber_id", "currency", "balance_minor")
            rows = [
                (account.code, account.kind.value, account.subscriber_id, currency, 0) for account, currency in missing
            ]
            await insert_rows(self._connection, accounts, columns, rows, "ON CONFLICT (code) DO NOTHING")
            found |= await self._existing([account.code for account, _ in missing])
        for code, (_, kept_in) in found.items():
            if kept_in != wanted[code][1]:
                raise RefusedError(f"account {code} is kept in {kept_in}, not {wanted[code][1]}")
        return {code: account_id for code, (account_id, _) in found.items()}

    async def _existing(self, codes: Iterable[str]) -> dict[str, tuple[int, str]]:
        query = select(accounts.c.code, accounts.c.id, accounts.c.currency).where(accounts.c.code.in_(list(codes)))
        return {row.code: (int(row.id), row.currency) for row in await self._connection.execute(query)}

    async def wallets(self, subscriber_ids: Iterable[UUID], *, lock: bool = False) -> dict[UUID, int]:
        """Return the credit held for each of these subscribers, 0 where nothing was ever held.

        Args:
            subscriber_ids: whose.
            lock: keep others from moving these wallets until the transaction ends (PostgreSQL; SQLite has one writer).
        """
        held = dict.fromkeys(subscriber_ids, 0)
        for some in _batches(list(held)):
            query = (
                select(accounts.c.subscriber_id, accounts.c.balance_minor)
                .where(accounts.c.subscriber_id.in_(some), accounts.c.code.like(_WALLETS))
                .order_by(accounts.c.code)
            )
            for row in await self._connection.execute(query.with_for_update() if lock else query):
                held[row.subscriber_id] = int(row.balance_minor)
        return held

    async def balance(self, subscriber_id: UUID) -> SubscriberBalance:
        """Return wallet and outstanding of a subscriber."""
        return (await self.balances([subscriber_id]))[subscriber_id]

    async def balances(self, subscriber_ids: Iterable[UUID]) -> dict[UUID, SubscriberBalance]:
        """Return wallet and outstanding of each of these subscribers."""
        wanted = list(dict.fromkeys(subscriber_ids))
        found: dict[tuple[UUID, str], int] = {}
        for some in _batches(wanted):
            query = select(accounts.c.subscriber_id, accounts.c.code, accounts.c.balance_minor).where(
                accounts.c.subscriber_id.in_(some)
            )
            for row in await self._connection.execute(query):
                found[row.subscriber_id, row.code.partition(":")[0]] = int(row.balance_minor)
        return {
            subscriber_id: SubscriberBalance(
                wallet_minor=found.get((subscriber_id, WALLET), 0),
                outstanding_minor=found.get((subscriber_id, RECEIVABLE), 0),
                deposits_minor=found.get((subscriber_id, DEPOSITS), 0),
            )
            for subscriber_id in wanted
        }

    async def statement(self, code: str, limit: int | None = None) -> Statement:
        """Return an account with its postings, oldest first; with `limit`, only the newest so many.

        Raises:
            NotFoundError: no account has that code.
        """
        account = (await self._connection.execute(select(accounts).where(accounts.c.code == code))).one_or_none()
        if account is None:
            raise NotFoundError(
                f"no account {code!r}", hint="codes look like wallet:100001, receivable:100001, cash:cash"
            )
        kind = AccountKind(account.kind)
        query = (
            select(ledger_entries, postings.c.side, postings.c.amount_minor)
            .join(postings, postings.c.entry_id == ledger_entries.c.id)
            .where(postings.c.account_id == account.id)
            .order_by(ledger_entries.c.id.desc(), postings.c.line.desc())
            .limit(limit)
        )
        balance_minor = int(account.balance_minor)
        lines = []
        for row in await self._connection.execute(query):
            side = Side(row.side)
            lines.append(
                StatementLine(
                    entry_id=row.id,
                    at=row.at,
                    booked_on=row.booked_on,
                    kind=row.kind,
                    document=row.document,
                    document_id=row.document_id,
                    memo=row.memo,
                    actor=row.actor,
                    side=side,
                    amount_minor=row.amount_minor,
                    balance_minor=balance_minor,
                )
            )
            balance_minor -= row.amount_minor if side is kind.normal_side else -row.amount_minor
        return Statement(code, kind, account.currency, int(account.balance_minor), tuple(reversed(lines)))

    async def figures(self) -> BookFigures:
        """Return the figures that the checks of the books look at; run it in a read transaction."""
        return await book_figures(self._connection)


def _batches(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    """Yield runs that fit into one statement of either database (their limit is 32,766 values)."""
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]
