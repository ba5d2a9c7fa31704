"""Documents on paper: an invoice, credit note or receipt as PDF, one or a whole month."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.invoice import Invoice
from netbilld.billing.stamp_duty import StampDutyRule, stamp_duty_minor
from netbilld.billing.tax import TaxRule
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.services.document_codes import Box, CodedFacts, document_code, verify_url
from netbilld.services.document_facts import DocumentSurroundings, PaymentOnPaper
from netbilld.services.document_writer import DocumentWriter
from netbilld.services.pay_links import LinkKind, Target, pay_token, pay_url
from netbilld.services.print_invoice import ExactTransfer, InvoiceFacts, printed_invoice
from netbilld.services.print_receipt import ReceiptFacts, printed_receipt
from netbilld.services.printed_document import Letterhead, PrintedDocument

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")
CHUNK: Final = 50  # documents that are read, and then drawn, together
MOST_TOGETHER: Final = 300  # documents of one file

Render = Callable[[PrintedDocument], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class PrintedFile:
    """A document that was drawn."""

    number: str
    octets: bytes

    @property
    def name(self) -> str:
        """Return a file name made of the number, whatever letters that has."""
        safe = _UNSAFE.sub("-", self.number).lstrip(".")
        return f"{safe or 'document'}.pdf"


class Style(Protocol):
    """How the provider's documents look; made from the settings."""

    rules: tuple[TaxRule, ...]
    duty_rules: tuple[StampDutyRule, ...]

    def letterhead(self, area: str | None) -> Letterhead: ...
    def locale(self, subscriber_locale: str | None) -> str: ...
    def words(self, locale: str) -> dict[str, str]: ...


class FoundInvoice(Protocol):
    @property
    def invoice(self) -> Invoice: ...


class Invoices(Protocol):
    async def by_number(self, number: str) -> FoundInvoice | None: ...
    async def documents(self, ids: Sequence[UUID]) -> Sequence[FoundInvoice]: ...


class Documents(Protocol):
    async def surroundings(self, invoice_ids: Sequence[UUID], now: datetime) -> dict[UUID, DocumentSurroundings]: ...
    async def payment(self, text: str) -> PaymentOnPaper | None: ...
    async def issued_between(self, from_on: date, until_on: date) -> list[UUID]: ...


class Work(Protocol):
    @property
    def invoices(self) -> Invoices: ...
    @property
    def documents(self) -> Documents: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class PrintDocuments:
    """Reads what a document says, writes it in its reader's language, and has it drawn."""

    def __init__(self, store: Store, box: Box, style: Style, render: Render) -> None:
        self._store, self._box, self._style, self._render = store, box, style, render

    async def invoice(self, number: str, now: datetime, locale: str | None = None) -> PrintedFile:
        """Return an issued invoice or credit note as PDF.

        Args:
            number: of the document.
            now: decides whether a kode unik still holds.
            locale: None: the subscriber's.

        Raises:
            NotFoundError: no document has the number.
            InvalidInputError: a logo, font or file of words can't be used.
        """
        async with self._store.read() as work:
            found = await work.invoices.by_number(number)
            if found is None or found.invoice.number is None:
                raise NotFoundError(f"no invoice {number!r}", hint="`netbilld invoice list` shows them")
            [document] = await self._pages(work, [found], now, locale)
        return PrintedFile(document.number, await self._render(document))

    async def receipt(self, text: str, now: datetime, locale: str | None = None) -> PrintedFile:  # noqa: ARG002 - as invoice
        """Return the receipt of a payment, named by receipt number or payment id, as PDF.

        Raises:
            NotFoundError: there is no such payment.
            RefusedError: it was reversed, or has no receipt.
        """
        async with self._store.read() as work:
            paid = await work.documents.payment(text)
        if paid is None:
            raise NotFoundError(f"no payment {text!r}", hint="`netbilld payment list` shows them")
        if paid.receipt_no is None or paid.is_reversed:
            why = "was reversed" if paid.is_reversed else "has no receipt number"
            raise RefusedError(f"payment {text} {why}: there is no receipt to print", code="no_receipt")
        document = self._receipt_page(paid, paid.receipt_no, locale)
        return PrintedFile(document.number, await self._render(document))

    async def issued(self, from_on: date, until_on: date) -> list[UUID]:
        """Return all documents issued on these days, half-open."""
        async with self._store.read() as work:
            return await work.documents.issued_between(from_on, until_on)

    async def many(self, ids: Sequence[UUID], now: datetime, locale: str | None = None) -> AsyncIterator[PrintedFile]:
        """Yield these documents as PDF, in order; those of a chunk are drawn at once, as far as there are processes."""
        for start in range(0, len(ids), CHUNK):
            async with self._store.read() as work:
                found = await work.invoices.documents(ids[start : start + CHUNK])
                documents = await self._pages(work, found, now, locale)
            drawn = await asyncio.gather(*(self._render(document) for document in documents))
            for document, octets in zip(documents, drawn, strict=True):
                yield PrintedFile(document.number, octets)

    async def pages(self, ids: Sequence[UUID], now: datetime, locale: str | None = None) -> list[PrintedDocument]:
        """Return what stands on these documents, in order of number, for who draws them together."""
        async with self._store.read() as work:
            found = await work.invoices.documents(ids[:MOST_TOGETHER])
            return await self._pages(work, found, now, locale)

    async def _pages(
        self, work: Work, found: Sequence[FoundInvoice], now: datetime, locale: str | None
    ) -> list[PrintedDocument]:
        around = await work.documents.surroundings([one.invoice.id for one in found], now)
        return [self._invoice_page(one.invoice, around[one.invoice.id], locale) for one in found]

    def _invoice_page(self, invoice: Invoice, around: DocumentSurroundings, locale: str | None) -> PrintedDocument:
        if invoice.number is None or invoice.issued_on is None:
            raise InvalidInputError("a draft is not printed", hint="issue it first")
        said = locale or self._style.locale(around.locale)
        head = self._style.letterhead(around.area)
        coded = CodedFacts(invoice.kind.value, invoice.number, invoice.issued_on, invoice.currency, invoice.total_minor)
        code, url = self._code(coded, head)
        exact = None
        if around.exact_minor is not None and around.exact_until_at is not None:
            exact = ExactTransfer(around.exact_minor, local_date(around.exact_until_at, invoice.timezone))
        facts = InvoiceFacts(
            invoice=invoice,
            subscriber_no=around.subscriber_no,
            buyer=invoice.buyer or {"name": around.name, "address": around.address},
            code=code,
            verify_url=url,
            pay_url=self._pay_url(invoice, head),
            credits_number=around.credits_number,
            taxed_on=around.credits_issued_on,
            nsfp=around.nsfp,
            stamp_serial=around.stamp_serial,
            exact=exact,
            credited_minor=around.credited_minor,
            written_off_minor=around.written_off_minor,
        )
        return printed_invoice(facts, head, self._style.words(said), DocumentWriter(said), self._style.rules)

    def _receipt_page(self, paid: PaymentOnPaper, number: str, locale: str | None) -> PrintedDocument:
        said = locale or self._style.locale(paid.locale)
        head = self._style.letterhead(paid.area)
        coded = CodedFacts("receipt", number, paid.received_on, paid.currency, paid.amount_minor)
        code, url = self._code(coded, head)
        facts = ReceiptFacts(
            number=number,
            subscriber_no=paid.subscriber_no,
            name=paid.name,
            address=paid.address,
            amount_minor=paid.amount_minor,
            currency=paid.currency,
            method=paid.method,
            reference=paid.reference,
            received_on=paid.received_on,
            settled=paid.settled,
            to_wallet_minor=paid.amount_minor - sum(amount_minor for _, amount_minor in paid.settled),
            code=code,
            verify_url=url,
            duty_minor=stamp_duty_minor(paid.amount_minor, paid.currency, paid.received_on, self._style.duty_rules),
            stamp_serial=paid.stamp_serial,
        )
        return printed_receipt(facts, head, self._style.words(said), DocumentWriter(said))

    def _pay_url(self, invoice: Invoice, head: Letterhead) -> str:
        if head.public_url is None or not head.is_paid_by_phone or not invoice.number or invoice.outstanding_minor <= 0:
            return ""
        return pay_url(head.public_url, pay_token(self._box, Target(LinkKind.INVOICE, invoice.number)))

    def _code(self, coded: CodedFacts, head: Letterhead) -> tuple[str, str]:
        code = document_code(self._box, coded)
        return code, verify_url(head.public_url, code) if head.public_url else ""
