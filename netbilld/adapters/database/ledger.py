"""The books: entries are appended, never edited; an account's balance is kept beside it in the same transaction."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.book_figures import book_figures
from netbilld.adapters.database.tables import accounts, ledger_entries, postings
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.books import BookFigures
from netbilld.billing.chart import DEPOSITS, RECEIVABLE, WALLET, Account, AccountKind, Side
from netbilld.billing.ledger import LedgerEntry
from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError

BATCH: Final = 10_000
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

        Balances move once an account, the subscribers' in order of code before the shared ones: a transaction that
        posts everything in one call can't deadlock with another that does the same.

        Raises:
            RefusedError: an account is kept in another currency.
        """
        if not entries:
            return []
        ids = await self._account_ids(entries)
        inserted = await self._connection.execute(
            insert(ledger_entries).returning(ledger_entries.c.id, sort_by_parameter_order=True),
            [
                {
                    "at": at,
                    "booked_on": booked_on,
                    "kind": entry.kind,
                    "document": entry.document,
                    "document_id": entry.document_id,
                    "memo": entry.memo[:200],
                    "actor": actor.name,
                }
                for entry in entries
            ],
        )
        entry_ids = [int(row.id) for row in inserted]
        rows = []
        changes_minor: dict[Account, int] = defaultdict(int)
        for entry_id, entry in zip(entry_ids, entries, strict=True):
            for line, posting in enumerate(entry.postings):
                changes_minor[posting.account] += posting.change_minor
                rows.append(
                    {
                        "entry_id": entry_id,
                        "line": line,
                        "account_id": ids[posting.account.code],
                        "side": posting.side.value,
                        "amount_minor": posting.amount_minor,
                    }
                )
        await self._connection.execute(insert(postings), rows)
        moved = sorted(changes_minor, key=lambda account: (account.subscriber_id is None, account.code))
        await self._connection.execute(
            update(accounts)
            .where(accounts.c.id == bindparam("account_id"))
            .values(balance_minor=accounts.c.balance_minor + bindparam("change_minor")),
            [{"account_id": ids[account.code], "change_minor": changes_minor[account]} for account in moved],
        )
        return entry_ids

    async def _account_ids(self, entries: Sequence[LedgerEntry]) -> dict[str, int]:
        wanted = {posting.account.code: (posting.account, e.currency) for e in entries for posting in e.postings}
        found = await self._existing(wanted)
        missing = [wanted[code] for code in sorted(wanted.keys() - found.keys())]
        if missing:
            await self._connection.execute(
                insert_into(self._connection, accounts).on_conflict_do_nothing(index_elements=["code"]),
                [
                    {
                        "code": account.code,
                        "kind": account.kind.value,
                        "subscriber_id": account.subscriber_id,
                        "currency": currency,
                        "balance_minor": 0,
                    }
                    for account, currency in missing
                ],
            )
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
