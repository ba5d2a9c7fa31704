"""Invoices as the tax office hears of them, and the base of the levies on a year's revenue."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    accounts,
    invoice_lines,
    invoices,
    levy_deductions,
    subscribers,
    tax_invoices,
    write_offs,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.adapters.database.wallet_sales import earned_from_wallets, taxed_sales
from netbilld.billing.invoice import DocumentKind
from netbilld.services.report_levies import Deduction, RevenuePart, WrittenOff
from netbilld.services.report_taxes import FakturState, RetailSum

BATCH: Final = 5_000
_INCOME: Final = ("revenue", "discounts", "late_fees")  # sorts of accounts that an invoice earns on


class TaxInvoiceStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def taxed_invoices(
        self, from_on: date, until_on: date, kind: DocumentKind = DocumentKind.INVOICE
    ) -> list[UUID]:
        """Return the invoices, or credit notes, with a taxed line issued on these days, half-open, by number."""
        taxed = select(invoice_lines.c.invoice_id).where(
            invoice_lines.c.invoice_id == invoices.c.id, invoice_lines.c.tax_code.is_not(None)
        )
        query = select(invoices.c.id).where(*_issued(from_on, until_on), _is(kind), taxed.exists())
        return list((await self._connection.execute(query.order_by(invoices.c.number))).scalars())

    async def credited_since(self, invoice_ids: Sequence[UUID]) -> set[UUID]:
        """Return those of these invoices that have a credit note."""
        found: set[UUID] = set()
        for start in range(0, len(invoice_ids), BATCH):
            query = select(invoices.c.credits_id).where(
                invoices.c.credits_id.in_(invoice_ids[start : start + BATCH]), invoices.c.number.is_not(None)
            )
            found |= {row for row in (await self._connection.execute(query)).scalars() if row is not None}
        return found

    async def emails(self, subscriber_ids: Sequence[UUID]) -> dict[UUID, str]:
        """Return the e-mail addresses of these subscribers, of those who have one."""
        found: dict[UUID, str] = {}
        for start in range(0, len(subscriber_ids), BATCH):
            query = select(subscribers.c.id, subscribers.c.email).where(
                subscribers.c.id.in_(subscriber_ids[start : start + BATCH]), subscribers.c.email.is_not(None)
            )
            found |= {row.id: row.email for row in await self._connection.execute(query)}
        return found

    async def states(self, invoice_ids: Sequence[UUID]) -> dict[UUID, FakturState]:
        """Return what became of these invoices at the tax office, of those that were ever exported."""
        found: dict[UUID, FakturState] = {}
        for start in range(0, len(invoice_ids), BATCH):
            query = select(tax_invoices).where(tax_invoices.c.invoice_id.in_(invoice_ids[start : start + BATCH]))
            for row in await self._connection.execute(query):
                found[row.invoice_id] = FakturState(
                    row.status, row.nsfp, int(row.vat_minor), row.file, row.exported_at, row.changed_at, row.actor
                )
        return found

    async def save_states(self, states: Mapping[UUID, Mapping[str, Any]]) -> None:
        """Store what became of invoices; columns that are not named stay."""
        for invoice_id, values in states.items():
            statement = insert_into(self._connection, tax_invoices).values({"invoice_id": invoice_id, **values})
            await self._connection.execute(
                statement.on_conflict_do_update(index_elements=["invoice_id"], set_=dict(values))
            )

    async def revenue(self, from_on: date, until_on: date) -> list[RevenuePart]:
        """Return what documents issued on these days earned, net of tax, by account, kind and what the plan says."""
        told, net = _told(), _net()
        query = (
            select(invoice_lines.c.revenue, told.label("told"), invoices.c.kind, func.sum(net).label("net_minor"))
            .join(invoices, invoices.c.id == invoice_lines.c.invoice_id)
            .where(*_issued(from_on, until_on), _earns())
            .group_by(invoice_lines.c.revenue, told, invoices.c.kind)
            .order_by(invoice_lines.c.revenue)
        )
        return [
            RevenuePart(row.revenue, row.told, DocumentKind(row.kind), int(row.net_minor))
            for row in await self._connection.execute(query)
        ]

    async def revenue_lines(self, from_on: date, until_on: date) -> list[tuple[str, str, bool | None, int]]:
        """Return (document, account, what the plan says, net) of the same; of credit notes below zero."""
        told, net = _told(), _net()
        query = (
            select(
                invoices.c.number,
                invoice_lines.c.revenue,
                told.label("told"),
                invoices.c.kind,
                func.sum(net).label("net_minor"),
            )
            .join(invoices, invoices.c.id == invoice_lines.c.invoice_id)
            .where(*_issued(from_on, until_on), _earns())
            .group_by(invoices.c.number, invoice_lines.c.revenue, told, invoices.c.kind)
            .order_by(invoices.c.number, invoice_lines.c.revenue)
        )
        sign = {DocumentKind.CREDIT_NOTE.value: -1}
        return [
            (row.number, row.revenue, row.told, sign.get(row.kind, 1) * int(row.net_minor))
            for row in await self._connection.execute(query)
        ]

    async def wallet_revenue(self, from_on: date, until_on: date) -> list[RevenuePart]:
        """Return what wallets have paid for on these days, half-open, net of tax, by account and what plans say."""
        found = await earned_from_wallets(self._connection, _is_income(accounts.c.code), from_on, until_on)
        return [
            RevenuePart(one.account, False if one.is_other else None, DocumentKind.INVOICE, one.net_minor)
            for one in found
        ]

    async def wallet_sales(self, from_on: date, until_on: date) -> RetailSum:
        """Return what wallets have paid for on these days, half-open, with tax: sales without an invoice."""
        retail = RetailSum()
        last_on = until_on - timedelta(days=1)
        async for sale in taxed_sales(self._connection, from_on, last_on, by_subscriber=False):
            retail.tax_base_minor += sale.net_minor
            retail.vat_minor += sale.tax_minor
        return retail

    async def written_off(self, from_on: date, until_on: date) -> list[WrittenOff]:
        """Return what was written off on these days, with the invoice it was owed on."""
        query = (
            select(write_offs.c.invoice_id, write_offs.c.amount_minor, write_offs.c.booked_on)
            .where(write_offs.c.booked_on >= from_on, write_offs.c.booked_on < until_on)
            .order_by(write_offs.c.booked_on, write_offs.c.id)
        )
        return [
            WrittenOff(row.invoice_id, int(row.amount_minor), row.booked_on)
            for row in await self._connection.execute(query)
        ]

    async def deductions(self, year: int) -> list[Deduction]:
        """Return what was entered by hand to be taken off a year's revenue."""
        query = select(levy_deductions).where(levy_deductions.c.year == year)
        rows = await self._connection.execute(query.order_by(levy_deductions.c.month_on, levy_deductions.c.id))
        return [Deduction(row.month_on, int(row.amount_minor), row.note, row.actor) for row in rows]

    async def add_deduction(self, deduction: Deduction, now: datetime) -> None:
        """Store a deduction."""
        await self._connection.execute(
            insert(levy_deductions).values(
                year=deduction.month_on.year,
                month_on=deduction.month_on,
                amount_minor=deduction.amount_minor,
                note=deduction.note,
                at=now,
                actor=deduction.actor,
            )
        )


def _issued(from_on: date, until_on: date) -> Collection[ColumnElement[bool]]:
    return (invoices.c.number.is_not(None), invoices.c.issued_on >= from_on, invoices.c.issued_on < until_on)


def _told() -> ColumnElement[bool]:
    """Return the expression for whether the plan calls a line telecom revenue; null where it says nothing."""
    told: ColumnElement[bool] = invoice_lines.c.details["telecom"].as_boolean()
    return told


def _net() -> ColumnElement[int]:
    """Return the expression for a line's amount without its tax."""
    return case(
        (invoice_lines.c.inclusive, invoice_lines.c.amount_minor - invoice_lines.c.tax_minor),
        else_=invoice_lines.c.amount_minor,
    )


def _is(kind: DocumentKind) -> ColumnElement[bool]:
    return invoices.c.kind == kind.value


def _earns() -> ColumnElement[bool]:
    """Return the condition for a line that is income: no deposit, no stamp duty, no balance from before."""
    return _is_income(invoice_lines.c.revenue)


def _is_income(account: ColumnElement[str]) -> ColumnElement[bool]:
    return or_(account.in_(_INCOME), *(account.startswith(f"{word}:") for word in _INCOME))
