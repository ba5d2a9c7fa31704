"""Reports agree with the ledger whatever was taken back: bounced payments, refunds, credit notes, write-offs, PPN."""

from datetime import date, timedelta
from random import Random

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import invoices, payments
from netbilld.billing.numbering import DEFAULT
from netbilld.billing.tax import TaxPolicy
from netbilld.model.errors import NetbilldError
from netbilld.services.correct_invoice import CorrectInvoice
from netbilld.services.explain_invoice import ExplainInvoice
from netbilld.services.refund_wallet import RefundWallet
from netbilld.services.reports.catalogue import REPORTS
from netbilld.services.reverse_payment import ReversePayment
from netbilld.services.run_billing import RunBilling
from tests.integration.money_world import ACTOR, ZONE, Person, World, at, plan_file
from tests.report_world import report

FIRST, LAST = date(2026, 1, 1), date(2026, 4, 15)
MONEY = ("bills", "payments", "revenue", "receivables", "tax", "dso")


class Corrected(World):
    """People who pay by chance, and staff who take things back by chance."""

    def __init__(self, database: Database, seed: int) -> None:
        super().__init__(database)
        self.billing = RunBilling(database, due_days=10, timezone=ZONE, tax=TaxPolicy(is_pkp=True))
        self.chance = Random(seed)
        self.people: list[Person] = []
        self.done = 0

    async def live(self) -> None:
        await self.plan(plan_file("HOME20", 200_000, extra='[tax]\nrate = "ppn"\ninclusive = true'))
        await self.plan(plan_file("HOME50", 350_000, extra='[tax]\nrate = "ppn"\ninclusive = false'))
        for number in range(5):
            began = FIRST + timedelta(days=self.chance.randrange(40))
            plan = self.chance.choice(["HOME20", "HOME50"])
            self.people.append(
                await self.person(f"u{number}", plan, activated_on=began, billing_day=self.chance.randint(1, 31))
            )
        on = FIRST
        while on <= LAST:
            if on.day % 7 == 1:
                await self.bill(on)
            if self.chance.random() < 0.4:
                amount = self.chance.choice([50_000, 200_000, 388_500, 700_000])
                await self.pay(self.chance.choice(self.people), amount, on)
            if self.chance.random() < 0.3:
                await self.take_back(on)
            on += timedelta(days=1)

    async def take_back(self, on: date) -> None:
        async with self.database.read() as work:
            paid = (
                (await work.connection.execute(select(payments.c.id).order_by(payments.c.recorded_at))).scalars().all()
            )
            query = select(invoices.c.number).where(invoices.c.kind == "invoice", invoices.c.number.is_not(None))
            numbers = (await work.connection.execute(query.order_by(invoices.c.number))).scalars().all()
        way = self.chance.choice(["reverse", "refund", "credit", "write_off"])
        correct = CorrectInvoice(self.database, numbering=DEFAULT, timezone=ZONE)
        try:
            if way == "reverse" and paid:
                reverse = ReversePayment(self.database, timezone=ZONE)
                await reverse.run(str(self.chance.choice(paid)), because="cek kosong", actor=ACTOR, now=at(on, 13))
            elif way == "refund":
                refund = RefundWallet(self.database, timezone=ZONE)
                who = self.chance.choice(self.people).username
                await refund.run(who, None, method="transfer", because="pindah", actor=ACTOR, now=at(on, 14))
            elif way == "credit" and numbers:
                await correct.credit(self.chance.choice(numbers), (), why="salah", actor=ACTOR, now=at(on, 15))
            elif numbers:
                number = self.chance.choice(numbers)
                await correct.write_off(number, None, why="pindah", actor=ACTOR, now=at(on, 16))
        except NetbilldError:
            return  # nothing there to take back
        self.done += 1


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_report_of_money_agrees_with_the_ledger_whatever_was_taken_back(
    database: Database, seed: int
) -> None:
    world = Corrected(database, seed)
    await world.live()
    assert world.done > 5
    await world.assert_books_hold()
    for from_on, to_on in ((FIRST, LAST), (date(2026, 2, 10), date(2026, 3, 9)), (date(2026, 3, 1), date(2026, 3, 31))):
        for name in MONEY:
            for table in REPORTS[name].tables:
                await report(database, name, from_on, to_on, table.by)
    async with database.read() as work:
        numbers = (await work.connection.execute(select(invoices.c.number).order_by(invoices.c.number))).scalars().all()
    explaining = ExplainInvoice(database, TaxPolicy(is_pkp=True))
    assert [number for number in numbers if not (await explaining.run(number))["equal"]] == []
