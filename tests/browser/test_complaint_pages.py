"""Complaints in a real browser: from the portal without scripts to closed at the desk; every page fits and is usable."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.secretbox import SecretBox
from netbilld.panel.portal.app import create_portal, portal_runner
from netbilld.panel.portal.parts import PortalParts
from tests.complaint_seed import TECHNICIAN, complain
from tests.complaint_world import complaint_services, picture
from tests.panel_fixture import PASSWORD, PanelWorld
from tests.panel_seed import seed
from tests.peers import free_tcp_port, need

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

DESK, PHONE, SMALL = 1280, 390, 360
KEY: Final = bytes(range(32))
FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE: Final = Path(__file__).parents[2] / "build" / "axe.min.js"
AXE_OPTIONS: Final = "{resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}"
STAFF_PAGES: Final = (
    "/complaints",
    "/complaints?state=late",
    "/complaints/K00003",
    "/complaints/K00005",
    "/complaints/new",
    "/complaints/new?subscriber=100001",
    "/complaints/report?span=year",
    "/complaints/surveys?span=year",
    "/complaints/categories",
    "/jobs",
    "/jobs/K00003",
    "/jobs/K00005",
    "/outages",
    "/outages/G00001",
    "/outages/declare",
    "/outages/declare?nas=cibiru-1",
)
OWN_PAGES: Final = ("/akun/keluhan", "/akun/keluhan/baru", "/akun/keluhan/K00003")
expect.set_options(timeout=30_000)  # a busy machine is no failure


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """Return a SQLite file with a week of complaints in it, made once and copied for each test."""
    path = tmp_path_factory.mktemp("week") / "netbilld.db"
    shutil.copyfile(sqlite_template, path)

    async def fill() -> None:
        database = Database(sqlite_url(path))
        world = PanelWorld(database, SecretBox(KEY), photos=path.parent / "photos")
        await complain(world, await seed(world))
        await database.close()

    asyncio.run(fill())
    return path


@pytest_asyncio.fixture(loop_scope="module")
async def world(week: Path, tmp_path: Path) -> AsyncIterator[PanelWorld]:
    shutil.copyfile(week, tmp_path / "netbilld.db")
    database = Database(sqlite_url(tmp_path / "netbilld.db"))
    yield PanelWorld(database, SecretBox(KEY), photos=week.parent / "photos")
    await database.close()


@pytest_asyncio.fixture(loop_scope="module")
async def panel(world: PanelWorld) -> AsyncIterator[str]:
    runner = web.AppRunner(world.app(), access_log=None, shutdown_timeout=1)
    async with served(runner) as url:
        yield url


@pytest_asyncio.fixture(loop_scope="module")
async def portal(world: PanelWorld) -> AsyncIterator[str]:
    parts = PortalParts(
        store=world.database,
        box=world.box,
        now=world.clock.now,
        entropy=os.urandom,
        business_name="Rumah Net",
        complaints=complaint_services(world.database, world.photos),
    )
    async with served(portal_runner(create_portal(parts))) as url:
        yield url


@asynccontextmanager
async def served(runner: web.AppRunner) -> AsyncIterator[str]:
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
async def tab(chromium: Browser, width: int, **options: Any) -> AsyncIterator[Page]:
    """Give a page; whatever the browser complains about, a breach of the content policy too, fails the test."""
    context = await chromium.new_context(
        viewport={"width": width, "height": 844}, extra_http_headers={"Accept-Language": "id"}, **options
    )
    context.set_default_timeout(30_000)
    page = await context.new_page()
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    assert [text for text in problems if "status of 422" not in text] == []
    await context.close()


async def at_the_desk(page: Page, url: str, email: str = "admin@rumahnet.example") -> None:
    await page.goto(url + "/signin")
    await page.fill("[name=email]", email)
    await page.fill("[name=password]", PASSWORD)
    await page.get_by_role("button", name="Masuk").click()
    await page.wait_for_url(url + "/")


async def at_home(page: Page, url: str, number: str) -> None:
    await page.goto(url + "/masuk")
    await page.fill("#name", number)
    await page.fill("#password", "sandi-dial-1")
    await page.get_by_role("button", name="Masuk", exact=True).click()
    await page.wait_for_url(url + "/akun")


async def overflow(page: Page) -> int:
    width = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
    return int(await page.evaluate(width))


async def serious(page: Page) -> list[str]:
    """Return what axe finds wrong that keeps somebody out."""
    await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate(f"axe.run(document, {AXE_OPTIONS})")
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:160]}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize("width", [DESK, PHONE])
async def test_every_page_fits_and_keeps_nobody_out(panel: str, chromium: Browser, width: int) -> None:
    async with tab(chromium, width, bypass_csp=True) as page:
        await at_the_desk(page, panel, "admin@rumahnet.example" if width == DESK else TECHNICIAN)
        for path in STAFF_PAGES:
            if width == PHONE and path == "/complaints/categories":
                continue  # not a technician's
            await page.goto(panel + path)
            await expect(page.locator("h1").first).to_be_visible()
            assert await overflow(page) <= 0, path
            assert await serious(page) == [], path


async def test_the_portals_pages_fit_a_small_phone(portal: str, chromium: Browser) -> None:
    async with tab(chromium, SMALL, bypass_csp=True) as page:
        await at_home(page, portal, "100005")
        for path in OWN_PAGES:
            await page.goto(portal + path)
            assert await overflow(page) <= 0, path
            assert await serious(page) == [], path


async def test_a_complaint_goes_from_the_portal_without_scripts_to_closed(
    panel: str, portal: str, chromium: Browser, tmp_path: Path
) -> None:
    photo = tmp_path / "modem.jpg"
    photo.write_bytes(picture("JPEG", (300, 200)))
    async with (
        tab(chromium, SMALL, java_script_enabled=False) as home,
        tab(chromium, PHONE, has_touch=True) as field,
    ):
        await at_home(home, portal, "100002")
        await home.get_by_role("link", name="Pengaduan").click()
        await home.get_by_role("link", name="Buat pengaduan").click()
        await home.select_option("#category", "mati")
        await home.fill("#text", "Mati sejak subuh")
        await home.set_input_files("#photos", photo)
        await home.get_by_role("button", name="Kirim").click()
        await expect(home.get_by_role("status")).to_contain_text("Nomornya K00010")
        await expect(home.locator(".photos img")).to_have_count(1)

        await at_the_desk(field, panel, TECHNICIAN)
        await field.goto(panel + "/jobs/K00010")
        await field.get_by_role("button", name="Saya tangani dan mulai").click()
        await expect(field.get_by_role("status")).to_contain_text("mulai dikerjakan")
        await field.fill("[name=done]", "Konektor diganti")
        await field.fill("[name=signed_by]", "Ibu Siti")
        box = await field.locator("canvas").bounding_box()
        assert box is not None
        await field.locator("canvas").scroll_into_view_if_needed()
        box = await field.locator("canvas").bounding_box()
        assert box is not None
        await field.mouse.move(box["x"] + 30, box["y"] + 30)
        await field.mouse.down()
        await field.mouse.move(box["x"] + 150, box["y"] + 60, steps=5)
        await field.mouse.up()
        await field.get_by_label("Sudah jalan lagi").check()
        await field.get_by_role("button", name="Simpan surat tugas").click()
        await expect(field.get_by_role("status")).to_contain_text("tersimpan")
        await expect(field.locator(".photos img").last).to_be_visible()
        await expect(field.locator("main")).to_contain_text("Ibu Siti")

        await home.goto(portal + "/akun/keluhan/K00010")
        await expect(home.locator("main")).to_contain_text("Konektor diganti")
        await home.fill("#again", "Masih mati")
        await home.get_by_role("button", name="Buka lagi").click()
        await expect(home.get_by_role("status")).to_contain_text("Dibuka lagi")
        await field.goto(panel + "/complaints/K00010")
        await field.locator("form[action$=resolve] textarea").fill("Modem diganti")
        await field.get_by_role("button", name="Selesai", exact=True).click()
        await expect(field.get_by_role("status")).to_contain_text("Selesai")

        await home.goto(portal + "/akun/keluhan/K00010")
        await home.get_by_role("button", name="Ya, sudah beres").click()
        for scale in ("overall", "speed", "manner"):
            await home.locator(f"[name={scale}][value='5']").check()
        await home.locator("[name=solved][value=yes]").check()
        await home.get_by_role("button", name="Kirim").click()
        await expect(home.get_by_role("status")).to_contain_text("Terima kasih")
        await field.goto(panel + "/complaints/K00010")
        await expect(field.locator("h1")).to_contain_text("Ditutup")
        await expect(field.locator("main")).to_contain_text("5 / 5")


async def test_the_list_counts_by_itself_when_a_complaint_comes_in(panel: str, portal: str, chromium: Browser) -> None:
    async with tab(chromium, DESK) as desk, tab(chromium, SMALL) as home:
        await at_the_desk(desk, panel)
        await desk.goto(panel + "/complaints")
        tile = desk.locator(".tile").filter(has_text="Terbuka").locator("dd")
        before = int(await tile.inner_text())
        await at_home(home, portal, "100002")
        await home.goto(portal + "/akun/keluhan/baru")
        await home.select_option("#category", "lambat")
        await home.fill("#text", "Lambat sekali")
        await home.get_by_role("button", name="Kirim").click()
        await expect(home.get_by_role("status")).to_be_visible()
        await expect(tile).to_have_text(str(before + 1))
        await expect(desk.locator("table.complaints")).to_contain_text("K00010")
