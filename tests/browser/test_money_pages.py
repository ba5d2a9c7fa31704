"""The pages of money in a real browser: every one fits a desk and a phone, is usable by all, and breaks no policy."""

import asyncio
import io
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import pytest
import pytest_asyncio
from aiohttp import FormData, web
from playwright.async_api import Browser, Page, async_playwright, expect
from sqlalchemy import insert

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.secretbox import SecretBox
from tests.panel_fixture import NOW, PASSWORD, PanelWorld, client_of
from tests.panel_fixture import Browser as Client
from tests.panel_money import bill, once, pay
from tests.panel_seed import seed
from tests.peers import free_tcp_port, missing, need

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

DESK, PHONE = 1280, 390
KEY: Final = bytes(range(32))
FLAGS: Final = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
AXE: Final = Path(__file__).parents[2] / "build" / "axe.min.js"
AXE_OPTIONS: Final = "{resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}"
FIRST: Final = "INV-202611-000001"
PAGES: Final = (
    "/invoices",
    "/invoices?state=overdue&period=all",
    "/invoices/drafts/add",
    f"/invoices/{FIRST}",
    f"/invoices/{FIRST}/explain",
    f"/invoices/{FIRST}/credit",
    "/invoices/INV-2026-000110",
    "/payments",
    "/payments/add",
    "/payments/parked",
    "/payments/codes",
    "/payments/bank",
    "/subscribers/100001/wallet",
    "/deliveries",
    f"/deliveries/{FIRST}",
    "/dunning",
    "/dunning?on=2026-11-24",
    "/reports",
    "/reports/revenue",
    "/reports/receivables",
    "/reports/usage",
    "/reports/bills",
    "/plans",
    "/plans/HOME20",
    "/plans/add",
    "/plans/HOME20/version",
    "/plans/HOME20/move",
)
expect.set_options(timeout=30_000)  # a busy machine is no failure


async def fill(database: Database) -> None:
    """Write a month of money into an evening of a small ISP."""
    world = PanelWorld(database, SecretBox(KEY))
    people = await seed(world)
    async with client_of(world.app()) as client:
        browser = Client(client)
        await browser.sign_in("admin@rumahnet.example")
        numbers = [await bill(browser, person, 150_000 + place * 5_000) for place, person in enumerate(people[:12])]
        for place, person in enumerate(people[:7]):
            await pay(browser, person, (150_000, 90_000, 200_000)[place % 3], method=("cash", "transfer")[place % 2])
        await browser.send(
            f"/invoices/{numbers[8]}/credit",
            {"once": once(), "why": "gangguan 3 hari", "line-1": "yes", "amount-1": "20000"},
        )
        await browser.send(
            "/payments/parked",
            {"once": once(), "amount": "75000", "method": "transfer", "why": "Dari 'SITI', tanpa nomor"},
        )
        await browser.send(f"/invoices/{numbers[9]}/code")
        form = FormData({"csrf": await browser.token(), "mapping": "generic"})
        text = f"tanggal,keterangan,jumlah\n2026-11-20,TRSF {numbers[10]} OLEH SANTOSO,200000\n2026-11-21,bunga,777\n"
        form.add_field("file", io.BytesIO(text.encode()), filename="mutasi.csv", content_type="text/csv")
        await client.post("/payments/bank", data=form, allow_redirects=False)
        await browser.send("/dunning/promises", {"who": people[9].number, "until": "2026-11-26", "reason": "gajian"})
        await browser.send("/dunning/holidays", {"on": "2026-12-25", "name": "Natal", "area": ""})
        text = (await browser.page("/plans/KUOTA100/version")).partition("<textarea")[2].partition(">")[2]
        dearer = {"text": text.partition("</textarea>")[0].replace("&#34;", '"').replace("150000", "165000")}
        assert (await browser.send("/plans/KUOTA100/version", dearer | {"newest": "1", "do": "keep"})).status == 303
    async with database.write() as work:
        invoices = [await work.invoices.by_number(number) for number in numbers[:3]]
        for found, state in zip(invoices, ("printed", "with_courier", "received"), strict=True):
            assert found is not None
            sent = state != "printed"
            row = {
                "invoice_id": found.invoice.id,
                "state": state,
                "courier": "JNE" if sent else None,
                "tracking_number": "JP12345678" if sent else None,
                "printed_on": NOW.date(),
                "handed_on": NOW.date() if sent else None,
                "received_on": NOW.date() if state == "received" else None,
                "receiver": "Ibu Siti" if state == "received" else None,
                "changed_at": NOW,
            }
            await work.connection.execute(insert(tables.paper_invoices).values(row))


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """Return a SQLite file with a month of money in it."""
    path = tmp_path_factory.mktemp("month") / "netbilld.db"
    shutil.copyfile(sqlite_template, path)

    async def make() -> None:
        database = Database(sqlite_url(path))
        await fill(database)
        await database.close()

    asyncio.run(make())
    return path


@pytest_asyncio.fixture(loop_scope="module")
async def url(month: Path, tmp_path: Path) -> AsyncIterator[str]:
    shutil.copyfile(month, tmp_path / "netbilld.db")
    database = Database(sqlite_url(tmp_path / "netbilld.db"))
    runner = web.AppRunner(PanelWorld(database, SecretBox(KEY)).app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    port = free_tcp_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()
    await database.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=need("chromium"), args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def tab(
    chromium: Browser, url: str, width: int, scheme: Literal["light", "dark"] = "light", *, bypass_csp: bool = False
) -> AsyncIterator[Page]:
    """Give a page of somebody at work; whatever the browser complains about fails the test."""
    context = await chromium.new_context(
        viewport={"width": width, "height": 844},
        extra_http_headers={"Accept-Language": "id"},
        bypass_csp=bypass_csp,
        color_scheme=scheme,
    )
    context.set_default_timeout(30_000)
    page = await context.new_page()
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    await page.goto(url + "/signin")
    await page.fill("[name=email]", "admin@rumahnet.example")
    await page.fill("[name=password]", PASSWORD)
    await page.get_by_role("button", name="Masuk").click()
    await page.wait_for_url(url + "/")
    yield page
    assert [text for text in problems if "status of 422" not in text] == []
    await context.close()


async def overflow(page: Page) -> int:
    width = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
    return int(await page.evaluate(width))


async def wrong(page: Page) -> list[str]:
    """Return what axe finds wrong."""
    await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate(f"axe.run(document, {AXE_OPTIONS})")
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]


@pytest.mark.parametrize("width", [DESK, PHONE])
async def test_every_page_fits_and_breaks_no_policy(url: str, chromium: Browser, width: int) -> None:
    async with tab(chromium, url, width) as page:
        for path in PAGES:
            answer = await page.goto(url + path)
            assert answer is not None
            assert answer.status == 200, path
            assert await overflow(page) <= 0, path


@pytest.mark.parametrize(("width", "scheme"), [(DESK, "light"), (PHONE, "dark")])
async def test_axe_finds_nothing(url: str, chromium: Browser, width: int, scheme: Literal["light", "dark"]) -> None:
    if not AXE.is_file():
        missing("axe-core")
    async with tab(chromium, url, width, scheme, bypass_csp=True) as page:
        found = {}
        for path in PAGES:
            await page.goto(url + path)
            if some := await wrong(page):
                found[path] = some
        assert found == {}
