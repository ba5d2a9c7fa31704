"""What documents on paper say beyond their lines: whose they are, kode unik, numbers of the tax office, stamps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.tables import (
    allocations,
    document_stamps,
    invoices,
    payment_codes,
    payments,
    subscribers,
    tax_invoices,
)
from netbilld.adapters.database.upsert import insert_into
from netbilld.billing.payment import PaymentStatus
from netbilld.billing.write_off import WRITE_OFF
from netbilld.services.correct_invoice import CREDIT_NOTE
from netbilld.services.document_codes import CodedFacts
from netbilld.services.document_facts import DocumentSurroundings, PaymentOnPaper

BATCH: Final = 5_000
_RECEIPT: Final = "receipt"


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """What a code is checked against, and how the document stands today.

    Attributes:
        status: of an invoice; `received` or `reversed` of a receipt.
        payer_name: for who shows the paper to compare, masked.
    """

    facts: CodedFacts
    status: str
    payer_name: str


class DocumentQueries:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def surroundings(self, invoice_ids: Sequence[UUID], now: datetime) -> dict[UUID, DocumentSurroundings]:
        """Return what stands around the lines of these invoices."""
        found: dict[UUID, DocumentSurroundings] = {}
        for start in range(0, len(invoice_ids), BATCH):
            some = invoice_ids[start : start + BATCH]
            codes = await self._open_codes(some, now)
            settled = await self._settled(some)
            for row in await self._connection.execute(_around().where(invoices.c.id.in_(some))):
                amount_minor, until_at = codes.get(row.id, (None, None))
                found[row.id] = DocumentSurroundings(
                    subscriber_no=row.subscriber_no,
                    name=row.name,
                    address=row.address,
                    area=row.area,
                    locale=row.locale,
                    credits_number=row.credits_number,
                    credits_issued_on=row.credits_issued_on,
                    nsfp=row.nsfp,
                    stamp_serial=row.serial,
                    exact_minor=amount_minor,
                    exact_until_at=until_at,
                    credited_minor=settled.get((row.id, CREDIT_NOTE), 0),
                    written_off_minor=settled.get((row.id, WRITE_OFF), 0),
                )
        return found

    async def _open_codes(self, invoice_ids: Sequence[UUID], now: datetime) -> dict[UUID, tuple[int, datetime]]:
        query = select(payment_codes.c.invoice_id, payment_codes.c.amount_minor, payment_codes.c.expires_at).where(
            payment_codes.c.invoice_id.in_(invoice_ids),
            payment_codes.c.status == "open",
            payment_codes.c.expires_at > now,
        )
        rows = await self._connection.execute(query.order_by(payment_codes.c.id))
        return {row.invoice_id: (int(row.amount_minor), row.expires_at) for row in rows}

    async def _settled(self, invoice_ids: Sequence[UUID]) -> dict[tuple[UUID, str], int]:
        """Return what credit notes and write-offs have settled, by invoice and which of both."""
        query = (
            select(
                allocations.c.invoice_id, allocations.c.document, func.sum(allocations.c.amount_minor).label("settled")
            )
            .where(allocations.c.invoice_id.in_(invoice_ids), allocations.c.document.is_not(None))
            .group_by(allocations.c.invoice_id, allocations.c.document)
        )
        return {(row.invoice_id, row.document): int(row.settled) for row in await self._connection.execute(query)}

    async def issued_between(self, from_on: date, until_on: date) -> list[UUID]:
        """Return the invoices and credit notes issued on these days, half-open, in order of day and number."""
        query = (
            select(invoices.c.id)
            .where(invoices.c.number.is_not(None), invoices.c.issued_on >= from_on, invoices.c.issued_on < until_on)
            .order_by(invoices.c.issued_on, invoices.c.number)
        )
        return list((await self._connection.execute(query)).scalars())

    async def payment(self, text: str) -> PaymentOnPaper | None:
        """Return the payment with a receipt number or an id, with what it settled."""
        query = (
            select(
                payments,
                subscribers.c.number.label("subscriber_no"),
                subscribers.c.name,
                subscribers.c.address,
                subscribers.c.area,
                subscribers.c.locale,
                document_stamps.c.serial,
            )
            .join(subscribers, subscribers.c.id == payments.c.subscriber_id)
            .outerjoin(document_stamps, document_stamps.c.document == payments.c.receipt_no)
        )
        try:
            wanted = payments.c.id == UUID(text.strip())
        except ValueError:
            wanted = payments.c.receipt_no == text.strip().upper()
        row = (await self._connection.execute(query.where(wanted))).one_or_none()
        return None if row is None else await self._on_paper(row)

    async def _on_paper(self, row: Row[Any]) -> PaymentOnPaper:
        query = (
            select(invoices.c.number, allocations.c.amount_minor)
            .join(invoices, invoices.c.id == allocations.c.invoice_id)
            .where(allocations.c.payment_id == row.id)
            .order_by(allocations.c.id)
        )
        settled: dict[str, int] = {}
        for part in await self._connection.execute(query):
            settled[part.number] = settled.get(part.number, 0) + int(part.amount_minor)
        return PaymentOnPaper(
            receipt_no=row.receipt_no,
            subscriber_no=row.subscriber_no,
            name=row.name,
            address=row.address,
            area=row.area,
            locale=row.locale,
            amount_minor=int(row.amount_minor),
            currency=row.currency,
            method=row.method,
            reference=row.reference,
            received_on=row.received_on,
            is_reversed=row.status == PaymentStatus.REVERSED.value,
            settled=tuple((number, amount_minor) for number, amount_minor in settled.items() if amount_minor > 0),
            stamp_serial=row.serial,
        )

    async def known(self, number: str) -> KnownDocument | None:
        """Return the issued document or receipt with that number."""
        query = (
            select(invoices, subscribers.c.name)
            .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
            .where(invoices.c.number == number, invoices.c.issued_on.is_not(None))
        )
        row = (await self._connection.execute(query)).one_or_none()
        if row is not None:
            facts = CodedFacts(row.kind, row.number, row.issued_on, row.currency, int(row.total_minor))
            return KnownDocument(facts, row.status, str((row.buyer or {}).get("name") or row.name))
        receipts = (
            select(payments, subscribers.c.name)
            .join(subscribers, subscribers.c.id == payments.c.subscriber_id)
            .where(payments.c.receipt_no == number)
        )
        row = (await self._connection.execute(receipts)).one_or_none()
        if row is None:
            return None
        facts = CodedFacts(_RECEIPT, row.receipt_no, row.received_on, row.currency, int(row.amount_minor))
        return KnownDocument(facts, row.status, row.name)

    async def stamps(self, numbers: Iterable[str]) -> dict[str, str]:
        """Return the serial numbers of the stamps that these documents have."""
        query = select(document_stamps.c.document, document_stamps.c.serial)
        rows = await self._connection.execute(query.where(document_stamps.c.document.in_(list(numbers))))
        return {row.document: row.serial for row in rows}

    async def save_stamp(self, number: str, serial: str, duty_minor: int, now: datetime, actor: str) -> None:
        """Keep the serial number of a document's stamp; another takes its place."""
        values = {"serial": serial, "duty_minor": duty_minor, "stamped_at": now, "actor": actor}
        statement = insert_into(self._connection, document_stamps).values(document=number, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["document"], set_=values))


def _around() -> Select[Any]:
    credited = invoices.alias("credited")
    return (
        select(
            invoices.c.id,
            subscribers.c.number.label("subscriber_no"),
            subscribers.c.name,
            subscribers.c.address,
            subscribers.c.area,
            subscribers.c.locale,
            credited.c.number.label("credits_number"),
            credited.c.issued_on.label("credits_issued_on"),
            tax_invoices.c.nsfp,
            document_stamps.c.serial,
        )
        .join(subscribers, subscribers.c.id == invoices.c.subscriber_id)
        .outerjoin(credited, credited.c.id == invoices.c.credits_id)
        .outerjoin(tax_invoices, tax_invoices.c.invoice_id == invoices.c.id)
        .outerjoin(document_stamps, document_stamps.c.document == invoices.c.number)
    )
