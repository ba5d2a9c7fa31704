"""Fakturs of a month for Coretax: which invoices go, which wait and why, and what becomes of them there."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.buyer import FakturKind
from netbilld.billing.faktur import FIRST_MONTH, Faktur, FakturError, FakturForm, faktur_of
from netbilld.billing.invoice import DocumentKind, Invoice, InvoiceStatus
from netbilld.billing.tax import TaxPolicy
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import next_anchor
from netbilld.ports.changes import Changes
from netbilld.services.manage_buyers import nik_place

CHUNK: Final = 1_000
_NSFP_DIGITS: Final = range(16, 18)


class FakturStatus(StrEnum):
    EXPORTED = "exported"
    UPLOADED = "uploaded"
    APPROVED = "approved"
    REPLACED = "replaced"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class FakturState:
    """What became of an invoice at the tax office."""

    status: str
    nsfp: str | None
    vat_minor: int
    file: str | None
    exported_at: datetime | None
    changed_at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An invoice that is not in the files, and why."""

    number: str
    reason: str


@dataclass(slots=True)
class RetailSum:
    """Sales reported in one sum (digunggung), less what credit notes of the month give back; whole rupiah."""

    documents: int = 0
    tax_base_minor: int = 0
    vat_minor: int = 0


@dataclass(slots=True)
class FakturReport:
    """A month's fakturs.

    Attributes:
        fakturs: to be exported, with the invoice of each.
        differing: of those, whose tax is a rupiah or so off what was billed (selisih pembulatan).
        faulty: taxed, to be reported, and not possible as they stand.
        exported_before: left out because they were in a file already.
        to_correct: in a file before, and credited since: a replacement or cancellation is due in Coretax.
        retail: sold to final consumers.
        wallets: paid from wallets, without an invoice: periods, usage and top-ups; they are final consumers too.
        not_reported: of buyers for whom no faktur is wanted.
    """

    month_on: date
    fakturs: list[tuple[UUID, Faktur]] = field(default_factory=list)
    differing: list[tuple[str, int]] = field(default_factory=list)
    faulty: list[LeftOut] = field(default_factory=list)
    exported_before: int = 0
    to_correct: list[LeftOut] = field(default_factory=list)
    retail: RetailSum = field(default_factory=RetailSum)
    wallets: RetailSum = field(default_factory=RetailSum)
    not_reported: int = 0


class FoundInvoice(Protocol):
    @property
    def invoice(self) -> Invoice: ...
    @property
    def payer(self) -> Any: ...
    @property
    def subscriber_name(self) -> str: ...


class Invoices(Protocol):
    async def documents(self, ids: Sequence[UUID]) -> Sequence[FoundInvoice]: ...
    async def by_number(self, number: str) -> FoundInvoice | None: ...


class Buyers(Protocol):
    async def niks(self, subscriber_ids: Iterable[UUID]) -> dict[UUID, bytes]: ...
    async def as_issued(self, subscriber_ids: Iterable[UUID]) -> dict[UUID, dict[str, Any]]: ...


class TaxInvoices(Protocol):
    async def taxed_invoices(self, from_on: date, until_on: date, kind: DocumentKind = ...) -> list[UUID]: ...
    async def wallet_sales(self, from_on: date, until_on: date) -> RetailSum: ...
    async def credited_since(self, invoice_ids: Sequence[UUID]) -> set[UUID]: ...
    async def emails(self, subscriber_ids: Sequence[UUID]) -> dict[UUID, str]: ...
    async def states(self, invoice_ids: Sequence[UUID]) -> dict[UUID, FakturState]: ...
    async def save_states(self, states: Mapping[UUID, Mapping[str, Any]]) -> None: ...


class Work(Protocol):
    @property
    def invoices(self) -> Invoices: ...
    @property
    def buyers(self) -> Buyers: ...
    @property
    def tax_invoices(self) -> TaxInvoices: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Box(Protocol):
    def open(self, sealed: bytes, place: str) -> bytes: ...


class ReportTaxes:
    """Makes fakturs of issued invoices, and keeps what became of them."""

    def __init__(self, store: Store, box: Box, policy: TaxPolicy, form: FakturForm, default: FakturKind) -> None:
        self._store, self._box, self._policy, self._form, self._default = store, box, policy, form, default

    async def month(
        self, month_on: date, *, again: bool = False, progress: Callable[[int, int], None] | None = None
    ) -> FakturReport:
        """Return the fakturs of the invoices issued in a month; nothing is changed.

        Args:
            month_on: its first day.
            again: those in a file before are made again.
            progress: told (done, in all).

        Raises:
            RefusedError: the month is before Coretax.
        """
        if month_on < FIRST_MONTH:
            raise RefusedError(
                f"{month_on:%Y-%m} is before Coretax, which began with {FIRST_MONTH:%Y-%m}",
                hint="report it with e-Faktur",
                code="before_coretax",
            )
        report = FakturReport(month_on)
        async with self._store.read() as work:
            ids = await work.tax_invoices.taxed_invoices(month_on, next_anchor(month_on, 1))
            report.wallets = await work.tax_invoices.wallet_sales(month_on, next_anchor(month_on, 1))
            for start in range(0, len(ids), CHUNK):
                await self._chunk(work, ids[start : start + CHUNK], report, again=again)
                if progress is not None:
                    progress(min(start + CHUNK, len(ids)), len(ids))
            notes = await work.tax_invoices.taxed_invoices(month_on, next_anchor(month_on, 1), DocumentKind.CREDIT_NOTE)
            for start in range(0, len(notes), CHUNK):
                await self._credited(work, notes[start : start + CHUNK], report.retail)
        return report

    async def _credited(self, work: Work, ids: Sequence[UUID], retail: RetailSum) -> None:
        """Take off what credit notes give back to those who are reported in one sum."""
        notes = [document.invoice for document in await work.invoices.documents(ids)]
        today = await work.buyers.as_issued([note.subscriber_id for note in notes])
        for note in notes:
            if self._kind({**today[note.subscriber_id], **note.buyer}) is FakturKind.RETAIL:
                _add_retail(retail, note, -1)

    def _kind(self, buyer: Mapping[str, Any]) -> FakturKind:
        return FakturKind(buyer.get("faktur") or self._default)

    async def _chunk(self, work: Work, ids: Sequence[UUID], report: FakturReport, *, again: bool) -> None:
        documents = await work.invoices.documents(ids)
        states = await work.tax_invoices.states(ids)
        credited = await work.tax_invoices.credited_since(ids)
        people = [document.invoice.subscriber_id for document in documents]
        niks = await work.buyers.niks(people)
        emails = await work.tax_invoices.emails(people)
        today = await work.buyers.as_issued(people)
        for document in documents:
            invoice = document.invoice
            number = invoice.number or ""
            state = states.get(invoice.id)
            is_corrected = state is not None and state.status in {FakturStatus.REPLACED, FakturStatus.CANCELLED}
            if state is not None and invoice.id in credited and not is_corrected:
                report.to_correct.append(LeftOut(number, f"{state.status} before it was credited"))
            if state is not None and not again:
                report.exported_before += 1
                continue
            # who paid without telling an identity may tell it later: what was kept at issue goes before
            buyer = {**today[invoice.subscriber_id], **invoice.buyer}
            kind = self._kind(buyer)
            if kind is FakturKind.NONE:
                report.not_reported += 1
            elif kind is FakturKind.RETAIL:
                report.retail.documents += 1
                _add_retail(report.retail, invoice)
            elif invoice.status is InvoiceStatus.CREDITED:
                report.not_reported += 1
            else:
                self._faktur(report, invoice, buyer, document.payer.number, niks.get(invoice.subscriber_id), emails)

    def _faktur(
        self,
        report: FakturReport,
        invoice: Invoice,
        buyer: dict[str, Any],
        subscriber_no: str,
        sealed: bytes | None,
        emails: Mapping[UUID, str],
    ) -> None:
        owner = invoice.subscriber_id
        nik = self._box.open(sealed, nik_place(owner)).decode() if sealed else None
        try:
            made = faktur_of(invoice, buyer, self._policy, subscriber_no, nik, emails.get(owner), self._form)
        except FakturError as error:
            report.faulty.append(LeftOut(invoice.number or "", str(error)))
            return
        report.fakturs.append((invoice.id, made))
        if made.difference:
            report.differing.append((made.number, made.difference))

    async def exported(self, files: Mapping[str, Sequence[tuple[UUID, Faktur]]], actor: Actor, now: datetime) -> None:
        """Keep which invoices are in which file."""
        async with self._store.write() as work:
            for name, fakturs in files.items():
                await work.tax_invoices.save_states(
                    {
                        invoice_id: {
                            "status": FakturStatus.EXPORTED.value,
                            "vat_minor": (made.vat + 50) // 100,
                            "file": name,
                            "exported_at": now,
                            "changed_at": now,
                            "actor": str(actor),
                        }
                        for invoice_id, made in fakturs
                    }
                )
                details = {"file": name, "documents": len(fakturs)}
                await work.changes.record(actor, now, "tax.export", "tax_file", name, details)

    async def set_status(self, number: str, status: str | None, nsfp: str | None, actor: Actor, now: datetime) -> None:
        """Keep what Coretax says of an invoice: its status, its NSFP, or both.

        Raises:
            InvalidInputError: the NSFP has not 16 or 17 digits.
            NotFoundError: no such invoice.
            RefusedError: it was never exported.
        """
        digits = _nsfp(nsfp) if nsfp else None
        async with self._store.write() as work:
            found = await work.invoices.by_number(number)
            if found is None:
                raise NotFoundError(f"no invoice {number!r}", hint="`netbilld tax list` shows those of a month")
            invoice_id = found.invoice.id
            if invoice_id not in await work.tax_invoices.states([invoice_id]):
                raise RefusedError(f"{number} was never exported", hint="`netbilld tax coretax`", code="not_exported")
            values: dict[str, Any] = {"changed_at": now, "actor": str(actor)}
            if status is not None:
                values["status"] = FakturStatus(status).value
            if digits is not None:
                values["nsfp"] = digits
            state = (await work.tax_invoices.states([invoice_id]))[invoice_id]
            # the row is there: the columns that it must have are given for the statement only
            await work.tax_invoices.save_states(
                {invoice_id: {"status": state.status, "vat_minor": state.vat_minor, **values}}
            )
            details = {"status": status, "nsfp": digits}
            await work.changes.record(actor, now, "tax.status", "invoice", found.invoice.number or number, details)

    async def listed(self, month_on: date) -> list[tuple[Invoice, FakturState | None]]:
        """Return the taxed invoices of a month with what became of them."""
        found: list[tuple[Invoice, FakturState | None]] = []
        async with self._store.read() as work:
            ids = await work.tax_invoices.taxed_invoices(month_on, next_anchor(month_on, 1))
            for start in range(0, len(ids), CHUNK):
                some = ids[start : start + CHUNK]
                states = await work.tax_invoices.states(some)
                documents = await work.invoices.documents(some)
                found += [(document.invoice, states.get(document.invoice.id)) for document in documents]
        return found


def _add_retail(retail: RetailSum, document: Invoice, sign: int = 1) -> None:
    retail.tax_base_minor += sign * sum(line.net_minor for line in document.lines if line.tax_code is not None)
    retail.vat_minor += sign * document.tax_minor


def _nsfp(text: str) -> str:
    digits = text.replace(".", "").replace("-", "").strip()
    if len(digits) not in _NSFP_DIGITS or not digits.isascii() or not digits.isdigit():
        raise InvalidInputError(f"NSFP {text!r}: write its 16 or 17 digits")
    return digits
