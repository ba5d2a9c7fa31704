"""A draft becomes a document: its number, its entry in the books, and what the wallet does about it."""

from dataclasses import dataclass, replace
from datetime import date

from netbilld.billing.allocation import Part
from netbilld.billing.chart import Payer
from netbilld.billing.invoice import DocumentKind, Invoice, InvoiceLine
from netbilld.billing.ledger import LedgerEntry
from netbilld.billing.postings import document_issued, wallet_applied


@dataclass(frozen=True, slots=True)
class Issued:
    """An issued document, and all that is to be written with it in one transaction.

    Attributes:
        document: as it is stored, settled as far as it is.
        entries: for the books, in order.
        from_wallet: what credit in the wallet has settled at once; None where nothing.
        to_wallet_minor: what a credit note has put into the wallet.
    """

    document: Invoice
    entries: tuple[LedgerEntry, ...]
    from_wallet: Part | None = None
    to_wallet_minor: int = 0


def kind_when_issued(draft: Invoice) -> DocumentKind:
    """Return what a draft becomes, which says the series that numbers it: below zero it is a credit note."""
    return DocumentKind.CREDIT_NOTE if draft.total_minor < 0 else draft.kind


def issued(draft: Invoice, payer: Payer, number: str, on: date, due_days: int, wallet_minor: int = 0) -> Issued:
    """Return a draft as it is issued.

    An invoice takes at once what the wallet holds. A draft below zero becomes a credit note that stands by itself, its
    amount credit in the wallet. A total of zero is an invoice that is paid.

    Raises:
        RefusedError: it is issued already.
    """
    if kind_when_issued(draft) is DocumentKind.CREDIT_NOTE:
        note = (_turned(draft) if draft.total_minor < 0 else draft).issue(number, on, 0)
        entry = document_issued(payer, note)
        return Issued(note, (entry,) if entry else (), to_wallet_minor=note.total_minor)
    invoice = draft.issue(number, on, due_days)
    entry = document_issued(payer, invoice)
    entries = (entry,) if entry else ()
    from_wallet_minor = min(max(wallet_minor, 0), invoice.total_minor)
    if not from_wallet_minor:
        return Issued(invoice, entries)
    part = Part(invoice.id, number, from_wallet_minor)
    applied = wallet_applied(payer, number, from_wallet_minor)
    return Issued(invoice.settle(from_wallet_minor), (*entries, applied), part)


def credit_note_issued(note: Invoice, payer: Payer, number: str, on: date, settled_minor: int) -> Issued:
    """Return a credit note for an invoice as it is issued: `settled_minor` of it lessens what is owed on that."""
    document = note.issue(number, on, 0)
    entry = document_issued(payer, document, settled_minor=settled_minor)
    return Issued(document, (entry,) if entry else (), to_wallet_minor=document.total_minor - settled_minor)


def _turned(draft: Invoice) -> Invoice:
    return replace(
        draft,
        kind=DocumentKind.CREDIT_NOTE,
        lines=tuple(_turned_line(line) for line in draft.lines),
        tax_minor=-draft.tax_minor,
        total_minor=-draft.total_minor,
    )


def _turned_line(line: InvoiceLine) -> InvoiceLine:
    return replace(
        line, unit_price_minor=-line.unit_price_minor, amount_minor=-line.amount_minor, tax_minor=-line.tax_minor
    )
