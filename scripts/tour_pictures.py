"""Take the pictures of docs/tour again, from a demo that runs.

    netbilld demo          # in one terminal; it prints the password of its staff
    python scripts/tour_pictures.py PASSWORD [--panel http://127.0.0.1:8080] [--portal http://127.0.0.1:8081]

Needs Chromium and the development dependencies.
"""
# ruff: noqa: INP001 - a script that stands alone

import argparse
import asyncio
import io
import shutil
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

TARGET: Final = Path(__file__).resolve().parent.parent / "docs" / "tour"
DESK, PHONE = (1280, 860), (390, 844)
COLOURS: Final = 96  # flat pages need no more, and a picture is a quarter of the size
Shot = tuple[str, str, tuple[int, int]]
STAFF: Final[dict[str, list[Shot]]] = {
    "admin": [("overview", "/", DESK)],
    "maya": [("complaints", "/complaints", DESK), ("subscriber", "/subscribers/100001", DESK)],
    "dodi": [("jobs", "/jobs", PHONE), ("nas", "/nas/pop-melati", DESK)],
    "rina": [
        ("invoices", "/invoices", DESK),
        ("dunning", "/dunning", DESK),
        ("bank", "/payments/bank", DESK),
        ("gateways", "/gateways/inbox", DESK),
        ("messages", "/messages", DESK),
        ("vouchers", "/vouchers/V0002", DESK),
    ],
    "tono": [("collector", "/collect", PHONE)],
}
OWN: Final[list[Shot]] = [("portal", "/akun", PHONE), ("portal-plan", "/akun/paket", PHONE)]
AGENT: Final[list[Shot]] = [("agent", "/agen", PHONE)]


async def main() -> None:
    """Take every picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("password")
    parser.add_argument("--panel", default="http://127.0.0.1:8080")
    parser.add_argument("--portal", default="http://127.0.0.1:8081")
    options = parser.parse_args()
    TARGET.mkdir(exist_ok=True)
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for locale in ("id", "en"):
            for who, shots in STAFF.items():
                page = await _tab(browser, locale)
                await page.goto(f"{options.panel}/signin")
                await page.fill("[name=email]", f"{who}@demo.example")
                await page.fill("[name=password]", options.password)
                await page.locator("main button").first.click()
                await page.wait_for_load_state()
                await _take(page, options.panel, shots, locale)
            page = await _tab(browser, locale)
            await page.goto(f"{options.portal}/masuk")
            await page.fill("#name", "eko.pratama")
            await page.fill("#password", "rahasia04")
            await page.locator("form button").first.click()
            await page.wait_for_load_state()
            await _take(page, options.portal, OWN, locale)
            page = await _tab(browser, locale)
            await page.goto(f"{options.portal}/agen")
            await page.fill("#name", "sari")
            await page.fill("#password", options.password)
            await page.locator("form button").first.click()
            await page.wait_for_load_state()
            await _take(page, options.portal, AGENT, locale)
        await browser.close()


async def _tab(browser: Browser, locale: str) -> Page:
    context = await browser.new_context(extra_http_headers={"Accept-Language": locale}, locale=locale)
    return await context.new_page()


async def _take(page: Page, base: str, shots: list[Shot], locale: str) -> None:
    for name, path, (width, height) in shots:
        await page.set_viewport_size({"width": width, "height": height})
        await page.goto(base + path)
        await page.wait_for_timeout(800)  # what moves has come
        picture = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
        picture.quantize(COLOURS).save(TARGET / f"{name}.{locale}.png", optimize=True)


if __name__ == "__main__":
    asyncio.run(main())
