"""From a hotspot's page to browsing, on a phone of 360 px: a voucher is chosen, paid, and logged in with by itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, expect

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from tests.chromium import SMALL, faults, tab
from tests.online_kiosk import OnlineKiosk, Router, a_router, online_kiosk

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@asynccontextmanager
async def a_beach(database: Database, box: SecretBox) -> AsyncIterator[tuple[OnlineKiosk, Router]]:
    async with online_kiosk(database, box) as kiosk, kiosk.world.portal(pay=kiosk.pay) as portal:
        kiosk.fake.hook = f"{portal}/hook/midtrans"
        await kiosk.offer(name="Wi-Fi Pantai 1 hari")
        await kiosk.offer(name="Wi-Fi Pantai 1 minggu", validity_seconds=7 * 86_400, price_minor=25_000)
        async with a_router(kiosk, portal) as router:
            yield kiosk, router


async def ordered(page: Page, router: Router) -> str:
    """Choose a week on the page that the router sends a phone to, and return the name of its payment."""
    await page.goto(router.url + "/berita")
    if not page.url.startswith(router.portal):
        await page.get_by_role("button").first.click()  # without scripts the router's page has a button
    await page.get_by_label("1 minggu").check()
    assert await faults(page, axe=False) == []
    await page.get_by_role("button", name="QRIS").click()
    await expect(page.locator("img.code")).to_be_visible()
    await expect(page.locator(".figure")).to_have_text("Rp25.000")
    assert await faults(page, axe=False) == []
    return page.url.rpartition("/")[2].partition(".")[0]


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_visitor_without_an_account_pays_and_browses(
    database: Database, box: SecretBox, chromium: Browser, *, scripts: bool
) -> None:
    """INCA-36: nobody of the staff has a part in it; with JavaScript, and without it by reload."""
    meant = ("status of 4",)
    async with (
        a_beach(database, box) as (kiosk, router),
        tab(chromium, SMALL, java_script_enabled=scripts, meant=meant) as page,
    ):
        ref = await ordered(page, router)
        await kiosk.paid(ref, times=2)
        await kiosk.node.load()
        router.forget_challenge()
        if not scripts:
            await page.reload()
            for _ in range(3):  # our page, the router's anew, and ours once more
                await page.get_by_role("button").first.click()
        await expect(page.locator(".notice.good")).to_contain_text("Internet Anda aktif")
        await expect(page.locator(".voucher")).to_be_visible()
        assert await faults(page, axe=scripts) == []
        await page.get_by_role("link", name="Lanjut ke halaman").click()
        await expect(page.locator("h1")).to_have_text("Berita")
        assert await kiosk.made() == 1
