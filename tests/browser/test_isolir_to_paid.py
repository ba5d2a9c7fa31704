"""From the isolir page to the internet again: what is due and how to pay, a payment taken by staff, and back by itself."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.model.permissions import Role
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.entitle import Entitle
from tests.chromium import DESK, PHONE, overflow, sign_in, tab
from tests.clock import StandingClock
from tests.loopback import served
from tests.panel_fixture import GARDEN, POLICY, PanelWorld
from tests.portal_world import Person, World

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
HOME_ADDRESS = "10.5.50.9"
NUMBER = "INV/2026/11/000123"


class Town:
    """One subscriber behind a wall, the portal they see, the panel at the counter, and what decides on access."""

    def __init__(self, database: Database) -> None:
        self.world = World(database, SecretBox(bytes(range(32))))
        self.counter = PanelWorld(database, self.world.box, StandingClock(self.world.now))
        self.entitle = Entitle(database, AccessDirectory(GARDEN, 300, "id"), self.world.box, POLICY, GARDEN)

    async def settle(self) -> Person:
        self.person = await self.world.person("budi@desa")
        await self.world.invoice(self.person, NUMBER, date(2026, 11, 1), total_minor=200_000)
        self.nas_id = await self.world.nas("pop1", "10.5.50.0/24")
        self.session_id = await self.world.session(self.nas_id, self.person, HOME_ADDRESS, seen=Access.WALLED)
        await self.entitle.load(self.world.now)
        await self.decide()
        await self.counter.staff(Role.CASHIER, "admin@rumahnet.example")
        return self.person

    async def decide(self) -> None:
        """Do what the daemon does when it is nudged."""
        await self.entitle.run(None, "payment", self.world.now)

    async def log_in_again(self) -> None:
        """Do what the modem does when its session has been ended: it gets the same address, with the full profile."""
        async with self.world.database.write() as work:
            await work.connection.exec_driver_sql("UPDATE sessions SET framed_ip = NULL")
        nas_id = await self.world.nas("pop2", "10.5.50.0/24")
        began_at = self.world.now + timedelta(seconds=2)
        await self.world.session(nas_id, self.person, HOME_ADDRESS, seen=Access.ACTIVE, started_at=began_at)
        self.world.now += timedelta(seconds=4)


@pytest.fixture
def town(database: Database) -> Town:
    return Town(database)


async def shows_what_is_due(page: Page, person: Person) -> None:
    await expect(page.locator("h1")).to_have_text("Akses terbatas")
    await expect(page.locator(".figure")).to_have_text("Rp200.000")
    await expect(page.locator(".notice.lead")).to_contain_text(f"menyebut nomor pelanggan {person.number}")
    assert await overflow(page) == 0


async def pay(chromium: Browser, panel: str, width: int, person: Person) -> None:
    """Take the money at the counter, by the number that the page says."""
    async with tab(chromium, width) as page:
        await sign_in(page, panel)
        await page.goto(f"{panel}/subscribers?q={person.number}")
        await page.goto(f"{panel}/subscribers/{person.number}#payment")
        await expect(page.locator("#payment [name=amount]")).to_have_value("200000")
        await page.locator("#payment button.primary").click()
        await page.wait_for_url("**done=payment*")


@pytest.mark.parametrize("width", [DESK, PHONE])
async def test_the_isolir_page_turns_by_itself_once_staff_have_taken_the_money(
    town: Town, chromium: Browser, width: int
) -> None:
    """Nobody reloads anything."""
    person = await town.settle()
    nudge: Callable[[], Awaitable[None]] = town.decide
    headers = {"X-Forwarded-For": HOME_ADDRESS, "Accept-Language": "id"}
    async with (
        town.world.portal(trusted_proxies=("127.0.0.1",)) as portal,
        served(town.counter.app(nudge=nudge)) as panel,
        tab(chromium, width, headers=headers) as page,
    ):
        await page.goto(portal + "/isolir")
        await shows_what_is_due(page, person)
        await pay(chromium, panel, width, person)
        await expect(page.locator("h1")).to_have_text("Menyambungkan kembali")
        await town.log_in_again()
        await expect(page.locator(".label")).to_have_text("Tersambung kembali")
        await expect(page.locator(".notice.good")).to_contain_text("Internet Anda aktif")


async def test_without_scripts_a_reload_shows_the_same(town: Town, chromium: Browser) -> None:
    person = await town.settle()
    headers = {"X-Forwarded-For": HOME_ADDRESS, "Accept-Language": "id"}
    async with (
        town.world.portal(trusted_proxies=("127.0.0.1",)) as portal,
        served(town.counter.app(nudge=town.decide)) as panel,
        tab(chromium, PHONE, headers=headers, java_script_enabled=False) as page,
    ):
        await page.goto(portal + "/isolir")
        await shows_what_is_due(page, person)
        await pay(chromium, panel, PHONE, person)
        await town.log_in_again()
        await page.goto(portal + "/isolir")
        await expect(page.locator(".label")).to_have_text("Tersambung kembali")
