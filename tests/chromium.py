"""A real browser for tests of pages: headless Chromium, tabs that fail a test for what they complain of, and axe."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.panel_fixture import PASSWORD
from tests.peers import missing, need

DESK: Final = 1280
PHONE: Final = 390
SMALL: Final = 360  # of a phone on which the portal must still be usable
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
TURNS: Final = ((DESK, "light", 0), (PHONE, "dark", 1))  # see `sweep`
expect.set_options(timeout=MOST_MS)


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """Give a browser; starting one takes longer than most tests, so a file shares it."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=need("chromium"), args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def tab(
    chromium: Browser,
    width: int = DESK,
    *,
    meant: Collection[str] = ("status of 401", "status of 422"),
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> AsyncIterator[Page]:
    """Give a page; whatever the browser complains of, a breach of the content policy too, fails the test.

    Args:
        chromium: the browser.
        width: of its window.
        meant: words of what is no complaint, such as the answers to a wrong password and to a form that can't be.
        headers: of every request, beside the language.
        options: of the browser's context.
    """
    context = await chromium.new_context(
        viewport={"width": width, "height": 844},
        extra_http_headers={"Accept-Language": "id", **(headers or {})},
        **options,
    )
    context.set_default_timeout(MOST_MS)
    page = await context.new_page()
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    wrong = [text for text in problems if not any(words in text for words in meant)]
    assert wrong == [], wrong
    await context.close()


async def sign_in(page: Page, url: str, email: str = "admin@rumahnet.example") -> None:
    """Sign in to the panel."""
    await page.goto(url + "/signin")
    await page.fill("[name=email]", email)
    await page.fill("[name=password]", PASSWORD)
    await page.get_by_role("button", name="Masuk", exact=True).click()
    await page.wait_for_url(url + "/")


async def sign_in_at_home(page: Page, url: str, name: str, password: str) -> None:
    """Sign in to the portal, as a subscriber."""
    await page.goto(url + "/masuk")
    await page.fill("#name", name)
    await page.fill("#password", password)
    await page.get_by_role("button", name="Masuk", exact=True).click()
    await page.wait_for_url(url + "/akun")


async def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    width = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
    return int(await page.evaluate(width))


async def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with a page, and where."""
    if not AXE.is_file():
        missing("axe-core")
    await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate(f"axe.run({AXE_OPTIONS}).then(result => result.violations)")
    return [f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


async def faults(page: Page, *, axe: bool = True) -> list[str]:
    """Return what no page may have.

    That is more width than its window, a table cut off that can't be reached by keyboard to be moved, and, unless not
    asked, what axe finds wrong.
    """
    wrong = [f"{page.url}: {wider} px too wide"] if (wider := await overflow(page)) > 0 else []
    cut = "boxes => boxes.filter(box => box.scrollWidth > box.clientWidth).length"
    if await page.locator(".wide-box:not([tabindex])").evaluate_all(cut):
        wrong.append(f"{page.url}: a table is cut off")
    return wrong + (await violations(page) if axe else [])


async def sweep(page: Page, url: str, paths: Sequence[str], turn: int) -> list[str]:
    """Look at one page after the other; return the `faults` of all of them.

    axe takes its time, so that it looks at every second one: a desk in light and a phone in dark share the pages by
    their `turn`, 0 and 1. It looks at all of them in both in `make soak` (test_every_page).
    """
    wrong = []
    for place, path in enumerate(paths):
        answer = await page.goto(url + path)
        assert answer is not None, path
        assert answer.status in {200, 422}, (path, answer.status)  # 422: what was asked for can't be, and it says so
        wrong += await faults(page, axe=place % 2 == turn)
    return wrong
