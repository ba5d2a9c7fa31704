"""By what it is known that a report which takes long to sum up would come out as it did before."""

from collections.abc import Callable, Hashable
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.reports.source import ISSUED_KINDS
from netbilld.adapters.database.tables import allocations, changes, ledger_days
from netbilld.billing.chart import RECEIVABLE, AccountKind

_OVERTAKEN: Final = 5_000  # numbers that others may have taken while a transaction that took one has not ended
# changes of what no report that is kept is made of but by what is booked and allocated, which is looked at itself
_ELSEWHERE: Final = (
    "brake", "gateway", "gateway_attempt", "invoice", "message", "nas", "payment", "session", "staff", "token",
)  # fmt: skip


def _booked(*which: ColumnElement[bool]) -> Select[Any]:
    """Return the query for what becomes another when anything is booked on some accounts, or their sums are folded.

    Not the highest number alone: transactions end in another order than they took numbers in, and SQLite gives the
    numbers of folded rows out again.
    """
    table = ledger_days.c
    columns: list[ColumnElement[Any]] = [func.max(table.id), func.count(), func.sum(table.debit_minor)]
    return select(*columns).where(*which)


def _newest(table: Table, *which: ColumnElement[bool]) -> Select[Any]:
    """Return the query for what becomes another when a row is added, that of a transaction which was overtaken too."""
    newest = select(func.max(table.c.id)).scalar_subquery()
    # with the first as well: where one more comes in while it goes, their number says nothing
    columns: list[ColumnElement[Any]] = [func.min(table.c.id), func.max(table.c.id), func.count()]
    return select(*columns).where(table.c.id > newest - _OVERTAKEN, *which)


def _changed() -> Select[Any]:
    """Return the query for what becomes another when anything about subscribers, services or plans does."""
    return _newest(changes, changes.c.entity.not_in(_ELSEWHERE))


def _of_revenue() -> list[Select[Any]]:
    return [_booked(ledger_days.c.account_kind == AccountKind.INCOME.value), _changed()]


def _of_tax() -> list[Select[Any]]:
    table = ledger_days.c
    return [_booked(or_(table.kind.in_(ISSUED_KINDS), table.account.like("tax:%"))), _changed()]


def _of_receivables() -> list[Select[Any]]:
    return [_booked(ledger_days.c.account == RECEIVABLE), _newest(allocations), _changed()]


def _of_dso() -> list[Select[Any]]:
    return [_booked(), _newest(allocations)]


_MARKS: Final[dict[str, Callable[[], list[Select[Any]]]]] = {
    "revenue": _of_revenue,
    "tax": _of_tax,
    "receivables": _of_receivables,
    "dso": _of_dso,
}


async def mark_of(connection: AsyncConnection, report: str) -> Hashable | None:
    """Return what stays the same while a report of any days does; None of one that is read quickly.

    Sums of what is booked and allocations are added to, and whatever else a service's plan or area depends on leaves
    its trail.
    """
    queries = _MARKS.get(report)
    if queries is None:
        return None
    return tuple([tuple((await connection.execute(query)).one()) for query in queries()])
