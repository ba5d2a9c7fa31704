"""Fakturs as the XML that Coretax imports (TaxInvoice.xsd); order and spelling of its elements matter."""

from collections.abc import Iterable
from typing import Final
from xml.etree import ElementTree as ET

from netbilld.billing.faktur import FILE_LIMIT, Faktur, FakturForm, FakturLine, Seller

_SERVICE: Final = "B"
_GENERAL: Final = "000000"


def coretax_xml(seller: Seller, fakturs: Iterable[Faktur], form: FakturForm) -> bytes:
    """Return one file, UTF-8, with at most 1,000 fakturs.

    Raises:
        ValueError: there are more.
    """
    root = ET.Element(
        "TaxInvoiceBulk",
        {
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:noNamespaceSchemaLocation": "TaxInvoice.xsd",
        },
    )
    _put(root, "TIN", seller.tin)
    invoices = ET.SubElement(root, "ListOfTaxInvoice")
    for number, faktur in enumerate(fakturs, 1):
        if number > FILE_LIMIT:
            raise ValueError(f"a file holds {FILE_LIMIT} fakturs")
        _invoice(ET.SubElement(invoices, "TaxInvoice"), seller, faktur, form)
    ET.indent(root)
    body: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'.encode()


def _invoice(element: ET.Element, seller: Seller, faktur: Faktur, form: FakturForm) -> None:
    buyer = faktur.buyer
    _put(element, "TaxInvoiceDate", faktur.issued_on.isoformat())
    _put(element, "TaxInvoiceOpt", "Normal")
    _put(element, "TrxCode", faktur.trx_code)
    _put(element, "AddInfo")
    _put(element, "CustomDoc")
    if form.doc_month:
        _put(element, "CustomDocMonthYear")
    _put(element, "RefDesc", faktur.number)
    _put(element, "FacilityStamp")
    _put(element, "SellerIDTKU", seller.idtku)
    _put(element, "BuyerTin", buyer.tin)
    _put(element, "BuyerDocument", buyer.document)
    _put(element, "BuyerCountry", "IDN")
    _put(element, "BuyerDocumentNumber", buyer.document_number)
    _put(element, "BuyerName", buyer.name)
    _put(element, "BuyerAdress", buyer.address)  # so spelt in the schema
    _put(element, "BuyerEmail", buyer.email)
    _put(element, "BuyerIDTKU", buyer.idtku)
    goods = ET.SubElement(element, "ListOfGoodService")
    for line in faktur.lines:
        _goods(ET.SubElement(goods, "GoodService"), line)


def _goods(element: ET.Element, line: FakturLine) -> None:
    _put(element, "Opt", _SERVICE)
    _put(element, "Code", _GENERAL)
    _put(element, "Name", line.name)
    _put(element, "Unit", line.unit)
    _put(element, "Price", _amount(line.price))
    _put(element, "Qty", "1")
    _put(element, "TotalDiscount", _amount(line.discount))
    _put(element, "TaxBase", _amount(line.tax_base))
    _put(element, "OtherTaxBase", _amount(line.other_tax_base))
    _put(element, "VATRate", line.rate)
    _put(element, "VAT", _amount(line.vat))
    _put(element, "STLGRate", "0")
    _put(element, "STLG", "0")


def _amount(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02}"


def _put(parent: ET.Element, name: str, text: str = "") -> None:
    ET.SubElement(parent, name).text = text or None
