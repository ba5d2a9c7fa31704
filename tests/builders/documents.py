"""Invoices as they are printed, for tests of what stands on them."""

from datetime import date
from typing import Any, Final
from uuid import UUID

from netbilld.billing.invoice import DocumentKind, Invoice, InvoiceLine, InvoiceStatus, LineKind
from netbilld.billing.tax import NOTHING_TAXED, TaxPolicy, tax_lines
from netbilld.services.document_words import document_words
from netbilld.services.document_writer import DocumentWriter
from netbilld.services.print_invoice import InvoiceFacts, printed_invoice
from netbilld.services.printed_document import Letterhead, PrintedDocument

NUMBER: Final = "INV-202601-000123"
DAY: Final = date(2026, 1, 5)
HEAD: Final = Letterhead(
    "Kampung Net",
    address=("Jl. Contoh No. 1", "Bandung"),
    pay_to=("BCA 1234567890 a.n. PT Contoh",),
    public_url="https://portal.example.net",
)
STATIC_QRIS: Final = (
    "00020101021126620016ID.CO.CONTOH.WWW01189360099900000000170209CT00000010303UMI51440014ID.CO.QRIS.WWW"
    "0215ID10200300400510303UMI5204481653033605802ID5915NETBILLD CONTOH6007BANDUNG61054011162070703A0163048DD0"
)
PKP: Final = TaxPolicy(is_pkp=True)
SITI: Final = {"name": "Siti Contoh", "address": "Jl. Mawar 12\nBandung"}


def line(amount_minor: int, text: str = "Rumah 20 Mbps", **more: Any) -> InvoiceLine:
    given = {"kind": LineKind.RECURRING, "quantity": 1, "per": 1, "unit_price_minor": amount_minor, **more}
    return InvoiceLine(service_id=None, text=text, amount_minor=amount_minor, **given)


def invoice(*lines: InvoiceLine, policy: TaxPolicy = NOTHING_TAXED, **more: Any) -> Invoice:
    taxed = tax_lines(lines, policy, DAY)
    given = {
        "id": UUID(int=1),
        "subscriber_id": UUID(int=2),
        "status": InvoiceStatus.ISSUED,
        "number": NUMBER,
        "issued_on": DAY,
        "due_on": date(2026, 1, 15),
        "period_start_on": date(2026, 1, 1),
        "period_end_on": date(2026, 2, 1),
        "timezone": "Asia/Jakarta",
        "currency": "IDR",
        "paid_minor": 0,
        "kind": DocumentKind.INVOICE,
        **more,
    }
    return Invoice(
        lines=taxed,
        tax_minor=sum(one.tax_minor for one in taxed),
        total_minor=sum(one.gross_minor for one in taxed),
        **given,
    )


def page(issued: Invoice, head: Letterhead = HEAD, locale: str = "id", **more: Any) -> PrintedDocument:
    code = f"{issued.number}.7KQ2M4XA5DTR"
    given = {"buyer": SITI, "code": code, "verify_url": f"https://portal.example.net/v/{code}", **more}
    facts = InvoiceFacts(issued, "100001", **given)
    return printed_invoice(facts, head, document_words(locale), DocumentWriter(locale))
