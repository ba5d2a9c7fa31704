"""Complaints in a real browser: from the portal without scripts to closed at the desk; every page fits and is usable."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.panel.portal.app import create_portal, portal_runner
from netbilld.panel.portal.parts import PortalParts
from tests.chromium import DESK, PHONE, SMALL, TURNS, faults, sign_in, sign_in_at_home, sweep, tab
from tests.complaint_seed import TECHNICIAN, complain
from tests.complaint_world import complaint_services, picture
from tests.furnished import opened_copy
from tests.loopback import served
from tests.panel_fixture import PanelWorld
from tests.panel_seed import seed

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

NOT_A_TECHNICIANS: Final = ("/complaints/categories",)
STAFF_PAGES: Final = (
    "/complaints",
    "/complaints?state=late",
    "/complaints/K00003",
    "/complaints/K00005",
    "/complaints/new",
    "/complaints/new?subscriber=100001",
    "/complaints/report?span=year",
    "/complaints/surveys?span=year",
    "/jobs",
    "/jobs/K00003",
    "/jobs/K00005",
    "/outages",
    "/outages/G00001",
    "/outages/declare",
    "/outages/declare?nas=cibiru-1",
    *NOT_A_TECHNICIANS,
)
OWN_PAGES: Final = ("/akun/keluhan", "/akun/keluhan/baru", "/akun/keluhan/K00003")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A week of complaints, with their photos beside it."""
    place = tmp_path_factory.mktemp("week")
    async with opened_copy(sqlite_template, place) as database:
        world = PanelWorld(database, SecretBox(bytes(range(32))), photos=place / "photos")
        await complain(world, await seed(world))
    return place / sqlite_template.name


@pytest.fixture
def world(filled: Path, database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box, photos=filled.parent / "photos")


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


async def at_home(page: Page, portal: str, number: str) -> None:
    await sign_in_at_home(page, portal, number, "sandi-dial-1")


@pytest.mark.parametrize(("width", "scheme", "turn"), TURNS)
async def test_every_page_fits_and_keeps_nobody_out(
    url: str, chromium: Browser, width: int, scheme: str, turn: int
) -> None:
    async with tab(chromium, width, color_scheme=scheme) as page:
        await sign_in(page, url, "admin@rumahnet.example" if width == DESK else TECHNICIAN)
        paths = [path for path in STAFF_PAGES if width == DESK or path not in NOT_A_TECHNICIANS]
        assert await sweep(page, url, paths, turn) == []


async def test_the_portals_pages_fit_a_small_phone(portal: str, chromium: Browser) -> None:
    async with tab(chromium, SMALL) as page:
        await at_home(page, portal, "100005")
        for path in OWN_PAGES:
            await page.goto(portal + path)
            assert await faults(page) == []


async def test_a_complaint_goes_from_the_portal_without_scripts_to_closed(
    url: str, portal: str, chromium: Browser, tmp_path: Path
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

        await sign_in(field, url, TECHNICIAN)
        await field.goto(url + "/jobs/K00010")
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
        await field.goto(url + "/complaints/K00010")
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
        await field.goto(url + "/complaints/K00010")
        await expect(field.locator("h1")).to_contain_text("Ditutup")
        await expect(field.locator("main")).to_contain_text("5 / 5")


async def test_the_list_counts_by_itself_when_a_complaint_comes_in(url: str, portal: str, chromium: Browser) -> None:
    async with tab(chromium, DESK) as desk, tab(chromium, SMALL) as home:
        await sign_in(desk, url)
        await desk.goto(url + "/complaints")
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
