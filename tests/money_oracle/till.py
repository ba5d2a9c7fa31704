"""Payments of the oracle's people in the program's own database, and what both say of every invoice and wallet."""

from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import accounts, invoices
from netbilld.billing.allocation import Choice
from netbilld.billing.tax import TaxPolicy
from netbilld.model.actor import Actor
from netbilld.services.paying import PaymentTaxes
from netbilld.services.receive_payment import PaymentReceipt, ReceivePayment
from netbilld.services.refund_wallet import RefundWallet
from netbilld.services.reverse_payment import ReversePayment
from tests.money_oracle.habits import Money
from tests.money_oracle.purse import Purse

ACTOR: Final = Actor("oracle", "test")
DUE_DAYS: Final = 10


class Till:
    """Takes money, and holds the program against the purses."""

    def __init__(self, database: Database, timezone: str, tax: TaxPolicy) -> None:
        self.database = database
        self.receiving = ReceivePayment(database, timezone=timezone, taxes=PaymentTaxes(tax))
        self.reversing = ReversePayment(database, timezone=timezone)
        self.refunding = RefundWallet(database, timezone=timezone)
        self.purses: dict[str, Purse] = {}  # by subscriber number
        self.ids: dict[int, str] = {}
        self.received = 0  # less what went back

    def opened(self, number: str) -> Purse:
        """Return the purse of a subscriber."""
        return self.purses.setdefault(number, Purse())

    async def handle(self, subscriber_no: str, asked: Money, now: datetime) -> bool:
        """Do what is asked, if it can be done by then; tell whether something was paid."""
        purse = self.opened(subscriber_no)
        if asked.verb == "pay":
            return await self._pay(subscriber_no, purse, asked, now)
        if asked.verb == "reverse" and purse.paid:
            payment = sorted(purse.paid)[int(asked.pick * len(purse.paid))]
            self.received -= purse.paid[payment]
            done = await self.reversing.run(self.ids[payment], because="x", actor=ACTOR, now=now)
            is_billed = purse.reverse(payment, asked.on, done.billed or "")
            assert is_billed == (done.billed is not None), (subscriber_no, done)
        elif asked.verb == "refund" and purse.wallet:
            amount = min(asked.amount or purse.wallet, purse.wallet)
            self.received -= amount
            await self.refunding.run(subscriber_no, amount, method="cash", because="x", actor=ACTOR, now=now)
            purse.refund(amount)
        return False

    async def _pay(self, subscriber_no: str, purse: Purse, asked: Money, now: datetime) -> bool:
        amount = asked.amount or purse.outstanding
        if not amount:
            return False
        open_ones = purse.open_ones()
        chosen = open_ones[int(asked.pick * len(open_ones))].number if asked.is_chosen and open_ones else None
        payment = len(self.ids)
        done = await self.receiving.run(
            subscriber_no,
            amount,
            method="transfer",
            reference=f"R{payment}",
            received_on=asked.on,
            actor=ACTOR,
            now=now,
            chosen=[Choice(chosen)] if chosen else [],
            rest_to_wallet=asked.only and chosen is not None,
        )
        assert isinstance(done, PaymentReceipt)
        self.ids[payment] = done.payment_id
        self.received += amount
        purse.pay(payment, amount, chosen, only=asked.only and chosen is not None)
        return True

    async def compare(self, where: str) -> None:
        """Assert that every invoice, due date and wallet is as the purses have it."""
        async with self.database.read() as work:
            run = work.connection.execute
            columns = (invoices.c.number, invoices.c.due_on, invoices.c.total_minor, invoices.c.paid_minor)
            rows = (await run(select(*columns).where(invoices.c.kind == "invoice"))).all()
            held = (await run(select(accounts.c.code, accounts.c.balance_minor))).all()
        found = {row.number: (row.due_on, row.total_minor - row.paid_minor) for row in rows}
        expected = {
            bill.number: (bill.due_on, bill.is_open_for) for purse in self.purses.values() for bill in purse.bills
        }
        assert found == expected, f"{where}: {_differences(found, expected)}"
        balances = {row.code: row.balance_minor for row in held}
        for number, purse in self.purses.items():
            said = balances.get(f"wallet:{number}", 0), balances.get(f"receivable:{number}", 0)
            assert said == (purse.wallet, purse.outstanding), f"{where}, {number}: {said}, {purse}"


def due_on(issued_on: date) -> date:
    """Rule 20."""
    return issued_on + timedelta(days=DUE_DAYS)


def _differences(found: dict[str, tuple[date, int]], expected: dict[str, tuple[date, int]]) -> list[tuple[object, ...]]:
    return [
        (number, found.get(number), expected.get(number))
        for number in sorted({*found, *expected})
        if found.get(number) != expected.get(number)
    ]
