"""Bills, bank statements, paper and plans in a real browser, as billing staff go through them at a desk and on a phone."""

from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.permissions import Role
from tests.chromium import DESK, PHONE, overflow, sign_in, tab
from tests.panel_fixture import PanelWorld, Person

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

STATEMENT: Final = (
    "Tanggal,Keterangan,Kredit\n2026-11-20,TRSF DARI BUDI SANTOSO {number},350000\n2026-11-20,BUNGA,125\n"
)
WIDTHS: Final = pytest.mark.parametrize("width", [DESK, PHONE])


@pytest_asyncio.fixture(loop_scope="module")
async def world(database: Database, box: SecretBox) -> PanelWorld:
    made = PanelWorld(database, box)
    await made.plans()
    await made.staff(Role.ACCOUNTING, "admin@rumahnet.example")
    return made


@pytest_asyncio.fixture(loop_scope="module")
async def budi(world: PanelWorld) -> Person:
    return await world.person("budi.santoso", "Budi Santoso")


async def write_invoice(page: Page, url: str, number: str) -> str:
    """Write an invoice of two lines by hand and issue it; return its number."""
    await page.goto(url + "/invoices")
    await page.get_by_role("link", name="Buat tagihan").click()
    await page.fill("[name=to]", number)
    for line, (text, price) in enumerate((("Router baru", "300000"), ("Ongkos pasang", "50000")), 1):
        await page.fill(f"[name=text-{line}]", text)
        await page.fill(f"[name=price-{line}]", price)
    assert await overflow(page) == 0
    await page.locator("button[value=issue]").click()
    await expect(page.locator("h1 .mono")).to_contain_text("INV")
    return (await page.locator("h1 .mono").inner_text()).strip()


@WIDTHS
async def test_an_invoice_is_written_by_hand_and_credited_in_part(
    url: str, budi: Person, chromium: Browser, width: int
) -> None:
    """ICON-4, ICON-5: an issued one changes by a credit note alone, and both stay readable."""
    async with tab(chromium, width) as page:
        await sign_in(page, url)
        invoice = await write_invoice(page, url, budi.number)
        await expect(page.locator("main")).to_contain_text("Rp350.000")
        await page.goto(f"{url}/invoices/{invoice}/credit")
        assert await overflow(page) == 0
        await page.check("[name=line-2]")
        await page.fill("[name=why]", "Dipasang sendiri")
        await page.locator("main form button.primary").last.click()
        await expect(page.locator("main")).to_contain_text("CN")
        await page.goto(f"{url}/invoices/{invoice}")
        await expect(page.locator("main")).to_contain_text("Rp300.000")
        assert await overflow(page) == 0


@WIDTHS
async def test_a_transfer_on_a_bank_statement_pays_the_invoice_it_is_matched_with(
    url: str, budi: Person, chromium: Browser, width: int
) -> None:
    """BANG-2.4a: by import of a statement; what is no payment is left out with a reason."""
    async with tab(chromium, width) as page:
        await sign_in(page, url)
        invoice = await write_invoice(page, url, budi.number)
        await page.goto(url + "/payments/bank")
        text = STATEMENT.format(number=budi.number)
        await page.set_input_files(
            "input[type=file]", {"name": "mutasi.csv", "mimeType": "text/csv", "buffer": text.encode()}
        )
        await page.select_option("[name=mapping]", "generic")
        await page.locator("details.bring button.primary").click()
        transfer = page.locator("tr").filter(has_text="TRSF DARI BUDI")
        await expect(transfer).to_contain_text("Budi Santoso")
        assert await overflow(page) == 0
        await transfer.locator("form.proposal button").first.click()
        await expect(page.locator("tr").filter(has_text="TRSF DARI BUDI")).to_have_count(0)  # it waits no more
        interest = page.locator("tr").filter(has_text="BUNGA")
        await interest.locator("details.less summary").click()
        await interest.locator("[name=why]").fill("Bunga bank")
        await interest.locator("form[action$=ignore] button").click()
        await expect(page.locator("tr").filter(has_text="BUNGA")).to_have_count(0)
        await page.goto(f"{url}/invoices/{invoice}")
        await expect(page.locator("h1, .head").first).to_contain_text("Lunas")


@WIDTHS
async def test_a_paper_invoice_goes_from_the_printer_to_its_receiver(
    url: str, budi: Person, chromium: Browser, width: int
) -> None:
    """ICON-3, ICON-7: step by step, and the list of what has not arrived is exact."""
    async with tab(chromium, width) as page:
        await sign_in(page, url)
        invoice = await write_invoice(page, url, budi.number)
        await page.goto(f"{url}/deliveries/{invoice}")
        await page.locator("form[action$=printed] button").click()
        await page.fill("[name=courier]", "JNE")
        await page.fill("[name=tracking]", "JNE-001")
        assert await overflow(page) == 0
        await page.locator("form[action$=with_courier] button").click()
        await expect(page.locator("form[action$=received]")).to_be_visible()
        await page.goto(url + "/deliveries?state=not_received")
        await expect(page.locator("main")).to_contain_text(invoice)
        assert await overflow(page) == 0
        await page.goto(f"{url}/deliveries/{invoice}")
        await page.fill("form[action$=received] [name=receiver]", "Satpam Joko")
        await page.locator("form[action$=received] button").click()
        await expect(page.locator("main")).to_contain_text("Satpam Joko")
        await page.goto(url + "/deliveries?state=not_received")
        await expect(page.locator("main")).not_to_contain_text(invoice)


@WIDTHS
async def test_a_version_of_a_plan_is_looked_at_kept_and_services_are_moved_to_it(
    url: str, budi: Person, chromium: Browser, width: int
) -> None:
    async with tab(chromium, width) as page:
        await sign_in(page, url)
        await page.goto(url + "/plans/HOME20/version")
        text = await page.input_value("[name=text]")
        await page.fill("[name=text]", text.replace("275000", "300000"))
        await page.click("button[value=look]")
        await expect(page.locator(".difference .tone-good")).to_contain_text("300000")
        await expect(page.locator(".difference .tone-bad")).to_contain_text("275000")
        assert await overflow(page) == 0
        await page.click("button[value=keep]")
        await page.wait_for_url("**/plans/HOME20?done=*")
        await page.goto(url + "/plans/HOME20/move?to_version=2")
        await expect(page.locator("main")).to_contain_text(budi.username)
        await expect(page.locator("main")).to_contain_text("Rp300.000")
        assert await overflow(page) == 0
        page.on("dialog", lambda asked: asked.accept())
        await page.locator("form.under button.primary").click()
        await page.wait_for_url("**/plans/HOME20?done=*")
        await page.goto(url + "/plans/HOME20/version")
        await expect(page.locator("tr").filter(has_text="v2")).to_be_visible()
