"""A real browser for tests of pages: headless Chromium, tabs that fail a test for what they complain of, and axe."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.panel_fixture import PASSWORD
from tests.peers import free_tcp_port, missing, need

DESK: Final = 1280
PHONE: Final = 390
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE: Final = Path(__file__).parents[1] / "build" / "axe.min.js"
AXE_OPTIONS: Final = "{resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}"
MOST_MS: Final = 30_000  # a busy machine is no failure
expect.set_options(timeout=MOST_MS)


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """Give a browser; starting one takes longer than most tests, so a file shares it."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=need("chromium"), args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Give the address at which an application answers."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    port = free_tcp_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def tab(
    chromium: Browser, width: int = DESK, *, meant: Collection[int] = (401, 422), **options: Any
) -> AsyncIterator[Page]:
    """Give a page; whatever the browser complains of, a breach of the content policy too, fails the test.

    Args:
        chromium: the browser.
        width: of its window.
        meant: answers that are no complaint, such as to a wrong password and to a form that can't be.
        options: of the browser's context.
    """
    context = await chromium.new_context(
        viewport={"width": width, "height": 844},
        extra_http_headers={"Accept-Language": "id"} | dict(options.pop("extra_http_headers", {})),
        **options,
    )
    context.set_default_timeout(MOST_MS)
    page = await context.new_page()
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    wrong = [text for text in problems if not any(f"status of {code}" in text for code in meant)]
    assert wrong == [], wrong
    await context.close()


async def sign_in(page: Page, url: str, email: str = "admin@rumahnet.example") -> None:
    """Sign in to the panel."""
    await page.goto(url + "/signin")
    await page.fill("[name=email]", email)
    await page.fill("[name=password]", PASSWORD)
    await page.get_by_role("button", name="Masuk", exact=True).click()
    await page.wait_for_url(url + "/")


async def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    width = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
    return int(await page.evaluate(width))


async def serious(page: Page) -> list[str]:
    """Return what axe finds serious of a page, with where; the tab must be opened with `bypass_csp=True`."""
    if not AXE.is_file():
        missing("axe-core")
    await page.add_script_tag(path=AXE)
    found = await page.evaluate(f"axe.run({AXE_OPTIONS}).then(result => result.violations)")
    return [
        f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]
