"""From the isolir page to browsing again, on the phone alone: Bayar, a QR code, the gateway's word, and the internet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from os import urandom

import pytest
from playwright.async_api import Browser, expect

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.gateways.http_client import GatewayHttp
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.gateway_settings import GatewaySettings
from netbilld.daemon.gateways import drivers_of
from netbilld.enforcement.profile import Access
from netbilld.panel.portal.pay_parts import PayParts
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.book_notice import BookNotice
from netbilld.services.entitle import Entitle
from netbilld.services.follow_gateways import FollowGateways
from netbilld.services.issue_payment_code import CodePolicy
from netbilld.services.keep_callbacks import KeepCallbacks
from netbilld.services.paying import NO_TAXES
from netbilld.services.show_payment import ShowPayment
from netbilld.services.start_payment import StartPayment
from tests.chromium import overflow, tab
from tests.fake_gateways import FakeMidtrans, running
from tests.panel_fixture import GARDEN, POLICY
from tests.portal_world import ZONE, World

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
HOME_ADDRESS = "10.5.50.9"
SMALL = 360


class Till:
    """A walled subscriber, the portal they see, and a gateway."""

    def __init__(self, database: Database, fake: FakeMidtrans) -> None:
        self.world, self.fake = World(database, SecretBox(bytes(range(32)))), fake
        self.entitle = Entitle(database, AccessDirectory(GARDEN, 300, "id"), self.world.box, POLICY, GARDEN)
        self.https: list[GatewayHttp] = []
        gateways = drivers_of(GatewaySettings.model_validate({"midtrans": fake.settings()}), SystemClock(), self.https)
        book = BookNotice(timezone=ZONE, taxes=NO_TAXES)
        self.follow = FollowGateways(database, gateways, book, lambda: self.world.now, lambda: None)
        self.pay = PayParts(
            keep=KeepCallbacks(database, self.world.box, gateways, lambda: self.world.now, lambda: None),
            start=StartPayment(database, gateways, urandom, business_name="Desa Net"),
            show=ShowPayment(database, CodePolicy(timedelta(days=7))),
        )

    async def wall(self) -> None:
        self.person = await self.world.person("budi@desa")
        await self.world.invoice(self.person, "INV/2026/11/000123", date(2026, 11, 1), total_minor=200_000)
        nas_id = await self.world.nas("pop1", "10.5.50.0/24")
        await self.world.session(nas_id, self.person, HOME_ADDRESS, seen=Access.WALLED)
        await self.entitle.load(self.world.now)
        await self.entitle.run(None, "overdue", self.world.now)

    async def paid(self, ref: str) -> None:
        """Let somebody pay at the gateway, which tells it twice; then do what the daemon does."""
        self.fake.pay(ref)
        assert [answer.status for answer in await self.fake.tell(ref, times=2)] == [200, 200]
        while await self.follow.run():
            pass
        await self.entitle.run(None, "payment", self.world.now)

    async def log_in_again(self) -> None:
        """Do what the modem does when its session has been ended: it gets the same address, with the full profile."""
        async with self.world.database.write() as work:
            await work.connection.exec_driver_sql("UPDATE sessions SET framed_ip = NULL")
        nas_id = await self.world.nas("pop2", "10.5.50.0/24")
        began_at = self.world.now + timedelta(seconds=2)
        await self.world.session(nas_id, self.person, HOME_ADDRESS, seen=Access.ACTIVE, started_at=began_at)
        self.world.now += timedelta(seconds=4)


@asynccontextmanager
async def a_till(database: Database) -> AsyncIterator[Till]:
    fake = FakeMidtrans()
    async with running(fake):
        made = Till(database, fake)
        try:
            yield made
        finally:
            for http in made.https:
                await http.close()


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_walled_phone_pays_and_browses_again(database: Database, chromium: Browser, *, scripts: bool) -> None:
    """BANG-2.4b, BANG-2.4e, INCA-5: at 360 px, with JavaScript and without it; nobody signs in."""
    headers = {"X-Forwarded-For": HOME_ADDRESS, "Accept-Language": "id"}
    async with (
        a_till(database) as till,
        till.world.portal(trusted_proxies=("127.0.0.1",), pay=till.pay) as portal,
        tab(chromium, SMALL, headers=headers, java_script_enabled=scripts) as page,
    ):
        await till.wall()
        till.fake.hook = f"{portal}/hook/midtrans"
        await page.goto(portal + "/isolir")
        await page.get_by_role("link", name="Bayar sekarang").click()
        await expect(page.locator(".figure")).to_have_text("Rp200.000")
        assert await overflow(page) == 0
        await page.get_by_role("button", name="QRIS").click()
        await expect(page.locator("img.code")).to_be_visible()
        assert await overflow(page) == 0
        await till.paid(page.url.rpartition("/")[2])
        if not scripts:
            await page.reload()
        await expect(page.locator(".label")).to_have_text("Sudah diterima, terima kasih")
        await till.log_in_again()
        if not scripts:
            await page.reload()
        await expect(page.locator(".notice.good")).to_contain_text("Internet Anda aktif")
        await page.goto(portal + "/isolir")
        await expect(page.locator("h1")).to_have_text("Tersambung")
