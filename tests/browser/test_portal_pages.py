"""The portal in a real browser: narrow, without JavaScript, and turning by itself when access returns."""

from datetime import date, timedelta

import pytest
from playwright.async_api import Browser, expect

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from tests.chromium import SMALL, faults, sign_in_at_home, tab
from tests.portal_world import NOW, Person, World

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

HOME_ADDRESS = "10.5.50.9"
AT_HOME = {"X-Forwarded-For": HOME_ADDRESS}  # says the proxy that the portal trusts


async def walled(world: World) -> Person:
    person = await world.person("budi@desa")
    await world.due(person, Access.WALLED, "overdue")
    await world.invoice(person, "INV/2026/11/000123", date(2026, 11, 1), total_minor=123_456_789)
    await world.session(await world.nas("pop1", "10.5.50.0/24"), person, HOME_ADDRESS, seen=Access.WALLED)
    for days in range(30):
        await world.used_hour(person, NOW - timedelta(days=days), 4 * 10**9, 10**9)
    return person


async def test_every_page_fits_a_narrow_phone_without_javascript(
    database: Database, box: SecretBox, chromium: Browser
) -> None:
    world = World(database, box)
    person = await walled(world)
    async with (
        world.portal(trusted_proxies=("127.0.0.1",)) as url,
        tab(chromium, SMALL, headers=AT_HOME, java_script_enabled=False) as page,
    ):
        for path in ("/", "/isolir"):
            await page.goto(url + path)
            await expect(page.locator(".figure")).to_have_text("Rp123.456.789")
            assert await faults(page, axe=False) == []
        await sign_in_at_home(page, url, person.number, person.password)
        for link in ("Tagihan", "Pembayaran", "Sesi", "Ringkasan"):
            await page.get_by_role("navigation").get_by_role("link", name=link).click()
            assert await faults(page, axe=False) == []
            assert await page.locator("main a:visible, main button:visible").count() > 0
        await page.get_by_role("button", name="Keluar").click()
        await page.goto(url + "/akun")
        await expect(page.locator("#password")).to_be_visible()


async def test_the_walled_page_turns_by_itself_when_access_returns(
    database: Database, box: SecretBox, chromium: Browser
) -> None:
    world = World(database, box)
    person = await walled(world)
    async with (
        world.portal(trusted_proxies=("127.0.0.1",)) as url,
        tab(chromium, SMALL, headers=AT_HOME) as page,
    ):
        await page.goto(url + "/isolir")
        await expect(page.locator("h1")).to_have_text("Akses terbatas")
        await world.payment(person, 123_456_789)
        await world.due(person, Access.ACTIVE, "ok", since_at=world.now)
        await expect(page.locator("h1")).to_have_text("Menyambungkan kembali", timeout=20_000)
        async with world.database.write() as work:
            await work.connection.exec_driver_sql("UPDATE sessions SET framed_ip = NULL")
        nas = await world.nas("pop2", "10.5.50.0/24")
        again_at = world.now + timedelta(seconds=2)
        await world.session(nas, person, HOME_ADDRESS, seen=Access.ACTIVE, started_at=again_at)
        world.now += timedelta(seconds=4)
        await expect(page.locator(".label")).to_have_text("Tersambung kembali", timeout=20_000)
        await expect(page.locator(".figure")).to_contain_text("2,00")
        await expect(page).to_have_title("Tersambung · Desa Net")
