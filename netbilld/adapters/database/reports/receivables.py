"""Receivables by age: what was owed at the end of a day, by how long it was overdue then."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.reports.source import debits, stream, summed
from netbilld.adapters.database.tables import accounts, allocations, invoices, payments, subscribers
from netbilld.billing.chart import AccountKind
from netbilld.billing.invoice import DocumentKind
from netbilld.model.periods import local_midnight
from netbilld.services.reports.table import Span, Table

_AGES: Final = (0, 30, 60, 90)  # the last day of each but the last
_PLACES: Final = len(_AGES) + 1


async def receivables(connection: AsyncConnection, table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield who owed what at the end of the span's last day; those who owed nothing are left out."""
    by_area: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * (_PLACES + 2))
    async for who, ages, oldest in _subscribers(connection, span):
        owed_minor = sum(ages)
        if table.by == "subscriber":
            yield (who.subscriber_no, who.name, who.area, oldest, *ages, owed_minor, who.currency)
        else:
            for place, added in enumerate((1, *ages, owed_minor)):
                by_area[who.area or "", who.currency][place] += added
    for (area, currency), figures in sorted(by_area.items()):
        yield (area or None, *figures, currency)


async def _subscribers(connection: AsyncConnection, span: Span) -> AsyncIterator[tuple[Any, list[int], date | None]]:
    """Yield a subscriber, what they owe by age, and the day on which the oldest of it was due."""
    last: Any = None
    whose: UUID | None = None
    ages, oldest = [0] * _PLACES, None
    async for row in stream(connection, _open_documents(span)):
        if row.subscriber_id != whose and whose is not None:
            if any(ages):
                yield last, ages, oldest
            ages, oldest = [0] * _PLACES, None
        whose, last = row.subscriber_id, row
        open_minor = (row.total_minor if row.issued_on <= span.to_on else 0) - row.settled
        if open_minor:
            ages[_age((span.to_on - row.due_on).days)] += open_minor
            oldest = row.due_on if oldest is None else min(oldest, row.due_on)
    if whose is not None and any(ages):
        yield last, ages, oldest


def _open_documents(span: Span) -> Select[Any]:
    """Return the query for documents that were, or may have been, open at the end of the span's last day.

    What a document was settled by until then is dated as the books have it: a payment by the day on which it was
    received, all else, and what was taken back, by when it was done. One that came before its document was issued is
    owed back until then, as the books have it too.
    """
    end_at = local_midnight(span.end_on, span.timezone)
    settled = (
        select(allocations.c.invoice_id, summed(allocations.c.amount_minor).label("settled"))
        .outerjoin(payments, payments.c.id == allocations.c.payment_id)
        .where(
            or_(
                and_(allocations.c.amount_minor > 0, payments.c.received_on <= span.to_on),
                and_(or_(allocations.c.amount_minor < 0, payments.c.id.is_(None)), allocations.c.at < end_at),
            )
        )
        .group_by(allocations.c.invoice_id)
        .subquery()
    )
    so_far = settled.c.settled
    return (
        select(
            invoices.c.subscriber_id,
            subscribers.c.number.label("subscriber_no"),
            subscribers.c.name,
            subscribers.c.area,
            invoices.c.currency,
            invoices.c.issued_on,
            invoices.c.due_on,
            invoices.c.total_minor,
            summed(so_far).label("settled"),
        )
        .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
        .outerjoin(settled, settled.c.invoice_id == invoices.c.id)
        .where(
            invoices.c.number.is_not(None),
            invoices.c.kind == DocumentKind.INVOICE.value,
            or_(invoices.c.issued_on <= span.to_on, so_far.is_not(None)),
        )
        .group_by(invoices.c.id, subscribers.c.id)
        .having(or_(invoices.c.total_minor != summed(so_far), invoices.c.issued_on > span.to_on))
        .order_by(subscribers.c.number, invoices.c.due_on, invoices.c.number)
    )


def _age(days_overdue: int) -> int:
    for place, last in enumerate(_AGES):
        if days_overdue <= last:
            return place
    return len(_AGES)


async def owed_in_ledger(
    connection: AsyncConnection,
    _table: Table,
    span: Span,
) -> dict[tuple[str, str], int]:
    """Return the sum of the subscribers' receivable accounts at the end of the span's last day."""
    owed = await debits(
        connection,
        accounts.c.kind == AccountKind.ASSET.value,
        accounts.c.subscriber_id.is_not(None),
        span=span,
        from_the_first=True,
    )
    return {("outstanding", currency): minor for currency, minor in owed.items()}
