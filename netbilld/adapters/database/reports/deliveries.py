"""Paper invoices: when each was printed, handed over and received, and how long it took or has been taking."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.reports.source import stream, summed
from netbilld.adapters.database.tables import invoices, paper_invoices, subscribers
from netbilld.services.reports.table import Span, Table


async def deliveries(connection: AsyncConnection, table: Table, span: Span) -> AsyncIterator[Sequence[Any]]:
    """Yield the invoices that were printed in a span, or their sums by state.

    Days run from the day it was handed over to the day it arrived or came back, or to the span's last one.
    """
    paper = paper_invoices.c
    within = (paper.printed_on >= span.from_on, paper.printed_on <= span.to_on)
    if table.by == "state":
        sums = (
            select(paper.state, func.count(), summed(invoices.c.total_minor), invoices.c.currency)
            .join(invoices, invoices.c.id == paper.invoice_id)
            .where(*within)
            .group_by(paper.state, invoices.c.currency)
            .order_by(paper.state, invoices.c.currency)
        )
        async for row in stream(connection, sums):
            yield tuple(row)
        return
    query = (
        select(
            paper_invoices,
            invoices.c.number,
            invoices.c.total_minor,
            invoices.c.currency,
            subscribers.c.number.label("subscriber_no"),
            subscribers.c.name,
        )
        .join(invoices, invoices.c.id == paper.invoice_id)
        .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
        .where(*within)
        .order_by(paper.printed_on, invoices.c.number)
    )
    async for row in stream(connection, query):
        ended_on = row.received_on or row.returned_on or span.to_on
        days = max(0, (ended_on - row.handed_on).days) if row.handed_on else None
        what = (row.number, row.subscriber_no, row.name, row.state, row.courier, row.tracking_number)
        when = (row.printed_on, row.handed_on, row.received_on, row.returned_on)
        yield (*what, *when, row.receiver, days, row.total_minor, row.currency)
