"""Payments received, and what each has settled."""

from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.subscribers import credential_key
from netbilld.adapters.database.tables import allocations, credentials, invoices, payments, services, subscribers
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.chart import Payer
from netbilld.billing.payment import Payment, PaymentStatus
from netbilld.model.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class ListedPayment:
    """A payment, who paid it, and the invoices it settled; the rest went to the wallet."""

    payment: Payment
    subscriber_no: str
    subscriber_name: str
    allocations: tuple[tuple[str, int], ...]  # (invoice number, amount in minor units)

    @property
    def to_wallet_minor(self) -> int:
        return self.payment.amount_minor - sum(amount_minor for _, amount_minor in self.allocations)


class PaymentStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, payment: Payment) -> bool:
        """Store a payment; False, and nothing stored, where one with its method and reference exists.

        Of two at once, the second waits until the first has committed.
        """
        statement = (
            insert_into(self._connection, payments)
            .values(
                id=payment.id,
                subscriber_id=payment.subscriber_id,
                amount_minor=payment.amount_minor,
                currency=payment.currency,
                method=payment.method,
                reference=payment.reference,
                received_on=payment.received_on,
                recorded_at=payment.recorded_at,
                actor=payment.actor,
                status=payment.status.value,
                collector=payment.collector,
                receipt_no=payment.receipt_no,
                part_of=payment.part_of,
                moved_from=payment.moved_from,
                note=payment.note,
            )
            .on_conflict_do_nothing(index_elements=["method", "reference"])
            .returning(payments.c.id)
        )
        return (await self._connection.execute(statement)).first() is not None

    async def by_reference(self, method: str, reference: str) -> Payment | None:
        """Return the payment with that method and reference."""
        query = select(payments).where(payments.c.method == method, payments.c.reference == reference)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return _payment(row) if row else None

    async def payer(self, name: str) -> Payer:
        """Return the subscriber that a user name or subscriber number leads to.

        Raises:
            NotFoundError: nobody has it.
        """
        by_name = (
            select(services.c.subscriber_id)
            .join(credentials, credentials.c.service_id == services.c.id)
            .where(credentials.c.name_key == credential_key(name))
        )
        subscriber_id = await self._connection.scalar(by_name)
        wanted = subscribers.c.number == name.strip() if subscriber_id is None else subscribers.c.id == subscriber_id
        row = (await self._connection.execute(select(subscribers).where(wanted))).one_or_none()
        if row is None:
            raise NotFoundError(f"no subscriber {name!r}", hint="give a user name or a subscriber number")
        return Payer(row.id, row.number, row.currency)

    async def listed(
        self,
        *,
        subscriber_id: UUID | None = None,
        from_on: date | None = None,
        to_on: date | None = None,
        limit: int | None = None,
    ) -> list[ListedPayment]:
        """Return payments, newest first.

        Args:
            subscriber_id: only this subscriber's.
            from_on: only received on or after this day.
            to_on: only received on or before this day.
            limit: at most so many.
        """
        query = _listed()
        if subscriber_id is not None:
            query = query.where(payments.c.subscriber_id == subscriber_id)
        if from_on is not None:
            query = query.where(payments.c.received_on >= from_on)
        if to_on is not None:
            query = query.where(payments.c.received_on <= to_on)
        rows = (await self._connection.execute(query.limit(limit))).mappings().all()
        settled = await self._settled([row["id"] for row in rows])
        return [
            ListedPayment(
                payment=_payment(row),
                subscriber_no=row["subscriber_no"],
                subscriber_name=row["subscriber_name"],
                allocations=tuple(settled.get(row["id"], ())),
            )
            for row in rows
        ]

    async def _settled(self, payment_ids: list[UUID]) -> dict[UUID, list[tuple[str, int]]]:
        found: dict[UUID, list[tuple[str, int]]] = {}
        for start in range(0, len(payment_ids), 10_000):
            query = (
                select(allocations.c.payment_id, invoices.c.number, allocations.c.amount_minor)
                .join(invoices, invoices.c.id == allocations.c.invoice_id)
                .where(allocations.c.payment_id.in_(payment_ids[start : start + 10_000]))
                .order_by(allocations.c.id)
            )
            for row in await self._connection.execute(query):
                found.setdefault(row.payment_id, []).append((row.number, int(row.amount_minor)))
        return found


def _payment(row: RowMapping) -> Payment:
    values = {field.name: row[field.name] for field in fields(Payment)}
    return Payment(**{**values, "status": PaymentStatus(row["status"])})


def _listed() -> Select[Any]:
    return (
        select(payments, subscribers.c.number.label("subscriber_no"), subscribers.c.name.label("subscriber_name"))
        .join(subscribers, subscribers.c.id == payments.c.subscriber_id)
        .order_by(payments.c.recorded_at.desc(), payments.c.id)
    )
