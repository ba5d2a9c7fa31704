"""Payments: what was received, by what way and by whom; what was taken back is below zero."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.reports.source import debits, stream, summed
from netbilld.adapters.database.tables import accounts, ledger_entries, subscribers
from netbilld.adapters.database.tables import payments as received
from netbilld.billing.chart import AccountKind
from netbilld.services.reports.table import Span, Table

_KINDS: Final = ("payment_received", "payment_reversed", "payment_refunded")


async def payments(connection: AsyncConnection, table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield payments as they were received, or their sums by way, person or day."""
    if table.by == "payment":
        query = (
            select(received, subscribers.c.number.label("subscriber_no"), subscribers.c.name)
            .join(subscribers, subscribers.c.id == received.c.subscriber_id)
            .where(received.c.received_on >= span.from_on, received.c.received_on <= span.to_on)
            .order_by(received.c.received_on, received.c.recorded_at, received.c.id)
        )
        async for row in stream(connection, query):
            yield (
                row.received_on,
                row.recorded_at,
                row.subscriber_no,
                row.name,
                row.method,
                row.reference,
                row.actor,
                "payment",
                row.amount_minor,
                row.currency,
            )
        return
    async for row in stream(connection, _sums(table, span)):
        yield tuple(row)


def _sums(table: Table, span: Span) -> Select[Any]:
    keys = {
        "method": (received.c.method,),
        "person": (received.c.actor, received.c.method),
        "day": (received.c.received_on,),
    }[table.by]
    return (
        select(*keys, func.count().label("payments"), summed(received.c.amount_minor), received.c.currency)
        .where(received.c.received_on >= span.from_on, received.c.received_on <= span.to_on)
        .group_by(*keys, received.c.currency)
        .order_by(*keys, received.c.currency)
    )


async def received_in_ledger(
    connection: AsyncConnection,
    _table: Table,
    span: Span,
) -> dict[tuple[str, str], int]:
    """Return what payments brought into the accounts that hold money."""
    came = await debits(
        connection,
        accounts.c.kind == AccountKind.ASSET.value,
        accounts.c.subscriber_id.is_(None),
        ledger_entries.c.kind.in_(_KINDS),
        span=span,
    )
    return {("amount", currency): minor for currency, minor in came.items()}
