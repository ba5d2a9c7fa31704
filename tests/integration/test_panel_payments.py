"""The pages of payments, on both databases: the list, one recorded with its choice, reversed, moved, parked, refunded."""

from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.documents import LatePrinting
from netbilld.daemon.settings import Settings
from netbilld.model.periods import local_date
from netbilld.model.permissions import Role
from netbilld.services.keep_collectors import KeepCollectors
from netbilld.services.readmodels import PAGE_LENGTH
from tests.panel_fixture import NOW, SYSTEM, ZONE, Browser, PanelWorld, Person, client_of, plain
from tests.panel_money import bill, books_hold, once, owed, pay
from tests.pdf_reader import read_pdf

TODAY = local_date(NOW, ZONE)


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.plans()
    return await world.person("budi@rumahnet", area="Cibiru")


@pytest.fixture
async def browser(world: PanelWorld, person: Person, tmp_path: Path) -> AsyncIterator[Browser]:
    del person
    printing = LatePrinting(Settings(data_dir=tmp_path, timezone=ZONE), world.database, world.box)
    async with client_of(world.app(printing=printing)) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.ACCOUNTING))
        yield browser


async def test_every_filter_of_payments_has_exactly_its_rows_and_sums(world: PanelWorld, browser: Browser) -> None:
    """BANG-2.5a: payments with date, amount and method; each filter to the row, the sums of all pages."""
    people = [await world.person(f"orang{one}@rumahnet", f"Orang {one}", area=("A", "B")[one % 2]) for one in range(4)]
    rows: list[dict[str, Any]] = [
        {
            "id": uuid4(),
            "subscriber_id": people[number % 4].subscriber_id,
            "amount_minor": 1000 + number,
            "currency": "IDR",
            "method": ("cash", "transfer", "qris")[number % 3],
            "reference": f"REF-{number}",
            "received_on": TODAY - timedelta(days=number % 60),
            "recorded_at": NOW - timedelta(minutes=number),
            "actor": "ani",
            "status": "reversed" if number % 10 == 9 else "received",
            "receipt_no": f"KW-{number:06d}",
            "note": "",
        }
        for number in range(230)
    ]
    async with world.database.write() as work:
        await work.connection.execute(insert(tables.payments), rows)
    for query, chosen in (
        ("period=all", bool),
        ("period=month", lambda row: row["received_on"] >= TODAY.replace(day=1)),
        ("period=all&method=qris", lambda row: row["method"] == "qris"),
        ("period=all&state=reversed", lambda row: row["status"] == "reversed"),
        ("period=all&q=kw-00001", lambda row: row["receipt_no"].startswith("KW-00001")),
        ("period=all&area=B", lambda row: row["subscriber_id"] in {people[1].subscriber_id, people[3].subscriber_id}),
        ("period=all&q=ref-7", lambda row: row["reference"].startswith("REF-7")),
    ):
        expected = [row for row in rows if chosen(row)]
        expected.sort(key=lambda row: (row["received_on"], row["recorded_at"]), reverse=True)
        found: list[str] = []
        for page_number in range(1, 20):
            page = await browser.page(f"/payments?{query}&page={page_number}")
            part = [piece.partition('"')[0] for piece in page.split('class="mono" href="/payments/')[1:]]
            assert len(part) <= PAGE_LENGTH
            if not part:
                break
            found += part
        assert found == [str(row["id"]) for row in expected], query
        stands = sum(row["amount_minor"] for row in expected if row["status"] == "received")
        first = plain(await browser.page(f"/payments?{query}"))
        assert f"Rp{stands:,}".replace(",", ".") in first.partition("<section")[0], query


async def test_a_payment_goes_where_it_is_put(world: PanelWorld, browser: Browser, person: Person) -> None:
    """BANG-2.4a, BANG-2.4d: recorded by hand, put to the chosen invoice; what is settled in full is Lunas."""
    old, new = [await bill(browser, person, amount) for amount in (100_000, 250_000)]
    page = plain(await browser.page(f"/payments/add?to={person.number}&invoice={new}"))
    assert "Rp350.000" in page
    address = await pay(browser, person, 250_000, **{"pick-1": new, "rest": "wallet"})
    assert (await owed(world, old), await owed(world, new)) == (100_000, 0)
    paid = plain(await browser.page(address))
    assert "Lunas" in paid
    assert new in paid
    part = await pay(browser, person, 40_000)
    assert await owed(world, old) == 60_000
    assert "Dibayar sebagian" in plain(await browser.page(part))
    assert world.nudges == 4
    await books_hold(world)


async def test_the_same_payment_sent_twice_is_one(world: PanelWorld, browser: Browser, person: Person) -> None:
    key = once()
    first, again = [await pay(browser, person, 50_000, once=key, reference="TRX-1") for _ in range(2)]
    assert first == again
    same_reference = await browser.send(
        "/payments",
        {"sent": "yes", "to": person.number, "amount": "50000", "method": "cash", "once": once(), "reference": "TRX-1"},
    )
    assert same_reference.headers["Location"] == f"{first}?done=payment-known"
    async with world.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(tables.payments)) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"amount": "banyak"}, "Tuliskan jumlah sebagai angka"),
        ({"amount": "0"}, "Tuliskan jumlah sebagai angka"),
        ({"amount": "99000000"}, "Hitung lagi angka nolnya"),
        ({"received_on": "besok"}, "TTTT-BB-HH"),
        ({"received_on": "2027-01-01"}, "Tanggal itu tidak mungkin"),
        ({"pick-1": "INV-NOBODYS"}, "sudah tidak terbuka"),
        ({"part-1": "1", "pick-1": "ITS", "amount": "5"}, "sudah tidak terbuka"),
        ({"withheld-pph23": "1000"}, "Tulis nomor buktinya."),
        ({"collector": "siapa"}, "Kolektor itu tidak ada."),
        ({"method": ""}, "Isi bagian ini."),
    ],
)
async def test_what_is_wrong_with_a_payment_is_said_beside_its_field(
    world: PanelWorld, browser: Browser, person: Person, changed: dict[str, str], said: str
) -> None:
    form = {"sent": "yes", "to": person.number, "amount": "50000", "method": "transfer", "reference": "R-77"}
    answer = await browser.send("/payments", form | {"once": once(), "note": "dari Ibu"} | changed)
    assert answer.status == 422
    page = unescape(await answer.text())
    assert said in page
    assert 'value="R-77"' in page
    assert 'value="dari Ibu"' in page
    async with world.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(tables.payments)) == 0


async def test_an_implausible_amount_is_taken_when_it_is_meant(browser: Browser, person: Person) -> None:
    assert await pay(browser, person, 99_000_000, meant="yes")


async def test_nobody_pays_without_a_name(browser: Browser) -> None:
    answer = await browser.client.get("/payments/add?to=siapa-ini")
    assert answer.status == 422
    assert "Tidak ada pelanggan" in await answer.text()


async def test_a_bounced_payment_is_reversed_and_its_invoice_owed_again(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    number = await bill(browser, person, 100_000)
    address = await pay(browser, person, 120_000)
    nothing = await browser.send(f"{address}/reverse", {"once": once(), "why": ""})
    assert nothing.status == 422
    form = {"once": once(), "why": "Giro kosong"}
    for _ in range(2):
        assert (await browser.send(f"{address}/reverse", form)).status == 303
    assert await owed(world, number) == 100_000
    page = plain(await browser.page(address))
    assert "Giro kosong" in page
    assert "Dibatalkan" in page
    again = await browser.send(f"{address}/reverse", {"once": once(), "why": "lagi"})
    assert again.status == 422
    assert "Pembayaran itu sudah dibatalkan." in await again.text()
    assert (await browser.client.get(f"{address}/receipt.pdf")).status == 409
    await books_hold(world)


async def test_a_payment_moves_to_whose_it_is(world: PanelWorld, browser: Browser, person: Person) -> None:
    siti = await world.person("siti@rumahnet", "Siti Aminah")
    number = await bill(browser, siti, 80_000)
    address = await pay(browser, person, 80_000)
    wrong = await browser.send(f"{address}/move", {"once": once(), "why": "salah", "to": "tidak-ada"})
    assert wrong.status == 422
    own = await browser.send(f"{address}/move", {"once": once(), "why": "salah", "to": person.number})
    assert "memang sudah milik" in await own.text()
    moved = await browser.send(f"{address}/move", {"once": once(), "why": "Salah orang", "to": siti.number})
    assert moved.status == 303
    assert "Siti Aminah" in await browser.page(moved.headers["Location"])
    assert await owed(world, number) == 0
    await books_hold(world)


async def test_money_goes_to_the_name_that_was_typed_whoever_has_a_user_name_that_looks_like_that_number(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    siti = await world.person("siti@rumahnet", "Siti Aminah")
    await world.person(person.number, "Nama Seperti Nomor")  # a user name is anything, another's number as well
    number = await bill(browser, siti, 70_000)
    page = await browser.page(await pay(browser, person, 50_000, to=person.username))
    assert "Budi Santoso" in page
    assert "Nama Seperti Nomor" not in page
    address = await pay(browser, siti, 70_000, to=siti.username)
    assert await owed(world, number) == 0
    moved = await browser.send(f"{address}/move", {"once": once(), "why": "Salah orang", "to": person.username})
    assert "Budi Santoso" in await browser.page(moved.headers["Location"])
    await books_hold(world)


async def test_a_payment_is_put_to_another_invoice(world: PanelWorld, browser: Browser, person: Person) -> None:
    old, new = [await bill(browser, person, amount) for amount in (100_000, 100_000)]
    address = await pay(browser, person, 100_000)
    assert (await owed(world, old), await owed(world, new)) == (0, 100_000)
    nothing = await browser.send(f"{address}/allocate", {"once": once()})
    assert nothing.status == 422
    done = await browser.send(f"{address}/allocate", {"once": once(), "pick-1": new, "rest": "wallet"})
    assert done.status == 303, await done.text()
    assert (await owed(world, old), await owed(world, new)) == (100_000, 0)
    await books_hold(world)


async def test_a_wallet_is_put_to_invoices_or_paid_back(world: PanelWorld, browser: Browser, person: Person) -> None:
    await pay(browser, person, 300_000)
    number = await bill(browser, person, 50_000)
    wallet = f"/subscribers/{person.number}/wallet"
    assert "Rp250.000" in plain(await browser.page(wallet))
    assert await owed(world, number) == 0
    over = await browser.send(
        f"{wallet}/refund", {"once": once(), "amount": "250001", "method": "cash", "why": "minta"}
    )
    assert over.status == 422
    assert "Saldonya kurang dari itu." in await over.text()
    form = {"once": once(), "amount": "100000", "method": "cash", "why": "Minta kembali"}
    for _ in range(2):
        assert (await browser.send(f"{wallet}/refund", form)).status == 303
    assert "Rp150.000" in plain(await browser.page(wallet))
    empty = await browser.send(f"{wallet}/allocate", {"once": once()})
    assert empty.status == 422
    assert (await browser.client.get("/subscribers/999999/wallet")).status == 404
    await books_hold(world)


async def test_money_without_a_name_waits_and_is_released_or_sent_back(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    form = {"once": once(), "amount": "75000", "method": "transfer", "why": "Dari 'SITI', tanpa nomor"}
    for _ in range(2):
        assert (await browser.send("/payments/parked", form)).status == 303
    other = form | {"once": once(), "amount": "60000"}
    assert (await browser.send("/payments/parked", other)).status == 303
    assert (await browser.send("/payments/parked", form | {"once": once(), "amount": "-1"})).status == 422
    page = unescape(await browser.page("/payments/parked"))
    assert page.count("Dari 'SITI', tanpa nomor") == 2
    async with world.database.read() as work:
        kept = {one.amount_minor: one.id for one in await work.parked.listed(waiting_only=True)}
    assert set(kept) == {75_000, 60_000}
    nobody = await browser.send(f"/payments/parked/{kept[75_000]}/release", {"to": "tidak-ada"})
    assert nobody.status == 422
    released = await browser.send(f"/payments/parked/{kept[75_000]}/release", {"to": person.username})
    assert released.status == 303
    assert "Rp75.000" in plain(await browser.page(released.headers["Location"]))
    assert (await browser.send(f"/payments/parked/{kept[75_000]}/release", {"to": person.number})).status == 422
    assert (await browser.send(f"/payments/parked/{kept[60_000]}/return", {"why": "Salah kirim"})).status == 303
    assert (await browser.send(f"/payments/parked/{uuid4()}/return", {"why": "x"})).status == 404
    assert "Dikirim balik" in await browser.page("/payments/parked?all=yes")
    await books_hold(world)


async def test_cash_lies_with_the_collector_who_took_it(world: PanelWorld, browser: Browser, person: Person) -> None:
    """BANG-2.4c: what a collector takes is on that person's account."""
    keep = KeepCollectors(world.database, timezone=ZONE, currency="IDR")
    await keep.add("agus", "Agus Salim", staff=None, actor=SYSTEM, now=NOW)
    address = await pay(browser, person, 90_000, collector="agus")
    assert "agus" in await browser.page(address)
    assert str(address.rpartition("/")[2]) in await browser.page("/payments?person=agus")
    async with world.database.read() as work:
        assert await work.collectors.held("agus", "IDR") == 90_000


async def test_a_receipt_is_printed(browser: Browser, person: Person) -> None:
    """MDI-6: the receipt as PDF."""
    number = await bill(browser, person, 45_000)
    address = await pay(browser, person, 45_000)
    async with browser.client.get(f"{address}/receipt.pdf") as answer:
        assert (answer.status, answer.content_type) == (200, "application/pdf")
        paper = read_pdf(await answer.read())
    assert "Rp45.000" in paper.text
    assert number in paper.text


async def test_who_is_limited_to_an_area_takes_money_there_only(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    far = await world.person("jauh@rumahnet", "Jauh Sekali", area="Garut")
    theirs = await pay(browser, far, 10_000)
    mine = await pay(browser, person, 20_000)
    async with client_of(world.app()) as client:
        limited = Browser(client)
        await limited.sign_in(await world.staff(Role.CASHIER, "kasir@rumahnet.example", areas=("Cibiru",)))
        page = await limited.page("/payments")
        assert mine in page
        assert theirs not in page
        assert "Rp30.000" not in plain(page)
        assert (await client.get(theirs)).status == 404
        assert (await client.get(f"/payments/add?to={far.number}")).status == 422
        form = {"sent": "yes", "to": far.number, "amount": "5000", "method": "cash", "once": once()}
        assert (await limited.send("/payments", form)).status == 422
        assert (await limited.send("/payments", form | {"to": person.number})).status == 303
        assert (await client.get("/payments/parked", allow_redirects=False)).status == 403


async def test_a_cashier_records_and_corrects_nothing(world: PanelWorld, browser: Browser, person: Person) -> None:
    """BANG-2.7d."""
    address = await pay(browser, person, 20_000)
    async with client_of(world.app()) as client:
        cashier = Browser(client)
        await cashier.sign_in(await world.staff(Role.CASHIER))
        assert "Batalkan pembayaran" not in await cashier.page(address)
        assert (await cashier.send(f"{address}/reverse", {"why": "x", "once": once()})).status == 403
        assert await pay(cashier, person, 5_000)
