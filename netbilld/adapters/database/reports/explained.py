"""What an explanation opens an amount by: what was billed round by round, slices with their sessions, entries."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.queries import first_username
from netbilld.adapters.database.tables import (
    accounts,
    billed_fees,
    billed_usage,
    invoices,
    ledger_entries,
    nas,
    plan_versions,
    plans,
    postings,
    services,
    sessions,
    subscribers,
    usage_slices,
)
from netbilld.services.explain_amounts import BookedEntry, FeeRow, SliceRow, UsageRow


class ExplanationStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def username(self, service_id: UUID) -> str:
        """Return the name that stands for a service."""
        name: str | None = await self._connection.scalar(
            select(first_username(services.c.id)).where(services.c.id == service_id)
        )
        return name or ""

    async def version_names(self, version_ids: Sequence[UUID]) -> dict[UUID, tuple[str, int]]:
        """Return code and number of plan versions."""
        query = select(plan_versions.c.id, plans.c.code, plan_versions.c.version).join(
            plans, plans.c.id == plan_versions.c.plan_id
        )
        found = await self._connection.execute(query.where(plan_versions.c.id.in_(list(version_ids))))
        return {row.id: (row.code, row.version) for row in found}

    async def fee_rows(self, service_id: UUID, start_on: date, end_on: date) -> list[FeeRow]:
        """Return what was billed of the fees of a period, oldest first."""
        query = (
            select(billed_fees, invoices.c.number)
            .outerjoin(invoices, invoices.c.id == billed_fees.c.invoice_id)
            .where(
                billed_fees.c.service_id == service_id,
                billed_fees.c.start_on == start_on,
                billed_fees.c.end_on == end_on,
            )
            .order_by(billed_fees.c.round, billed_fees.c.position)
        )
        return [
            FeeRow(
                row.number, row.item, row.cycle_days, row.of_days, row.price_minor, row.tax_code, row.inclusive,
                row.plan_version_id, row.days, row.amount_minor,
            )
            for row in await self._connection.execute(query)
        ]  # fmt: skip

    async def usage_rows(self, service_id: UUID, start_on: date) -> list[UsageRow]:
        """Return what was billed of the usage of a period, oldest first."""
        query = (
            select(billed_usage, invoices.c.number, invoices.c.issued_on)
            .outerjoin(invoices, invoices.c.id == billed_usage.c.invoice_id)
            .where(billed_usage.c.service_id == service_id, billed_usage.c.start_on == start_on)
            .order_by(billed_usage.c.round)
        )
        return [
            UsageRow(row.number, row.issued_on, row.upload_octets, row.download_octets, row.amount_minor)
            for row in await self._connection.execute(query)
        ]

    async def slices(self, service_id: UUID, from_at: datetime, to_at: datetime) -> list[SliceRow]:
        """Return the slices of a service in a span with the sessions they came from, oldest first."""
        query = (
            select(
                usage_slices,
                sessions.c.acct_session_id,
                sessions.c.started_at,
                sessions.c.stopped_at,
                sessions.c.updated_at,
                nas.c.name.label("nas"),
            )
            .outerjoin(sessions, sessions.c.id == usage_slices.c.session_id)
            .outerjoin(nas, nas.c.id == sessions.c.nas_id)
            .where(
                usage_slices.c.service_id == service_id,
                usage_slices.c.start_at >= from_at,
                usage_slices.c.start_at < to_at,
            )
            .order_by(usage_slices.c.start_at, usage_slices.c.end_at)
        )
        return [
            SliceRow(
                row.session_id, row.meter_id, row.start_at, row.end_at, row.upload_octets, row.download_octets,
                row.source, row.estimated, row.acct_session_id, row.nas, row.started_at, row.stopped_at, row.updated_at,
            )
            for row in await self._connection.execute(query)
        ]  # fmt: skip

    async def entries(self, document: str, document_id: str) -> list[BookedEntry]:
        """Return the entries of a document, with their postings."""
        return await self._entries(ledger_entries.c.document == document, ledger_entries.c.document_id == document_id)

    async def entry(self, entry_id: int) -> BookedEntry | None:
        """Return one entry."""
        return next(iter(await self._entries(ledger_entries.c.id == entry_id)), None)

    async def _entries(self, *which: Any) -> list[BookedEntry]:
        query = (
            select(
                ledger_entries.c.id,
                ledger_entries.c.at,
                ledger_entries.c.booked_on,
                ledger_entries.c.kind,
                ledger_entries.c.document,
                ledger_entries.c.document_id,
                ledger_entries.c.memo,
                ledger_entries.c.actor,
                accounts.c.code,
                accounts.c.currency,
                postings.c.side,
                postings.c.amount_minor,
            )
            .join(postings, postings.c.entry_id == ledger_entries.c.id)
            .join(accounts, accounts.c.id == postings.c.account_id)
            .where(*which)
            .order_by(ledger_entries.c.id, postings.c.line)
        )
        found: dict[int, BookedEntry] = {}
        for row in await self._connection.execute(query):
            entry = found.get(row.id)
            if entry is None:
                entry = found[row.id] = BookedEntry(
                    row.id, row.at, row.booked_on, row.kind, row.document, row.document_id, row.memo, row.actor,
                    row.currency, [],
                )  # fmt: skip
            entry.postings.append((row.code, row.side, row.amount_minor))
        return list(found.values())

    async def issued_on(self, invoice_id: UUID) -> tuple[str, date] | None:
        """Return number and day of issue of a document."""
        query = select(invoices.c.number, invoices.c.issued_on).where(invoices.c.id == invoice_id)
        row = (await self._connection.execute(query)).one_or_none()
        return (row.number, row.issued_on) if row else None

    async def owner(self, service_id: UUID) -> tuple[str, str]:
        """Return number and name of the subscriber that a service belongs to."""
        query = (
            select(subscribers.c.number, subscribers.c.name)
            .join(services, services.c.subscriber_id == subscribers.c.id)
            .where(services.c.id == service_id)
        )
        row = (await self._connection.execute(query)).one()
        return row.number, row.name
