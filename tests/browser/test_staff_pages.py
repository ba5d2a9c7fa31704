"""Second factors, staff and the audit trail in a real browser: at a desk and on a phone."""

from base64 import b32decode
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.totp import STEP_SECONDS, code_of, step_at
from netbilld.services.manage_buyers import BuyerChanges, ManageBuyers
from tests.chromium import DESK, PHONE, faults, tab
from tests.clock import StandingClock
from tests.panel_fixture import PASSWORD, SYSTEM, PanelWorld

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ADMIN: Final = "admin@rumahnet.example"


@pytest_asyncio.fixture(loop_scope="module")
async def world(database: Database, box: SecretBox) -> PanelWorld:
    made = PanelWorld(database, box)
    await made.plans()
    await made.staff()
    return made


async def password(page: Page, url: str, next_path: str = "") -> None:
    await page.goto(url + "/signin" + (f"?next={next_path}" if next_path else ""))
    await page.fill("[name=email]", ADMIN)
    await page.fill("[name=password]", PASSWORD)
    await page.get_by_role("button", name="Masuk", exact=True).click()


@pytest.mark.parametrize("width", [DESK, PHONE])
async def test_one_signs_in_with_a_code_of_a_generator_and_without_the_telephone_by_a_recovery_code(
    world: PanelWorld, url: str, chromium: Browser, width: int
) -> None:
    assert isinstance(world.clock, StandingClock)
    async with tab(chromium, width) as page:
        await password(page, url)
        await page.wait_for_url(url + "/")
        await page.goto(url + "/profile/second-factor")
        assert await faults(page) == []
        await page.fill("main [name=password]", PASSWORD)
        await page.get_by_role("button", name="Mulai").click()
        await expect(page.locator("img.qr")).to_be_visible()
        assert await faults(page) == []
        typed = await page.locator(".secret").inner_text()
        secret = b32decode(typed + "=" * (-len(typed) % 8))
        await page.fill(".steps-down [name=code]", code_of(secret, step_at(world.clock.now())))
        await page.get_by_role("button", name="Konfirmasi").click()
        await expect(page.locator(".codes li")).to_have_count(10)
        assert await faults(page) == []
        recovery = await page.locator(".codes li").first.inner_text()
        await page.goto(url + "/profile/second-factor")
        assert await faults(page) == []
    world.clock.pass_time(seconds=STEP_SECONDS)
    async with tab(chromium, width) as page:
        await password(page, url, "%2Fstaff")
        assert await faults(page) == []
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
        assert await faults(page) == []
        await page.get_by_role("link", name="Tambah orang").click()
        await page.locator("[name=name]").fill("Budi Penagih")
        await page.locator("[name=email]").fill("budi@rumahnet.example")
        await page.locator("[value=collector]").check()
        await page.locator("[name=areas]").fill("jabar/bandung\ndiy")
        assert await faults(page) == []
        await page.get_by_role("button", name="Tambah").click()
        await expect(page.locator(".one-time")).to_be_visible()
        assert await faults(page) == []
        await page.get_by_role("link", name="Selesai").click()
        assert await faults(page) == []
        await page.goto(url + "/staff/roles")
        assert await faults(page) == []
        await page.goto(url + "/audit")
        if width == PHONE:  # where the filter is folded up while it is not in use
            await page.get_by_text("Saring daftar").click()
        await page.locator("[name=kind]").select_option("staff.add")
        await page.get_by_role("button", name="Cari").click()
        await expect(page.locator("table.audit tbody tr")).to_have_count(1)
        await expect(page.locator("table.audit")).to_contain_text("budi@rumahnet.example")
        assert await faults(page) == []
        await page.goto(f"{url}/subscribers/{siti.number}/identity")
        assert await faults(page) == []
        await page.fill("[name=why]", "faktur pajak")
        await page.get_by_role("button", name="Tampilkan lengkap").click()
        await expect(page.locator("main")).to_contain_text("3273010101900001")
        await page.goto(url + "/profile")
        assert await faults(page) == []
