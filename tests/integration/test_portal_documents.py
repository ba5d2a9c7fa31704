"""Documents and the portal: a code tells whether a paper is genuine, and a subscriber has their own invoices as PDF."""

from datetime import date
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.documents import LatePrinting
from netbilld.daemon.settings import DocumentSettings, PortalSettings, Settings
from netbilld.panel.portal.parts import OfficialChannels
from netbilld.services.document_codes import CodedFacts, document_code, is_genuine, split_code
from tests.pdf_reader import read_pdf
from tests.portal_client import browser, read, sign_in, signed_in
from tests.portal_world import World

NUMBER = "INV-202611-000001"
FACTS = CodedFacts("invoice", NUMBER, date(2026, 11, 1), "IDR", 275_000)


@pytest.fixture
def world(database: Database, box: SecretBox) -> World:
    return World(database, box)


def printing(world: World, tmp_path: Path, url: str) -> LatePrinting:
    settings = Settings(
        data_dir=tmp_path, portal=PortalSettings(public_url=url), documents=DocumentSettings(contact="halo@example.net")
    )
    return LatePrinting(settings, world.database, world.box)


async def issued(world: World, username: str = "budi@desa", number: str = NUMBER) -> UUID:
    person = await world.person(username, name="Budi Santoso")
    return await world.invoice(person, number, date(2026, 11, 25), total_minor=275_000)


async def facts_of(world: World, number: str = NUMBER) -> CodedFacts:
    async with world.database.read() as work:
        row = (await work.connection.execute(select(tables.invoices).where(tables.invoices.c.number == number))).one()
    return CodedFacts(row.kind, row.number, row.issued_on, row.currency, row.total_minor)


async def test_the_code_on_an_invoice_leads_to_what_it_says(world: World, tmp_path: Path) -> None:
    """INCA-45."""
    await issued(world)
    async with world.portal() as url, browser() as client:
        file = await printing(world, tmp_path, url).invoice(NUMBER, world.now)
        [address] = read_pdf(file.octets).codes
        assert address.startswith(f"{url}/v/")
        page = await read(client, address)
        assert "Ya, diterbitkan oleh Desa Net" in page
        for said in (NUMBER, "Rp275.000", "Bu•••"):
            assert said in page
        assert "Budi Santoso" not in page
        typed = address.rpartition("/")[2].lower().replace("o", "0")  # as somebody reads it aloud
        assert "Ya, diterbitkan" in await read(client, f"{url}/v?code={typed}")
        assert "Pindai kode QR" in await read(client, f"{url}/v")


async def test_a_code_of_another_document_total_or_key_is_not_genuine(world: World) -> None:
    """INCA-45."""
    await issued(world)
    facts = await facts_of(world)
    forged = [
        document_code(SecretBox(bytes(32)), facts),
        document_code(world.box, CodedFacts(facts.kind, NUMBER, facts.issued_on, "IDR", facts.total_minor - 1)),
        document_code(world.box, CodedFacts("receipt", NUMBER, facts.issued_on, "IDR", facts.total_minor)),
        document_code(world.box, facts).replace("000001", "000002"),
        f"{NUMBER}.",
        NUMBER,
        ".AAAA",
        "%00",
        "../../etc/passwd",
        "A" * 300,
    ]
    async with world.portal() as url, browser() as client:
        assert "Ya, diterbitkan" in await read(client, f"{url}/v/{document_code(world.box, facts)}")
        pages = {await read(client, f"{url}/v?code={code}", 404) for code in forged[:4]}
        assert all("Tidak. Desa Net tidak menerbitkan" in page for page in pages)
        assert not [page for page in pages if "275.000" in page or "Bu•••" in page]
        for code in forged[4:]:
            async with client.get(f"{url}/v", params={"code": code}) as answer:
                assert answer.status == 404


async def test_how_the_provider_is_really_paid_and_reached_is_listed(world: World) -> None:
    """INCA-45."""
    account, number = "BCA 1234567890 a.n. PT Contoh", "WhatsApp 0812-0000-0000"
    official = OfficialChannels((account,), (number,), "https://portal.example.net")
    async with world.portal(official=official) as url, browser() as client:
        assert "/v" in await read(client, f"{url}/masuk")
        page = await read(client, f"{url}/v")
        assert not [
            said for said in ("Saluran resmi", account, number, "https://portal.example.net") if said not in page
        ]
    async with world.portal() as url, browser() as client:
        assert 'id="resmi"' not in await read(client, f"{url}/v")


async def test_a_genuine_document_that_is_credited_says_so(world: World) -> None:
    await issued(world)
    async with world.database.write() as work:
        await work.connection.execute(update(tables.invoices).values(status="credited"))
    async with world.portal() as url, browser() as client:
        assert "telah dikreditkan" in await read(client, f"{url}/v/{document_code(world.box, await facts_of(world))}")


def test_a_number_with_slashes_and_dots_has_a_code_too(box: SecretBox) -> None:
    facts = CodedFacts("invoice", "012/INV/ISP.ABC/I/2026", date(2026, 1, 1), "IDR", 1)
    number, mark = split_code(document_code(box, facts)) or ("", "")
    assert number == facts.number
    assert is_genuine(box, facts, f"{mark[:4]}-{mark[4:].lower()}")


async def test_an_invoice_is_downloaded_by_its_owner_only(world: World, tmp_path: Path) -> None:
    """MDI-6."""
    owner = await world.person("budi@desa", name="Budi Santoso")
    invoice_id = await world.invoice(owner, NUMBER, date(2026, 11, 25), total_minor=275_000)
    other = await world.person("siti@desa")
    made = printing(world, tmp_path, "https://portal.example.net")
    async with world.portal(printing=made) as url:
        async with signed_in(url, owner) as client:
            assert f"/akun/tagihan/{invoice_id}/pdf" in await read(client, f"{url}/akun/tagihan/{invoice_id}")
            async with client.get(f"{url}/akun/tagihan/{invoice_id}/pdf") as answer:
                assert answer.headers["Content-Type"] == "application/pdf"
                assert "no-store" in answer.headers["Cache-Control"]
                paper = read_pdf(await answer.read())
            assert NUMBER in paper.text
            assert "Rp275.000" in paper.text
            await read(client, f"{url}/akun/tagihan/{uuid4()}/pdf", 404)
            await read(client, f"{url}/akun/tagihan/1/pdf", 404)
        async with signed_in(url, other) as client:
            await read(client, f"{url}/akun/tagihan/{invoice_id}/pdf", 404)
        async with browser() as client:
            await read(client, f"{url}/akun/tagihan/{invoice_id}/pdf", 303)
            assert (await sign_in(client, url, owner.username, "salah"))[0] == 422


async def test_a_receipt_is_downloaded_by_who_paid_only(world: World, tmp_path: Path) -> None:
    """MDI-6."""
    owner, other = await world.person("budi@desa", name="Budi Santoso"), await world.person("siti@desa")
    payment_id = await world.payment(owner, 200_000, reference="BCA-1")
    address = f"/akun/pembayaran/{payment_id}/pdf"
    made = printing(world, tmp_path, "https://portal.example.net")
    async with world.portal(printing=made) as url:
        async with signed_in(url, owner) as client:
            assert address not in await read(client, f"{url}/akun/pembayaran/{payment_id}")
            await read(client, url + address, 404)  # it has no receipt number
            async with world.database.write() as work:
                await work.connection.execute(update(tables.payments).values(receipt_no="KW-202611-000001"))
            assert address in await read(client, f"{url}/akun/pembayaran/{payment_id}")
            async with client.get(url + address) as answer:
                paper = read_pdf(await answer.read())
            assert "KW-202611-000001" in paper.text
            assert "Rp200.000" in paper.text
        async with signed_in(url, other) as client:
            await read(client, url + address, 404)
        async with browser() as client:
            await read(client, url + address, 303)
