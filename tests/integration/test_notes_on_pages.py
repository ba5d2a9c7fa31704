"""Credit notes and write-offs on the pages of staff and subscribers: told for what they are, in both languages."""

from datetime import date

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import invoices
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.allocation import Part
from netbilld.billing.numbering import DEFAULT
from netbilld.model.actor import Actor
from netbilld.model.permissions import Role
from netbilld.services.correct_invoice import CorrectInvoice
from tests.panel_fixture import Browser, PanelWorld, client_of
from tests.portal_client import read, signed_in
from tests.portal_world import NOW, ZONE, World

ACTOR = Actor("ani", "cli")
NUMBER = "INV-202611-000001"
NOTE = "CN-202611-000001"


@pytest.fixture
def world(database: Database, box: SecretBox) -> World:
    return World(database, box)


def correcting(database: Database) -> CorrectInvoice:
    return CorrectInvoice(database, numbering=DEFAULT, timezone=ZONE)


async def test_the_portal_names_a_credit_note_and_what_settled_an_invoice(world: World) -> None:
    """MDI-6, ICON-5."""
    budi = await world.person("budi@desa")
    credited = await world.invoice(budi, NUMBER, date(2026, 11, 25))
    lost = await world.invoice(budi, "INV-202610-000001", date(2026, 10, 25), total_minor=90_000)
    half = await world.invoice(budi, "INV-202609-000001", date(2026, 9, 25), total_minor=80_000)
    await correcting(world.database).credit(NUMBER, [], why="salah tagih", actor=ACTOR, now=NOW)
    await correcting(world.database).write_off("INV-202610-000001", None, why="pindah", actor=ACTOR, now=NOW)
    async with world.database.write() as work:
        [invoice] = (await work.invoices.of_ids([half])).values()
        await work.invoices.save_settled(invoice.settle(80_000))
        await work.invoices.add_allocations([Part(half, "INV-202609-000001", 80_000)], None, NOW)
        note_id = await work.connection.scalar(select(invoices.c.id).where(invoices.c.number == NOTE))
    async with world.portal() as url, signed_in(url, budi) as client:
        bills = await read(client, url + "/akun/tagihan")
        row = bills.partition(NOTE)[2].partition("</li>")[0]
        assert '<span class="chip info">Nota kredit</span>' in row
        assert "jatuh tempo" not in row
        page = await read(client, f"{url}/akun/tagihan/{note_id}")
        assert f"Nota kredit {NOTE}" in page
        assert "Sudah dibayar" not in page
        assert "Jatuh tempo" not in page
        page = await read(client, f"{url}/akun/tagihan/{credited}")
        assert "Nota kredit, 22 " in page
        assert "Saldo" not in page.partition("Diselesaikan dengan")[2]
        page = await read(client, f"{url}/akun/tagihan/{lost}")
        assert "Dihapusbukukan, 22 " in page
        page = await read(client, f"{url}/akun/tagihan/{half}")
        assert "Dibayar dengan" in page
        assert "Saldo, 22 " in page
        async with client.get(f"{url}/bahasa/en?ke=/akun") as answer:
            assert answer.status == 200
        english = await read(client, f"{url}/akun/tagihan/{note_id}")
        assert f"Credit note {NOTE}" in english


async def test_staff_see_a_credit_note_as_one(database: Database, box: SecretBox) -> None:
    world = PanelWorld(database, box)
    await world.plans()
    person = await world.person("budi@rumahnet")
    await world.invoice(person, NUMBER, 3)
    await world.invoice(person, NOTE, 10, kind="credit_note", status="paid", paid_minor=275_000)
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.ACCOUNTING))
        page = await browser.page(f"/subscribers/{person.number}")
        (row,) = [row for part in page.split("<tr")[1:] if NOTE in (row := part.partition("</tr>")[0])]
        assert "Nota kredit" in row
        assert "Lunas" not in row
