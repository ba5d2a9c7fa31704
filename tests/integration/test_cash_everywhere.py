"""Cash at every moment of a random month: what lies with collectors, the office and agents is what receipts say."""

import random
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.books import check_books
from netbilld.model.errors import RefusedError
from netbilld.services.keep_collectors import KeepCollectors
from netbilld.services.receive_payment import PaymentReceipt, ReceivePayment
from netbilld.services.reverse_payment import ReversePayment
from tests.agent_town import Town
from tests.builders.services import ZONE
from tests.voucher_world import ANI, T0

pytestmark = pytest.mark.slow
DEALS = 60
MONEY = ("cash:", "collector:", "clearing:")


class Month:
    """Somebody pays, sells, hands over or takes back, in any order."""

    def __init__(self, town: Town, chance: random.Random) -> None:
        self.town, self.chance, self.now = town, chance, T0
        database = town.database
        self.collectors = KeepCollectors(database, timezone=ZONE, currency="IDR")
        self.payments = ReceivePayment(database, timezone=ZONE)
        self.reverse = ReversePayment(database, timezone=ZONE)
        self.received: list[PaymentReceipt] = []
        self.lost_minor = 0  # booked as missing

    async def begin(self) -> None:
        for name in ("agus", "bayu"):
            await self.collectors.add(name, name.title(), actor=ANI, now=T0)
        self.batch = await self.town.for_agents(500)

    async def pay(self) -> None:
        method = self.chance.choice(("cash", "cash", "transfer", "qris"))
        collector = self.chance.choice(("agus", "bayu", None)) if method == "cash" else None
        done = await self.payments.run(
            self.chance.choice(("budi", "tono")),
            self.chance.randint(1, 200) * 1_000,
            method=method,
            reference=None,
            received_on=None,
            actor=ANI,
            now=self.now,
            collector=collector,
        )
        assert isinstance(done, PaymentReceipt)
        self.received.append(done)

    async def take_back(self) -> None:
        if self.received:
            payment = self.received.pop(self.chance.randrange(len(self.received)))
            await self.reverse.run(payment.payment_id, because="salah", on=None, actor=ANI, now=self.now)

    async def hand_over(self) -> None:
        name = self.chance.choice(("agus", "bayu"))
        async with self.town.database.read() as work:
            held = await work.collectors.held(name, "IDR")
        if held <= 0:
            return
        missing = self.chance.choice((0, 0, 500, 1_000, -2_000))
        why = self.chance.choice((None, "hilang")) if missing else None
        counted = max(0, held - missing)
        await self.collectors.hand_over(name, counted, actor=ANI, now=self.now, book_difference=why)
        self.lost_minor += held - counted if why else 0

    async def deposit(self) -> None:
        collector = self.chance.choice(("agus", None))
        await self.town.agents.deposit("sari", 50_000, actor=ANI, now=self.now, collector=collector)

    async def sell(self) -> None:
        await self.town.sell.run(self.batch, 2, actor=ANI, now=self.now, collector=self.chance.choice(("bayu", None)))

    async def through_agent(self) -> None:
        key = f"agent:sari:{self.now.isoformat()}"
        if self.chance.random() < 0.5:
            await self.town.selling.sell_vouchers("sari", self.batch, 1, actor=ANI, now=self.now, key=key)
        else:
            await self.town.selling.top_up("sari", self.town.numbers["budi"], 7_000, actor=ANI, now=self.now, key=key)

    async def deal(self) -> None:
        deals = (
            self.pay,
            self.pay,
            self.pay,
            self.take_back,
            self.hand_over,
            self.deposit,
            self.sell,
            self.through_agent,
        )
        try:
            await self.chance.choice(deals)()
        except RefusedError as refused:
            assert refused.code in {"deposit_too_small", "wallet_too_small"}, refused  # noqa: PT017 - any other fails
        self.now += timedelta(minutes=self.chance.randint(1, 1_400))

    async def adds_up(self) -> bool:
        """Tell whether all money in the books is what receipts, deposits and sales say has come in."""
        async with self.town.database.read() as work:
            held = 0
            query = select(tables.accounts.c.code, tables.accounts.c.balance_minor)
            for code, balance_minor in await work.connection.execute(query):
                held += balance_minor if code.startswith(MONEY) else 0
            paid = select(func.coalesce(func.sum(tables.payments.c.amount_minor), 0)).where(
                tables.payments.c.status == "received", tables.payments.c.method != "agent"
            )
            deposits = select(func.coalesce(func.sum(tables.agent_deposits.c.amount_minor), 0))
            sales = select(func.coalesce(func.sum(tables.voucher_sales.c.paid_minor), 0)).where(
                tables.voucher_sales.c.agent.is_(None)
            )
            came_in = sum([int(await work.connection.scalar(one) or 0) for one in (paid, deposits, sales)])
        return held == came_in - self.lost_minor


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.soak), pytest.param(3, marks=pytest.mark.soak)])
async def test_collectors_bank_and_agents_hold_what_receipts_say_at_every_moment(seed: int, town: Town) -> None:
    """BANG-2.4c: cash lies in the account of whoever took it until it is handed over, and none is nowhere."""
    month = Month(town, random.Random(seed))
    await month.begin()
    for _ in range(DEALS):
        await month.deal()
        assert await month.adds_up()
    async with town.database.read() as work:
        checks = check_books(await work.ledger.figures())
    assert [one for one in checks if not one.ok] == []
    assert len({UUID(one.payment_id) for one in month.received}) == len(month.received)


@pytest.fixture
async def town(database: Database, box: SecretBox) -> Town:
    made = Town(database, box)
    await made.begin()
    return made
