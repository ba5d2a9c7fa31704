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


@dataclass(frozen=True, slots=True)
class ChartLine:
    """Accounts of one sort: one by its code, or all whose codes begin with `<word>:`."""

    word: str
    kind: AccountKind
    name: str

    def covers(self, code: str) -> bool:
        """Tell whether an account is of this sort."""
        return code == self.word or code.startswith(f"{self.word}:")


RECEIVABLE: Final = "receivable"
WALLET: Final = "wallet"
DEPOSITS: Final = "deposits"
CHART: Final = (  # in the order of a balance sheet
    ChartLine("cash", AccountKind.ASSET, "Money received, by method"),
    ChartLine("collector", AccountKind.ASSET, "Cash that a collector holds"),
    ChartLine("clearing", AccountKind.ASSET, "Money that a payment gateway holds"),
    ChartLine(RECEIVABLE, AccountKind.ASSET, "Owed by subscribers"),
    ChartLine("pph23", AccountKind.ASSET, "Income tax (PPh 23) withheld by customers"),
    ChartLine("ppn_withheld", AccountKind.ASSET, "PPN kept by customers who pay it to the state"),
    ChartLine(WALLET, AccountKind.LIABILITY, "Credit held for subscribers"),
    ChartLine(DEPOSITS, AccountKind.LIABILITY, "Deposits of subscribers"),
    ChartLine("agent", AccountKind.LIABILITY, "Deposits of agents who sell for us"),
    ChartLine("suspense", AccountKind.LIABILITY, "Money received that waits for a person to say whose it is"),
    ChartLine("tax", AccountKind.LIABILITY, "Tax charged, by its code"),
    ChartLine("stamp_duty", AccountKind.LIABILITY, "Stamp duty charged"),
    ChartLine("revenue", AccountKind.INCOME, "Revenue, by what is sold"),
    ChartLine("discounts", AccountKind.INCOME, "Discounts given (less revenue)"),
    ChartLine("late_fees", AccountKind.INCOME, "Late fees"),
    ChartLine("rounding", AccountKind.INCOME, "Rounding differences"),
    ChartLine("expense", AccountKind.EXPENSE, "Expenses: written off, fees of gateways, cash that was short"),
)
_KINDS: Final = {line.word: line.kind for line in CHART}

REVENUE_RECURRING: Final = Account("revenue:recurring", AccountKind.INCOME)
REVENUE_USAGE: Final = Account("revenue:usage", AccountKind.INCOME)
LATE_FEES: Final = Account("late_fees", AccountKind.INCOME)
DISCOUNTS: Final = Account("discounts", AccountKind.INCOME)
ROUNDING: Final = Account("rounding", AccountKind.INCOME)
STAMP_DUTY: Final = Account("stamp_duty", AccountKind.LIABILITY)
PPH23: Final = Account("pph23", AccountKind.ASSET)
PPN_WITHHELD: Final = Account("ppn_withheld", AccountKind.ASSET)
SUSPENSE: Final = Account("suspense", AccountKind.LIABILITY)
CASH_DIFFERENCE: Final = Account("expense:cash_difference", AccountKind.EXPENSE)
WRITTEN_OFF: Final = Account("expense:written_off", AccountKind.EXPENSE)
COMMISSION: Final = Account("expense:commission", AccountKind.EXPENSE)
GATEWAY_FEES: Final = Account("expense:gateway_fees", AccountKind.EXPENSE)


def account(code: str, payer: Payer | None = None) -> Account:
    """Return the account of a code: an invoice line's `revenue`, or any other of the chart.

    `deposits`, `receivable` and `wallet` alone are the payer's own.

    Raises:
        ValueError: the chart has no such sort.
    """
    word, _, rest = code.partition(":")
    kind = _KINDS.get(word)
    if kind is None:
        raise ValueError(f"account {code!r}: the chart has no {word!r}")
    if word in {RECEIVABLE, WALLET, DEPOSITS}:
        if payer is None or rest not in {"", payer.number}:
            raise ValueError(f"account {code!r} is a subscriber's: whose?")
        return Account(f"{word}:{payer.number}", kind, payer.id)
    return Account(code, kind)


def cash(method: str) -> Account:
    """Return where money received by that method lies: `cash:transfer`."""
    return Account(f"cash:{method}", AccountKind.ASSET)


def collector(name: str) -> Account:
    """Return the cash that a collector has taken and not handed over: `collector:ani`."""
    return Account(f"collector:{name}", AccountKind.ASSET)


def agent(name: str) -> Account:
    """Return what an agent has paid in and not sold for yet: `agent:warung-sari`."""
    return Account(f"agent:{name}", AccountKind.LIABILITY)


def clearing(gateway: str) -> Account:
    """Return what a gateway has taken and not paid out: `clearing:midtrans`."""
    return Account(f"clearing:{gateway}", AccountKind.ASSET)


def tax(code: str) -> Account:
    """Return what is owed to the state of one tax: `tax:ppn`."""
    return Account(f"tax:{code}", AccountKind.LIABILITY)


def receivable(payer: Payer) -> Account:
    """Return what the subscriber owes: `receivable:100001`."""
    return Account(f"{RECEIVABLE}:{payer.number}", AccountKind.ASSET, payer.id)


def wallet(payer: Payer) -> Account:
    """Return the credit held for the subscriber: `wallet:100001`."""
    return Account(f"{WALLET}:{payer.number}", AccountKind.LIABILITY, payer.id)


def deposits(payer: Payer) -> Account:
    """Return the deposits held for the subscriber, which are neither credit nor revenue: `deposits:100001`."""
    return Account(f"{DEPOSITS}:{payer.number}", AccountKind.LIABILITY, payer.id)
