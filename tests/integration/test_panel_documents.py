"""Staff download a subscriber's invoice (ICON-6)."""

from pathlib import Path

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.documents import print_documents
from netbilld.daemon.settings import Settings
from netbilld.model.permissions import Role
from tests.panel_fixture import Browser, PanelWorld, client_of
from tests.pdf_reader import read_pdf


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.mark.parametrize("number", ["INV-202611-000777", "012/INV/ISP.ABC/XI/2026"])
async def test_staff_who_see_money_download_an_invoice_from_the_subscribers_page(
    world: PanelWorld, tmp_path: Path, number: str
) -> None:
    """ICON-6."""
    await world.plans()
    person = await world.person("budi@rumahnet")
    await world.invoice(person, number, -3)
    printing = print_documents(Settings(data_dir=tmp_path), world.database, world.box)
    async with client_of(world.app(printing=printing)) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.ACCOUNTING))
        page = await browser.page(f"/subscribers/{person.number}")
        address = f"/invoices/{number}/pdf"
        assert f'href="{address}"' in page
        async with client.get(address) as answer:
            assert (answer.status, answer.content_type) == (200, "application/pdf")
            paper = read_pdf(await answer.read())
        assert number in paper.text
        assert "Rp275.000" in paper.text
        async with client.get("/invoices/INV-1/pdf", allow_redirects=False) as answer:
            assert answer.status == 404
    async with client_of(world.app(printing=printing)) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.TECHNICAL))
        async with client.get(address, allow_redirects=False) as answer:
            assert answer.status == 403
