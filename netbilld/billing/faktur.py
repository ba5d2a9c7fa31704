"""From an issued invoice to the faktur that reports it in Coretax: figures, identities, and what keeps it from going.

A faktur works its figures out from the net price of each line again. Where prices have the tax in them it may so differ
by a rupiah from what the subscriber was billed; the difference is reported, never hidden (*selisih pembulatan*).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from netbilld.billing.buyer import HEAD_OFFICE, BuyerKind
from netbilld.billing.invoice import Invoice, InvoiceLine, LineKind
from netbilld.billing.tax import TaxPolicy, TaxRule
from netbilld.model.errors import NetbilldError
from netbilld.model.units import half_up

FILE_LIMIT: Final = 1000  # faktur in one file
FIRST_MONTH: Final = date(2025, 1, 1)  # before it, e-Faktur
NO_TIN: Final = "0" * 16
UNIT_MONTH: Final = "UM.0024"
UNIT_OTHER: Final = "UM.0033"
_MONTHLY: Final = frozenset({LineKind.RECURRING, LineKind.PRORATA, LineKind.COMPONENT, LineKind.ADD_ON})
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]+")
_NAME_LIMIT: Final = 255


@dataclass(frozen=True, slots=True)
class Seller:
    """The provider as Coretax knows it: 16 digits, and 6 of the branch that sells."""

    tin: str
    branch: str = HEAD_OFFICE

    @property
    def idtku(self) -> str:
        return self.tin + self.branch


@dataclass(frozen=True, slots=True)
class FakturForm:
    """How files are written.

    Attributes:
        decimals: of bases and taxes, 0 or 2; prices are whole rupiah in any case.
        nik_as_tin: a person's NIK stands in BuyerTin instead of BuyerDocumentNumber; programs differ.
        doc_month: the file has CustomDocMonthYear, as the newer template does.
    """

    decimals: int = 0
    nik_as_tin: bool = False
    doc_month: bool = True


@dataclass(frozen=True, slots=True)
class BuyerIdentity:
    """The buyer as the file has it."""

    tin: str
    document: str
    document_number: str
    idtku: str
    name: str
    address: str
    email: str


@dataclass(frozen=True, slots=True)
class FakturLine:
    """One GoodService; amounts are hundredths of a rupiah. tax_base = price − discount, since the quantity is 1."""

    name: str
    unit: str
    price: int
    discount: int
    other_tax_base: int
    vat: int
    rate: str

    @property
    def tax_base(self) -> int:
        return self.price - self.discount


@dataclass(frozen=True, slots=True)
class Faktur:
    """One TaxInvoice.

    Attributes:
        difference: hundredths of a rupiah that its tax is above what the invoice bills.
    """

    number: str
    issued_on: date
    trx_code: str
    buyer: BuyerIdentity
    lines: tuple[FakturLine, ...]
    difference: int

    @property
    def tax_base(self) -> int:
        return sum(line.tax_base for line in self.lines)

    @property
    def other_tax_base(self) -> int:
        return sum(line.other_tax_base for line in self.lines)

    @property
    def vat(self) -> int:
        return sum(line.vat for line in self.lines)


class FakturError(NetbilldError):
    """An invoice can't be reported as it stands; the others can."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, code="no_faktur")


def faktur_of(
    invoice: Invoice,
    buyer: Mapping[str, Any],
    policy: TaxPolicy,
    subscriber_no: str,
    nik: str | None,
    email: str | None,
    form: FakturForm,
) -> Faktur:
    """Return the faktur of an issued invoice with taxed lines.

    Args:
        invoice: with its lines.
        buyer: as it was when issued (`Invoice.buyer`).
        policy: with the rules of its day.
        subscriber_no: names a buyer who gave no identity.
        nik: opened for this export; None where there is none.
        email: of the buyer.
        form: how files are written.

    Raises:
        FakturError: what is missing or does not fit, and how to mend it.
    """
    if invoice.number is None or invoice.issued_on is None:
        raise FakturError("a draft has no faktur", hint="issue it first")
    if invoice.currency != "IDR":
        raise FakturError(f"{invoice.number} is in {invoice.currency}; a faktur is in rupiah")
    taxed = [line for line in invoice.lines if line.tax_code is not None]
    codes = {str(line.tax_code) for line in taxed}
    if len(codes) != 1:
        raise FakturError(f"{invoice.number} has lines of {len(codes)} taxes; a faktur has one")
    rule = policy.rule(codes.pop(), invoice.issued_on)
    if rule is None:
        raise FakturError(f"{invoice.number} bears a tax that the settings no longer know", hint="set tax.is_pkp")
    lines = faktur_lines(invoice.number, taxed, rule, form.decimals)
    difference = sum(line.vat for line in lines) - 100 * invoice.tax_minor
    if abs(difference) > 100 * len(taxed):  # each line may be a rupiah off, no more
        raise FakturError(
            f"{invoice.number}: tax {invoice.tax_minor} is billed, the faktur's would be {difference / 100:+.2f} off",
            hint="look at the tax rules and the invoice",
        )
    return Faktur(
        number=invoice.number,
        issued_on=invoice.issued_on,
        trx_code=str(buyer.get("trx_code") or rule.trx_code),
        buyer=buyer_identity(invoice.number, buyer, subscriber_no, nik, email, form),
        lines=lines,
        difference=difference,
    )


def faktur_lines(number: str, lines: Sequence[InvoiceLine], rule: TaxRule, decimals: int) -> tuple[FakturLine, ...]:
    """Return the goods of a faktur; discounts and credits are taken from the lines they belong to, else from others.

    Raises:
        FakturError: there is more credit than there is to take it from.
    """
    charges = [line for line in lines if line.net_minor > 0]
    discounts = [0] * len(charges)
    for line in lines:
        rest_minor = max(0, -line.net_minor)
        own = [index for index, charge in enumerate(charges) if charge.service_id == line.service_id]
        for index in (*own, *(index for index in range(len(charges)) if index not in own)):
            part_minor = min(rest_minor, charges[index].net_minor - discounts[index])
            discounts[index] += part_minor
            rest_minor -= part_minor
        if rest_minor:
            raise FakturError(f"{number} gives back more than it charges", hint="report it by hand")
    if not charges:
        raise FakturError(f"{number} has no taxed charge", hint="nothing is to be reported")
    return tuple(
        _goods(line, discount_minor, rule, decimals) for line, discount_minor in zip(charges, discounts, strict=True)
    )


def _goods(line: InvoiceLine, discount_minor: int, rule: TaxRule, decimals: int) -> FakturLine:
    """Return one line with bases and tax half up, each to whole rupiah or to hundredths."""
    scale = 100 if decimals else 1
    base = half_up((line.net_minor - discount_minor) * scale * rule.base.numerator, rule.base.denominator)
    vat = half_up(base * rule.rate.numerator, rule.rate.denominator)
    percent = rule.percent
    return FakturLine(
        name=plain_text(line.text),
        unit=UNIT_MONTH if line.kind in _MONTHLY else UNIT_OTHER,
        price=100 * line.net_minor,
        discount=100 * discount_minor,
        other_tax_base=base * 100 // scale,
        vat=vat * 100 // scale,
        rate=str(percent.numerator) if percent.denominator == 1 else f"{float(percent):.2f}",
    )


def buyer_identity(
    number: str,
    buyer: Mapping[str, Any],
    subscriber_no: str,
    nik: str | None,
    email: str | None,
    form: FakturForm,
) -> BuyerIdentity:
    """Return who a faktur is made out to: by tax id, by NIK, or by our own number where neither is known.

    Raises:
        FakturError: a name or address is missing, or a company's tax id is.
    """
    name, address = plain_text(str(buyer.get("name") or "")), plain_text(str(buyer.get("address") or ""))
    if not name or not address:
        missing = "name" if not name else "address"
        raise FakturError(f"{number}: the buyer has no {missing}", hint=f"`netbilld subscriber set … --{missing}`")
    tax_id = buyer.get("tax_id")
    if tax_id:
        branch = str(buyer.get("branch") or HEAD_OFFICE)
        tin, document, document_number, idtku = str(tax_id), "TIN", "-", f"{tax_id}{branch}"
        if len(tin) != 16 or len(idtku) != 22 or not idtku.isdigit():
            raise FakturError(
                f"{number}: the buyer's tax id has not 16 digits", hint="`netbilld subscriber set --tax-id`"
            )
    elif buyer.get("kind") == BuyerKind.COMPANY.value:
        raise FakturError(f"{number}: {name} is a company without a tax id", hint="`netbilld subscriber set --tax-id`")
    elif nik and form.nik_as_tin:
        tin, document, document_number, idtku = nik, "National ID", nik, f"{nik}{HEAD_OFFICE}"
    elif nik:
        tin, document, document_number, idtku = NO_TIN, "National ID", nik, HEAD_OFFICE
    else:
        tin, document, document_number, idtku = NO_TIN, "Other ID", subscriber_no, HEAD_OFFICE
    return BuyerIdentity(tin, document, document_number, idtku, name, address, email or "")


def plain_text(text: str) -> str:
    """Return text on one line, without control characters, as long as Coretax takes."""
    return " ".join(_CONTROL.sub(" ", text).split())[:_NAME_LIMIT]
