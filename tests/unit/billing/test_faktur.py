"""Fakturs of invoices: figures, identities, and what keeps an invoice from being reported."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4
from xml.etree import ElementTree as ET

import pytest

from netbilld.adapters.documents.coretax_xml import coretax_xml
from netbilld.billing.faktur import Faktur, FakturError, FakturForm, Seller, faktur_of
from netbilld.billing.invoice import Invoice, InvoiceLine, InvoiceStatus, LineKind
from netbilld.billing.tax import TaxPolicy, tax_lines

DAY = date(2026, 1, 5)
PKP = TaxPolicy(is_pkp=True)
SELLER = Seller("0012345678901000")
SERVICE = uuid4()
NIK = "3273014107900001"
PERSON = {"kind": "person", "name": "SITI CONTOH", "address": "Jl. Contoh No. 1, Bandung"}
COMPANY = {**PERSON, "kind": "company", "name": "PT Contoh", "tax_id": "0098765432109000", "branch": "000001"}


def line(
    amount: int, *, inclusive: bool = True, kind: LineKind = LineKind.RECURRING, service: UUID | None = SERVICE
) -> InvoiceLine:
    return InvoiceLine(kind, service, "Layanan internet", 1, amount, 1, amount, tax_code="ppn", inclusive=inclusive)


def invoice(*lines: InvoiceLine) -> Invoice:
    taxed = tax_lines(lines, PKP, DAY)
    total = sum(one.gross_minor for one in taxed)
    tax = sum(one.tax_minor for one in taxed)
    return Invoice(
        uuid4(),
        uuid4(),
        InvoiceStatus.ISSUED,
        "INV-202601-000123",
        DAY,
        DAY,
        DAY,
        DAY,
        "Asia/Jakarta",
        "IDR",
        taxed,
        tax,
        total,
        0,
    )


def faktur(issued: Invoice, buyer: dict[str, Any] | None = None, nik: str | None = NIK, **form: Any) -> Faktur:
    return faktur_of(issued, buyer or PERSON, PKP, "100001", nik, None, FakturForm(**form))


def written(made: Faktur, form: FakturForm | None = None) -> ET.Element:
    return ET.fromstring(coretax_xml(SELLER, [made], form or FakturForm()))  # noqa: S314 - we wrote it


def test_the_file_has_the_elements_of_the_schema_in_their_order() -> None:
    made = faktur(invoice(line(275_000, inclusive=False)))
    root = written(made)
    assert [child.tag for child in root] == ["TIN", "ListOfTaxInvoice"]
    [element] = root[1]
    assert [(child.tag, child.text or "") for child in element if child.tag != "ListOfGoodService"] == [
        ("TaxInvoiceDate", "2026-01-05"),
        ("TaxInvoiceOpt", "Normal"),
        ("TrxCode", "04"),
        ("AddInfo", ""),
        ("CustomDoc", ""),
        ("CustomDocMonthYear", ""),
        ("RefDesc", "INV-202601-000123"),
        ("FacilityStamp", ""),
        ("SellerIDTKU", "0012345678901000000000"),
        ("BuyerTin", "0000000000000000"),
        ("BuyerDocument", "National ID"),
        ("BuyerCountry", "IDN"),
        ("BuyerDocumentNumber", NIK),
        ("BuyerName", "SITI CONTOH"),
        ("BuyerAdress", "Jl. Contoh No. 1, Bandung"),
        ("BuyerEmail", ""),
        ("BuyerIDTKU", "000000"),
    ]
    [goods] = element.findall("ListOfGoodService/GoodService")
    assert [(child.tag, child.text) for child in goods] == [
        ("Opt", "B"),
        ("Code", "000000"),
        ("Name", "Layanan internet"),
        ("Unit", "UM.0024"),
        ("Price", "275000.00"),
        ("Qty", "1"),
        ("TotalDiscount", "0.00"),
        ("TaxBase", "275000.00"),
        ("OtherTaxBase", "252083.00"),
        ("VATRate", "12"),
        ("VAT", "30250.00"),
        ("STLGRate", "0"),
        ("STLG", "0"),
    ]
    older = written(made, FakturForm(doc_month=False))
    assert older.find(".//CustomDocMonthYear") is None


@pytest.mark.parametrize(
    ("price", "other_base", "vat"), [(275_000, 25_208_333, 3_025_000), (199_000, 18_241_667, 2_189_000)]
)
def test_bases_and_taxes_may_have_two_decimals(price: int, other_base: int, vat: int) -> None:
    [goods] = faktur(invoice(line(price, inclusive=False)), decimals=2).lines
    assert (goods.other_tax_base, goods.vat) == (other_base, vat)


@pytest.mark.parametrize(("total", "difference"), [(275_000, 0), (100_500, 100), (106_000, -100)])
def test_the_rupiah_by_which_a_faktur_differs_from_an_inclusive_price_is_told(total: int, difference: int) -> None:
    assert faktur(invoice(line(total))).difference == difference


def test_discounts_and_credits_are_taken_from_the_lines_they_belong_to() -> None:
    other = uuid4()
    made = faktur(
        invoice(
            line(100_000, inclusive=False, service=other),
            line(200_000, inclusive=False),
            line(-20_000, inclusive=False, kind=LineKind.DISCOUNT),
            line(-250_000, inclusive=False, kind=LineKind.ADJUSTMENT),
        )
    )
    assert [(goods.price, goods.discount) for goods in made.lines] == [
        (10_000_000, 7_000_000),
        (20_000_000, 20_000_000),
    ]
    assert made.tax_base == 3_000_000
    assert made.vat == 330_000
    with pytest.raises(FakturError, match="gives back more"):
        faktur(invoice(line(100_000), line(-150_000)))


def test_a_buyer_is_known_by_tax_id_by_nik_or_by_our_own_number() -> None:
    issued = invoice(line(100_000))
    company = faktur(issued, COMPANY).buyer
    assert (company.tin, company.document, company.document_number) == ("0098765432109000", "TIN", "-")
    assert company.idtku == "0098765432109000000001"
    as_tin = faktur(issued, nik_as_tin=True).buyer
    assert (as_tin.tin, as_tin.idtku) == (NIK, f"{NIK}000000")
    nobody = faktur(issued, nik=None).buyer
    assert (nobody.tin, nobody.document, nobody.document_number) == ("0" * 16, "Other ID", "100001")
    assert faktur(issued, {**COMPANY, "trx_code": "03"}).trx_code == "03"


@pytest.mark.parametrize(
    ("buyer", "said"),
    [
        ({**PERSON, "address": ""}, "no address"),
        ({**PERSON, "name": " \t"}, "no name"),
        ({**PERSON, "kind": "company"}, "without a tax id"),
        ({**COMPANY, "tax_id": "123"}, "16 digits"),
    ],
)
def test_a_buyer_of_whom_too_little_is_known_keeps_the_invoice_back(buyer: dict[str, Any], said: str) -> None:
    with pytest.raises(FakturError, match=said):
        faktur(invoice(line(100_000)), buyer)


def test_an_invoice_whose_tax_is_not_what_its_faktur_would_say_is_kept_back() -> None:
    issued = invoice(line(100_000))
    with pytest.raises(FakturError, match="off"):
        faktur(replace(issued, tax_minor=issued.tax_minor - 500))
    with pytest.raises(FakturError, match="rupiah"):
        faktur(replace(issued, currency="USD"))


def test_names_are_cleaned_of_control_characters_and_escaped() -> None:
    made = faktur(invoice(line(100_000)), {**PERSON, "name": "A&B <\x00\n> \u2028 Ibu “Siti”"})
    root = written(made)
    assert root.findtext(".//BuyerName") == "A&B < > Ibu “Siti”"


def test_a_file_holds_a_thousand_fakturs_and_no_more() -> None:
    made = faktur(invoice(line(100_000)))
    assert coretax_xml(SELLER, [made] * 1_000, FakturForm()).count(b"<TaxInvoice>") == 1_000
    with pytest.raises(ValueError, match="1000"):
        coretax_xml(SELLER, [made] * 1_001, FakturForm())
