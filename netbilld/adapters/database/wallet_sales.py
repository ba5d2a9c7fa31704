"""What was sold without a document: periods, usage and top-ups that wallets have paid."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Subquery, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.reports.source import DEBIT, kinds_booked, stream, summed
from netbilld.adapters.database.tables import accounts, ledger_days, ledger_entries, postings, subscribers
from netbilld.billing.chart import WALLET, AccountKind
from netbilld.billing.postings import OTHER_RENEWAL, WALLET_CHARGES

_TAX: Final = "tax:"
_INCOME: Final = accounts.c.kind == AccountKind.INCOME.value
_OWED: Final = accounts.c.code.like(f"{_TAX}%")


class TaxedSale(NamedTuple):
    """Taxed sales from wallets on one day, of one tax; of one subscriber, or of all together."""

    on: date
    subscriber_no: str | None
    name: str | None
    tax_code: str
    net_minor: int
    tax_minor: int
    currency: str


class EarnedOn(NamedTuple):
    """What wallets paid without its tax, by account; discounts are below zero.

    Attributes:
        is_other: the plan says that it is no telecom service.
    """

    account: str
    is_other: bool
    net_minor: int


async def taxed_sales(
    connection: AsyncConnection, from_on: date, to_on: date, *, by_subscriber: bool
) -> AsyncIterator[TaxedSale]:
    """Yield what was taxed of it, day by day from one to another, both included.

    A small charge may bear no tax yet, which is that of the sum so far: what a service was charged on a day is taxed
    together.
    """
    account = ledger_days.c.account
    taxing = await kinds_booked(connection, account.like(f"{_TAX}%"), from_on=from_on, to_on=to_on)
    if not taxing:
        return
    is_income = ledger_days.c.account_kind == AccountKind.INCOME.value
    earning = await kinds_booked(connection, is_income, from_on=from_on, to_on=to_on)
    taxes, earned = _charged(_OWED, taxing, from_on, to_on), _charged(_INCOME, earning, from_on, to_on)
    keys: list[ColumnElement[Any]] = [taxes.c.booked_on, taxes.c.code, taxes.c.currency]
    query = (
        select(summed(earned.c.minor).label("net"), summed(taxes.c.minor).label("tax"))
        .select_from(taxes)
        .outerjoin(earned, _alike(earned, taxes))  # a rupiah of usage may be all tax
    )
    if by_subscriber:
        keys += [subscribers.c.number, subscribers.c.name]
        paying = await kinds_booked(connection, account == WALLET, from_on=from_on, to_on=to_on)
        paid = _charged(accounts.c.code.like(f"{WALLET}:%"), paying, from_on, to_on)
        query = (
            query.join(paid, _alike(paid, taxes))
            .join(accounts, accounts.c.code == paid.c.code)
            .join(subscribers, subscribers.c.id == accounts.c.subscriber_id)
        )
    async for row in stream(connection, query.add_columns(*keys).group_by(*keys).order_by(*keys)):
        number, name = (row.number, row.name) if by_subscriber else (None, None)
        yield TaxedSale(
            row.booked_on, number, name, row.code.removeprefix(_TAX), int(row.net), int(row.tax), row.currency
        )


async def earned_from_wallets(
    connection: AsyncConnection, which: ColumnElement[bool], from_on: date, until_on: date
) -> list[EarnedOn]:
    """Return what was earned without a document on these accounts and days, half-open, by account."""
    is_other = ledger_entries.c.kind == OTHER_RENEWAL
    query = (
        select(accounts.c.code, is_other.label("is_other"), summed(-DEBIT).label("minor"))
        .select_from(postings)
        .join(ledger_entries, ledger_entries.c.id == postings.c.entry_id)
        .join(accounts, accounts.c.id == postings.c.account_id)
        .where(
            which,
            ledger_entries.c.kind.in_(WALLET_CHARGES),
            ledger_entries.c.booked_on >= from_on,
            ledger_entries.c.booked_on < until_on,
        )
        .group_by(accounts.c.code, is_other)
        .order_by(accounts.c.code, is_other)
    )
    rows = await connection.execute(query)
    return [EarnedOn(row.code, bool(row.is_other), int(row.minor)) for row in rows if row.minor]


def _alike(one: Subquery, other: Subquery) -> ColumnElement[bool]:
    return and_(one.c.document_id == other.c.document_id, one.c.booked_on == other.c.booked_on)


def _charged(which: ColumnElement[bool], kinds: Sequence[str], from_on: date, to_on: date) -> Subquery:
    """Return, by service and day, what entries of some kinds put on accounts; a service has one tax on a day."""
    by = (ledger_entries.c.document_id, ledger_entries.c.booked_on)
    return (
        select(
            *by,
            func.min(accounts.c.code).label("code"),
            func.min(accounts.c.currency).label("currency"),
            summed(-DEBIT).label("minor"),
        )
        .select_from(postings)
        .join(accounts, accounts.c.id == postings.c.account_id)
        .join(ledger_entries, ledger_entries.c.id == postings.c.entry_id)
        .where(
            which,
            ledger_entries.c.kind.in_(kinds),
            ledger_entries.c.booked_on >= from_on,
            ledger_entries.c.booked_on <= to_on,
        )
        .group_by(*by)
        .subquery()
    )
