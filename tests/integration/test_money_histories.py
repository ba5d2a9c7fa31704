"""Whatever people do with documents and money, in whatever order and how often: the books hold after every step."""

import random
from datetime import date, timedelta
from typing import Any

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.billing.credit_note import Asked
from netbilld.billing.invoice import DocumentKind, InvoiceStatus
from netbilld.model.errors import NetbilldError
from netbilld.model.periods import next_anchor
from netbilld.services.close_books import CloseBooks
from netbilld.services.refund_wallet import RefundWallet
from netbilld.services.reverse_payment import ReversePayment
from tests.integration.document_desk import Desk
from tests.integration.money_world import ACTOR, ZONE, Person, at, plan_file

BEGIN = date(2026, 1, 1)
STEPS = 40
MOST_STEPS = 200
WANTED = {"write", "credit", "pay"}


class History:
    """A desk at which chance decides what somebody does next."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk, self.chance, self.today = desk, random.Random(seed), BEGIN
        self.people: list[Person] = []
        self.drafts: list[str] = []
        self.done: dict[str, int] = {}

    async def begin(self) -> None:
        await self.desk.plan(plan_file())
        self.people.append(await self.desk.person("budi", activated_on=BEGIN))
        await self.bill()
        for number in range(2):
            self.people.append(await self.desk.person(f"orang{number}", activated_on=BEGIN))

    async def step(self) -> None:
        acts = [
            *[self.bill, self.write, self.credit, self.pay] * 3,
            *[self.draft, self.issue, self.void, self.write_off, self.reverse, self.refund, self.close, self.days] * 2,
            *(self.reopen, self.discard),
        ]
        act = self.chance.choice(acts)
        try:
            await act()
        except NetbilldError:
            return
        self.done[act.__name__] = self.done.get(act.__name__, 0) + 1

    @property
    def who(self) -> Person:
        return self.chance.choice(self.people)

    async def number(self) -> tuple[str, int]:
        """Return the number of some document and how many lines it has, most often of an invoice that is open."""
        async with self.desk.database.read() as work:
            listed = await work.invoices.listed()
        still_open = [one for one in listed if one.status in {InvoiceStatus.ISSUED, InvoiceStatus.PART_PAID}]
        one = self.chance.choice((still_open if self.chance.random() < 0.7 else listed) or listed)
        return one.number, len((await self.desk.document(one.number)).invoice.lines)

    def lines(self) -> list[str]:
        taxes, revenues = ["none", "ppn"], ["other", "installation", "deposit", "late_fee", "discount"]
        return [
            f"text=x,amount={self.chance.choice([1, 999, 20_000, 100_500, -7_000])},tax={self.chance.choice(taxes)},"
            f"revenue={self.chance.choice(revenues)},inclusive={self.chance.choice(['yes', 'no'])}"
            for _ in range(self.chance.randint(1, 3))
        ]

    async def bill(self) -> None:
        await self.desk.bill(self.today)

    async def write(self) -> None:
        await self.desk.write(self.who, *self.lines(), on=self.today)

    async def draft(self) -> None:
        made = await self.desk.write(self.who, *self.lines(), on=self.today, is_draft=True)
        self.drafts.append(made["id"])

    async def issue(self) -> None:
        if self.drafts:  # the same one again is refused
            await self.desk.manual.issue(self.chance.choice(self.drafts), actor=ACTOR, now=at(self.today))

    async def discard(self) -> None:
        if self.drafts:
            await self.desk.manual.discard(self.chance.choice(self.drafts), actor=ACTOR, now=at(self.today))

    async def credit(self) -> None:
        number, lines = await self.number()
        amount = self.chance.choice([None, 1, 500, 10_000])
        await self.desk.credit(number, Asked(self.chance.randint(1, lines), amount), on=self.today)

    async def void(self) -> None:
        await self.desk.credit((await self.number())[0], on=self.today)

    async def write_off(self) -> None:
        await self.desk.write_off((await self.number())[0], self.chance.choice([None, 1_000]), on=self.today)

    async def pay(self) -> None:
        on = self.today - timedelta(days=self.chance.choice([0, 0, 20]))
        await self.desk.payments.run(
            self.who.username,
            self.chance.choice([1, 50_000, 200_000, 350_000]),
            method="cash",
            reference=None,
            received_on=on,
            actor=ACTOR,
            now=at(self.today, 10),
        )

    async def reverse(self) -> None:
        async with self.desk.database.read() as work:
            payments = await work.payments.listed()
        if payments:
            one = str(self.chance.choice(payments).payment.id)
            reversing = ReversePayment(self.desk.database, timezone=ZONE)
            await reversing.run(one, because="batal", actor=ACTOR, now=at(self.today, 11))

    async def refund(self) -> None:
        refunding = RefundWallet(self.desk.database, timezone=ZONE)
        amount: Any = self.chance.choice([None, 1_000])
        await refunding.run(
            self.who.username, amount, method="cash", because="minta", actor=ACTOR, now=at(self.today, 12)
        )

    async def close(self) -> None:
        before = self.today.replace(day=1) - timedelta(days=1)
        month = self.chance.choice([f"{BEGIN:%Y-%m}", f"{before:%Y-%m}"])
        await CloseBooks(self.desk.database, timezone=ZONE).close(month, actor=ACTOR, now=at(self.today, 13))

    async def reopen(self) -> None:
        async with self.desk.database.read() as work:
            until_on = await work.closings.closed_until_on()
        if until_on is not None:
            books = CloseBooks(self.desk.database, timezone=ZONE)
            await books.reopen(f"{until_on:%Y-%m}", why="salah", actor=ACTOR, now=at(self.today, 14))

    async def days(self) -> None:
        self.today = self.chance.choice([self.today + timedelta(days=9), next_anchor(self.today, 1)])


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 30))])
async def test_the_books_hold_after_every_step_of_any_history(database: Database, seed: int) -> None:
    """ICON-5: what is issued stays, whatever is done about it."""
    desk = Desk(database)
    history = History(desk, seed)
    await history.begin()
    issued: dict[str, tuple[object, ...]] = {}
    for _ in range(STEPS):
        await history.step()
        await desk.assert_books_hold()
    async with database.read() as work:
        listed = await work.invoices.listed()
    for one in listed:
        invoice = (await desk.document(one.number)).invoice
        issued[one.number] = (invoice.lines, invoice.total_minor)
        assert invoice.kind is DocumentKind.INVOICE or invoice.outstanding_minor == 0
    left = STEPS // 3
    while left > 0 or (left > -MOST_STEPS and not set(history.done) >= WANTED):  # chance may leave something out
        await history.step()
        left -= 1
    await desk.assert_books_hold()
    for number, said in issued.items():
        invoice = (await desk.document(number)).invoice
        assert (invoice.lines, invoice.total_minor) == said
    assert set(history.done) >= WANTED
