"""The pages of paper invoices, on both databases: the list to the row, each step with its proof, nothing skipped."""

import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientResponse, FormData
from sqlalchemy import insert

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.documents.proofs import LARGEST_OCTETS
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.compose_money import money_parts
from netbilld.daemon.settings import Settings
from netbilld.model.periods import local_date
from netbilld.model.permissions import Role
from netbilld.services.delivery_views import DELIVERY_STATES
from tests.panel_fixture import NOW, ZONE, Browser, PanelWorld, Person, client_of, plain

TODAY = local_date(NOW, ZONE)
PHOTO = b"\xff\xd8\xff\xe0" + b"\0" * 70_000  # larger than a form without a file may be
NUMBER = "INV-202611-000777"


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.plans()
    return await world.person("budi@rumahnet", area="Cibiru", address="Jalan Melati 3")


@pytest.fixture
async def browser(world: PanelWorld, person: Person, tmp_path: Path) -> AsyncIterator[Browser]:
    del person
    money = money_parts(Settings(data_dir=tmp_path, timezone=ZONE), world.database)
    async with client_of(world.app(money=money)) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.ACCOUNTING))
        yield browser


async def send_proof(browser: Browser, step: str, content: bytes, **form: str) -> ClientResponse:
    data = FormData({"csrf": await browser.token()} | form)
    data.add_field("proof", io.BytesIO(content), filename="bukti.jpg", content_type="image/jpeg")
    return await browser.client.post(f"/deliveries/{NUMBER}/{step}", data=data, allow_redirects=False)


def rows_of(page: str) -> list[str]:
    return re.findall(r'<td class="number"><a class="mono" href="/deliveries/([^"]+)"', page)


async def test_the_list_and_not_yet_received_are_exact(world: PanelWorld, browser: Browser, person: Person) -> None:
    """ICON-3: invoice, recipient, courier, tracking no., sent date, received date, state; each filter to the row."""
    rows: list[dict[str, Any]] = []
    for place in range(120):
        number = f"INV-{place:05d}"
        invoice_id = await world.invoice(person, number, -3)
        state = ("printed", "with_courier", "received", "returned")[place % 4]
        sent, got = state != "printed", state == "received"
        rows.append(
            {
                "invoice_id": invoice_id,
                "state": state,
                "courier": ("JNE", "Pak Udin")[place % 2] if sent else None,
                "tracking_number": f"RESI-{place}" if sent else None,
                "printed_on": TODAY - timedelta(days=place),
                "handed_on": TODAY - timedelta(days=place - 1) if sent else None,
                "received_on": TODAY if got else None,
                "returned_on": TODAY if state == "returned" else None,
                "receiver": "Ibu Siti" if got else None,
                "proof": None,
                "changed_at": NOW,
                "number": number,
            }
        )
    async with world.database.write() as work:
        kept = [{name: value for name, value in row.items() if name != "number"} for row in rows]
        await work.connection.execute(insert(tables.paper_invoices), kept)
    for state in ("", *DELIVERY_STATES):
        wanted = {"not_received": {"printed", "with_courier", "returned"}, "": None}.get(state, {state})
        expected = [row for row in rows if wanted is None or row["state"] in wanted]
        names = [row["number"] for row in sorted(expected, key=lambda row: (row["printed_on"], row["number"]))]
        found: list[str] = []
        for page_number in range(1, 5):
            found += rows_of(await browser.page(f"/deliveries?state={state}&page={page_number}"))
        assert found == names, state
        printed = await browser.page(f"/deliveries?state={state}&print=yes")
        assert rows_of(printed) == names
        total = f"Rp{275_000 * len(names):,}".replace(",", ".")
        tiles = plain(printed).partition("money-sums")[2].partition("</dl>")[0]
        if state not in {"", "not_received"}:
            assert total in tiles
    assert rows_of(await browser.page("/deliveries?q=resi-77")) == ["INV-00077"]
    assert len(rows_of(await browser.page("/deliveries?q=udin&period=all"))) == 50
    first = plain((await browser.page("/deliveries?q=INV-00002&period=all")).partition("<tbody>")[2])
    for said in ("INV-00002", "Budi Santoso", "JNE", "RESI-2", "Ibu Siti", "Diterima"):
        assert said in first, said


async def test_a_paper_invoice_goes_its_way_with_who_when_and_a_proof(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    """ICON-7: printed, handed over, received: with actor, time and a photo; skipping a state is refused."""
    await world.invoice(person, NUMBER, -3)
    address = f"/deliveries/{NUMBER}"
    assert "Belum dicetak" in await browser.page(address)
    skipped = await browser.send(f"{address}/received", {"receiver": "Siti"})
    assert skipped.status == 422
    assert "tidak ada status yang dilompati" in await skipped.text()
    assert (await browser.send(f"{address}/printed")).status == 303
    no_courier = await browser.send(f"{address}/with_courier", {"courier": " ", "tracking": "R-1"})
    assert no_courier.status == 422
    page = unescape(await no_courier.text())
    assert "Isi bagian ini." in page
    assert 'value="R-1"' in page
    assert (await browser.send(f"{address}/with_courier", {"courier": "JNE", "tracking": "R-1"})).status == 303
    early = await browser.send(f"{address}/received", {"receiver": "Siti", "on": "2026-11-01"})
    assert "Tanggal itu tidak mungkin" in await early.text()
    assert (await send_proof(browser, "received", PHOTO, receiver="Ibu Siti", on="2026-11-22")).status == 303
    page = await browser.page(address)
    for said in ("Ibu Siti", "R-1", "accounting@rumahnet.example", "perjalanannya selesai"):
        assert said in page, said
    async with browser.client.get(f"{address}/proof") as answer:
        assert (answer.status, answer.content_type) == (200, "image/jpeg")
        assert await answer.read() == PHOTO
    assert (await browser.send(f"{address}/printed")).status == 422
    invoice = await browser.page(f"/invoices/{NUMBER}")
    assert "Ibu Siti" in invoice  # ICON-13: delivery beside payment


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<script>alert(1)</script>", "Buktinya bukan PNG, JPEG, atau PDF."),
        (b"MZ\x90\0", "Buktinya bukan PNG, JPEG, atau PDF."),
        (PHOTO[:4] + b"\0" * LARGEST_OCTETS, "Buktinya lebih besar dari 10 MB."),
    ],
)
async def test_a_proof_is_judged_by_its_content(
    world: PanelWorld, browser: Browser, person: Person, content: bytes, said: str
) -> None:
    await world.invoice(person, NUMBER, -3)
    for step, form in (("printed", {}), ("with_courier", {"courier": "JNE"})):
        assert (await browser.send(f"/deliveries/{NUMBER}/{step}", form)).status == 303
    answer = await send_proof(browser, "received", content, receiver="Ibu Siti")
    assert answer.status == 422
    page = unescape(await answer.text())
    assert said in page
    assert 'value="Ibu Siti"' in page
    assert (await browser.client.get(f"/deliveries/{NUMBER}/proof")).status == 404


async def test_many_are_printed_and_handed_over_at_once(world: PanelWorld, browser: Browser, person: Person) -> None:
    for place in range(3):
        await world.invoice(person, f"INV-{place}", -3)
    answer = await browser.send("/deliveries", {"step": "printed", "numbers": "INV-0\r\ninv-1, INV-2\nINV-9"})
    assert answer.status == 303
    page = await browser.page(answer.headers["Location"])
    assert "INV-9" in page.partition("<form")[0] + page
    assert rows_of(await browser.page("/deliveries?state=printed")) == ["INV-0", "INV-1", "INV-2"]
    data = [("csrf", await browser.token()), ("step", "with_courier"), ("courier", "Pak Udin"),
            ("number", "INV-0"), ("number", "INV-2")]  # fmt: skip
    handed = await browser.client.post("/deliveries", data=data, allow_redirects=False)
    assert handed.status == 303
    assert rows_of(await browser.page("/deliveries?state=with_courier")) == ["INV-0", "INV-2"]
    assert (await browser.send("/deliveries", {"step": "with_courier", "number": "INV-1"})).status == 409


async def test_what_is_nobodys_is_not_there(world: PanelWorld, browser: Browser, person: Person) -> None:
    await world.invoice(person, "CN-1", -3, kind="credit_note", status="paid", paid_minor=275_000)
    assert (await browser.client.get("/deliveries/CN-1")).status == 200  # a note is paper, too
    for path in ("/deliveries/INV-NOBODYS", "/deliveries/INV-NOBODYS/proof",
                 f"/deliveries/{uuid4()}/proof", "/deliveries/..%2f..%2fetc%2fpasswd/proof"):  # fmt: skip
        assert (await browser.client.get(path)).status == 404, path
    assert (await browser.send("/deliveries/INV-NOBODYS/printed")).status == 404
