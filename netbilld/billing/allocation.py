"""Which invoices an amount of money settles."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from netbilld.model.errors import RefusedError


@dataclass(frozen=True, slots=True)
class Owed:
    """What is open on one invoice."""

    invoice_id: UUID
    number: str
    due_on: date
    outstanding_minor: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an amount, for one invoice; below zero where it is taken back."""

    invoice_id: UUID
    number: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Choice:
    """An invoice that a person has chosen; without an amount as much of it as can be settled."""

    number: str
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """An amount taken apart: the parts and the rest sum to it."""

    parts: tuple[Part, ...]
    rest_minor: int

    @property
    def settled_minor(self) -> int:
        return sum(part.amount_minor for part in self.parts)


def allocate(
    amount_minor: int,
    open_invoices: Iterable[Owed],
    chosen: Sequence[Choice] = (),
    *,
    rest_to_wallet: bool = False,
) -> Allocation:
    """Return the amount taken apart over open invoices; what none of them takes is the wallet's.

    Args:
        amount_minor: the amount, above zero.
        open_invoices: what there is to settle.
        chosen: these come first, in this order; then all others, oldest due first.
        rest_to_wallet: none but the chosen ones are settled.

    Raises:
        RefusedError: a chosen invoice is not open, is chosen twice, or takes less than was chosen for it.
    """
    owed = {invoice.number.upper(): invoice for invoice in open_invoices}
    parts: list[Part] = []
    rest_minor = amount_minor
    for choice in chosen:
        invoice = owed.pop(choice.number.strip().upper(), None)
        if invoice is None:
            raise RefusedError(
                f"invoice {choice.number} is not open for this subscriber",
                hint="`netbilld invoice list --username U` shows what is open",
                code="invoice_not_open",
            )
        part_minor = _chosen_minor(choice, invoice, rest_minor)
        if part_minor:
            parts.append(Part(invoice.invoice_id, invoice.number, part_minor))
            rest_minor -= part_minor
    if not rest_to_wallet:
        for invoice in sorted(owed.values(), key=lambda one: (one.due_on, one.number)):
            part_minor = min(rest_minor, invoice.outstanding_minor)
            if part_minor > 0:
                parts.append(Part(invoice.invoice_id, invoice.number, part_minor))
                rest_minor -= part_minor
    return Allocation(tuple(parts), rest_minor)


def _chosen_minor(choice: Choice, invoice: Owed, rest_minor: int) -> int:
    if choice.amount_minor is None:
        return min(rest_minor, invoice.outstanding_minor)
    if not 0 < choice.amount_minor <= min(rest_minor, invoice.outstanding_minor):
        raise RefusedError(
            f"invoice {invoice.number} can't be given {choice.amount_minor}: {invoice.outstanding_minor} is open on it "
            f"and {rest_minor} is left of the amount",
            code="bad_allocation",
        )
    return choice.amount_minor
