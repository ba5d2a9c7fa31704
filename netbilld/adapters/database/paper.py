"""Paper invoices on their way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import invoices, paper_invoices, paper_steps, subscribers
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.paper import PaperState


@dataclass(frozen=True, slots=True)
class PaperInvoice:
    """A paper invoice with its way so far, and what is paid of it: delivery and payment side by side."""

    invoice_id: UUID
    number: str
    subscriber_no: str
    subscriber_name: str
    address: str | None
    due_on: date
    status: str
    total_minor: int
    outstanding_minor: int
    currency: str
    state: PaperState
    courier: str | None
    tracking_number: str | None
    printed_on: date
    handed_on: date | None
    received_on: date | None
    returned_on: date | None
    receiver: str | None
    proof: str | None


@dataclass(frozen=True, slots=True)
class PaperStep:
    """One step of its way."""

    state: PaperState
    at: datetime
    actor: str
    details: Mapping[str, Any]


class PaperStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, invoice_id: UUID, *, lock: bool = False) -> PaperInvoice | None:
        """Return an invoice's paper; `lock` keeps others from moving it in this transaction."""
        if lock:
            held = select(paper_invoices.c.invoice_id).where(paper_invoices.c.invoice_id == invoice_id)
            await self._connection.execute(held.with_for_update())
        found = await self._found(paper_invoices.c.invoice_id == invoice_id)
        return found[0] if found else None

    async def listed(
        self, *, states: Sequence[PaperState] = (), subscriber_id: UUID | None = None, most: int = 1_000
    ) -> list[PaperInvoice]:
        """Return paper invoices, those printed first in front; all states for none."""
        conditions: list[Any] = []
        if states:
            conditions.append(paper_invoices.c.state.in_([state.value for state in states]))
        if subscriber_id is not None:
            conditions.append(invoices.c.subscriber_id == subscriber_id)
        return await self._found(*conditions, most=most)

    async def _found(self, *conditions: Any, most: int = 1) -> list[PaperInvoice]:
        paper = paper_invoices.c
        query = (
            select(
                paper.invoice_id, invoices.c.number, subscribers.c.number, subscribers.c.name, subscribers.c.address,
                invoices.c.due_on, invoices.c.status, invoices.c.total_minor,
                (invoices.c.total_minor - invoices.c.paid_minor), invoices.c.currency, paper.state, paper.courier,
                paper.tracking_number, paper.printed_on, paper.handed_on, paper.received_on, paper.returned_on,
                paper.receiver, paper.proof,
            )
            .join(invoices, invoices.c.id == paper.invoice_id)
            .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
            .where(*conditions)
            .order_by(paper.printed_on, invoices.c.number)
            .limit(most)
        )  # fmt: skip
        return [
            PaperInvoice(*row[:10], PaperState(row[10]), *row[11:]) for row in await self._connection.execute(query)
        ]

    async def move(
        self, invoice_id: UUID, state: PaperState, fields: Mapping[str, Any], actor: str, now: datetime
    ) -> None:
        """Write down the next step of a paper invoice."""
        values = {**fields, "state": state.value, "changed_at": now}
        statement = insert_into(self._connection, paper_invoices).values(invoice_id=invoice_id, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["invoice_id"], set_=values))
        said = {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in fields.items()
            if value is not None
        }
        await self._connection.execute(
            insert(paper_steps).values(invoice_id=invoice_id, state=state.value, at=now, actor=actor, details=said)
        )

    async def steps(self, invoice_id: UUID) -> list[PaperStep]:
        """Return its way, step by step."""
        table = paper_steps.c
        query = (
            select(table.state, table.at, table.actor, table.details)
            .where(table.invoice_id == invoice_id)
            .order_by(table.id)
        )
        return [PaperStep(PaperState(row[0]), *row[1:]) for row in await self._connection.execute(query)]
