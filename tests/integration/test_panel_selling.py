"""Pages of what is sold beside invoices: vouchers, agents, and a collector's day with its hand-over, on both databases."""

import re
from collections.abc import AsyncIterator

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.permissions import Role
from netbilld.services.keep_collectors import KeepCollectors
from tests.panel_fixture import NOW, SYSTEM, ZONE, Browser, PanelWorld, Person, client_of, plain
from tests.panel_money import bill, books_hold, once

pytestmark = pytest.mark.slow
JSON = {"Accept": "application/json"}


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.plans()
    return await world.person("budi@rumahnet", area="Cibiru")


@pytest.fixture
async def browser(world: PanelWorld, person: Person) -> AsyncIterator[Browser]:
    del person
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.ADMIN))
        yield browser


async def make(browser: Browser, **form: str) -> str:
    """Make a batch by the page; return its address."""
    sent = {"plan": "HOME20", "count": "5", "valid": "1d", "price": "5000", "once": once()} | form
    answer = await browser.send("/vouchers", sent)
    assert answer.status == 303, plain(await answer.text())
    return answer.headers["Location"].partition("?")[0]


async def test_vouchers_are_made_sold_found_and_taken_back_on_pages(world: PanelWorld, browser: Browser) -> None:
    key = once()
    assert await make(browser, once=key) == await make(browser, once=key)  # two clicks
    address = await make(browser, name="Harian", agent_price="4000", only_sold="yes")
    assert "Harian" in await browser.page("/vouchers")
    assert "Harian" in await browser.page(address)
    sale = {"count": "2", "method": "cash", "once": once(), "buyer": "Bu Sari"}
    sold = [await browser.send(address + "/sell", sale) for _ in range(2)]
    assert sold[0].headers["Location"] == sold[1].headers["Location"]
    receipt = await browser.page(sold[0].headers["Location"])
    codes = [code.replace(" ", "") for code in re.findall(r'<li><span class="mono">([A-Z0-9 ]+)</span>', receipt)]
    assert len(codes) == 2
    found = await browser.send("/vouchers/find", {"code": codes[0].lower()})
    assert "Terjual" in await found.text()
    refused = await browser.send("/vouchers/extend", {"code": codes[0], "valid": "1d"})
    assert refused.status == 422  # its time begins with the first use
    for form in ({"code": codes[0], "why": ""}, {"code": "NIHIL", "why": "x"}):
        assert (await browser.send("/vouchers/revoke", form)).status == 422
    taken = await browser.send("/vouchers/revoke", {"code": codes[0], "why": "hilang"})
    assert "hilang" in await taken.text()
    assert (await browser.send(address + "/sell", sale | {"count": "9", "once": once()})).status == 422
    assert codes[1] not in await browser.page(address)  # a batch's page shows nobody's code
    await books_hold(world)


async def test_what_is_wrong_with_a_batch_stands_beside_its_field(browser: Browser) -> None:
    for form, word in (
        ({"count": "25001"}, "25000"),
        ({"length": "4", "kind": "digits", "count": "5000"}, "bisa ditebak"),
        ({"valid": "selamanya"}, "30d"),
        ({"plan": "NIHIL"}, "NIHIL"),
        ({"agent_price": "6000"}, "lebih dari harga"),
        ({"name": "<script>alert(1)</script>", "count": "0"}, "&lt;script&gt;"),
    ):
        sent = {"plan": "HOME20", "count": "5", "valid": "1d", "price": "5000", "once": once()} | form
        answer = await browser.send("/vouchers", sent)
        page = await answer.text()
        assert answer.status == 422, form
        assert word in page, form
        assert "<script>alert" not in page


async def test_an_agent_is_made_paid_in_for_and_given_a_subscriber(browser: Browser, person: Person) -> None:
    form = {"name": "sari", "full_name": "Warung Sari", "password": "kuda-poni-merah", "commission": "2"}
    assert (await browser.send("/agents", form | {"password": "pendek"})).status == 422
    assert (await browser.send("/agents", form)).status == 303
    assert (await browser.send("/agents", form)).status == 422  # the name is taken
    deposit = {"amount": "100000", "method": "cash", "once": once()}
    for _ in range(2):
        assert (await browser.send("/agents/sari/deposit", deposit)).status == 303
    back = {"amount": "250000", "method": "cash", "reference": "salah ketik", "once": once()}
    refused = await browser.send("/agents/sari/pay-out", back)
    assert (refused.status, "salah ketik" in await refused.text()) == (422, True)
    for _ in range(2):
        assert (await browser.send("/agents/sari/pay-out", back | {"amount": "30000"})).status == 303
    for typed, shown in (("2,5", "2.5"), ("60", None), ("dua", None)):
        sent = await browser.send("/agents/sari", {"commission": typed, "active": "yes"})
        assert (sent.status == 303) is (shown is not None)
    assert 'value="2.5"' in await browser.page("/agents/sari")  # as it was typed, a place and all
    assert (await browser.send("/agents/sari/serve", {"number": person.number})).status == 303
    assert (await browser.send("/agents/sari/serve", {"number": "999999"})).status == 422
    page = plain(await browser.page("/agents/sari"))
    assert "Rp70.000" in page
    assert person.number in page
    async with browser.client.get("/agents/siapa") as answer:
        assert answer.status == 404


async def test_a_collector_takes_on_the_route_and_hands_over_what_is_counted(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    """BANG-2.4c: what a collector takes lies in that person's cash account until it is handed over."""
    await bill(browser, person, 90_000, due_days="0")
    email = await world.staff(Role.COLLECTOR)
    keep = KeepCollectors(world.database, timezone=ZONE, currency="IDR")
    await keep.add("agus", "Agus Salim", staff=email, actor=SYSTEM, now=NOW)
    async with client_of(world.app()) as client:
        phone = Browser(client)
        await phone.sign_in(email)
        page = plain(await phone.page("/collect"))
        assert person.number in page
        assert "Rp90.000" in page
        form = {"number": person.number, "amount": "90000", "once": f"{once()}-{person.number}"}
        told = []
        for _ in range(3):  # the phone was not told the first time, and sends again
            async with await phone.send("/collect", form, headers=JSON) as answer:
                told.append(await answer.json())
        assert told[0] == told[1] == told[2]
        for wrong in ({"number": "999999"}, {"amount": "0"}, {"amount": "x"}):
            async with await phone.send("/collect", form | wrong | {"once": once()}, headers=JSON) as answer:
                assert answer.status == 422
                assert (await answer.json())["fault"]
        assert person.number not in await phone.page("/collect")
        async with client.get("/collect/sw.js") as answer:
            assert answer.headers["Service-Worker-Allowed"] == "/collect"
    assert "Rp90.000" in plain(await browser.page("/handovers"))
    counted = {"piece-50000": "1", "piece-20000": "1", "piece-10000": "1", "once": once(), "signed": "Agus"}
    assert (await browser.send("/handovers/agus/handover", counted | {"signed": ""})).status == 422
    for _ in range(2):
        assert (await browser.send("/handovers/agus/handover", counted)).status == 303
    page = plain(await browser.page("/handovers"))
    assert "Rp80.000" in page
    assert "Agus" in page
    async with world.database.read() as work:
        assert await work.collectors.held("agus", "IDR") == 10_000  # what was missing stays with him
        missing = await work.collectors.missing(NOW)
        assert (missing["agus"].handovers, missing["agus"].short, missing["agus"].short_minor) == (1, 1, 10_000)
    stale = {"amount": "10000", "seen": "90000", "once": once(), "signed": "Agus"}  # as it was before the count
    refused = await browser.send("/handovers/agus/handover", stale)
    assert (refused.status, "lihat" in (await refused.text()).lower()) == (422, True)
    booked = {"amount": "0", "why": "hilang di jalan", "once": once(), "signed": "Agus"}
    assert (await browser.send("/handovers/agus/handover", booked)).status == 303
    async with world.database.read() as work:
        assert await work.collectors.held("agus", "IDR") == 0
        missing = await work.collectors.missing(NOW)
    assert (missing["agus"].short, missing["agus"].short_minor) == (1, 10_000)  # booked, and not missing once more
    await books_hold(world)


async def test_a_collectors_page_shows_what_never_came_and_what_came_late_and_ends_them(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    email = await world.staff(Role.COLLECTOR)
    keep = KeepCollectors(world.database, timezone=ZONE, currency="IDR")
    await keep.add("agus", "Agus Salim", staff=email, actor=SYSTEM, now=NOW)
    async with client_of(world.app()) as client:
        phone = Browser(client)
        await phone.sign_in(email)
        form = {"number": person.number, "amount": "20000"}
        for slip, age in (("7F3A-00002", "260000"), ("7F3A-00004", "3"), ("<script>", "-5")):
            sent = form | {"once": once(), "slip": slip, "age": age}
            assert (await phone.send("/collect", sent, headers=JSON)).status == 200
        page = plain(await browser.page("/handovers/agus"))
        missing = re.findall(r'<span class="nowrap">(AGUS-7F3A-\d+)', page)
        assert missing == ["AGUS-7F3A-00001", "AGUS-7F3A-00003"]
        assert "sampai 3 hari" in page
        assert "2 nomor tanda terima hilang" in plain(await browser.page("/handovers"))
        assert (await browser.send("/handovers/agus", {})).status == 303
        async with await phone.send("/collect", form | {"once": once()}, headers=JSON) as answer:
            assert answer.status == 409  # the phone keeps it
        page = plain(await phone.page("/collect"))
        assert "Anda sudah tidak menagih" in page
    assert "masih memegang Rp60.000" in plain(await browser.page("/handovers/agus"))
    async with browser.client.get("/handovers/siapa") as answer:
        assert answer.status == 404
    await books_hold(world)


async def test_a_route_is_of_the_areas_of_whoever_walks_it(world: PanelWorld, browser: Browser, person: Person) -> None:
    other = await world.person("tono@rumahnet", "Tono", area="Ujungberung")
    for one in (person, other):
        await bill(browser, one, 50_000, due_days="0")
    soon = await world.person("rina@rumahnet", "Rina", area="Cibiru")
    later = await world.person("wati@rumahnet", "Wati", area="Cibiru")
    await bill(browser, soon, 50_000, due_days="3")
    await bill(browser, later, 50_000, due_days="4")
    email = await world.staff(Role.COLLECTOR, areas=("Cibiru",))
    async with client_of(world.app()) as client:
        phone = Browser(client)
        await phone.sign_in(email)
        page = await phone.page("/collect")
        assert person.number in page
        assert other.number not in page
        assert soon.number in page
        assert later.number not in page, "nobody is visited days before they have to pay"
        form = {"number": other.number, "amount": "50000", "once": once()}
        async with await phone.send("/collect", form, headers=JSON) as answer:
            assert answer.status == 422
