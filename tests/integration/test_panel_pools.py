"""The pages of address pools, on both databases: how full, whose, added, changed, released and removed."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.address_pool import AddressPool
from netbilld.model.permissions import Role
from netbilld.radius.access import Reason
from netbilld.services.manage_pools import ManagePools
from netbilld.services.readmodels import PAGE_LENGTH
from tests.address_world import World, pool
from tests.panel_fixture import NOW, SYSTEM, Browser, PanelWorld, Person, client_of

MAC = "48:8F:5A:00:00:07"
FORM = {"name": "rumah", "kind": "ipv4", "network": "10.20.0.0/24", "prefix_length": "", "excluded": "10.20.0.1"}


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.plans()
    return await world.person("budi")


@pytest.fixture
async def nas_id(world: PanelWorld) -> UUID:
    return await world.nas()


@pytest.fixture
async def browser(world: PanelWorld, person: Person) -> AsyncIterator[Browser]:
    del person
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff())
        yield browser


async def home(world: PanelWorld, network: str = "10.20.0.0/29", **told: Any) -> AddressPool:
    kind, length = told.get("kind", "ipv4"), told.get("length")
    excluded = told.get("excluded", ["10.20.0.0-10.20.0.1"])
    kept = await ManagePools(world.database).add(
        told.get("name", "rumah"), network, kind, length, excluded, SYSTEM, NOW - timedelta(days=3)
    )
    return kept.pool


async def lease(world: PanelWorld, pool: AddressPool, address: str, person: Person, nas_id: UUID, **told: Any) -> None:
    values = {
        "pool_id": pool.id,
        "address": address,
        "service_id": person.service_id,
        "nas_id": nas_id,
        "session_key": MAC,
        "taken_at": NOW - timedelta(minutes=40),
    }
    await world.put(tables.address_leases, **(values | told))


async def released_at(world: PanelWorld, address: str) -> object:
    async with world.database.read() as work:
        query = select(tables.address_leases.c.released_at).where(tables.address_leases.c.address == address)
        return await work.connection.scalar(query)


async def audit(world: PanelWorld) -> list[Any]:
    """Return what was written down about pools in the panel."""
    async with world.database.read() as work:
        query = select(tables.changes).where(tables.changes.c.entity == "pool", tables.changes.c.actor != SYSTEM.name)
        return list(await work.connection.execute(query.order_by(tables.changes.c.id)))


def plain(page: str) -> str:
    """Return the words of a page, with single spaces between them."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).replace("&nbsp;", " ").replace("\xa0", " ").split())


# -- looking ---------------------------------------------------------------------------------------------------------


async def test_the_list_says_how_full_each_pool_is_and_when_it_last_had_nothing(
    world: PanelWorld, browser: Browser, person: Person, nas_id: UUID
) -> None:
    rumah = await home(world)
    await home(world, "2001:db8::/40", name="lan", kind="delegated", length=56, excluded=[])
    await lease(world, rumah, "10.20.0.2", person, nas_id)
    await lease(world, rumah, "10.20.0.3", person, nas_id, held_until_at=NOW + timedelta(seconds=90))
    await lease(world, rumah, "10.20.0.4", person, nas_id, released_at=NOW - timedelta(minutes=5))
    for minutes in (9, 2):
        await world.put(
            tables.auth_attempts, at=NOW - timedelta(minutes=minutes), username="budi", username_key="budi",
            method="pap", result="reject", reason=Reason.POOL_FULL, latency_us=90, detail="pool rumah is full",
        )  # fmt: skip
    shown = plain(await browser.page("/pools"))
    assert "rumah Alamat IPv4 10.20.0.0/29 33 % 1 1 4 2 Tersedia 2 login ditolak , terakhir 22 Nov, 15.00" in shown
    assert "lan Prefix delegasi 2001:db8::/40 tiap sesi /56 0 % 0 0 65.536 0 Tersedia" in shown
    assert shown.index("lan Prefix") < shown.index("rumah Alamat")


async def test_a_pool_that_refuses_says_so_in_the_words_the_list_looks_for(database: Database) -> None:
    world = World(database)
    await world.fill(2, pool("Home", "10.0.0.1/32"))
    node = world.node()
    await node.start()
    assert await node.address(world.service_ids[0], MAC) == "10.0.0.1"
    refusal = await node.ask(world.service_ids[1], MAC)
    await node.stop()
    assert (refusal.reason, refusal.detail) == ("pool_full", "pool Home is full")


async def test_a_full_pool_and_a_conflict_are_named_with_a_button_that_mends(
    world: PanelWorld, browser: Browser, person: Person, nas_id: UUID
) -> None:
    rumah = await home(world)
    owner = await world.person("siti", "Siti Aminah")
    for last in range(2, 8):
        await lease(world, rumah, f"10.20.0.{last}", owner, nas_id)
    assert "100 % 6 0 0 2 Penuh" in plain(await browser.page("/pools"))
    session_id = await world.session(nas_id, person, framed_ip="10.20.0.5")
    async with client_of(world.app()) as client:  # another one: a list that was just read is not read anew
        other = Browser(client)
        await other.sign_in("admin@rumahnet.example")
        assert "Bentrok 10.20.0.5 sejak 22 Nov, 07.49" in plain(await other.page("/pools"))
    shown = await browser.page(f"/pools/{rumah.id}")
    assert "10.20.0.5 ada di sesi budi pada cibiru-1, padahal milik siti." in plain(shown)
    assert f'action="/sessions/{session_id}/disconnect"' in shown


async def test_a_pool_s_leases_are_shown_searched_filtered_and_paged(
    world: PanelWorld, browser: Browser, person: Person, nas_id: UUID
) -> None:
    rumah = await home(world, "10.20.0.0/24", excluded=[])
    siti = await world.person("siti.aminah", "Siti Aminah")
    rows = [
        {
            "pool_id": rumah.id, "address": f"10.20.0.{number}", "service_id": person.service_id, "nas_id": nas_id,
            "session_key": None, "taken_at": NOW - timedelta(minutes=number + 1), "released_at": NOW if number > 60 else None,
        }
        for number in range(PAGE_LENGTH + 20)
    ]  # fmt: skip
    async with world.database.write() as work:
        await work.connection.execute(insert(tables.address_leases), rows)
    await lease(world, rumah, "10.20.0.200", siti, nas_id, held_until_at=NOW + timedelta(seconds=90))
    at = f"/pools/{rumah.id}"
    first = plain(await browser.page(at))
    assert first.index("10.20.0.61 ") < first.index("10.20.0.0 ") < first.index("10.20.0.9 ")  # what changed last
    assert f"1–{PAGE_LENGTH} dari 71" in first
    assert "10.20.0.60 " in plain(await browser.page(f"{at}?page=2"))
    for query, there, away in (
        ("q=aminah", "10.20.0.200", "10.20.0.20 "),
        ("q=0.200", "10.20.0.200", "10.20.0.20 "),
        ("state=held", "Ditahan sampai 15.03.37", "10.20.0.20 "),
        ("state=free", "10.20.0.65", "10.20.0.200"),
        ("q=budi&state=in_use", "10.20.0.20 ", "10.20.0.65"),
        ("q=%25", "Tidak ada alamat yang cocok.", "10.20.0.20 "),
        ("state=nonsense", "10.20.0.65", "nonsense"),
    ):
        shown = plain(await browser.page(f"{at}?{query}"))
        assert there in shown, query
        assert away not in shown.partition("Pengaturan")[0], query


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("10.20.0.2", ["Sekarang Dipakai Budi Santoso budi cibiru-1 · sejak 22 Nov 2026, 14.22", "Lepas …"]),
        ("10.20.0.3", ["Pemakai terakhir Bebas Budi Santoso budi", "bebas sejak 22 Nov 2026, 14.57"]),
        ("10.20.0.4", ["Bebas belum pernah dibagikan"]),
        ("10.20.0.1", ["Dicadangkan tidak pernah dibagikan pool ini"]),
        ("2001:db8:0:3aa::7", ["2001:db8::/40", "Dipakai Budi Santoso"]),
        ("2001:db8:0:300::/56", ["Dipakai Budi Santoso"]),
        ("203.0.113.7", ["Tetap untuk Siti Aminah siti", "bukan dari pool di sini"]),
        ("198.51.100.9", ["bukan dari pool di sini", "budi Selesai 21 Nov 2026, 15.02 22 Nov 2026, 14.02 cibiru-1"]),
        ("198.51.100.8", ["Tidak ada sesi terbaru yang terlihat memakainya."]),
        ("10.20.0.0/29", ["bukan satu alamat"]),
        ("siapa", ["“siapa” bukan satu alamat"]),
    ],
)
async def test_who_has_and_who_had_an_address_is_answered(
    world: PanelWorld, browser: Browser, person: Person, nas_id: UUID, asked: str, says: list[str]
) -> None:
    rumah = await home(world)
    lan = await home(world, "2001:db8::/40", name="lan", kind="delegated", length=56, excluded=[])
    await world.person("siti", "Siti Aminah", ip="203.0.113.7")
    await lease(world, rumah, "10.20.0.2", person, nas_id)
    await lease(world, rumah, "10.20.0.3", person, nas_id, released_at=NOW - timedelta(minutes=5))
    await lease(world, lan, "2001:db8:0:300::/56", person, nas_id)
    await world.session(
        nas_id, person, framed_ip="198.51.100.9", mac=None, state="closed", started_at=NOW - timedelta(days=1),
        stopped_at=NOW - timedelta(hours=1),
    )  # fmt: skip
    shown = plain((await browser.page("/pools?q=" + asked)).partition("sse-connect")[0])
    for text in says:
        assert text in shown, shown


async def test_a_subscriber_s_page_says_which_addresses_are_theirs(
    world: PanelWorld, browser: Browser, person: Person, nas_id: UUID
) -> None:
    rumah = await home(world)
    siti = await world.person("siti", "Siti Aminah", ip="203.0.113.7", delegated_prefix="2001:db8:7::/56")
    await lease(world, rumah, "10.20.0.2", person, nas_id, held_until_at=NOW + timedelta(seconds=90))
    await lease(world, rumah, "10.20.0.3", person, nas_id, released_at=NOW)
    shown = await browser.page(f"/subscribers/{person.number}")
    assert "Dari pool 10.20.0.2 rumah · ditahan" in plain(shown)
    assert f'href="/pools/{rumah.id}?q=10.20.0.2"' in shown
    assert "10.20.0.3" not in shown
    assert "Alamat tetap 203.0.113.7 Prefix tetap 2001:db8:7::/56" in plain(
        await browser.page(f"/subscribers/{siti.number}")
    )


# -- adding and changing ---------------------------------------------------------------------------------------------


async def test_a_pool_is_added_changed_and_removed_and_each_is_written_down_with_its_author(
    world: PanelWorld, browser: Browser
) -> None:
    """ICON-14: every change names who made it."""
    answer = await browser.send("/pools", FORM | {"excluded": "10.20.0.1\r\n10.20.0.250 - 10.20.0.255\r\n\r\n"})
    assert answer.status == 303
    at, _, done = answer.headers["Location"].partition("?")
    assert done == "done=pool-added"
    shown = await browser.page(f"{at}?done=pool-added")
    assert "Pool ditambahkan" in shown
    assert "10.20.0.1\n10.20.0.250-10.20.0.255</textarea>" in shown
    assert "0 0 249 7" in plain(shown).replace("Ditahan ", "").replace("Bebas ", "").replace("Dicadangkan ", "")
    # the list replaces the one before: an exclusion that is not in it any more is taken back
    form = {"name": "Rumah Baru", "network": "10.20.0.0/23", "excluded": "10.20.0.1, 10.20.1.0/28"}
    assert (await browser.send(at, form)).headers["Location"] == f"{at}?done=pool-changed"
    async with world.database.read() as work:
        (kept,) = await work.addresses.pools()
    assert (kept.name, kept.network, kept.excluded) == (
        "Rumah Baru", "10.20.0.0/23", ("10.20.0.1", "10.20.1.0-10.20.1.15"),
    )  # fmt: skip
    page = plain(await browser.page(at))
    assert "network: 10.20.0.0/24 → 10.20.0.0/23" in page
    assert "admin@rumahnet.example · 127.0.0.1" in page
    assert "ikut dilupakan" in await browser.page(f"{at}/remove")
    assert (await browser.send(f"{at}/remove")).headers["Location"] == "/pools?done=pool-removed"
    assert "Pool dihapus." in await browser.page("/pools?done=pool-removed")
    assert (await browser.client.get(at)).status == 404
    assert [line.action for line in await audit(world)] == ["pool.add", "pool.set", "pool.remove"]
    assert {(line.actor, line.origin) for line in await audit(world)} == {("admin@rumahnet.example", "127.0.0.1")}
    assert world.nudges == 3


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"network": "10.20.0.0/24"}, "Pool “baru” (10.20.0.0/24) bertumpuk dengan pool “rumah” (10.20.0.0/29)."),
        ({"network": "203.0.113.0/24"}, "bertumpuk dengan 203.0.113.7, alamat tetap “siti”"),
        ({"name": "RUMAH"}, "Pool “rumah” sudah ada."),
        ({"name": "  "}, "Tuliskan nama dalam satu baris."),
        ({"network": "10.30.0.5/24"}, "“10.30.0.5/24” bukan jaringan."),
        ({"network": "halo <b>"}, "“halo &lt;b&gt;” bukan jaringan."),
        ({"network": "127.0.0.0/24"}, "127.0.0.0/24 tidak bisa dipakai pelanggan"),
        ({"kind": "delegated"}, "memerlukan jaringan IPv6"),
        ({"kind": "delegated", "network": "2001:db8::/40", "prefix_length": "65"}, "/40 sampai /64, bukan /65"),
        ({"prefix_length": "24"}, "kosongkan panjang prefix"),
        ({"prefix_length": "panjang"}, "sebagai angka, misalnya 56"),
        ({"excluded": "10.30.0.x"}, "Cadangan “10.30.0.x”"),
        ({"excluded": "10.30.0.9-10.30.0.1"}, "berakhir sebelum awalnya"),
        ({"excluded": "10.31.0.1"}, "Cadangan 10.31.0.1 tidak berada di dalam 10.30.0.0/24."),
        ({"excluded": "10.30.0.0/24"}, "Tidak ada lagi yang bisa dibagikan."),
        ({"excluded": "\n".join(f"10.30.{n // 256}.{n % 256}" for n in range(1001)), "network": "10.30.0.0/16"},
         "Paling banyak 1000 entri"),
        ({"kind": "atm"}, "atm"),
    ],
)  # fmt: skip
async def test_a_pool_that_can_not_be_is_refused_in_the_reader_s_language_and_nothing_typed_is_lost(
    world: PanelWorld, browser: Browser, changed: dict[str, str], says: str
) -> None:
    """BANG-2.1a: an address that is somebody's, or another pool's, is given by no second pool."""
    await home(world)
    await world.person("siti", "Siti Aminah", ip="203.0.113.7")
    form = FORM | {"name": "baru", "network": "10.30.0.0/24", "excluded": ""} | changed
    answer = await browser.send("/pools", form)
    assert answer.status == 422
    text = await answer.text()
    assert says in text
    assert f'value="{changed.get("network", form["network"]).replace("<", "&lt;").replace(">", "&gt;")}"' in text
    async with world.database.read() as work:
        assert len(await work.addresses.pools()) == 1
    assert world.nudges == 0


async def test_a_long_list_of_reserved_addresses_is_kept_to_its_last_line(world: PanelWorld, browser: Browser) -> None:
    """A list that were cut would give out what it left out."""
    excluded = [f"10.20.{number // 100}.{number % 100}" for number in range(900)]
    answer = await browser.send("/pools", FORM | {"network": "10.20.0.0/16", "excluded": "\r\n".join(excluded)})
    assert answer.status == 303
    async with world.database.read() as work:
        (kept,) = await work.addresses.pools()
    assert list(kept.excluded) == excluded


async def test_what_is_in_use_stays_inside_its_pool(
    world: PanelWorld, browser: Browser, person: Person, nas_id: UUID
) -> None:
    rumah = await home(world)
    await lease(world, rumah, "10.20.0.2", person, nas_id)
    form = {"name": "rumah", "network": "10.20.0.0/29", "excluded": "10.20.0.0-10.20.0.2"}
    answer = await browser.send(f"/pools/{rumah.id}", form)
    assert answer.status == 422
    text = await answer.text()
    assert "10.20.0.2 sedang dipakai “budi”" in text
    assert "10.20.0.0-10.20.0.2</textarea>" in text
    refused = await browser.send(f"/pools/{rumah.id}/remove")
    assert refused.status == 409
    assert "1 alamat dari pool “rumah” sedang ditahan atau dipakai." in await refused.text()
    assert (await browser.send(f"/pools/{rumah.id}/remove", {"force": "yes"})).status == 303


# -- releasing -------------------------------------------------------------------------------------------------------


async def test_an_address_that_is_stuck_is_released_after_a_page_that_says_what_that_means(
    world: PanelWorld, browser: Browser, person: Person, nas_id: UUID
) -> None:
    rumah = await home(world)
    await lease(world, rumah, "10.20.0.2", person, nas_id)
    async with world.database.write() as work:
        await work.connection.execute(update(tables.nas).values(suspect_since_at=NOW - timedelta(hours=2)))
    at = f"/pools/{rumah.id}"
    ask = f"{at}/release?address=10.20.0.2"
    assert f'href="{ask}"' in await browser.page(at)
    page = await browser.page(ask)
    assert "NAS-nya diam" in page
    assert "diam sejak 22 Nov 2026, 13.02" in page
    assert await released_at(world, "10.20.0.2") is None  # to look is not to do
    form = {"address": "10.20.0.2", "service": str(person.service_id)}
    assert (await browser.send(f"{at}/release", form)).headers["Location"] == f"{at}?done=pool-released"
    assert await released_at(world, "10.20.0.2") == NOW
    (line,) = await audit(world)
    assert (line.action, line.entity_id) == ("pool.release", str(rumah.id))
    assert line.details == {"name": "rumah", "address": "10.20.0.2", "username": "budi"}
    assert "10.20.0.2 · budi" in plain(await browser.page(at))
    again = await browser.send(f"{at}/release", form)
    assert again.status == 409
    assert "10.20.0.2 sudah bebas" in await again.text()


async def test_an_address_of_an_open_session_is_not_released_but_its_session_can_be_ended(
    world: PanelWorld, browser: Browser, person: Person, nas_id: UUID
) -> None:
    rumah = await home(world)
    lan = await home(world, "2001:db8::/40", name="lan", kind="delegated", length=56, excluded=[])
    session_id = await world.session(nas_id, person, framed_ip="10.20.0.2", mac=MAC)
    await lease(world, rumah, "10.20.0.2", person, nas_id)
    await lease(world, lan, "2001:db8:0:300::/56", person, nas_id)  # its NAS says nothing of prefixes
    for place, address in ((rumah, "10.20.0.2"), (lan, "2001:db8:0:300::/56")):
        assert "Lepas" not in await browser.page(f"/pools/{place.id}")
        assert f'action="/sessions/{session_id}/disconnect"' in await browser.page(
            f"/pools/{place.id}/release?address={address}"
        )
        form = {"address": address, "service": str(person.service_id)}
        answer = await browser.send(f"/pools/{place.id}/release", form)
        assert answer.status == 409
        assert f"{address} sedang dipakai: ada sesi “budi”" in await answer.text()
        assert await released_at(world, address) is None
    assert await audit(world) == []


async def test_an_address_that_is_another_s_by_now_is_not_released(
    world: PanelWorld, browser: Browser, person: Person, nas_id: UUID
) -> None:
    rumah = await home(world)
    siti = await world.person("siti", "Siti Aminah")
    await lease(world, rumah, "10.20.0.2", siti, nas_id)
    form = {"address": "10.20.0.2", "service": str(person.service_id)}
    assert (await browser.send(f"/pools/{rumah.id}/release", form)).status == 409
    assert await released_at(world, "10.20.0.2") is None
    for wrong in ({"address": "10.20.0.3"}, {"address": "x" * 400}, {"address": ""}, {"service": "nobody"}):
        assert (await browser.send(f"/pools/{rumah.id}/release", form | wrong)).status == 404, wrong
    assert (await browser.client.get(f"/pools/{rumah.id}/release")).status == 404


# -- who may ---------------------------------------------------------------------------------------------------------


async def test_technicians_may_change_pools_and_accounting_does_not_see_them(
    world: PanelWorld, browser: Browser, person: Person, nas_id: UUID
) -> None:
    """BANG-2.7e: the network is the technical role's; accounting has no part in it."""
    rumah = await home(world)
    await lease(world, rumah, "10.20.0.2", person, nas_id)
    for role, sees, changes in (
        (Role.TECHNICAL, 200, 303),
        (Role.READONLY, 200, 403),
        (Role.ACCOUNTING, 403, 403),
        (Role.CASHIER, 403, 403),
    ):
        async with client_of(world.app()) as client:
            other = Browser(client)
            await other.sign_in(await world.staff(role))
            for path in ("/pools", f"/pools/{rumah.id}"):
                answer = await client.get(path)
                assert answer.status == sees, (role, path)
            text = await answer.text()
            assert ('action="/pools/' in text.replace(f'action="/pools/{rumah.id}#leases"', "")) == (changes == 303)
            assert ("Lepas …" in text) == (changes == 303), role
            assert ('href="/pools"' in await other.page("/")) == (sees == 200), role
            form = {"name": "rumah", "network": "10.20.0.0/28", "excluded": "10.20.0.0-10.20.0.1"}
            assert (await other.send(f"/pools/{rumah.id}", form)).status == changes, role
    assert [line.actor for line in await audit(world)] == ["technical@rumahnet.example"]
    assert "Pool diubah" in await browser.page(f"/pools/{rumah.id}")


async def test_names_that_others_chose_are_no_html(world: PanelWorld, browser: Browser, nas_id: UUID) -> None:
    script = "<script>alert(1)</script>"
    rumah = await home(world, name=script)
    somebody = await world.person(script, script)
    await lease(world, rumah, "10.20.0.2", somebody, nas_id, session_key=script)
    await world.session(nas_id, somebody, framed_ip="10.20.0.2", mac=script, state="closed", stopped_at=NOW)
    for path in ("/pools", f"/pools?q={script}", "/pools?q=10.20.0.2", f"/pools/{rumah.id}?q={script}",
                 f"/pools/{rumah.id}/release?address=10.20.0.2", f"/pools/{rumah.id}/remove"):  # fmt: skip
        assert "<script>alert" not in await browser.page(path), path
    answer = await browser.send("/pools", FORM | dict.fromkeys(("name", "network", "excluded"), script))
    assert "<script>alert" not in await answer.text()
