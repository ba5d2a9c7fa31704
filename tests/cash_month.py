"""A month of money in any order: at the desk, at doors, by the bank, by gateways, through agents; and what it sums to."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select

from netbilld.adapters.database import tables
from netbilld.billing.gateway import GatewayState, Notice
from netbilld.billing.gateway_differences import TheirPayment
from netbilld.model.actor import Actor
from netbilld.model.errors import RefusedError
from netbilld.ports.gateway_records import Attempt
from netbilld.services.book_notice import BookNotice, NotBookedError
from netbilld.services.collect_cash import CollectCash
from netbilld.services.gateway_report import Report, ReportRow
from netbilld.services.keep_collectors import KeepCollectors
from netbilld.services.park_payments import ParkPayments
from netbilld.services.paying import NO_TAXES, Doing
from netbilld.services.receive_payment import PaymentReceipt, ReceivePayment
from netbilld.services.refund_wallet import RefundWallet
from netbilld.services.reverse_payment import ReversePayment
from netbilld.services.settle_gateways import SettleGateways
from tests.agent_town import Town
from tests.builders.services import ZONE
from tests.voucher_world import ANI, T0

MONEY: Final = ("cash:", "collector:", "clearing:")
GATEWAYS: Final = ("midtrans", "tripay")
AGUS: Final = Actor("agus@desa.example", "panel")
REFUSALS: Final = {"deposit_too_small", "wallet_too_small", "bad_amount", "refund_spent", "reversed_after_refund"}


@dataclass(slots=True)
class AtGateway:
    """A payment as the gateway has it."""

    attempt: Attempt
    name: str
    paid_minor: int
    fee_minor: int
    told_fee: bool
    refunded_minor: int = 0
    is_paid_out: bool = False


class Month:
    """Somebody pays, sells, hands over, gives back or takes back, in any order.

    Attributes:
        held_minor: what lies with the office, collectors and gateways, by what was done.
        lost_minor: of it, what was booked as missing; fees_minor: what gateways have kept.
    """

    def __init__(self, town: Town, chance: random.Random) -> None:
        self.town, self.chance, self.now = town, chance, T0
        database = town.database
        self.collectors = KeepCollectors(database, timezone=ZONE, currency="IDR")
        self.collect = CollectCash(database, timezone=ZONE)
        self.payments = ReceivePayment(database, timezone=ZONE)
        self.reverse = ReversePayment(database, timezone=ZONE)
        self.refund = RefundWallet(database, timezone=ZONE)
        self.parking = ParkPayments(database, timezone=ZONE, currency="IDR")
        self.settle = SettleGateways(database, timezone=ZONE, currency="IDR", method="transfer")
        self.book = BookNotice(timezone=ZONE, taxes=NO_TAXES)
        self.received: list[tuple[str, int]] = []  # payments by hand, and what each takes with it when it is reversed
        self.parked: list[UUID] = []
        self.at_gateways: list[AtGateway] = []
        self.held_minor = self.lost_minor = self.fees_minor = 0
        self.counted: dict[str, int] = {}  # deals that were done, by their names

    async def begin(self) -> None:
        await self.collectors.add("agus", "Agus", staff=AGUS.name, actor=ANI, now=T0)
        await self.collectors.add("bayu", "Bayu", actor=ANI, now=T0)
        self.batch = await self.town.for_agents(1_000)

    def _someone(self) -> str:
        return self.chance.choice(("budi", "tono"))

    def _amount(self) -> int:
        return self.chance.randint(1, 200) * 1_000

    # -- by hand -------------------------------------------------------------------------------------------------------

    async def pay(self) -> None:
        method = self.chance.choice(("cash", "cash", "transfer", "qris"))
        collector = self.chance.choice(("agus", "bayu", None)) if method == "cash" else None
        done = await self.payments.run(
            self._someone(),
            self._amount(),
            method=method,
            reference=None,
            received_on=None,
            actor=ANI,
            now=self.now,
            collector=collector,
        )
        assert isinstance(done, PaymentReceipt)
        self.held_minor += done.amount_minor
        self.received.append((done.payment_id, done.amount_minor))

    async def take_at_the_door(self) -> None:
        """A phone sends it once or twice, some of it late."""
        amount, slip = self._amount(), f"7F3A-{self.chance.randint(1, 10**6 - 1):06}"
        asked: dict[str, Any] = {"actor": AGUS, "slip": slip, "age": timedelta(hours=self.chance.randint(0, 80))}
        number = self.town.numbers[self._someone()]
        for _ in range(self.chance.randint(1, 2)):
            done = await self.collect.run(number, amount, now=self.now, key=f"door:{slip}", **asked)
        self.held_minor += amount
        self.received.append((str(done.payment_id), amount))

    async def take_back(self) -> None:
        if self.received:
            payment_id, amount_minor = self.received.pop(self.chance.randrange(len(self.received)))
            await self.reverse.run(payment_id, because="salah", on=None, actor=ANI, now=self.now)
            self.held_minor -= amount_minor

    async def give_back(self) -> None:
        amount, collector = self.chance.randint(1, 20) * 1_000, self.chance.choice(("bayu", None))
        asked: dict[str, Any] = {"method": "cash", "because": "kelebihan", "actor": ANI, "collector": collector}
        await self.refund.run(self._someone(), amount, now=self.now, **asked)
        self.held_minor -= amount

    async def park(self) -> None:
        amount = self._amount()
        done = await self.parking.park(amount, method="transfer", text="TRSF", actor=ANI, now=self.now)
        self.held_minor += amount
        self.parked.append(done.id)

    async def release(self) -> None:
        if self.parked:
            found = str(self.parked.pop())
            done = await self.parking.release(found, self._someone(), actor=ANI, now=self.now)
            self.received.append((done.payment_id, done.amount_minor))

    async def hand_over(self) -> None:
        name = self.chance.choice(("agus", "bayu"))
        async with self.town.database.read() as work:
            held = await work.collectors.held(name, "IDR")
        if held <= 0:
            return
        missing = self.chance.choice((0, 0, 500, 1_000, -2_000))
        why = self.chance.choice((None, "hilang")) if missing else None
        counted = max(0, held - missing)
        await self.collectors.hand_over(
            name, counted, seen_minor=held, actor=ANI, now=self.now, book_difference=why, signed_by=name
        )
        lost = held - counted if why else 0
        self.held_minor -= lost
        self.lost_minor += lost

    # -- agents and vouchers -------------------------------------------------------------------------------------------

    async def deposit(self) -> None:
        collector = self.chance.choice(("agus", None))
        await self.town.agents.deposit("sari", 50_000, actor=ANI, now=self.now, collector=collector)
        self.held_minor += 50_000

    async def pay_out(self) -> None:
        amount = self.chance.randint(1, 30) * 1_000
        await self.town.agents.pay_out("sari", amount, actor=ANI, now=self.now, reference="tarik")
        self.held_minor -= amount

    async def sell(self) -> None:
        collector = self.chance.choice(("bayu", None))
        done = await self.town.sell.run(self.batch, 2, actor=ANI, now=self.now, collector=collector)
        self.held_minor += done.sale.paid_minor

    async def through_agent(self) -> None:
        key = f"agent:sari:{self.now.isoformat()}"
        if self.chance.random() < 0.5:
            await self.town.selling.sell_vouchers("sari", self.batch, 1, actor=ANI, now=self.now, key=key)
        else:
            amount = self.chance.randint(25, 9_000)
            done = await self.town.selling.top_up(
                "sari", self.town.numbers["budi"], amount, actor=ANI, now=self.now, key=key
            )
            self.received.append((done.payment_id, 0))  # reversed, it is in the deposit again

    # -- gateways ------------------------------------------------------------------------------------------------------

    async def pay_by_gateway(self) -> None:
        """It is told once, or several times and out of order."""
        async with self.town.database.read() as work:
            payer = await work.payments.payer(self._someone())
        gateway, number = self.chance.choice(GATEWAYS), len(self.at_gateways)
        amount = self._amount()
        attempt = Attempt(
            ref=f"R-{number:05}",
            gateway=gateway,
            method="qris",
            subscriber_id=payer.id,
            invoice_id=None,
            amount_minor=amount,
            currency="IDR",
            state=GatewayState.PENDING,
            created_at=self.now,
            expires_at=self.now + timedelta(days=1),
        )
        async with self.town.database.write() as work:
            await work.gateways.add(attempt)
        made = AtGateway(attempt, f"T-{number:05}", amount, self.chance.randint(1, 4) * 250, self.chance.random() < 0.5)
        states = [GatewayState.PAID, *self.chance.choices((GatewayState.PENDING, GatewayState.PAID), k=2)]
        self.chance.shuffle(states)
        for state in states:
            await self._told(made, state)
        self.at_gateways.append(made)
        self.held_minor += amount
        if made.told_fee:
            self.held_minor -= made.fee_minor
            self.fees_minor += made.fee_minor

    async def refunded_by_gateway(self) -> None:
        """A part, the rest, or all by a charge-back; and told twice."""
        left = [one for one in self.at_gateways if not one.is_paid_out and one.refunded_minor < one.paid_minor]
        if not left:
            return
        one = self.chance.choice(left)
        part = self.chance.choice((1_000, one.paid_minor))
        refunded = min(one.paid_minor, one.refunded_minor + part)
        state = GatewayState.REFUNDED if refunded == one.paid_minor else GatewayState.PARTLY_REFUNDED
        try:
            for _ in range(2):
                await self._told(one, state, refunded)
        except NotBookedError as refused:
            assert refused.verdict in REFUSALS, refused  # noqa: PT017 - any other fails
            one.is_paid_out = True  # a person has to look; it is left alone here
            return
        self.held_minor -= refunded - one.refunded_minor
        one.refunded_minor = refunded

    async def _told(self, one: AtGateway, state: GatewayState, refunded_minor: int = 0) -> None:
        fee = one.fee_minor if one.told_fee and state.is_paid else None
        notice = Notice(
            one.attempt.ref, one.name, state, one.paid_minor, "IDR", state.value, self.now, refunded_minor, fee
        )
        async with self.town.database.write() as work:
            doing = self.book.doing(Doing(Actor("gateway", "callback"), self.now, date.min))
            done = await self.book.run(work, notice, one.attempt.gateway, doing, by_callback=True)
        assert not done.is_parked, done

    async def paid_out(self) -> None:
        """A report comes twice; what was not told as a fee is known by it."""
        gateway = self.chance.choice(GATEWAYS)
        due = [one for one in self.at_gateways if one.attempt.gateway == gateway and not one.is_paid_out]
        due = [one for one in due if one.refunded_minor < one.paid_minor - one.fee_minor]
        rows = [
            ReportRow(
                TheirPayment(
                    one.attempt.ref,
                    one.name,
                    one.paid_minor,
                    one.refunded_minor,
                    one.fee_minor,
                    f"PO-{self.now:%j%H%M}",
                ),
                self.now.date(),
            )
            for one in due
        ]
        for _ in range(2):
            done = await self.settle.take_report(gateway, Report(tuple(rows)), actor=ANI, now=self.now)
            assert done.differences == [], done
        for one in due:
            one.is_paid_out = True
            if not one.told_fee:
                self.held_minor -= one.fee_minor
                self.fees_minor += one.fee_minor

    # -- the month -----------------------------------------------------------------------------------------------------

    async def deal(self) -> None:
        deals: list[Callable[[], Awaitable[None]]] = [
            *[self.pay, self.take_at_the_door, self.pay_by_gateway, self.through_agent] * 3,
            *[self.take_back, self.refunded_by_gateway, self.hand_over, self.deposit, self.sell] * 2,
            *[self.give_back, self.park, self.release, self.pay_out, self.paid_out],
        ]
        chosen = self.chance.choice(deals)
        try:
            await chosen()
            name = chosen.__name__
            self.counted[name] = self.counted.get(name, 0) + 1
        except RefusedError as refused:
            assert refused.code in REFUSALS, refused  # noqa: PT017 - any other fails
        self.now += timedelta(minutes=self.chance.randint(1, 240))

    async def sums(self) -> tuple[int, int]:
        """Return what the ledger says lies somewhere, and what documents say has come in and is not gone."""
        paid = select(func.sum(tables.payments.c.amount_minor)).where(
            tables.payments.c.status == "received", tables.payments.c.method != "agent"
        )
        came = (
            paid,
            select(func.sum(tables.agent_deposits.c.amount_minor)),
            select(func.sum(tables.voucher_sales.c.paid_minor)).where(tables.voucher_sales.c.agent.is_(None)),
            select(func.sum(tables.parked_payments.c.amount_minor)).where(tables.parked_payments.c.status == "parked"),
        )
        async with self.town.database.read() as work:
            query = select(tables.accounts.c.code, tables.accounts.c.balance_minor)
            balances = {row.code: int(row.balance_minor) for row in await work.connection.execute(query)}
            documents = sum([int(await work.connection.scalar(one) or 0) for one in came])
            gone = select(func.sum(tables.refunds.c.amount_minor))
            documents -= int(await work.connection.scalar(gone) or 0)
        held = sum(minor for code, minor in balances.items() if code.startswith(MONEY))
        assert balances.get("expense:gateway_fees", 0) == self.fees_minor
        assert balances.get("expense:cash_difference", 0) == self.lost_minor
        return held, documents - self.fees_minor - self.lost_minor
