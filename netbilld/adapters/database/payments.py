"""Payments received, and what each has settled."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.subscribers import credential_key
from netbilld.adapters.database.tables import (
    allocations,
    credentials,
    invoices,
    parked_payments,
    payments,
    refunds,
    services,
    subscribers,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.chart import Payer
from netbilld.billing.invoice import OPEN_STATUSES, InvoiceStatus
from netbilld.billing.payment import Payment, PaymentStatus, Refund
from netbilld.billing.receipt import Receipt, ReceiptLine, WithheldLine
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
        if self.payment.status is PaymentStatus.REVERSED:
            return 0
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

    async def add_refund(self, refund: Refund) -> bool:
        """Store a refund; False, and nothing stored, where one with its method and reference exists."""
        statement = (
            insert_into(self._connection, refunds)
            .values(**asdict(refund))
            .on_conflict_do_nothing(index_elements=["method", "reference"])
            .returning(refunds.c.id)
        )
        return (await self._connection.execute(statement)).first() is not None

    async def mark_reversed(self, payment_ids: Sequence[UUID], at: datetime, by: str, because: str) -> None:
        """Write down that payments are no more; their rows and references stay."""
        await self._connection.execute(
            update(payments)
            .where(payments.c.id.in_(payment_ids))
            .values(status=PaymentStatus.REVERSED.value, reversed_at=at, reversed_by=by[:200], reversed_because=because)
        )

    async def find(self, text: str) -> Payment:
        """Return the payment with that id or receipt number.

        Raises:
            NotFoundError: there is none.
        """
        wanted = text.strip()
        try:
            chosen = payments.c.id == UUID(wanted)
        except ValueError:
            chosen = payments.c.receipt_no == wanted.upper()
        row = (await self._connection.execute(select(payments).where(chosen))).mappings().one_or_none()
        if row is None:
            raise NotFoundError(
                f"no payment {wanted[:60]!r}", hint="give its id or receipt number; `netbilld payment list` shows them"
            )
        return _payment(row)

    async def withheld_from(self, payment_id: UUID) -> list[Payment]:
        """Return what was withheld from a payment, as the payments that they are."""
        query = select(payments).where(payments.c.part_of == payment_id).order_by(payments.c.method)
        return [_payment(row) for row in (await self._connection.execute(query)).mappings()]

    async def settled_by(self, payment_id: UUID) -> list[tuple[UUID, int]]:
        """Return what a payment settles now: (invoice id, amount in minor units), first settled first."""
        return await self._net(allocations.c.payment_id == payment_id, newest_first=False)

    async def settled_from_wallet(self, subscriber_id: UUID) -> list[tuple[UUID, int]]:
        """Return what a subscriber's wallet has settled: (invoice id, amount in minor units), newest first."""
        theirs = select(invoices.c.id).where(invoices.c.subscriber_id == subscriber_id)
        chosen = (
            allocations.c.payment_id.is_(None) & allocations.c.document.is_(None) & allocations.c.invoice_id.in_(theirs)
        )
        return await self._net(chosen, newest_first=True)

    async def _net(self, chosen: ColumnElement[bool], *, newest_first: bool) -> list[tuple[UUID, int]]:
        net, last = func.sum(allocations.c.amount_minor), func.max(allocations.c.id)
        query = (
            select(allocations.c.invoice_id, net.label("net"))
            .where(chosen)
            .group_by(allocations.c.invoice_id)
            .having(net > 0)
            .order_by(last.desc() if newest_first else last)
        )
        return [(row.invoice_id, int(row.net)) for row in await self._connection.execute(query)]

    async def known_minor(self, subscriber_id: UUID) -> int:
        """Return the most of what a subscriber owes, was ever invoiced at once and has ever paid at once."""
        theirs = invoices.c.subscriber_id == subscriber_id
        is_open = invoices.c.status.in_([status.value for status in OPEN_STATUSES])
        paid = (payments.c.subscriber_id == subscriber_id) & (payments.c.status == PaymentStatus.RECEIVED.value)
        figures = await self._connection.execute(
            select(
                select(func.sum(invoices.c.total_minor - invoices.c.paid_minor))
                .where(theirs, is_open)
                .scalar_subquery(),
                select(func.max(invoices.c.total_minor)).where(theirs).scalar_subquery(),
                select(func.max(payments.c.amount_minor)).where(paid).scalar_subquery(),
            )
        )
        return max(int(figure or 0) for figure in figures.one())

    async def is_known(self, method: str, reference: str) -> bool:
        """Tell whether money with that method and reference is on record: a payment, or parked and not released."""
        paid = select(payments.c.id).where(payments.c.method == method, payments.c.reference == reference)
        parked = select(parked_payments.c.id).where(
            parked_payments.c.method == method,
            parked_payments.c.reference == reference,
            parked_payments.c.status != "released",
        )
        return bool(await self._connection.scalar(select(or_(paid.exists(), parked.exists()))))

    async def receipt(self, text: str) -> Receipt:
        """Return what the receipt of a payment says, with the invoices as they stand now.

        Raises:
            NotFoundError: there is no such payment, or none that a receipt is given for.
        """
        payment = await self.find(text)
        if payment.receipt_no is None:
            raise NotFoundError(f"payment {text.strip()[:60]!r} has no receipt")
        kept = await self.withheld_from(payment.id)
        whole = [payment.id, *(one.id for one in kept)]
        lines = (
            select(
                invoices.c.number,
                invoices.c.status,
                (invoices.c.total_minor - invoices.c.paid_minor).label("outstanding_minor"),
                func.sum(allocations.c.amount_minor).label("amount_minor"),
            )
            .join(invoices, invoices.c.id == allocations.c.invoice_id)
            .where(allocations.c.payment_id.in_(whole))
            .group_by(invoices.c.id)
            .having(func.sum(allocations.c.amount_minor) > 0)
            .order_by(func.min(allocations.c.id))
        )
        found = [
            ReceiptLine(row.number, int(row.amount_minor), InvoiceStatus(row.status), int(row.outstanding_minor))
            for row in await self._connection.execute(lines)
        ]
        who = (
            await self._connection.execute(
                select(subscribers.c.number, subscribers.c.name).where(subscribers.c.id == payment.subscriber_id)
            )
        ).one()
        in_all = payment.amount_minor + sum(one.amount_minor for one in kept)
        return Receipt(
            number=payment.receipt_no,
            payment_id=payment.id,
            status=payment.status,
            subscriber_id=payment.subscriber_id,
            subscriber_no=who.number,
            subscriber_name=who.name,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            method=payment.method,
            reference=payment.reference,
            collector=payment.collector,
            received_on=payment.received_on,
            recorded_at=payment.recorded_at,
            actor=payment.actor,
            note=payment.note,
            lines=found,
            withheld=[WithheldLine(one.method, one.reference, one.amount_minor) for one in kept],
            to_wallet_minor=in_all - sum(line.amount_minor for line in found),
        )

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
        net = func.sum(allocations.c.amount_minor)
        found: dict[UUID, list[tuple[str, int]]] = {}
        for start in range(0, len(payment_ids), 10_000):
            query = (
                select(
                    allocations.c.payment_id,
                    invoices.c.number,
                    func.sum(allocations.c.amount_minor).label("amount_minor"),
                )
                .join(invoices, invoices.c.id == allocations.c.invoice_id)
                .where(allocations.c.payment_id.in_(payment_ids[start : start + 10_000]))
                .group_by(allocations.c.payment_id, invoices.c.number)
                .having(net != 0)
                .order_by(func.min(allocations.c.id))
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
