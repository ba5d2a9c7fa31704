"""The portal in a real browser: narrow, without JavaScript, and turning by itself when access returns."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from tests.peers import need
from tests.portal_world import NOW, Person, World

pytestmark = [pytest.mark.peer, pytest.mark.slow]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOME_ADDRESS = "10.5.50.9"


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=need("chromium"), args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def phone(chromium: Browser, source: str, *, width: int = 360, javascript: bool = True) -> AsyncIterator[Page]:
    """Give a page whose requests a trusted proxy says come from that address."""
    context = await chromium.new_context(
        viewport={"width": width, "height": 740},
        extra_http_headers={"X-Forwarded-For": source, "Accept-Language": "id"},
        java_script_enabled=javascript,
    )
    page = await context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    assert problems == []
    await context.close()


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
        phone(chromium, HOME_ADDRESS, javascript=False) as page,
    ):
        for path in ("/", "/isolir"):
            await page.goto(url + path)
            await expect(page.locator(".figure")).to_have_text("Rp123.456.789")
            assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await page.goto(url + "/masuk")
        await page.fill("#name", person.number)
        await page.fill("#password", person.password)
        await page.click("button")
        for link in ("Tagihan", "Pembayaran", "Sesi", "Ringkasan"):
            await page.get_by_role("navigation").get_by_role("link", name=link).click()
            assert await page.evaluate("document.documentElement.scrollWidth") <= 360, link
            assert await page.locator("main a:visible, main button:visible").count() > 0
        await page.get_by_role("button", name="Keluar").click()
        await page.goto(url + "/akun")
        await expect(page.locator("#password")).to_be_visible()


async def test_the_walled_page_turns_by_itself_when_access_returns(
    database: Database, box: SecretBox, chromium: Browser
) -> None:
    world = World(database, box)
    person = await walled(world)
    async with world.portal(trusted_proxies=("127.0.0.1",)) as url, phone(chromium, HOME_ADDRESS) as page:
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
