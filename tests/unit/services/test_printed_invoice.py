"""What stands on an invoice, in every language and currency."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from netbilld.billing.invoice import DocumentKind, InvoiceStatus, LineKind
from netbilld.billing.stamp_duty import stamp_duty_line
from netbilld.model.errors import InvalidInputError
from netbilld.services.document_words import ENGLISH, INDONESIAN, document_words
from netbilld.services.document_writer import DocumentWriter
from netbilld.services.print_invoice import ExactTransfer
from netbilld.services.printed_document import PrintedDocument
from tests.builders.documents import HEAD, PKP, invoice, line, page


def sums(document: PrintedDocument) -> list[tuple[str, str]]:
    return [(one.label, one.amount) for one in document.sums]


def test_a_price_without_ppn_shows_base_other_base_and_tax_before_the_total() -> None:
    """INCA-24."""
    document = page(invoice(line(275_000, tax_code="ppn", inclusive=False), policy=PKP))
    assert sums(document) == [
        ("Subtotal", "Rp275.000"),
        ("DPP", "Rp275.000"),
        ("DPP Nilai Lain (11/12)", "Rp252.083"),
        ("PPN 12 % × DPP Nilai Lain", "Rp30.250"),
        ("Total", "Rp305.250"),
    ]
    assert document.words == ("Terbilang", "Tiga ratus lima ribu dua ratus lima puluh rupiah")


def test_a_price_with_ppn_in_it_shows_the_tax_without_adding_it() -> None:
    discount = line(-20_000, "Promo", kind=LineKind.DISCOUNT, tax_code="ppn")
    duty = stamp_duty_line(10_000)
    document = page(invoice(line(295_000, tax_code="ppn"), discount, line(50_000, "Deposit"), duty, policy=PKP))
    assert sums(document) == [
        ("Subtotal, termasuk pajak", "Rp345.000"),
        ("Potongan", "-Rp20.000"),
        ("Tidak kena pajak", "Rp50.000"),
        ("DPP", "Rp247.748"),
        ("DPP Nilai Lain (11/12)", "Rp227.102"),
        ("termasuk PPN 12 % × DPP Nilai Lain", "Rp27.252"),
        ("Bea meterai", "Rp10.000"),
        ("Total", "Rp335.000"),
    ]


def test_who_is_not_pkp_has_nothing_of_tax_on_paper() -> None:
    """INCA-24."""
    assert sums(page(invoice(line(275_000, tax_code="ppn")))) == [("Total", "Rp275.000")]


def test_what_is_paid_and_what_is_left_are_said_and_a_paid_one_is_marked() -> None:
    issued = invoice(line(275_000), paid_minor=75_000, status=InvoiceStatus.PART_PAID)
    assert sums(page(issued))[1:] == [("Sudah dibayar", "-Rp75.000"), ("Sisa tagihan", "Rp200.000")]
    paid = page(replace(issued, paid_minor=275_000, status=InvoiceStatus.PAID))
    assert (paid.mark, paid.pay, paid.pay_label) == ("Lunas", (), "")
    assert page(replace(issued, status=InvoiceStatus.CREDITED)).mark == "Dikreditkan"


def test_what_a_credit_note_or_a_write_off_has_settled_is_not_called_paid() -> None:
    issued = invoice(line(275_000), paid_minor=275_000, status=InvoiceStatus.PAID)
    document = page(issued, credited_minor=75_000, written_off_minor=100_000)
    assert sums(document)[1:] == [
        ("Sudah dibayar", "-Rp100.000"),
        ("Nota kredit", "-Rp75.000"),
        ("Dihapusbukukan", "-Rp100.000"),
        ("Sisa tagihan", "Rp0"),
    ]
    assert document.mark == ""


def test_how_to_pay_names_the_number_or_the_exact_amount_that_does() -> None:
    issued = invoice(line(275_000))
    assert page(issued).pay[-1] == f"Mohon cantumkan nomor {issued.number}."
    exact = page(issued, exact=ExactTransfer(275_123, date(2026, 1, 12)))
    assert exact.pay[-1] == "Transfer tepat Rp275.123 agar dikenali otomatis, sampai 12 Januari 2026."


def test_lines_of_a_company_are_grouped_by_site_with_its_purchase_order() -> None:
    issued = invoice(line(1_000, "A", site="Bandung"), line(2_000, "B", site="Garut"), line(3_000, "C", site="Bandung"))
    document = page(issued, buyer={"name": "PT Contoh", "tax_id": "0012345678901000", "po_number": "PO-7"})
    assert [(group.heading, group.amount, [one.text for one in group.lines]) for group in document.groups] == [
        ("Bandung", "Rp4.000", ["A", "C"]),
        ("Garut", "Rp2.000", ["B"]),
    ]
    assert ("Pesanan (PO)", "PO-7") in document.facts
    assert document.to == ("PT Contoh", "NPWP 0012345678901000")


def test_quantities_are_said_in_their_unit() -> None:
    metered: dict[str, Any] = {
        "kind": LineKind.USAGE,
        "quantity": 12_345_678_901,
        "per": 10**9,
        "unit_price_minor": 3_000,
    }
    part: dict[str, Any] = {"kind": LineKind.PRORATA, "quantity": 22, "per": 31, "unit_price_minor": 150_000}
    [group] = page(invoice(line(37_037, **metered), line(106_452, **part), line(5, quantity=3))).groups
    assert [(one.quantity, one.price) for one in group.lines] == [
        ("12,346 GB", "Rp3.000/GB"),
        ("22/31", "Rp150.000"),
        ("3", "Rp5"),
    ]


def test_a_credit_note_says_what_it_is_for() -> None:
    note = invoice(line(275_000), kind=DocumentKind.CREDIT_NOTE, number="CN-202601-000001")
    document = page(note, credits_number="INV-202512-000009")
    assert document.title == "Nota kredit"
    assert ("Atas tagihan", "INV-202512-000009") in document.facts
    assert "Jatuh tempo" not in dict(document.facts)
    assert document.head.name == "Kampung Net"


def test_a_credit_note_shows_the_tax_rule_of_the_invoice_it_is_for() -> None:
    old = replace(line(100_000, tax_code="ppn", inclusive=False), tax_minor=11_000)
    note = replace(invoice(line(1)), lines=(old,), kind=DocumentKind.CREDIT_NOTE, tax_minor=11_000, total_minor=111_000)
    labels = [label for label, _ in sums(page(note, taxed_on=date(2024, 12, 20)))]
    assert labels == ["Subtotal", "DPP", "PPN 11 %", "Total"]


def test_a_draft_is_not_printed() -> None:
    with pytest.raises(InvalidInputError, match="draft"):
        page(invoice(line(1), number=None))


def test_a_reseller_names_whose_service_it_is() -> None:
    """INCA-24."""
    document = page(invoice(line(1)), replace(HEAD, name="Bandung Net", carried_by="Kampung Net"))
    assert document.carried_by == "layanan dari Kampung Net"


@pytest.mark.parametrize(
    ("locale", "currency", "amount", "written"),
    [
        ("id", "IDR", 1_275_000, "Rp1.275.000"),
        ("en", "IDR", 1_275_000, "Rp1,275,000"),
        ("en", "USD", 1_234_50, "US$1,234.50"),
        ("id", "USD", 1_234_50, "US$1.234,50"),
        ("de", "EUR", 1_234_50, "€1.234,50"),
        ("fr", "EUR", -5, "-€0,05"),
        ("ja", "JPY", 1_234, "¥1,234"),
        ("th", "THB", 99_00, "฿99.00"),
        ("ms_MY", "MYR", 1_00, "RM1.00"),
        ("en", "KWD", 1_234_567, "KWD 1,234.567"),
        ("pt_BR", "BRL", 1_234_50, "R$1.234,50"),
    ],
)
def test_money_is_written_as_its_locale_writes_it(locale: str, currency: str, amount: int, written: str) -> None:
    assert DocumentWriter(locale).money(amount, currency).replace("￥", "¥").replace("\xa0", " ") == written


def test_days_are_written_as_their_locale_writes_them() -> None:
    on = date(2026, 1, 5)
    assert [DocumentWriter(locale).day(on) for locale in ("id", "en", "de")] == [
        "5 Januari 2026",
        "5 January 2026",
        "5. Januar 2026",
    ]
    months = [DocumentWriter("id").day(date(2026, month, 1)).split()[1] for month in range(1, 13)]
    assert months == [
        *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
        *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
    ]


def test_both_languages_have_every_word_and_the_same_places_in_it() -> None:
    assert set(ENGLISH) == set(INDONESIAN)
    document_words("id", INDONESIAN)  # refuses a place that the English has not


def test_words_of_another_language_come_from_a_file_and_what_it_lacks_is_english() -> None:
    words = document_words("ms_MY", {"invoice": "Invois", "page": "Muka {page}"})
    assert (words["invoice"], words["receipt"], words["page"]) == ("Invois", "Receipt", "Muka {page}")
    for wrong in ({"invoyce": "x"}, {"page": "Muka {number}"}, {"page": "Muka {page"}, {"page": 3}):
        with pytest.raises(InvalidInputError, match="words of documents"):
            document_words("ms_MY", wrong)
