"""Passkeys in a real browser with an authenticator inside: made on one's own page, and used in both ways to sign in."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, CDPSession, Page, expect

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from tests.chromium import DESK, PHONE, faults, sign_in, tab
from tests.loopback import served
from tests.panel_fixture import PASSWORD, PanelWorld

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest_asyncio.fixture(loop_scope="module")
async def url(database: Database, box: SecretBox) -> AsyncIterator[str]:
    world = PanelWorld(database, box)
    await world.staff()
    async with served(world.app()) as address:
        yield address.replace("127.0.0.1", "localhost")  # browsers make passkeys for names alone


async def with_authenticator(page: Page) -> tuple[CDPSession, str]:
    """Give the tab's browser a device that makes passkeys and asks its owner."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    made = await session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return session, str(made["authenticatorId"])


async def leave(page: Page, url: str) -> None:
    await page.locator(".menu summary").click()
    await page.get_by_role("button", name="Keluar").click()
    await page.wait_for_url(url + "/signin")


@pytest.mark.parametrize("width", [DESK, PHONE])
async def test_a_passkey_is_made_and_signs_in_alone_and_in_place_of_a_code(
    url: str, chromium: Browser, width: int
) -> None:
    async with tab(chromium, width) as page:
        session, device = await with_authenticator(page)
        await sign_in(page, url)
        await page.goto(url + "/profile/second-factor")
        form = page.locator("form[data-passkey]")
        await form.locator("[name=name]").fill("HP saya")
        await form.locator("[name=password]").fill("bukan-sandi")
        await form.get_by_role("button").click()
        await expect(form.get_by_role("alert")).to_have_text("Kata sandi sekarang tidak benar.")
        await form.locator("[name=password]").fill(PASSWORD)
        await form.get_by_role("button").click()
        await expect(page.locator("ul.codes li")).to_have_count(10)
        await page.goto(url + "/profile/second-factor")
        await expect(page.locator("#passkeys")).to_contain_text("HP saya")
        assert await faults(page) == []
        await leave(page, url)
        await page.get_by_role("button", name="Masuk dengan passkey").click()
        await page.wait_for_url(url + "/")
        await leave(page, url)
        await page.fill("[name=email]", "admin@rumahnet.example")
        await page.fill("[name=password]", PASSWORD)
        await page.get_by_role("button", name="Masuk", exact=True).click()
        await page.wait_for_url(url + "/signin/code")
        assert await faults(page, axe=False) == []
        await session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
        await page.get_by_role("button", name="Konfirmasi dengan passkey").click()
        await expect(page.locator("form[data-passkey]").get_by_role("alert")).to_contain_text("tidak diberikan")
        await session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
        await page.get_by_role("button", name="Konfirmasi dengan passkey").click()
        await page.wait_for_url(url + "/")


async def test_without_scripts_the_pages_say_what_to_do(url: str, chromium: Browser) -> None:
    async with tab(chromium, PHONE, java_script_enabled=False) as page:
        await sign_in(page, url)
        await page.goto(url + "/profile/second-factor")
        await expect(page.locator("#passkeys noscript p")).to_contain_text("JavaScript")
        await expect(page.locator("form[data-passkey]")).to_be_hidden()
        await page.locator("form[action='/profile/second-factor'] [name=password]").fill(PASSWORD)
        await page.get_by_role("button", name="Mulai").click()
        await expect(page.locator(".secret")).to_be_visible()
