"""Credit notes: what of an issued invoice is given back, line by line, and never more than is left of it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from netbilld.billing.allocation import Part
from netbilld.billing.chart import WALLET
from netbilld.billing.invoice import DocumentKind, Invoice, InvoiceLine, InvoiceStatus
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.units import half_up


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be credited of one line, tax included; None is all that is left of it."""

    position: int
    gross_minor: int | None = None


@dataclass(slots=True)
class _Credited:
    gross_minor: int = 0
    tax_minor: int = 0


def credit_note(
    invoice: Invoice, notes: Iterable[Invoice], asked: Sequence[Asked], *, note_id: UUID, why: str
) -> Invoice:
    """Return the draft of a credit note for an invoice; without anything asked for, of all that is left of it.

    The tax of a part of a line is its share by the whole that is credited so far, half up, less what was credited
    before: parts sum to the line's own tax. Whatever is given back lies on the same accounts as what was charged.

    Args:
        invoice: with its lines.
        notes: the credit notes there are for it, with theirs.
        asked: which lines, and how much.
        note_id: of the new document.
        why: what it says.

    Raises:
        RefusedError: nothing is left to credit, or less than what is asked for.
        InvalidInputError: there is no such line, or it is a discount, or an amount is not above zero.
    """
    if invoice.kind is not DocumentKind.INVOICE or invoice.status is InvoiceStatus.DRAFT:
        raise RefusedError(
            f"{invoice.number or invoice.id} is no issued invoice, and can't be credited",
            hint="a draft is changed by `netbilld invoice edit`, or given up by `netbilld invoice discard`",
            code="not_issued",
        )
    if any(line.revenue == WALLET for line in invoice.lines):
        raise RefusedError(
            f"invoice {invoice.number} is for money that was spent and then bounced: nothing was sold to take back",
            hint=f"let it go by `netbilld invoice write-off {invoice.number} --why …`",
            code="not_creditable",
        )
    earlier = list(notes)
    left_minor = invoice.total_minor - sum(note.total_minor for note in earlier)
    if left_minor <= 0:
        by = ", ".join(note.number or "" for note in earlier)
        raise RefusedError(
            f"nothing is left of invoice {invoice.number} to credit" + (f": it is credited by {by}" if by else ""),
            code="credited",
        )
    before = _credited(earlier)
    lines = tuple(_all_left(invoice, before) if not asked else _parts(invoice, before, asked, left_minor))
    return Invoice(
        id=note_id,
        subscriber_id=invoice.subscriber_id,
        status=InvoiceStatus.DRAFT,
        number=None,
        issued_on=None,
        due_on=None,
        period_start_on=invoice.period_start_on,
        period_end_on=invoice.period_end_on,
        timezone=invoice.timezone,
        currency=invoice.currency,
        lines=lines,
        tax_minor=sum(line.tax_minor for line in lines),
        total_minor=sum(line.gross_minor for line in lines),
        paid_minor=0,
        kind=DocumentKind.CREDIT_NOTE,
        credits_id=invoice.id,
        buyer=invoice.buyer,
        note=why,
    )


def is_all_credited(invoice: Invoice, notes: Iterable[Invoice]) -> bool:
    """Tell whether credit notes are for the whole of an invoice."""
    return sum(note.total_minor for note in notes) == invoice.total_minor


def taken_back(amount_minor: int, settled: Sequence[tuple[UUID | None, int]]) -> list[tuple[UUID | None, int]]:
    """Return what of an amount comes out of each payment (None: the wallet) that has settled an invoice, last first.

    Args:
        amount_minor: at most the sum of what has settled it.
        settled: the payments in the order in which they came, and how much of it each has settled.
    """
    rest_minor = amount_minor
    parts = []
    for payment_id, settled_minor in reversed(settled):
        part_minor = min(rest_minor, settled_minor)
        if part_minor > 0:
            parts.append((payment_id, part_minor))
            rest_minor -= part_minor
    if rest_minor:
        raise ValueError(f"{rest_minor} more than what has settled the invoice")
    return parts


def part_of(note: Invoice, invoice: Invoice) -> Part:
    """Return what a credit note settles of its invoice: all that it gives back."""
    return Part(invoice.id, invoice.number or "", note.total_minor)


def credited_so_far(notes: Iterable[Invoice]) -> dict[int, int]:
    """Return what credit notes have given back of each line of their invoice, by its position, tax included."""
    return {position: one.gross_minor for position, one in _credited(notes).items()}


def _credited(notes: Iterable[Invoice]) -> dict[int, _Credited]:
    credited: dict[int, _Credited] = defaultdict(_Credited)
    for note in notes:
        for line in note.lines:
            one = credited[int(line.details["line"])]
            one.gross_minor += line.gross_minor
            one.tax_minor += line.tax_minor
    return credited


def _all_left(invoice: Invoice, before: dict[int, _Credited]) -> Iterator[InvoiceLine]:
    for position, line in enumerate(invoice.lines, 1):
        rest_minor = line.gross_minor - before[position].gross_minor
        if rest_minor:
            yield _part(invoice, position, line, rest_minor, before[position])


def _parts(
    invoice: Invoice, before: dict[int, _Credited], asked: Sequence[Asked], left_minor: int
) -> Iterator[InvoiceLine]:
    for one in asked:
        if not 1 <= one.position <= len(invoice.lines):
            raise InvalidInputError(f"invoice {invoice.number} has no line {one.position}; it has {len(invoice.lines)}")
        line = invoice.lines[one.position - 1]
        if line.gross_minor <= 0:
            raise InvalidInputError(
                f"line {one.position} of invoice {invoice.number} is below zero: credit what it was taken from",
            )
        rest_minor = min(line.gross_minor - before[one.position].gross_minor, left_minor)
        gross_minor = rest_minor if one.gross_minor is None else one.gross_minor
        if gross_minor <= 0 and rest_minor > 0:
            raise InvalidInputError(f"amount {gross_minor}: what is credited is above zero")
        if gross_minor > rest_minor or rest_minor <= 0:
            raise RefusedError(
                f"of line {one.position} of invoice {invoice.number} {rest_minor} is left to credit, not {gross_minor}",
                code="over_credited",
            )
        yield _part(invoice, one.position, line, gross_minor, before[one.position])
        before[one.position].gross_minor += gross_minor
        left_minor -= gross_minor


def _part(invoice: Invoice, position: int, line: InvoiceLine, gross_minor: int, before: _Credited) -> InvoiceLine:
    share_minor = _share(line.tax_minor, before.gross_minor + gross_minor, line.gross_minor)
    tax_minor = share_minor - before.tax_minor
    before.tax_minor = share_minor
    amount_minor = gross_minor if line.inclusive else gross_minor - tax_minor
    is_whole = gross_minor == line.gross_minor
    return replace(
        line,
        quantity=line.quantity if is_whole else 1,
        unit_price_minor=line.unit_price_minor if is_whole else amount_minor,
        per=line.per if is_whole else 1,
        amount_minor=amount_minor,
        tax_minor=tax_minor,
        details={"credits": invoice.number, "line": position},
    )


def _share(tax_minor: int, part_minor: int, whole_minor: int) -> int:
    """Return the tax of a part, half up; line and part are below zero together."""
    if whole_minor < 0:
        return -_share(-tax_minor, -part_minor, -whole_minor)
    return (
        half_up(tax_minor * part_minor, whole_minor)
        if tax_minor >= 0
        else -half_up(-tax_minor * part_minor, whole_minor)
    )
