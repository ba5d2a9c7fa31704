"""Receivables by age: what was owed at the end of a day, by how long it was overdue then."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, text, union
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.reports.source import debits, stream, summed
from netbilld.adapters.database.tables import (
    OTHERWISE,
    UNPAID,
    allocations,
    invoices,
    ledger_days,
    payments,
    subscribers,
)
from netbilld.billing.chart import AccountKind
from netbilld.billing.invoice import DocumentKind
from netbilld.model.periods import local_midnight
from netbilld.services.reports.table import Span, Sums, Table

_AGES: Final = (0, 30, 60, 90)  # the last day of each but the last
_KEYS: Final = tuple(f"age_{place}" for place in range(len(_AGES) + 1))


async def receivables(connection: AsyncConnection, table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield who owed what at the end of the span's last day; those who owed nothing are left out."""
    query = _by_subscriber(span) if table.by == "subscriber" else _by_area(span)
    async for row in stream(connection, query):
        yield (row[0] or None, *row[1:])


async def first_receivables(
    connection: AsyncConnection, table: Table, span: Span, most: int
) -> tuple[list[Sequence[Any]], Sums]:
    """Return the first rows by subscriber, and the sums of all."""
    documents = _open_documents(span)
    ages = [*_ages(documents, span), summed(documents.c.open_minor)]
    query = select(documents.c.currency, *ages).group_by(documents.c.currency)
    sums = Sums(table)
    places = [table.keys.index("not_due") + place for place in range(len(ages))]
    for currency, *figures in (tuple(row) for row in await connection.execute(query)):
        if any(figures):
            sums.take(currency, 0, dict(zip(places, figures, strict=True)))
    counted = _by_subscriber(span).add_columns(func.count().over()).limit(most)
    rows = [tuple(row) for row in await connection.execute(counted)]
    sums.rows = rows[0][-1] if rows else 0
    return [row[:-1] for row in rows], sums


def _by_subscriber(span: Span) -> Select[Any]:
    owed = _owed(span)
    return (
        select(
            subscribers.c.number,
            subscribers.c.name,
            subscribers.c.area,
            owed.c.oldest_due_on,
            *(owed.c[key] for key in _KEYS),
            owed.c.owed_minor,
            owed.c.currency,
        )
        .join(owed, owed.c.subscriber_id == subscribers.c.id)
        .order_by(subscribers.c.number)
    )


def _by_area(span: Span) -> Select[Any]:
    owed = _owed(span)
    area = func.coalesce(subscribers.c.area, "")
    ages = (*(owed.c[key] for key in _KEYS), owed.c.owed_minor)
    columns: list[ColumnElement[Any]] = [area, func.count(), *map(summed, ages), owed.c.currency]
    return (
        select(*columns)
        .join(owed, owed.c.subscriber_id == subscribers.c.id)
        .group_by(area, owed.c.currency)
        .order_by(area, owed.c.currency)
    )


def _owed(span: Span) -> Any:
    """Return what each subscriber owed, by age."""
    documents = _open_documents(span)
    ages = _ages(documents, span)
    return (
        select(
            documents.c.subscriber_id,
            documents.c.currency,
            func.min(documents.c.due_on).label("oldest_due_on"),
            *(age.label(key) for key, age in zip(_KEYS, ages, strict=True)),
            summed(documents.c.open_minor).label("owed_minor"),
        )
        .where(documents.c.open_minor != 0)
        .group_by(documents.c.subscriber_id, documents.c.currency)
        .having(or_(*(age != 0 for age in ages)))
        .subquery("owed")
    )


def _ages(documents: Any, span: Span) -> list[ColumnElement[int]]:
    of_age = (_is_of(documents.c.due_on, span, place) for place in range(len(_KEYS)))
    return [summed(case((condition, documents.c.open_minor), else_=0)) for condition in of_age]


def _is_of(due_on: ColumnElement[Any], span: Span, place: int) -> ColumnElement[bool]:
    """Return whether something that was due on a day is of an age at the end of the span."""
    conditions = []
    if place < len(_AGES):
        conditions.append(due_on >= span.to_on - timedelta(days=_AGES[place]))
    if place:
        conditions.append(due_on < span.to_on - timedelta(days=_AGES[place - 1]))
    return and_(*conditions)


def _open_documents(span: Span) -> Any:
    """Return documents with what of each was open at the end of the span's last day.

    What a document was settled by until then is dated as the books have it: a payment by the day on which it was
    received, all else, and what was taken back, by when it was done. One that came before its document was issued is
    owed back until then, as the books have it too. Only what came later is looked at: what is settled now, and by
    nothing that came later, was settled then.
    """
    later = _settled_later(span).subquery("later")
    total_minor = case((invoices.c.issued_on <= span.to_on, invoices.c.total_minor), else_=0)
    settled_minor = invoices.c.paid_minor - func.coalesce(later.c.minor, 0)
    of_any = (
        select(
            invoices.c.subscriber_id,
            invoices.c.currency,
            invoices.c.due_on,
            (total_minor - settled_minor).label("open_minor"),
        )
        .outerjoin(later, later.c.invoice_id == invoices.c.id)
        .where(invoices.c.kind == DocumentKind.INVOICE.value)
    )
    changed = union(
        select(later.c.invoice_id),
        select(invoices.c.id).where(invoices.c.issued_on > span.to_on),
    )
    settled = of_any.where(text(f"NOT (invoices.{UNPAID})"), invoices.c.number.is_not(None), invoices.c.id.in_(changed))
    # said apart, so that what is unpaid, which is nearly all of it, comes from the index of it alone
    return of_any.where(text(f"invoices.{UNPAID}")).union_all(settled).subquery("documents")


def _settled_later(span: Span) -> Select[Any]:
    """Return, by invoice, what it was settled by after the span's last day."""
    end_at = local_midnight(span.end_on, span.timezone)
    paid = (
        select(allocations.c.invoice_id, allocations.c.amount_minor)
        .join(payments, payments.c.id == allocations.c.payment_id)
        .where(allocations.c.amount_minor > 0, payments.c.received_on > span.to_on)
    )
    otherwise = select(allocations.c.invoice_id, allocations.c.amount_minor).where(
        text(OTHERWISE), allocations.c.at >= end_at
    )
    both = paid.union_all(otherwise).subquery()
    return select(both.c.invoice_id, summed(both.c.amount_minor).label("minor")).group_by(both.c.invoice_id)


async def owed_in_ledger(
    connection: AsyncConnection,
    _table: Table,
    span: Span,
) -> dict[tuple[str, str], int]:
    """Return the sum of the subscribers' receivable accounts at the end of the span's last day."""
    owed = await debits(
        connection,
        ledger_days.c.account_kind == AccountKind.ASSET.value,
        ledger_days.c.of_subscribers.is_(True),
        span=span,
        from_the_first=True,
    )
    return {("outstanding", currency): minor for currency, minor in owed.items()}
