"""Which invoices an amount of money settles."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Owed:
    """What is open on one invoice."""

    invoice_id: UUID
    number: str
    due_on: date
    outstanding_minor: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an amount, for one invoice."""

    invoice_id: UUID
    number: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """An amount taken apart: the parts and the rest sum to it."""

    parts: tuple[Part, ...]
    rest_minor: int

    @property
    def settled_minor(self) -> int:
        return sum(part.amount_minor for part in self.parts)


def allocate(amount_minor: int, open_invoices: Iterable[Owed]) -> Allocation:
    """Return the amount taken apart over open invoices, oldest due first; the rest is the wallet's."""
    rest_minor = amount_minor
    parts = []
    for owed in sorted(open_invoices, key=lambda invoice: (invoice.due_on, invoice.number)):
        part_minor = min(rest_minor, owed.outstanding_minor)
        if part_minor > 0:
            parts.append(Part(owed.invoice_id, owed.number, part_minor))
            rest_minor -= part_minor
    return Allocation(tuple(parts), rest_minor)
