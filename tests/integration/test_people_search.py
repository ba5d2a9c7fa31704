"""The one box: whatever somebody knows of a subscriber leads to them, on both databases."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.model.permissions import Role
from tests.panel_fixture import Browser, PanelWorld, Person, client_of


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


@pytest.fixture
async def budi(world: PanelWorld) -> Person:
    """Return somebody with something to find of every kind, among others who have nothing of it."""
    await world.plans()
    nas = await world.nas()
    budi = await world.person(
        "budi@rumahnet", "Budi Santoso", email="budi@santoso.example", phone="081234567890", address="Jalan Kenanga 9",
        area="jabar/bandung/rw05", ip="10.99.0.7",
    )  # fmt: skip
    await world.person(
        "siti@rumahnet", "Siti Budiman", mac="AA:BB:CC:00:11:22", area="jabar/bogor", phone="02212345678"
    )
    await world.session(
        nas, budi, mac="48:8F:5A:12:34:56", framed_ip="10.20.7.7", delegated_prefix="2001:db8:7:100::/56"
    )
    await world.put(
        tables.service_locks, service_id=budi.service_id, kind="mac", value="48:8F:5A:99:99:99", learned=True,
        created_at=world.clock.now(),
    )  # fmt: skip
    await world.invoice(budi, "INV-2026-000777", -3)
    return budi


async def leads_to(browser: Browser, text: str) -> str | None:
    """Return where a search leads at once; None where it shows a list."""
    answer = await browser.client.get("/subscribers", params={"q": text}, allow_redirects=False)
    assert answer.status in {200, 303}
    return answer.headers.get("Location")


EXACT = (
    "BUDI@RumahNet",
    "0812-3456-7890",
    "+62 812 3456 7890",
    "6281234567890",
    "48-8f-5a-12-34-56",
    "488F.5A12.3456",
    "48:8F:5A:99:99:99",
    "10.20.7.7",
    "10.99.0.7",
    "2001:DB8:7:1ff::1",
    "2001:db8:7:100:0:0:0:1",
    "INV-2026-000777",
    "inv-2026-000777",
)


async def test_what_names_somebody_exactly_leads_to_their_page(
    world: PanelWorld, browser: Browser, budi: Person
) -> None:
    await browser.sign_in(await world.staff())
    for text in (budi.number, *EXACT):
        assert await leads_to(browser, text) == f"/subscribers/{budi.number}", text
    for text in ("budi", "9", "10.20.7.8", "INV-2026-0007", "081234567891", "48-8f-5a", "x" * 300):
        assert await leads_to(browser, text) is None, text


async def test_parts_of_what_somebody_knows_find_them_too(world: PanelWorld, browser: Browser, budi: Person) -> None:
    await browser.sign_in(await world.staff())
    for text in (
        "santoso kenanga", "bandung budi", "0812 3456", "+62812", "5678 90", "kenanga 9", "santoso.example",
        "  Budi   Santoso ", budi.number[:5] + " santoso",
    ):  # fmt: skip
        page = await browser.page("/subscribers", params={"q": text, "all": "yes"})
        assert "Budi Santoso" in page, text
        assert "Siti Budiman" not in page, text
    for text in ("budi bogor kenanga", "%", "_", "\\", "' OR 1=1 --"):
        assert "Tidak ada yang cocok." in await browser.page("/subscribers", params={"q": text}), text


async def test_who_fits_best_comes_first(world: PanelWorld, browser: Browser, budi: Person) -> None:
    del budi
    for name in ("Arbudi Kurnia", "Sekar Budi", "Budi"):
        await world.person(f"{name.replace(' ', '.').lower()}@x", name)
    await browser.sign_in(await world.staff())
    page = await browser.page("/subscribers", params={"q": "budi"})
    names = ["<b>Budi</b>", "<b>Budi Santoso</b>", "<b>Siti Budiman</b>", "<b>Sekar Budi</b>", "<b>Arbudi Kurnia</b>"]
    places = [page.index(name) for name in names]
    assert places == sorted(places)


async def test_an_invoice_leads_nobody_anywhere_who_may_not_see_money(
    world: PanelWorld, browser: Browser, budi: Person
) -> None:
    """BANG-2.7e: a technician who types a number of an invoice learns nothing by it."""
    del budi
    await browser.sign_in(await world.staff(Role.TECHNICAL))
    assert await leads_to(browser, "INV-2026-000777") is None
    assert "Budi Santoso" not in await browser.page("/subscribers", params={"q": "INV-2026-000777"})
    assert "Siti Budiman" in await browser.page("/subscribers", params={"money": "owing"}), "no filter for them"


async def test_somebody_limited_to_an_area_finds_nobody_outside(
    world: PanelWorld, browser: Browser, budi: Person
) -> None:
    await browser.sign_in(await world.staff(areas=("jabar/bogor",)))
    for text in (budi.number, *EXACT):
        assert await leads_to(browser, text) is None, text
        assert "Budi Santoso" not in await browser.page("/subscribers", params={"q": text}), text
    page = await browser.page("/subscribers", params={"q": "budi", "all": "yes"})
    assert "Siti Budiman" in page
    assert "jabar/bandung" not in page


async def test_a_list_is_narrowed_by_each_of_its_filters(world: PanelWorld, browser: Browser, budi: Person) -> None:
    """KAMIL-3: searching."""
    agus = await world.person("agus@x", "Agus Wijaya", plan="PAKAI")
    await world.due(budi, Access.ACTIVE, "ok", world.clock.now() - timedelta(hours=1))
    await world.due(agus, Access.WALLED, "no_credit", world.clock.now() - timedelta(hours=1))
    await world.invoice(agus, "INV-2026-000778", 5)
    await browser.sign_in(await world.staff())
    everybody = {"Budi Santoso", "Siti Budiman", "Agus Wijaya"}
    for query, wanted in (
        ({}, everybody),
        ({"access": "walled"}, {"Agus Wijaya"}),
        ({"plan": "pakai"}, {"Agus Wijaya"}),
        ({"area": "jabar"}, {"Budi Santoso", "Siti Budiman"}),
        ({"area": "JABAR/Bandung"}, {"Budi Santoso"}),
        ({"area": "jab"}, set()),
        ({"online": "yes"}, {"Budi Santoso"}),
        ({"online": "no"}, {"Siti Budiman", "Agus Wijaya"}),
        ({"money": "owing"}, {"Budi Santoso", "Agus Wijaya"}),
        ({"money": "overdue"}, {"Budi Santoso"}),
        ({"status": "ended"}, set()),
        ({"status": "active", "online": "no", "area": "jabar", "q": "siti"}, {"Siti Budiman"}),
        ({"access": "nonsense", "online": "?", "status": "\\"}, everybody),
    ):
        page = await browser.page("/subscribers", params=query)
        assert {name for name in everybody if f"<b>{name}</b>" in page} == wanted, query
        assert f"{len(wanted)} layanan" in page, query
