"""Unique amounts: which invoice each is, or was."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import invoices, payment_codes
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.invoice import OPEN_STATUSES
from netbilld.billing.payment_code import PaymentCode

_OPEN = [status.value for status in OPEN_STATUSES]


class PaymentCodeStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def sweep(self, now: datetime) -> None:
        """Give free what has expired, or whose invoice is settled otherwise."""
        settled = select(invoices.c.id).where(invoices.c.status.not_in(_OPEN))
        await self._connection.execute(
            update(payment_codes)
            .where(
                payment_codes.c.status == "open",
                or_(payment_codes.c.expires_at <= now, payment_codes.c.invoice_id.in_(settled)),
            )
            .values(status="over")
        )

    async def of_invoice(self, invoice_id: UUID, now: datetime) -> PaymentCode | None:
        """Return the amount that is an invoice's now."""
        query = _codes().where(
            payment_codes.c.invoice_id == invoice_id, payment_codes.c.status == "open", payment_codes.c.expires_at > now
        )
        row = (await self._connection.execute(query.order_by(payment_codes.c.id.desc()))).first()
        return _code(row) if row else None

    async def of_amounts(self, currency: str, amounts_minor: Collection[int]) -> list[PaymentCode]:
        """Return every code that is or was one of these amounts, newest first."""
        query = _codes().where(
            payment_codes.c.currency == currency, payment_codes.c.amount_minor.in_(list(amounts_minor))
        )
        return [_code(row) for row in await self._connection.execute(query.order_by(payment_codes.c.id.desc()))]

    async def taken(self, currency: str, lowest_minor: int, highest_minor: int) -> set[int]:
        """Return the amounts in this range that are an open code's, or just what is open on an invoice."""
        codes = select(payment_codes.c.amount_minor).where(
            payment_codes.c.status == "open",
            payment_codes.c.currency == currency,
            payment_codes.c.amount_minor.between(lowest_minor, highest_minor),
        )
        outstanding = invoices.c.total_minor - invoices.c.paid_minor
        owed = select(outstanding).where(
            invoices.c.status.in_(_OPEN),
            invoices.c.currency == currency,
            outstanding.between(lowest_minor, highest_minor),
        )
        return {int(amount) for query in (codes, owed) for amount in await self._connection.scalars(query)}

    async def lately(self, currency: str, lowest_minor: int, highest_minor: int, since: datetime) -> set[int]:
        """Return the amounts in this range that were a code's, of whatever state, after an instant."""
        query = select(payment_codes.c.amount_minor).where(
            payment_codes.c.currency == currency,
            payment_codes.c.amount_minor.between(lowest_minor, highest_minor),
            payment_codes.c.expires_at > since,
        )
        return {int(amount) for amount in await self._connection.scalars(query)}

    async def add(self, code: PaymentCode, actor: str) -> bool:
        """Store an amount; False where somebody has it."""
        statement = (
            insert_into(self._connection, payment_codes)
            .values(
                invoice_id=code.invoice_id,
                subscriber_id=code.subscriber_id,
                code=code.code,
                amount_minor=code.amount_minor,
                currency=code.currency,
                status=code.status,
                created_at=code.created_at,
                expires_at=code.expires_at,
                actor=actor,
            )
            .on_conflict_do_nothing()
            .returning(payment_codes.c.id)
        )
        return (await self._connection.execute(statement)).first() is not None

    async def withdraw(self, invoice_id: UUID) -> None:
        """Take an invoice's amount back."""
        await self._connection.execute(
            update(payment_codes)
            .where(payment_codes.c.invoice_id == invoice_id, payment_codes.c.status == "open")
            .values(status="over")
        )

    async def use(self, invoice_id: UUID, amount_minor: int, payment_id: UUID) -> None:
        """Write down by which payment an amount was paid."""
        await self._connection.execute(
            update(payment_codes)
            .where(payment_codes.c.invoice_id == invoice_id, payment_codes.c.amount_minor == amount_minor)
            .values(status="used", payment_id=payment_id)
        )

    async def listed(self, now: datetime) -> list[PaymentCode]:
        """Return the amounts that are an open invoice's now, soonest over first."""
        query = (
            _codes()
            .where(
                payment_codes.c.status == "open",
                payment_codes.c.expires_at > now,
                invoices.c.status.in_(_OPEN),
            )
            .order_by(payment_codes.c.expires_at, payment_codes.c.id)
        )
        return [_code(row) for row in await self._connection.execute(query)]


def _codes() -> Select[Any]:
    return select(payment_codes, invoices.c.number).join(invoices, invoices.c.id == payment_codes.c.invoice_id)


def _code(row: Row[Any]) -> PaymentCode:
    return PaymentCode(
        invoice_id=row.invoice_id,
        invoice_number=row.number,
        subscriber_id=row.subscriber_id,
        code=row.code,
        amount_minor=int(row.amount_minor),
        currency=row.currency,
        status=row.status,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
