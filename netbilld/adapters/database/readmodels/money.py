"""What is owed, paid and held, as the panel shows it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, distinct, func, select, text

from netbilld.adapters.database.queries import Queries
from netbilld.adapters.database.tables import UNPAID, accounts, allocations, invoices, payments, write_offs
from netbilld.services.readmodels import InvoiceLine, OpenMoney, PaymentLine, SubscriberMoney

_OPEN = ("issued", "part_paid")
_SHOWN = 24
_RECEIVED = "received"  # one that was taken back has paid for nothing


class MoneyQueries(Queries):
    """Sums over open invoices; a subscriber's newest invoices and payments."""

    async def open_money(self, today: date, day_start_at: datetime) -> OpenMoney:
        """Return what is owed by everybody together, and what came in since `day_start_at`."""
        owed = func.coalesce(func.sum(invoices.c.total_minor - invoices.c.paid_minor), 0)
        still_open = text(f"invoices.{UNPAID}")  # as the index has it, which holds all that is summed here
        overdue = select(
            owed.label("minor"), func.count(distinct(invoices.c.subscriber_id)).label("subscribers")
        ).where(still_open, invoices.c.due_on < today, invoices.c.total_minor > invoices.c.paid_minor)
        row = await self._row(overdue)
        assert row is not None, "an aggregate has one row"  # noqa: S101
        received = select(func.coalesce(func.sum(payments.c.amount_minor), 0)).where(
            payments.c.recorded_at >= day_start_at, payments.c.status == _RECEIVED
        )
        return OpenMoney(
            open_minor=await self._number(select(owed).where(still_open)),
            overdue_minor=int(row["minor"]),
            overdue_subscribers=row["subscribers"],
            received_today_minor=await self._number(received),
        )

    async def subscriber_money(self, subscriber_id: UUID, today: date) -> SubscriberMoney:
        """Return a subscriber's wallet, debt, newest invoices and payments."""
        wallet = select(func.coalesce(func.sum(accounts.c.balance_minor), 0)).where(
            accounts.c.subscriber_id == subscriber_id, accounts.c.code.like("wallet:%")
        )
        still_open = [
            InvoiceLine(**row)
            for row in await self._rows(
                _invoice_columns()
                .where(invoices.c.subscriber_id == subscriber_id, invoices.c.status.in_(_OPEN))
                .order_by(invoices.c.due_on, invoices.c.number)
            )
        ]
        newest = (
            _invoice_columns()
            .where(invoices.c.subscriber_id == subscriber_id)
            .order_by(invoices.c.issued_on.desc(), invoices.c.number.desc())
            .limit(_SHOWN)
        )
        overdue = [invoice for invoice in still_open if invoice.due_on is not None and invoice.due_on < today]
        return SubscriberMoney(
            wallet_minor=await self._number(wallet),
            outstanding_minor=sum(invoice.outstanding_minor for invoice in still_open),
            overdue_minor=sum(invoice.outstanding_minor for invoice in overdue),
            next_due_on=min((invoice.due_on for invoice in still_open if invoice.due_on), default=None),
            invoices=[InvoiceLine(**row) for row in await self._rows(newest)],
            payments=await self._payments(subscriber_id),
        )

    async def _payments(self, subscriber_id: UUID) -> Sequence[PaymentLine]:
        query = (
            select(payments)
            .where(payments.c.subscriber_id == subscriber_id, payments.c.status == _RECEIVED)
            .order_by(payments.c.recorded_at.desc(), payments.c.id)
            .limit(_SHOWN)
        )
        rows = await self._rows(query)
        went_to: dict[UUID, list[str]] = {}
        applied = (
            select(allocations.c.payment_id, invoices.c.number)
            .join(invoices, invoices.c.id == allocations.c.invoice_id)
            # said although payments say it: their subscriber's invoices are read by then, those of an id lie apart
            .where(allocations.c.payment_id.in_([row["id"] for row in rows]), invoices.c.subscriber_id == subscriber_id)
            .group_by(allocations.c.payment_id, invoices.c.number)
            .having(func.sum(allocations.c.amount_minor) > 0)
            .order_by(func.min(allocations.c.id))
        )
        for row in await self._rows(applied):
            went_to.setdefault(row["payment_id"], []).append(row["number"] or "")
        return [
            PaymentLine(
                amount_minor=row["amount_minor"],
                currency=row["currency"],
                method=row["method"],
                reference=row["reference"],
                received_on=row["received_on"],
                recorded_at=row["recorded_at"],
                actor=row["actor"],
                invoices=went_to.get(row["id"], []),
            )
            for row in rows
        ]


def _invoice_columns() -> Select[Any]:
    return select(
        invoices.c.number,
        invoices.c.status,
        invoices.c.issued_on,
        invoices.c.due_on,
        invoices.c.period_start_on,
        invoices.c.period_end_on,
        invoices.c.currency,
        invoices.c.total_minor,
        invoices.c.paid_minor,
        invoices.c.kind,
        select(func.coalesce(func.sum(write_offs.c.amount_minor), 0))
        .where(write_offs.c.invoice_id == invoices.c.id)
        .scalar_subquery()
        .label("written_off_minor"),
    )
