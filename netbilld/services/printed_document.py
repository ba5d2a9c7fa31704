"""A document as it is drawn: every text in the reader's language, nothing left to work out."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who issues a document, as it shows.

    Attributes:
        carried_by: the provider behind a reseller's name; None where they are one.
        tax_id: of the provider; shown by one who is registered for PPN.
        public_url: where a code can be checked; None: nowhere.
    """

    name: str
    carried_by: str | None = None
    address: tuple[str, ...] = ()
    contact: str = ""
    tax_id: str | None = None
    logo: Path | None = None
    pay_to: tuple[str, ...] = ()
    footer: str = ""
    public_url: str | None = None
    is_paid_by_phone: bool = False
    qris: str | None = None  # the provider's own static code


@dataclass(frozen=True, slots=True)
class PrintedLine:
    text: str
    quantity: str
    price: str
    amount: str


@dataclass(frozen=True, slots=True)
class PrintedGroup:
    """Lines of one site; no heading where there is only one."""

    heading: str
    lines: tuple[PrintedLine, ...]
    amount: str = ""  # of all its lines, where there are several groups


@dataclass(frozen=True, slots=True)
class PrintedSum:
    label: str
    amount: str
    strong: bool = False
    aside: bool = False  # said of what is above, not added to it


@dataclass(frozen=True, slots=True)
class PrintedDocument:
    """One invoice, credit note or receipt.

    Attributes:
        mark: such as Lunas, beside the title; empty for none.
        facts: labels and values beside the buyer: dates, numbers.
        columns: headings of the table: text, quantity, price, amount.
        verify_url: for the QR code; empty for none.
        code: to type at `verify_at`.
        pay_qr: the text of a QRIS code with the amount in it, `pay_qr_text` what is said beside it; empty for none.
    """

    title: str
    number: str
    mark: str
    head: Letterhead
    carried_by: str
    to_label: str
    to: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    columns: tuple[str, str, str, str]
    groups: tuple[PrintedGroup, ...]
    sums: tuple[PrintedSum, ...]
    words: tuple[str, str] | None
    notes: tuple[str, ...]
    pay_label: str
    pay: tuple[str, ...]
    verify_url: str
    verify_text: str
    code: str
    page_text: str
    pay_qr: str = ""
    pay_qr_text: str = ""

    def texts(self) -> list[str]:
        """Return everything that is written on it, to choose the letters by."""
        flat = [
            self.title,
            self.number,
            self.mark,
            self.head.name,
            self.head.contact,
            self.head.footer,
            self.carried_by,
        ]
        flat += [*self.head.address, self.to_label, *self.to, *self.columns, *self.notes, *self.pay, self.pay_label]
        flat += [self.verify_text, self.code, self.page_text, self.pay_qr_text, *(self.words or ())]
        flat += [text for fact in self.facts for text in fact]
        flat += [text for one in self.sums for text in (one.label, one.amount)]
        for group in self.groups:
            flat += [group.heading, group.amount]
            flat += [text for line in group.lines for text in (line.text, line.quantity, line.price, line.amount)]
        return flat
