"""From a payment to what stands on its receipt (kuitansi)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from netbilld.billing.terbilang import in_words
from netbilld.services.document_writer import DocumentWriter
from netbilld.services.print_invoice import verify_text
from netbilld.services.printed_document import Letterhead, PrintedDocument, PrintedGroup, PrintedLine, PrintedSum


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """What a receipt says.

    Attributes:
        settled: invoices and what of them was paid with it.
        to_wallet_minor: what was left for later.
        duty_minor: stamp duty that it needs; 0 for none.
    """

    number: str
    subscriber_no: str
    name: str
    address: str | None
    amount_minor: int
    currency: str
    method: str
    reference: str | None
    received_on: date
    settled: tuple[tuple[str, int], ...]
    to_wallet_minor: int
    code: str
    verify_url: str = ""
    duty_minor: int = 0
    stamp_serial: str | None = None


def printed_receipt(
    facts: ReceiptFacts, head: Letterhead, words: Mapping[str, str], writer: DocumentWriter
) -> PrintedDocument:
    """Return the page of a receipt."""
    lines = [
        PrintedLine(f"{words['invoice']} {number}", "", "", writer.money(amount_minor, facts.currency))
        for number, amount_minor in facts.settled
    ]
    if facts.to_wallet_minor:
        lines.append(PrintedLine(words["to_wallet"], "", "", writer.money(facts.to_wallet_minor, facts.currency)))
    notes = []
    if facts.stamp_serial:
        notes.append(f"{words['stamp_serial']}: {facts.stamp_serial}")
    elif facts.duty_minor:
        notes.append(words["stamp_needed"].format(amount=writer.money(facts.duty_minor, facts.currency)))
    known = [
        (words["received_on"], writer.day(facts.received_on)),
        (words["method"], facts.method),
        (words["subscriber_no"], facts.subscriber_no),
    ]
    if facts.reference:
        known.append((words["reference"], facts.reference))
    text = in_words(facts.amount_minor, facts.currency, writer.locale)
    return PrintedDocument(
        title=words["receipt"],
        number=facts.number,
        mark="",
        head=head,
        carried_by=words["carried_by"].format(name=head.carried_by) if head.carried_by else "",
        to_label=words["received_from"],
        to=tuple(line for line in (facts.name, *(facts.address or "").splitlines()) if line),
        facts=tuple(known),
        columns=(words["for_payment_of"], "", "", words["amount"]),
        groups=(PrintedGroup("", tuple(lines)),),
        sums=(PrintedSum(words["total"], writer.money(facts.amount_minor, facts.currency), strong=True),),
        words=(words["in_words"], text) if text else None,
        notes=tuple(notes),
        pay_label="",
        pay=(),
        verify_url=facts.verify_url,
        verify_text=verify_text(head, words),
        code=f"{words['code']} {facts.code}",
        page_text=words["page"],
    )
