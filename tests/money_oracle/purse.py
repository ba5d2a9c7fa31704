"""Rules 18, 20 and 23 to 26: what is owed on each invoice, what the wallet holds, and which money settles what."""

from dataclasses import dataclass, field
from datetime import date


@dataclass
class Bill:
    """An invoice, and what has settled it: payments by their number, and the wallet."""

    number: str
    due_on: date
    total: int
    by_payment: dict[int, int] = field(default_factory=dict)
    by_wallet: int = 0
    wallet_was_last: int = 0  # rises with everything that the wallet settles

    @property
    def is_open_for(self) -> int:
        return self.total - sum(self.by_payment.values()) - self.by_wallet


@dataclass
class Purse:
    """One subscriber's invoices, payments and credit."""

    wallet: int = 0
    bills: list[Bill] = field(default_factory=list)
    paid: dict[int, int] = field(default_factory=dict)  # payments that were not taken back
    _steps: int = 0

    @property
    def outstanding(self) -> int:
        return sum(bill.is_open_for for bill in self.bills)

    def open_ones(self) -> list[Bill]:
        """Return what is open, oldest due first."""
        return sorted((bill for bill in self.bills if bill.is_open_for), key=lambda bill: (bill.due_on, bill.number))

    def billed(self, number: str, due_on: date, total: int) -> None:
        """Rule 20: an invoice takes at once what the wallet holds."""
        bill = Bill(number, due_on, total)
        self.bills.append(bill)
        self._from_wallet(bill)

    def credited(self, amount: int) -> None:
        """Rules 18 and 20: what a credit note or a deposit gives is credit, and settles what is owed at once."""
        self.wallet += amount
        self.settle()

    def settle(self) -> None:
        """Let the wallet settle what is open."""
        for bill in self.open_ones():
            self._from_wallet(bill)

    def pay(self, payment: int, amount: int, chosen: str | None = None, *, only: bool = False) -> None:
        """Rule 23: the chosen invoice, then all others oldest due first, and the rest is credit."""
        self.paid[payment] = amount
        first = [bill for bill in self.open_ones() if bill.number == chosen]
        others = [] if only else [bill for bill in self.open_ones() if bill.number != chosen]
        for bill in (*first, *others):
            part = min(amount, bill.is_open_for)
            if part:
                bill.by_payment[payment] = part
                amount -= part
        self.wallet += amount

    def reverse(self, payment: int, today: date, number: str) -> bool:
        """Rule 25; tell whether what was spent of it became an invoice, under that number."""
        amount = self.paid.pop(payment)
        for bill in self.bills:
            amount -= bill.by_payment.pop(payment, 0)
        taken = min(self.wallet, amount)
        self.wallet -= taken
        amount -= taken
        for bill in sorted(self.bills, key=lambda one: one.wallet_was_last, reverse=True):
            part = min(bill.by_wallet, amount)
            bill.by_wallet -= part
            amount -= part
        if amount:
            self.bills.append(Bill(number, today, amount))
        self.settle()
        return amount > 0

    def refund(self, amount: int) -> None:
        """Rule 26."""
        assert 0 < amount <= self.wallet
        self.wallet -= amount

    def _from_wallet(self, bill: Bill) -> None:
        part = min(self.wallet, bill.is_open_for)
        if part:
            self._steps += 1
            bill.by_wallet += part
            bill.wallet_was_last = self._steps
            self.wallet -= part
