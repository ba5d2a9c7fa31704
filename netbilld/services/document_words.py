"""The words of printed documents: Indonesian and English here, other languages from a file of the operator's."""

from collections.abc import Mapping
from string import Formatter
from typing import Final

from netbilld.model.errors import InvalidInputError

ENGLISH: Final[Mapping[str, str]] = {
    "invoice": "Invoice",
    "credit_note": "Credit note",
    "receipt": "Receipt",
    "draft": "Draft",
    "number": "Number",
    "date": "Date",
    "due": "Due on",
    "period": "Period",
    "span": "{start} to {end}",
    "subscriber_no": "Subscriber no.",
    "purchase_order": "Purchase order",
    "credits": "For invoice",
    "to": "To",
    "tax_id": "Tax ID",
    "description": "Description",
    "quantity": "Quantity",
    "price": "Price",
    "amount": "Amount",
    "subtotal": "Subtotal",
    "subtotal_with_tax": "Subtotal, tax included",
    "discount": "Discounts",
    "untaxed": "Without tax",
    "tax_base": "Tax base",
    "other_tax_base": "Other tax base ({base})",
    "tax_added": "{name} {percent} %",
    "tax_within": "of which {name} {percent} %",
    "times_other_base": "{tax} × other tax base",
    "stamp_duty": "Stamp duty",
    "total": "Total",
    "paid_so_far": "Paid so far",
    "credited_so_far": "Credit notes",
    "written_off": "Written off",
    "still_to_pay": "Still to pay",
    "in_words": "In words",
    "pay_to": "Payment to",
    "pay_reference": "Please name the number {number}.",
    "pay_link": "By phone, with QRIS and others: {url}",
    "pay_exactly": "Transfer exactly {amount} and it is recognised by itself, until {until}.",
    "pay_qris": "QRIS {amount}",
    "paid": "Paid",
    "credited": "Credited",
    "verify": "Genuine? Scan, or type the code at {address}",
    "code": "Code",
    "faktur": "Tax invoice (NSFP)",
    "stamp_serial": "e-Meterai",
    "stamp_needed": "This document needs stamp duty of {amount}.",
    "received_from": "Received from",
    "received_on": "Received on",
    "method": "By",
    "reference": "Reference",
    "for_payment_of": "For payment of",
    "to_wallet": "Kept as credit",
    "carried_by": "a service of {name}",
    "page": "Page {page}",
    "hour": "h",
}
INDONESIAN: Final[Mapping[str, str]] = {
    "invoice": "Tagihan",
    "credit_note": "Nota kredit",
    "receipt": "Kuitansi",
    "draft": "Draf",
    "number": "Nomor",
    "date": "Tanggal",
    "due": "Jatuh tempo",
    "period": "Periode",
    "span": "{start} s.d. {end}",
    "subscriber_no": "No. pelanggan",
    "purchase_order": "Pesanan (PO)",
    "credits": "Atas tagihan",
    "to": "Kepada",
    "tax_id": "NPWP",
    "description": "Uraian",
    "quantity": "Jumlah",
    "price": "Harga",
    "amount": "Nilai",
    "subtotal": "Subtotal",
    "subtotal_with_tax": "Subtotal, termasuk pajak",
    "discount": "Potongan",
    "untaxed": "Tidak kena pajak",
    "tax_base": "DPP",
    "other_tax_base": "DPP Nilai Lain ({base})",
    "tax_added": "{name} {percent} %",
    "tax_within": "termasuk {name} {percent} %",
    "times_other_base": "{tax} × DPP Nilai Lain",
    "stamp_duty": "Bea meterai",
    "total": "Total",
    "paid_so_far": "Sudah dibayar",
    "credited_so_far": "Nota kredit",
    "written_off": "Dihapusbukukan",
    "still_to_pay": "Sisa tagihan",
    "in_words": "Terbilang",
    "pay_to": "Pembayaran ke",
    "pay_reference": "Mohon cantumkan nomor {number}.",
    "pay_link": "Lewat ponsel, dengan QRIS dan lainnya: {url}",
    "pay_exactly": "Transfer tepat {amount} agar dikenali otomatis, sampai {until}.",
    "pay_qris": "QRIS {amount}",
    "paid": "Lunas",
    "credited": "Dikreditkan",
    "verify": "Asli? Pindai, atau ketik kodenya di {address}",
    "code": "Kode",
    "faktur": "Faktur pajak (NSFP)",
    "stamp_serial": "e-Meterai",
    "stamp_needed": "Dokumen ini memerlukan bea meterai {amount}.",
    "received_from": "Telah terima dari",
    "received_on": "Diterima tanggal",
    "method": "Cara bayar",
    "reference": "Referensi",
    "for_payment_of": "Untuk pembayaran",
    "to_wallet": "Disimpan sebagai saldo",
    "carried_by": "layanan dari {name}",
    "page": "Halaman {page}",
    "hour": "jam",
}
_BUILT_IN: Final = {"en": ENGLISH, "id": INDONESIAN}
TAX_NAMES: Final = {"ppn": "PPN"}


def document_words(locale: str, given: Mapping[str, object] | None = None) -> dict[str, str]:
    """Return the words of a language: the file's over the built-in ones, English for what neither has.

    Args:
        locale: such as `id` or `ms_MY`; its language decides.
        given: words of the operator's file, by the same keys.

    Raises:
        InvalidInputError: the file has a key that nothing uses, or a place in braces that the English has not.
    """
    words = {**ENGLISH, **_BUILT_IN.get(locale.partition("_")[0], {})}
    for key, text in (given or {}).items():
        if key not in ENGLISH or not isinstance(text, str):
            raise InvalidInputError(
                f"words of documents: {key!r} is none of theirs", hint=f"known: {', '.join(ENGLISH)}"
            )
        if not _places(text) <= _places(ENGLISH[key]):
            raise InvalidInputError(f"words of documents: {key!r} takes only what {ENGLISH[key]!r} has in braces")
        words[key] = text
    return words


def _places(text: str) -> set[str]:
    try:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise InvalidInputError(f"words of documents: {text!r}: {error}") from None
