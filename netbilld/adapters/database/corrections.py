"""Drafts, credit notes, and what has settled an invoice beside payments and the wallet."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import String, cast, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.invoices import InvoiceDocument, InvoiceStore
from netbilld.adapters.database.tables import allocations, invoice_lines, invoices, write_offs
from netbilld.billing.invoice import Invoice, InvoiceStatus
from netbilld.billing.write_off import Lost, WriteOff

_SHORTEST_ID: Final = 6


class CorrectionStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._invoices = InvoiceStore(connection)

    async def found(self, reference: str) -> list[InvoiceDocument]:
        """Return the document of a number, or the drafts whose ids begin like this; at best one."""
        number = await self._invoices.by_number(reference)
        if number is not None:
            return [number]
        begins = reference.strip().lower().replace("-", "")
        if len(begins) < _SHORTEST_ID or not set(begins) <= set("0123456789abcdef"):
            return []
        as_text = func.replace(cast(invoices.c.id, String), "-", "")
        return await self._invoices.matching(
            invoices.c.status.in_([InvoiceStatus.DRAFT.value]) & as_text.like(f"{begins}%")
        )

    async def drafts(self, subscriber_id: UUID | None = None) -> list[InvoiceDocument]:
        """Return drafts, oldest first."""
        wanted = invoices.c.status == InvoiceStatus.DRAFT.value
        if subscriber_id is not None:
            wanted &= invoices.c.subscriber_id == subscriber_id
        return await self._invoices.matching(wanted)

    async def notes_of(self, invoice_id: UUID) -> list[Invoice]:
        """Return the credit notes for an invoice with their lines, oldest first."""
        notes = await self._invoices.matching(invoices.c.credits_id == invoice_id)
        return [note.invoice for note in notes if note.invoice.number is not None]

    async def number_of(self, invoice_id: UUID) -> str | None:
        """Return the number of a document."""
        number: str | None = await self._connection.scalar(select(invoices.c.number).where(invoices.c.id == invoice_id))
        return number

    # -- drafts ------------------------------------------------------------------------------------------------------

    async def save_draft(self, draft: Invoice) -> None:
        """Store a draft that is there already, with other lines."""
        await self._connection.execute(delete(invoice_lines).where(invoice_lines.c.invoice_id == draft.id))
        await self._invoices.add_lines([draft])
        await self._connection.execute(
            update(invoices)
            .where(invoices.c.id == draft.id, invoices.c.number.is_(None))
            .values(tax_minor=draft.tax_minor, total_minor=draft.total_minor, note=draft.note)
        )

    async def issue(self, issued: Invoice) -> None:
        """Store a draft that is there already as the document it has become."""
        await self.save_draft(issued)
        await self._connection.execute(
            update(invoices)
            .where(invoices.c.id == issued.id, invoices.c.number.is_(None))
            .values(
                number=issued.number,
                status=issued.status.value,
                issued_on=issued.issued_on,
                due_on=issued.due_on,
                period_start_on=issued.period_start_on,
                period_end_on=issued.period_end_on,
                paid_minor=issued.paid_minor,
                kind=issued.kind.value,
                buyer=dict(issued.buyer) or None,
            )
        )

    async def discard(self, draft_id: UUID) -> None:
        """Delete a draft; what is issued stays."""
        await self._connection.execute(delete(invoice_lines).where(invoice_lines.c.invoice_id == draft_id))
        await self._connection.execute(delete(invoices).where(invoices.c.id == draft_id, invoices.c.number.is_(None)))

    # -- what settles an invoice ---------------------------------------------------------------------------------------

    async def settled_by_money(self, invoice_id: UUID) -> list[tuple[UUID | None, int]]:
        """Return how much of an invoice each payment (None: the wallet) has settled, first come first."""
        query = (
            select(allocations.c.payment_id, func.sum(allocations.c.amount_minor).label("settled"))
            .where(allocations.c.invoice_id == invoice_id, allocations.c.document.is_(None))
            .group_by(allocations.c.payment_id)
            .order_by(func.min(allocations.c.id))
        )
        return [(row.payment_id, int(row.settled)) for row in await self._connection.execute(query)]

    async def settled_by_documents(self, invoice_ids: Sequence[UUID]) -> dict[UUID, Mapping[str, int]]:
        """Return how much of each of these invoices credit notes and write-offs have settled; without those of none."""
        query = (
            select(
                allocations.c.invoice_id, allocations.c.document, func.sum(allocations.c.amount_minor).label("settled")
            )
            .where(allocations.c.invoice_id.in_(list(invoice_ids)), allocations.c.document.is_not(None))
            .group_by(allocations.c.invoice_id, allocations.c.document)
        )
        found: dict[UUID, dict[str, int]] = {}
        for row in await self._connection.execute(query):
            found.setdefault(row.invoice_id, {})[row.document] = int(row.settled)
        return dict(found)

    async def add_settlement(
        self, invoice_id: UUID, document: str, document_id: UUID, amount_minor: int, at: datetime
    ) -> None:
        """Write down what a credit note or a write-off has settled of an invoice."""
        await self._connection.execute(
            insert(allocations).values(
                invoice_id=invoice_id, amount_minor=amount_minor, at=at, document=document, document_id=document_id
            )
        )

    async def take_back(self, invoice_id: UUID, parts: Sequence[tuple[UUID | None, int]], at: datetime) -> None:
        """Write down what is taken off an invoice again, out of each payment (None: the wallet)."""
        if parts:
            await self._connection.execute(
                insert(allocations),
                [
                    {"invoice_id": invoice_id, "payment_id": payment_id, "amount_minor": -amount_minor, "at": at}
                    for payment_id, amount_minor in parts
                ],
            )

    async def add_write_off(self, one: WriteOff) -> None:
        """Store what is written off."""
        await self._connection.execute(
            insert(write_offs).values(
                id=one.id,
                invoice_id=one.invoice_id,
                subscriber_id=one.subscriber_id,
                amount_minor=one.amount_minor,
                booked_on=one.booked_on,
                reason=one.reason,
                actor=one.actor,
                created_at=one.created_at,
            )
        )

    async def losses_of(self, subscriber_id: UUID) -> list[Lost]:
        """Return what is written off on a subscriber's invoices, oldest due first."""
        lost = func.sum(write_offs.c.amount_minor)
        query = (
            select(invoices.c.id, invoices.c.number, lost.label("lost"))
            .join(invoices, invoices.c.id == write_offs.c.invoice_id)
            .where(write_offs.c.subscriber_id == subscriber_id)
            .group_by(invoices.c.id, invoices.c.number, invoices.c.due_on)
            .having(lost > 0)
            .order_by(invoices.c.due_on, invoices.c.number)
        )
        return [Lost(row.id, row.number, int(row.lost)) for row in await self._connection.execute(query)]
