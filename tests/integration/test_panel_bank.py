"""The pages of bank statements, on both databases: a file taken in, proposals accepted or not, what is broken told."""

import base64
import io
import re
from collections.abc import AsyncIterator
from html import unescape

import pytest
from aiohttp import ClientResponse, FormData
from sqlalchemy import func, select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.permissions import Role
from netbilld.panel.security import LARGEST_BODY_OCTETS
from netbilld.panel.staff.bank import LARGEST_OCTETS
from tests.panel_fixture import Browser, PanelWorld, Person, client_of, plain
from tests.panel_money import bill, books_hold, owed

HEAD = "tanggal,keterangan,jumlah\n"


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.plans()
    return await world.person("budi@rumahnet")


@pytest.fixture
async def browser(world: PanelWorld, person: Person) -> AsyncIterator[Browser]:
    del person
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.ACCOUNTING))
        yield browser


async def bring(browser: Browser, content: str | bytes, name: str = "mutasi.csv", **form: str) -> ClientResponse:
    data = FormData({"csrf": await browser.token(), "mapping": "generic"} | form)
    octets = content.encode() if isinstance(content, str) else content
    data.add_field("file", io.BytesIO(octets), filename=name, content_type="text/csv")
    return await browser.client.post("/payments/bank", data=data, allow_redirects=False)


async def rows(world: PanelWorld) -> dict[int, tuple[int, str]]:
    async with world.database.read() as work:
        return {row.amount_minor: (row.id, row.status.value) for row in await work.bank.listed(None)}


async def test_a_statement_comes_in_once_and_its_rows_wait_with_who_they_may_be_from(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    """BANG-2.4a: by unique amount at once, by proposal with a person's word; each to the right invoice."""
    first, second = [await bill(browser, person, amount) for amount in (150_000, 99_000)]
    assert (await browser.send(f"/invoices/{first}/code")).status == 303
    text = (
        HEAD
        + "2026-11-20,TRF BUDI,150001\n"  # the invoice's own amount: needs nobody
        + f"2026-11-20,bayar {second},99000\n"
        + "2026-11-21,entah siapa,777\n"
        + "2026-11-21,biaya admin,-6500\n"
        + "2026-99-21,rusak,1000\n"
    )
    only_looked = await bring(browser, text, dry_run="yes")
    assert "hanya dilihat" in await only_looked.text()
    assert await rows(world) == {}
    page = plain(unescape(await (await bring(browser, text)).text()))
    assert "3 baris masuk." in page
    assert "1 langsung cocok." in page
    assert "1 baris tidak terbaca" in page
    assert "2026-99-21" in page
    report = re.search(r'download="mutasi.rejected.csv" href="data:text/csv;charset=utf-8;base64,([^"]+)"', page)
    assert report is not None
    assert "rusak" in base64.b64decode(report[1]).decode()
    assert await owed(world, first) == 0
    again = plain(await (await bring(browser, text, "salinan.csv")).text())
    assert "0 baris masuk." in again
    kept = await rows(world)
    assert {amount: state for amount, (_, state) in kept.items()} == {150_001: "matched", 99_000: "open", 777: "open"}
    row = kept[99_000][0]
    assert second in await browser.page("/payments/bank")
    for _ in range(2):
        await browser.send(f"/payments/bank/{row}/match", {"invoice": second})
    assert await owed(world, second) == 0
    async with world.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(tables.payments)) == 2
    await books_hold(world)


async def test_what_was_decided_on_a_row_is_taken_back(world: PanelWorld, browser: Browser, person: Person) -> None:
    number = await bill(browser, person, 80_000)
    await bring(browser, HEAD + "2026-11-20,entah,80000\n2026-11-20,bunga,123\n")
    kept = await rows(world)
    mine, interest = kept[80_000][0], kept[123][0]
    assert (await browser.send(f"/payments/bank/{mine}/match", {"to": person.number})).status == 303
    assert await owed(world, number) == 0
    twice = await browser.send(f"/payments/bank/{mine}/match", {"to": person.number})
    assert twice.status == 422
    assert (await browser.send(f"/payments/bank/{mine}/undo", {"why": "Salah orang"})).status == 303
    assert await owed(world, number) == 80_000
    assert (await browser.send(f"/payments/bank/{interest}/ignore", {"why": ""})).status == 422
    assert (await browser.send(f"/payments/bank/{interest}/ignore", {"why": "Bunga bank"})).status == 303
    assert "Bunga bank" in await browser.page("/payments/bank?state=ignored")
    for path in ("/payments/bank/999999/match", "/payments/bank/999999/ignore", "/payments/bank/999999/undo"):
        assert (await browser.send(path, {"to": person.number, "why": "x"})).status == 404, path
    nobody = await browser.send(f"/payments/bank/{mine}/match", {"to": "tidak-ada"})
    assert nobody.status == 422
    assert "Pelanggan, tagihan, atau pembayaran itu tidak ada." in await nobody.text()
    await books_hold(world)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Berkasnya kosong."),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "Ini bukan berkas CSV."),
        (b"PK\x03\x04\x14\0\x06\0", "Ini bukan berkas CSV."),
        ("sembarang,kolom\n1,2\n", "Judul kolomnya tidak seperti bank ini."),
        (b"\xff\xfetanggal", "Judul kolomnya tidak seperti bank ini."),
        (b'"' * 5000, "Judul kolomnya tidak seperti bank ini."),
    ],
)
async def test_a_file_that_is_no_statement_is_refused_by_its_content(
    world: PanelWorld, browser: Browser, content: bytes | str, said: str
) -> None:
    answer = await bring(browser, content, "mutasi.csv")
    assert answer.status == 422
    assert said in await answer.text()
    assert await rows(world) == {}


async def test_no_file_and_an_unknown_bank_are_refused(browser: Browser) -> None:
    assert (await browser.send("/payments/bank", {"mapping": "generic"})).status == 422
    assert (await bring(browser, HEAD, mapping="bank-siapa")).status == 422


async def test_a_huge_file_is_refused_and_a_large_one_is_not(world: PanelWorld, browser: Browser) -> None:
    """An upload may be larger than other forms, and has an end."""
    huge = HEAD.encode() + b"x" * (LARGEST_OCTETS + 1)
    assert (await bring(browser, huge)).status == 413
    large = HEAD + "".join(f"2026-11-20,baris {number} {'x' * 60},{number + 1}\n" for number in range(1_500))
    assert len(large) > LARGEST_BODY_OCTETS
    assert (await bring(browser, large)).status == 200
    assert len(await rows(world)) == 1_500
    page = await browser.page("/payments/bank?q=77")
    assert ">Rp77<" in plain(page)
    data = FormData({"csrf": await browser.token(), "reason": "x" * (LARGEST_BODY_OCTETS + 1)})
    assert (await browser.client.post("/payments", data=data)).status == 413


async def test_nothing_in_a_file_is_taken_for_markup(browser: Browser) -> None:
    evil = '"<script>alert(1)</script>"'
    text = HEAD + f"2026-11-20,{evil},500\nkapan,{evil},x\n".replace('""', '"')
    answer = await bring(browser, text.encode() + b"kapan,\xff\xfe,9\n", name="<script>alert(1)</script>.csv")
    assert answer.status == 200
    page = await answer.text()
    assert "<script>alert" not in page
    assert "<script>alert" not in await browser.page("/payments/bank")
