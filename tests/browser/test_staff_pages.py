"""Second factors, staff and the audit trail in a real browser: at a desk and on a phone."""

from base64 import b32decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.migrate import upgrade
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.totp import STEP_SECONDS, code_of, step_at
from netbilld.services.manage_buyers import BuyerChanges, ManageBuyers
from tests.clock import StandingClock
from tests.panel_fixture import PASSWORD, SYSTEM, PanelWorld
from tests.peers import free_tcp_port, missing, need

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

DESK: Final = 1280
PHONE: Final = 390
ADMIN: Final = "admin@rumahnet.example"
KEY: Final = bytes(range(32))
FLAGS: Final = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
AXE: Final = Path(__file__).parents[2] / "build" / "axe.min.js"
AXE_OPTIONS: Final = "{resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}"


@pytest_asyncio.fixture(loop_scope="module")
async def world(tmp_path: Path) -> AsyncIterator[PanelWorld]:
    database = Database(sqlite_url(tmp_path / "netbilld.db"))
    await upgrade(database)
    world = PanelWorld(database, SecretBox(KEY))
    await world.plans()
    await world.staff()
    yield world
    await database.close()


@pytest_asyncio.fixture(loop_scope="module")
async def url(world: PanelWorld) -> AsyncIterator[str]:
    runner = web.AppRunner(world.app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    port = free_tcp_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=need("chromium"), args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def tab(chromium: Browser, width: int = DESK) -> AsyncIterator[Page]:
    """Give a page; whatever the browser complains about, a breach of the content policy too, fails the test."""
    context = await chromium.new_context(
        viewport={"width": width, "height": 844}, extra_http_headers={"Accept-Language": "id"}
    )
    context.set_default_timeout(30_000)
    page = await context.new_page()
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    assert [text for text in problems if "status of 40" not in text and "status of 422" not in text] == []
    await context.close()


async def password(page: Page, url: str, next_path: str = "") -> None:
    await page.goto(url + "/signin" + (f"?next={next_path}" if next_path else ""))
    await page.fill("[name=email]", ADMIN)
    await page.fill("[name=password]", PASSWORD)
    await page.get_by_role("button", name="Masuk").click()


async def check(page: Page) -> None:
    """Hold a page to what every page must be: no wider than its window, nothing that axe finds serious."""
    width = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
    assert await page.evaluate(width) <= 0, page.url
    if not AXE.exists():
        missing("axe-core: make build")
    await page.evaluate(AXE.read_text("utf-8"))
    found: Any = await page.evaluate(f"axe.run(document, {AXE_OPTIONS})")
    serious = [one["id"] for one in found["violations"] if one["impact"] in {"serious", "critical"}]
    assert serious == [], page.url


@pytest.mark.parametrize("width", [DESK, PHONE])
async def test_one_signs_in_with_a_code_of_a_generator_and_without_the_telephone_by_a_recovery_code(
    world: PanelWorld, url: str, chromium: Browser, width: int
) -> None:
    assert isinstance(world.clock, StandingClock)
    async with tab(chromium, width) as page:
        await password(page, url)
        await page.wait_for_url(url + "/")
        await page.goto(url + "/profile/second-factor")
        await check(page)
        await page.fill("main [name=password]", PASSWORD)
        await page.get_by_role("button", name="Mulai").click()
        await expect(page.locator("img.qr")).to_be_visible()
        await check(page)
        typed = await page.locator(".secret").inner_text()
        secret = b32decode(typed + "=" * (-len(typed) % 8))
        await page.fill(".steps-down [name=code]", code_of(secret, step_at(world.clock.now())))
        await page.get_by_role("button", name="Konfirmasi").click()
        await expect(page.locator(".codes li")).to_have_count(10)
        await check(page)
        recovery = await page.locator(".codes li").first.inner_text()
        await page.goto(url + "/profile/second-factor")
        await check(page)
    world.clock.pass_time(seconds=STEP_SECONDS)
    async with tab(chromium, width) as page:
        await password(page, url, "%2Fstaff")
        await check(page)
        await page.fill("[name=code]", "000000")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("Kode itu salah")
        await page.fill("[name=code]", code_of(secret, step_at(world.clock.now())))
        await page.keyboard.press("Enter")
        await page.wait_for_url(url + "/staff")
    async with tab(chromium, width) as page:
        await password(page, url)
        await page.fill("[name=code]", recovery)
        await page.keyboard.press("Enter")
        await page.wait_for_url(url + "/")


@pytest.mark.parametrize("width", [DESK, PHONE])
async def test_somebody_is_added_limited_and_found_in_the_audit_trail(
    world: PanelWorld, url: str, chromium: Browser, width: int
) -> None:
    siti = await world.person("siti@rumahnet", "Siti Aminah", area="jabar/bandung/rw05")
    await ManageBuyers(world.database, world.box).set(
        siti.number, BuyerChanges(nik="3273010101900001"), SYSTEM, world.clock.now()
    )
    async with tab(chromium, width) as page:
        await password(page, url)
        await page.wait_for_url(url + "/")
        await page.goto(url + "/staff")
        await check(page)
        await page.get_by_role("link", name="Tambah orang").click()
        await page.locator("[name=name]").fill("Budi Penagih")
        await page.locator("[name=email]").fill("budi@rumahnet.example")
        await page.locator("[value=collector]").check()
        await page.locator("[name=areas]").fill("jabar/bandung\ndiy")
        await check(page)
        await page.get_by_role("button", name="Tambah").click()
        await expect(page.locator(".one-time")).to_be_visible()
        await check(page)
        await page.get_by_role("link", name="Selesai").click()
        await check(page)
        await page.goto(url + "/staff/roles")
        await check(page)
        await page.goto(url + "/audit")
        await page.locator("[name=kind]").select_option("staff.add")
        await page.get_by_role("button", name="Cari").click()
        await expect(page.locator("table.audit tbody tr")).to_have_count(1)
        await expect(page.locator("table.audit")).to_contain_text("budi@rumahnet.example")
        await check(page)
        await page.goto(f"{url}/subscribers/{siti.number}/identity")
        await check(page)
        await page.fill("[name=why]", "faktur pajak")
        await page.get_by_role("button", name="Tampilkan lengkap").click()
        await expect(page.locator("main")).to_contain_text("3273010101900001")
        await page.goto(url + "/profile")
        await check(page)
