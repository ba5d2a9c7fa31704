"""A small ISP with a gateway: invoices, attempts, callbacks over a real socket, the books looked at in the end."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from os import urandom
from pathlib import Path
from typing import Any
from uuid import UUID

from aiohttp import web
from sqlalchemy import func, select

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.tables import accounts, outbox, payments
from netbilld.adapters.gateways.http_client import GatewayHttp
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.gateway_settings import GatewaySettings
from netbilld.daemon.gateways import drivers_of
from netbilld.panel.portal.app import create_portal, portal_runner
from netbilld.panel.portal.parts import PortalParts
from netbilld.panel.portal.pay_parts import PayParts
from netbilld.ports.gateway_records import Attempt, Callback
from netbilld.ports.gateways import Gateway
from netbilld.services.book_notice import BookNotice
from netbilld.services.follow_gateways import FollowGateways
from netbilld.services.issue_payment_code import CodePolicy
from netbilld.services.keep_callbacks import KeepCallbacks
from netbilld.services.paying import NO_TAXES
from netbilld.services.refund_gateway import RefundGateway
from netbilld.services.show_payment import ShowPayment
from netbilld.services.start_payment import Asked, StartPayment
from tests.fake_gateways import FakeGateway, running
from tests.integration.money_world import ACTOR, ZONE, Person, World, at, plan_file
from tests.peers import free_tcp_port

PRICE = 200_000
JAN = date(2026, 1, 1)
PAID_ON = date(2026, 1, 5)


@dataclass(slots=True)
class Shop:
    """What the tests work with; its clock stands still until a test moves it."""

    world: World
    database: Database
    box: SecretBox
    fake: FakeGateway
    gateway: Gateway
    keep: KeepCallbacks
    follow: FollowGateways
    start: StartPayment
    refund: RefundGateway
    person: Person
    now: datetime
    nudges: int = 0
    url: str = ""

    async def invoice_id(self, person: Person | None = None) -> UUID:
        """Return the one invoice that is open."""
        who = person or self.person
        async with self.database.read() as work:
            return (await work.invoices.open_of(who.subscriber_id))[0].id

    async def attempt(
        self, method: str = "qris", amount: int = PRICE, *, invoice: bool = True, person: Person | None = None
    ) -> Attempt:
        """Begin a payment."""
        who = person or self.person
        asked = Asked(
            who.subscriber_id,
            await self.invoice_id(who) if invoice else None,
            amount,
            f"{self.gateway.name}:{method}",
        )
        return await self.start.run(
            asked, public_url="https://bayar.example.net", back_url="", actor=ACTOR, now=self.now
        )

    async def settle(self) -> None:
        """Follow everything that came."""
        while await self.follow.run():
            pass

    async def inbox(self) -> list[Callback]:
        """Return every callback, oldest first."""
        async with self.database.read() as work:
            found, _ = await work.gateway_inbox.page(None, 500, 0)
        return found[::-1]

    async def paid(self) -> tuple[int, int, int]:
        """Return what is owed, what the wallet holds, and how many payments are on record."""
        async with self.database.read() as work:
            balance = await work.ledger.balance(self.person.subscriber_id)
            count = await work.connection.scalar(select(func.count()).select_from(payments))
        return balance.outstanding_minor, balance.wallet_minor, int(count or 0)

    async def held(self) -> int:
        """Return what the gateway holds by our books."""
        query = select(accounts.c.balance_minor).where(accounts.c.code == f"clearing:{self.gateway.name}")
        async with self.database.read() as work:
            return int(await work.connection.scalar(query) or 0)

    async def receipts(self) -> int:
        """Return how many receipts are told."""
        query = select(func.count()).select_from(outbox).where(outbox.c.kind == "payment_received")
        async with self.database.read() as work:
            return int(await work.connection.scalar(query) or 0)

    async def state(self, ref: str) -> str:
        """Return how far an attempt is."""
        async with self.database.read() as work:
            found = await work.gateways.find(ref)
        assert found is not None
        return found.state.value


@asynccontextmanager
async def shop_of(
    database: Database, box: SecretBox, fake: FakeGateway, *, qris: str | None = None, **settings: Any
) -> AsyncIterator[Shop]:
    """Run a gateway, and the portal that it calls back."""
    world = World(database)
    await world.plan(plan_file(price=PRICE))
    person = await world.person("budi", activated_on=JAN)
    await world.bill(JAN)
    https: list[GatewayHttp] = []
    async with running(fake):
        wanted = GatewaySettings.model_validate({fake.name: {**fake.settings(), **settings}})
        gateways = drivers_of(wanted, SystemClock(), https)
        book = BookNotice(timezone=ZONE, taxes=NO_TAXES)
        shop: Shop

        def now() -> datetime:
            return shop.now

        def nudge() -> None:
            shop.nudges += 1

        keep = KeepCallbacks(database, box, gateways, now, lambda: None)
        start = StartPayment(database, gateways, urandom, business_name="Desa Net")
        shop = Shop(
            world,
            database,
            box,
            fake,
            gateways[0],
            keep,
            FollowGateways(database, gateways, book, now, nudge),
            start,
            RefundGateway(database, gateways, book),
            person,
            at(PAID_ON),
        )
        pay = PayParts(keep=keep, start=start, show=ShowPayment(database, CodePolicy(timedelta(days=7))), qris=qris)
        parts = PortalParts(store=database, box=box, now=now, entropy=urandom, pay=pay)
        runner = portal_runner(create_portal(parts))
        await runner.setup()
        port = free_tcp_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        shop.url = f"http://127.0.0.1:{port}"
        fake.hook = f"{shop.url}/hook/{fake.name}"
        try:
            yield shop
        finally:
            await runner.cleanup()
            for http in https:
                await http.close()


@asynccontextmanager
async def sqlite_shop_of(
    template: Path, directory: Path, box: SecretBox, fake: FakeGateway, **settings: Any
) -> AsyncIterator[Shop]:
    """Run a shop on SQLite, and look at its books in the end."""
    shutil.copyfile(template, directory / "shop.db")
    database = Database(sqlite_url(directory / "shop.db"))
    try:
        async with shop_of(database, box, fake, **settings) as made:
            yield made
            await made.world.assert_books_hold()
    finally:
        await database.close()
