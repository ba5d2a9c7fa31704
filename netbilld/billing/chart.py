"""The chart of accounts: which accounts exist, what they are called, and on which side they grow."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID


class Side(StrEnum):
    DEBIT = "debit"
    CREDIT = "credit"

    @property
    def opposite(self) -> "Side":
        return Side.CREDIT if self is Side.DEBIT else Side.DEBIT


class AccountKind(StrEnum):
    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"

    @property
    def normal_side(self) -> Side:
        """Return the side on which an account of this kind grows."""
        return Side.DEBIT if self in {AccountKind.ASSET, AccountKind.EXPENSE} else Side.CREDIT


@dataclass(frozen=True, slots=True)
class Account:
    """A ledger account; opened when it is first posted to."""

    code: str
    kind: AccountKind
    subscriber_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Payer:
    """The subscriber whose receivable and wallet an entry moves."""

    id: UUID
    number: str
    currency: str


REVENUE_RECURRING: Final = Account("revenue:recurring", AccountKind.INCOME)
REVENUE_USAGE: Final = Account("revenue:usage", AccountKind.INCOME)


def cash(method: str) -> Account:
    """Return where money received by that method lies: `cash:transfer`."""
    return Account(f"cash:{method}", AccountKind.ASSET)


def receivable(payer: Payer) -> Account:
    """Return what the subscriber owes: `receivable:100001`."""
    return Account(f"receivable:{payer.number}", AccountKind.ASSET, payer.id)


def wallet(payer: Payer) -> Account:
    """Return the credit held for the subscriber: `wallet:100001`."""
    return Account(f"wallet:{payer.number}", AccountKind.LIABILITY, payer.id)
