"""From an issued invoice or credit note to what stands on its page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Final

from netbilld.billing.invoice import DocumentKind, Invoice, InvoiceLine, InvoiceStatus, LineKind
from netbilld.billing.qris import LARGEST_AMOUNT, dynamic_qris
from netbilld.billing.tax import PPN_RULES, TaxRule, rule_on
from netbilld.billing.terbilang import in_words
from netbilld.model.errors import InvalidInputError
from netbilld.services.document_words import TAX_NAMES
from netbilld.services.document_writer import DocumentWriter
from netbilld.services.printed_document import (
    Letterhead,
    PrintedDocument,
    PrintedGroup,
    PrintedLine,
    PrintedSum,
)

_UNITS: Final = {10**9: "GB", 2**30: "GiB", 3600: "hour"}
_METERED: Final = frozenset({LineKind.USAGE, LineKind.LATE_USAGE})


@dataclass(frozen=True, slots=True)
class ExactTransfer:
    """An amount that names its invoice by its last digits (kode unik), and until when it does."""

    amount_minor: int
    until_on: date


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """What a page of an invoice says.

    Attributes:
        buyer: as it was when issued; of the subscriber today where nothing was kept.
        credits_number: of a credit note, the invoice it is for.
        taxed_on: the day whose rule its taxes follow; None: its own, of a credit note that of the invoice it is for.
        nsfp: of its faktur, once Coretax has given one.
        stamp_serial: of its e-meterai.
        exact: kode unik, while it holds.
        credited_minor, written_off_minor: of what is settled, what no payment has.
        code: to check it by.
        pay_url: where it is paid by phone; empty where it can't be.
    """

    invoice: Invoice
    subscriber_no: str
    buyer: Mapping[str, Any]
    code: str
    verify_url: str = ""
    pay_url: str = ""
    credits_number: str | None = None
    taxed_on: date | None = None
    nsfp: str | None = None
    stamp_serial: str | None = None
    exact: ExactTransfer | None = None
    credited_minor: int = 0
    written_off_minor: int = 0


def printed_invoice(
    facts: InvoiceFacts,
    head: Letterhead,
    words: Mapping[str, str],
    writer: DocumentWriter,
    rules: Iterable[TaxRule] = PPN_RULES,
) -> PrintedDocument:
    """Return the page of an issued invoice or credit note.

    Raises:
        InvalidInputError: it has no number yet.
    """
    invoice = facts.invoice
    if invoice.number is None or invoice.issued_on is None:
        raise InvalidInputError("a draft is not printed", hint="issue it first")
    is_note = invoice.kind is DocumentKind.CREDIT_NOTE
    text = in_words(invoice.total_minor, invoice.currency, writer.locale)
    qris_minor = _qris_minor(facts, head)
    return PrintedDocument(
        title=words["credit_note" if is_note else "invoice"],
        number=invoice.number,
        mark=_mark(facts, words),
        head=head,
        carried_by=words["carried_by"].format(name=head.carried_by) if head.carried_by else "",
        to_label=words["to"],
        to=_to(facts.buyer, words),
        facts=_facts(facts, words, writer),
        columns=(words["description"], words["quantity"], words["price"], words["amount"]),
        groups=_groups(invoice, words, writer),
        sums=(*_sums(facts, words, writer, tuple(rules)), *_settled(facts, words, writer)),
        words=(words["in_words"], text) if text else None,
        notes=_notes(facts, words),
        pay_label=words["pay_to"] if (head.pay_to or facts.pay_url) and invoice.outstanding_minor > 0 else "",
        pay=_pay(facts, head, words, writer),
        verify_url=facts.verify_url,
        verify_text=verify_text(head, words),
        code=f"{words['code']} {facts.code}",
        page_text=words["page"],
        pay_qr=dynamic_qris(head.qris, qris_minor, invoice.number) if head.qris and qris_minor else "",
        pay_qr_text=words["pay_qris"].format(amount=writer.money(qris_minor, invoice.currency)) if qris_minor else "",
    )


def verify_text(head: Letterhead, words: Mapping[str, str]) -> str:
    """Return where a code is typed; nothing where no portal is known from outside."""
    if head.public_url is None:
        return ""
    return words["verify"].format(address=f"{head.public_url.partition('://')[2]}/v")


def _mark(facts: InvoiceFacts, words: Mapping[str, str]) -> str:
    invoice = facts.invoice
    is_paid = invoice.status is InvoiceStatus.PAID and not facts.written_off_minor
    if is_paid and invoice.kind is DocumentKind.INVOICE:
        return words["paid"]
    return words["credited"] if invoice.status is InvoiceStatus.CREDITED else ""


def _to(buyer: Mapping[str, Any], words: Mapping[str, str]) -> tuple[str, ...]:
    lines = [str(buyer.get("name") or ""), *str(buyer.get("address") or "").splitlines()]
    if buyer.get("tax_id"):
        lines.append(f"{words['tax_id']} {buyer['tax_id']}")
    return tuple(line for line in lines if line)


def _facts(facts: InvoiceFacts, words: Mapping[str, str], writer: DocumentWriter) -> tuple[tuple[str, str], ...]:
    invoice = facts.invoice
    last_on = invoice.period_end_on - timedelta(days=1)
    found = [(words["date"], writer.day(invoice.issued_on) if invoice.issued_on else "")]
    if invoice.due_on and invoice.kind is DocumentKind.INVOICE:
        found.append((words["due"], writer.day(invoice.due_on)))
    if last_on >= invoice.period_start_on:
        start, end = writer.day(invoice.period_start_on), writer.day(last_on)
        found.append((words["period"], start if start == end else words["span"].format(start=start, end=end)))
    found.append((words["subscriber_no"], facts.subscriber_no))
    if facts.buyer.get("po_number"):
        found.append((words["purchase_order"], str(facts.buyer["po_number"])))
    if facts.credits_number:
        found.append((words["credits"], facts.credits_number))
    return tuple(found)


def _groups(invoice: Invoice, words: Mapping[str, str], writer: DocumentWriter) -> tuple[PrintedGroup, ...]:
    sites: dict[str, list[InvoiceLine]] = {}
    for line in invoice.lines:
        if line.kind is not LineKind.STAMP_DUTY:
            sites.setdefault(line.site or "", []).append(line)
    groups = []
    for site, lines in sites.items():
        amount = writer.money(sum(line.amount_minor for line in lines), invoice.currency) if len(sites) > 1 else ""
        printed = tuple(_line(line, invoice.currency, words, writer) for line in lines)
        groups.append(PrintedGroup(site, printed, amount))
    return tuple(groups)


def _line(line: InvoiceLine, currency: str, words: Mapping[str, str], writer: DocumentWriter) -> PrintedLine:
    price = writer.money(line.unit_price_minor, currency)
    if line.per == 1:
        quantity = writer.number(line.quantity)
    elif line.kind in _METERED and line.per in _UNITS:
        unit = _UNITS[line.per]
        unit = words.get(unit, unit)
        quantity, price = f"{writer.part(line.quantity, line.per)} {unit}", f"{price}/{unit}"
    else:
        quantity = f"{writer.number(line.quantity)}/{writer.number(line.per)}"
    return PrintedLine(line.text, quantity, price, writer.money(line.amount_minor, currency))


def _sums(
    facts: InvoiceFacts, words: Mapping[str, str], writer: DocumentWriter, rules: tuple[TaxRule, ...]
) -> Iterable[PrintedSum]:
    invoice = facts.invoice

    def money(amount_minor: int) -> str:
        return writer.money(amount_minor, invoice.currency)

    priced = [line for line in invoice.lines if line.kind is not LineKind.STAMP_DUTY]
    discounts_minor = sum(line.amount_minor for line in priced if line.kind is LineKind.DISCOUNT)
    taxed = [line for line in priced if line.tax_code is not None]
    added_minor = sum(line.tax_minor for line in taxed if not line.inclusive)
    within_minor = invoice.tax_minor - added_minor
    subtotal = "subtotal_with_tax" if within_minor else "subtotal"
    if taxed or discounts_minor or len(priced) > 1:
        yield PrintedSum(words[subtotal], money(sum(line.amount_minor for line in priced) - discounts_minor))
    if discounts_minor:
        yield PrintedSum(words["discount"], money(discounts_minor))
    if taxed:
        yield from _tax_sums(facts, taxed, within_minor, words, money, rules)
    duty_minor = sum(line.amount_minor for line in invoice.lines if line.kind is LineKind.STAMP_DUTY)
    if duty_minor:
        yield PrintedSum(words["stamp_duty"], money(duty_minor))
    yield PrintedSum(words["total"], money(invoice.total_minor), strong=True)


def _settled(facts: InvoiceFacts, words: Mapping[str, str], writer: DocumentWriter) -> Iterable[PrintedSum]:
    """Yield what of the total is settled, and how, and what is left of it."""
    invoice = facts.invoice
    if invoice.kind is not DocumentKind.INVOICE or not invoice.paid_minor:
        return
    paid_minor = invoice.paid_minor - facts.credited_minor - facts.written_off_minor
    for name, amount_minor in (
        ("paid_so_far", paid_minor),
        ("credited_so_far", facts.credited_minor),
        ("written_off", facts.written_off_minor),
    ):
        if amount_minor:
            yield PrintedSum(words[name], writer.money(-amount_minor, invoice.currency))
    left = writer.money(invoice.outstanding_minor, invoice.currency)
    yield PrintedSum(words["still_to_pay"], left, strong=True)


def _tax_sums(
    facts: InvoiceFacts,
    taxed: list[InvoiceLine],
    within_minor: int,
    words: Mapping[str, str],
    money: Any,
    rules: tuple[TaxRule, ...],
) -> Iterable[PrintedSum]:
    """Yield base, other base and tax of each tax; every figure is the sum of its lines."""
    invoice = facts.invoice
    on = facts.taxed_on or invoice.issued_on
    untaxed_minor = sum(
        line.amount_minor for line in invoice.lines if line.tax_code is None and line.kind is not LineKind.STAMP_DUTY
    )
    if untaxed_minor:
        yield PrintedSum(words["untaxed"], money(untaxed_minor), aside=True)
    for code in sorted({str(line.tax_code) for line in taxed}):
        lines = [line for line in taxed if line.tax_code == code]
        name = TAX_NAMES.get(code, code)
        rule = rule_on(rules, code, on) if on else None
        yield PrintedSum(words["tax_base"], money(sum(line.net_minor for line in lines)), aside=True)
        percent = _percent(rule.percent) if rule else ""
        if rule and rule.base != 1:
            base = f"{rule.base.numerator}/{rule.base.denominator}"
            amount_minor = sum(rule.base_minor(line.net_minor) for line in lines)
            yield PrintedSum(words["other_tax_base"].format(base=base), money(amount_minor), aside=True)
        key = "tax_within" if within_minor else "tax_added"
        label = words[key].format(name=name, percent=percent)
        if rule and rule.base != 1:
            label = words["times_other_base"].format(tax=label)
        yield PrintedSum(label, money(sum(line.tax_minor for line in lines)), aside=bool(within_minor))


def _percent(percent: Fraction) -> str:
    return str(percent.numerator) if percent.denominator == 1 else f"{float(percent):g}"


def _notes(facts: InvoiceFacts, words: Mapping[str, str]) -> tuple[str, ...]:
    notes = []
    if facts.nsfp:
        notes.append(f"{words['faktur']}: {facts.nsfp}")
    if facts.stamp_serial:
        notes.append(f"{words['stamp_serial']}: {facts.stamp_serial}")
    if facts.invoice.note:
        notes.append(facts.invoice.note)
    return tuple(notes)


def _pay(facts: InvoiceFacts, head: Letterhead, words: Mapping[str, str], writer: DocumentWriter) -> tuple[str, ...]:
    invoice = facts.invoice
    if invoice.outstanding_minor <= 0:
        return ()
    lines = [*head.pay_to]
    if facts.exact is not None:
        amount = writer.money(facts.exact.amount_minor, invoice.currency)
        lines.append(words["pay_exactly"].format(amount=amount, until=writer.day(facts.exact.until_on)))
    elif head.pay_to and invoice.number:
        lines.append(words["pay_reference"].format(number=invoice.number))
    if facts.pay_url:
        lines.append(words["pay_link"].format(url=facts.pay_url.partition("://")[2]))
    return tuple(lines)


def _qris_minor(facts: InvoiceFacts, head: Letterhead) -> int:
    """Return what a QRIS code on paper asks for: the amount that names the invoice where it has one; 0 for no code."""
    invoice = facts.invoice
    if head.qris is None or invoice.kind is DocumentKind.CREDIT_NOTE or invoice.outstanding_minor <= 0:
        return 0
    amount_minor = invoice.outstanding_minor if facts.exact is None else facts.exact.amount_minor
    return amount_minor if invoice.currency == "IDR" and amount_minor <= LARGEST_AMOUNT else 0
