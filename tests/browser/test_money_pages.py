"""The pages of money in a real browser: every one fits a desk and a phone, is usable by all, and breaks no policy."""

import io
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from aiohttp import FormData
from playwright.async_api import Browser
from sqlalchemy import insert

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from tests.chromium import TURNS, sign_in, sweep, tab
from tests.furnished import opened_copy
from tests.panel_fixture import NOW, PanelWorld, client_of
from tests.panel_fixture import Browser as Client
from tests.panel_money import bill, once, pay
from tests.panel_seed import seed

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

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


async def fill(world: PanelWorld) -> None:
    """Write a month of money into an evening of a small ISP."""
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
        word = {"who": people[9].number, "until": "2026-11-26", "reason": "gajian", "once": once()}
        await browser.send("/dunning/promises", word)
        await browser.send("/dunning/holidays", {"on": "2026-12-25", "name": "Natal", "area": ""})
        text = (await browser.page("/plans/KUOTA100/version")).partition("<textarea")[2].partition(">")[2]
        dearer = {"text": text.partition("</textarea>")[0].replace("&#34;", '"').replace("150000", "165000")}
        assert (await browser.send("/plans/KUOTA100/version", dearer | {"newest": "1", "do": "keep"})).status == 303
    async with world.database.write() as work:
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A month of money."""
    place = tmp_path_factory.mktemp("month")
    async with opened_copy(sqlite_template, place) as database:
        await fill(PanelWorld(database, SecretBox(bytes(range(32)))))
    return place / sqlite_template.name


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.mark.parametrize(("width", "scheme", "turn"), TURNS)
async def test_every_page_fits_breaks_no_policy_and_shuts_nobody_out(
    url: str, chromium: Browser, width: int, scheme: str, turn: int
) -> None:
    async with tab(chromium, width, color_scheme=scheme) as page:
        await sign_in(page, url)
        assert await sweep(page, url, PAGES, turn) == []
