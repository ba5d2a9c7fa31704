"""Payments: what was received, by what way and by whom; what bounced or was paid back is below zero."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from heapq import merge
from itertools import islice
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.reports.source import debits, stream, summed
from netbilld.adapters.database.tables import ledger_days, ledger_entries, refunds, subscribers
from netbilld.adapters.database.tables import payments as received
from netbilld.services.reports.table import Span, Sums, Table

_REVERSED: Final = "payment_reversed"
_KINDS: Final = ("payment_received", _REVERSED, "refunded")
_AT_ONCE: Final = 500


class _Moved(NamedTuple):
    """Money that came in, or went out again; in the order in which it is shown."""

    on: date
    at: datetime
    subscriber_no: str
    name: str
    method: str
    reference: str | None
    person: str
    kind: str
    amount_minor: int
    currency: str


async def payments(connection: AsyncConnection, table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield payments as they came and went back, or their sums by way, person or day.

    The person is the collector who took it, or else who wrote it down.
    """
    if table.by == "payment":
        async for moved in _all(connection, span):
            yield moved
        return
    sums: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
    person = func.coalesce(func.nullif(received.c.collector, ""), received.c.actor)
    keys: dict[str, list[ColumnElement[Any]]] = {
        "method": [received.c.method],
        "person": [person, received.c.method],
        "day": [received.c.received_on],
    }
    by = [*keys[table.by], received.c.currency]
    query = select(*by, func.count(), summed(received.c.amount_minor)).where(_in_span(span)).group_by(*by)
    for row in await connection.execute(query):
        *key, count, amount_minor = tuple(row)
        sums[tuple(key)] = [count, amount_minor]
    for moved in await _went_back(connection, span):
        its = {"method": (moved.method,), "person": (moved.person, moved.method), "day": (moved.on,)}[table.by]
        sums[(*its, moved.currency)][1] += moved.amount_minor
    for words, figures in sorted(sums.items()):
        yield (*words[:-1], *figures, words[-1])


async def first_payments(
    connection: AsyncConnection, table: Table, span: Span, most: int
) -> tuple[list[Sequence[Any]], Sums]:
    """Return the first payments of a span with what went out again among them, and the sums of all."""
    sums = Sums(table)
    back = await _went_back(connection, span)
    for moved in back:
        sums.add(moved)
    query = select(received.c.currency, func.count(), summed(received.c.amount_minor)).where(_in_span(span))
    amount_at = table.keys.index("amount")
    for currency, count, amount_minor in await connection.execute(query.group_by(received.c.currency)):
        sums.take(currency, count, {amount_at: amount_minor})
    rows = [
        _moved(row, row.received_on, row.recorded_at, row.actor, "payment")
        for row in await connection.execute(_came(span).limit(most))
    ]
    return [*islice(merge(rows, back, key=_when), most)], sums


def _when(moved: _Moved) -> tuple[date, datetime]:
    return moved.on, moved.at


async def _all(connection: AsyncConnection, span: Span) -> AsyncIterator[_Moved]:
    """Yield what came in, and among it, by its day, what went out again, of which there is little."""
    back = await _went_back(connection, span)
    async for row in stream(connection, _came(span)):
        moved = _moved(row, row.received_on, row.recorded_at, row.actor, "payment")
        while back and back[0][:2] < moved[:2]:
            yield back.pop(0)
        yield moved
    for moved in back:
        yield moved


def _in_span(span: Span) -> ColumnElement[bool]:
    return and_(received.c.received_on >= span.from_on, received.c.received_on <= span.to_on)


def _came(span: Span) -> Select[Any]:
    by_day = (received.c.received_on, received.c.recorded_at, received.c.id)
    return _of_subscriber(received).where(_in_span(span)).order_by(*by_day)


async def _went_back(connection: AsyncConnection, span: Span) -> list[_Moved]:
    return sorted([*await _bounced(connection, span), *await _paid_back(connection, span)])


async def _bounced(connection: AsyncConnection, span: Span) -> list[_Moved]:
    """Return payments that were reversed, on the day on which that is booked."""
    query = select(ledger_entries.c.document_id, ledger_entries.c.booked_on).where(
        ledger_entries.c.kind == _REVERSED,
        ledger_entries.c.booked_on >= span.from_on,
        ledger_entries.c.booked_on <= span.to_on,
    )
    booked = {UUID(row.document_id): row.booked_on for row in await connection.execute(query)}
    ids, found = list(booked), []
    for start in range(0, len(ids), _AT_ONCE):
        some = _of_subscriber(received).where(received.c.id.in_(ids[start : start + _AT_ONCE]))
        found += [
            _moved(row, booked[row.id], row.reversed_at or row.recorded_at, row.reversed_by or row.actor, "reversal")
            for row in await connection.execute(some)
        ]
    return found


async def _paid_back(connection: AsyncConnection, span: Span) -> list[_Moved]:
    query = _of_subscriber(refunds).where(refunds.c.paid_on >= span.from_on, refunds.c.paid_on <= span.to_on)
    return [_moved(row, row.paid_on, row.recorded_at, row.actor, "refund") for row in await connection.execute(query)]


def _of_subscriber(table: Any) -> Select[Any]:
    return select(table, subscribers.c.number.label("subscriber_no"), subscribers.c.name.label("subscriber_name")).join(
        subscribers, subscribers.c.id == table.c.subscriber_id
    )


def _moved(row: Any, on: date, at: datetime, actor: str, kind: str) -> _Moved:
    return _Moved(
        on=on,
        at=at,
        subscriber_no=row.subscriber_no,
        name=row.subscriber_name,
        method=row.method,
        reference=row.reference,
        person=row.collector or actor,
        kind=kind,
        amount_minor=row.amount_minor if kind == "payment" else -row.amount_minor,
        currency=row.currency,
    )


async def received_in_ledger(connection: AsyncConnection, _table: Table, span: Span) -> dict[tuple[str, str], int]:
    """Return what payments brought into the accounts that money is on, less what left them again.

    They are whatever is no subscriber's: cash, and also an agent's deposit or parked money that a payment came out of.
    """
    came = await debits(
        connection,
        ledger_days.c.of_subscribers.is_(False),
        ledger_days.c.kind.in_(_KINDS),
        span=span,
    )
    return {("amount", currency): minor for currency, minor in came.items()}
