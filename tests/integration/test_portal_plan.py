"""A subscriber's plan by their own hand: another one with what it comes to, top-ups, a break."""

import asyncio
import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.terms import StopKind
from netbilld.enforcement.profile import Access
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults
from tests.portal_client import csrf_of, read, send, signed_in
from tests.portal_own_world import ACTOR, QUOTA, TOP_UP, add_person, add_plan, at, bill, pay, plan_file
from tests.portal_world import ZONE, World

TODAY = date(2026, 11, 22)


@pytest.fixture
async def world(database: Database, box: SecretBox) -> World:
    made = World(database, box)
    for text in (
        plan_file("HOME20", 200_000),
        plan_file("HOME50", 350_000),
        plan_file("HOME10", 150_000),
        plan_file("PRA20", 100_000, "prepaid", QUOTA + TOP_UP),
        plan_file("KUOTA", 100_000, more=QUOTA + TOP_UP),
    ):
        await add_plan(made, text)
    return made


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


def amounts(page: str) -> list[str]:
    return re.findall(r"[−-]?Rp[\d.]+", page)


async def plan_now(world: World, username: str) -> str:
    async with world.database.read() as work:
        found = await work.subscribers.by_credential_name(username)
    assert found is not None
    return found.plan_code


async def test_an_upgrade_shows_the_pro_rata_before_and_is_billed_as_it_was_shown(world: World) -> None:
    person = await add_person(world, "budi@desa", "HOME20")
    await bill(world, date(2026, 11, 5))
    await pay(world, person, 200_000, date(2026, 11, 6))
    async with world.portal() as url, signed_in(url, person) as client:
        page = await read(client, url + "/akun/paket")
        assert "Paket HOME50" in page
        preview = await read(client, url + "/akun/paket/HOME50")
        assert await plan_now(world, "budi@desa") == "HOME20"  # looking changes nothing
        # 13 of the 30 days from 5 November are left: 86.667 come back, 151.667 are added
        assert "Rp86.667" in preview
        assert "Rp151.667" in preview
        assert "langsung" in preview
        data = {"csrf": csrf_of(preview), "seal": field(preview, "seal")}
        async with client.post(url + "/akun/paket/HOME50", data=data) as answer:
            assert answer.status == 200
            assert "Paket sudah diganti" in await answer.text()
    assert await plan_now(world, "budi@desa") == "HOME50"
    shown = re.search(r'class="figure small">([^<]+)<', preview)
    assert shown is not None
    report = await bill(world, date(2026, 12, 5))
    billed = f"Rp{report.invoices[0].total_minor:,}".replace(",", ".")
    assert shown[1] == billed == "Rp415.000"
    assert world.nudges == 1


async def test_a_downgrade_waits_for_the_next_period_and_can_be_taken_back(world: World) -> None:
    person = await add_person(world, "budi@desa", "HOME20")
    await bill(world, date(2026, 11, 5))
    async with world.portal() as url, signed_in(url, person) as client:
        preview = await read(client, url + "/akun/paket/HOME10")
        assert "mulai 5 Desember 2026" in preview
        data = {"csrf": csrf_of(preview), "seal": field(preview, "seal")}
        async with client.post(url + "/akun/paket/HOME10", data=data) as answer:
            page = await answer.text()
        assert "Berganti ke Paket HOME10 pada 5 Desember 2026." in page
        assert await plan_now(world, "budi@desa") == "HOME20"
        status, page = await send(client, url, "/akun/paket", "/akun/paket/batal")
        assert status == 200
        assert "Perubahan dibatalkan" in page
        assert "Berganti ke" not in page
        status, page = await send(client, url, "/akun/paket", "/akun/paket/batal")  # a second click
        assert status == 200
    report = await bill(world, date(2026, 12, 5))
    assert report.invoices[0].total_minor == 200_000
    async with world.database.read() as work:
        kinds = (await work.connection.execute(select(tables.outbox.c.kind))).scalars().all()
    assert kinds.count("plan_changed") == 2


async def test_two_clicks_change_a_plan_once(world: World) -> None:
    person = await add_person(world, "budi@desa", "HOME20")
    async with world.portal() as url, signed_in(url, person) as client:
        preview = await read(client, url + "/akun/paket/HOME50")
        data = {"csrf": csrf_of(preview), "seal": field(preview, "seal")}

        async def click() -> int:
            async with client.post(url + "/akun/paket/HOME50", data=data) as answer:
                return answer.status

        assert set(await asyncio.gather(click(), click(), click())) <= {200, 409, 422}
    async with world.database.read() as work:
        rows = (await work.connection.execute(select(tables.service_terms))).all()
        told = (await work.connection.execute(select(tables.outbox.c.kind))).scalars().all()
    assert len(rows) == 2
    assert told.count("plan_changed") == 1


async def test_figures_that_are_others_by_now_are_shown_again_before_anything_changes(world: World) -> None:
    person = await add_person(world, "budi@desa", "HOME20")
    await bill(world, date(2026, 11, 5))
    async with world.portal(lifetime=timedelta(days=3)) as url, signed_in(url, person) as client:
        preview = await read(client, url + "/akun/paket/HOME50")
        world.now += timedelta(days=1)  # a day fewer is left
        data = {"csrf": csrf_of(preview), "seal": field(preview, "seal")}
        async with client.post(url + "/akun/paket/HOME50", data=data) as answer:
            assert answer.status == 409
            assert "Ada yang berubah" in await answer.text()
    assert await plan_now(world, "budi@desa") == "HOME20"


async def test_only_what_the_operator_offers_may_be_taken(world: World) -> None:
    person = await add_person(world, "budi@desa", "HOME20")
    for allowed, offered in (
        ({}, {"HOME50", "HOME10", "KUOTA"}),
        ({"plan_change": "upgrade"}, {"HOME50"}),
        ({"plan_change": "none"}, set()),
        ({"plans": ("home10",)}, {"HOME10"}),
    ):
        async with world.portal(own=world.own(**allowed)) as url, signed_in(url, person) as client:
            page = await read(client, url + "/akun/paket")
            found = set(re.findall(r'href="/akun/paket/(\w+)"', page))
            assert found == offered, allowed
            for code in ("PRA20", "HOME20", "NIEMALS", "' OR 1=1", "x" * 60):  # another timing, its own, none
                async with client.get(f"{url}/akun/paket/{code}", allow_redirects=False) as answer:
                    assert answer.status in {303, 404}, code
                async with client.post(
                    f"{url}/akun/paket/{code}", data={"csrf": csrf_of(page), "seal": "x"}, allow_redirects=False
                ) as answer:
                    assert answer.status in {303, 422, 404}, code
    assert await plan_now(world, "budi@desa") == "HOME20"


async def test_who_is_overdue_pays_first_and_who_has_changed_lately_waits(world: World) -> None:
    person = await add_person(world, "budi@desa", "HOME20")
    async with world.portal() as url, signed_in(url, person) as client:
        await world.due(person, Access.WALLED, "overdue")
        assert "lewat jatuh tempo" in await read(client, url + "/akun/paket")
        await read(client, url + "/akun/paket/HOME50", 303)
        await world.due(person, Access.ACTIVE, "ok")
        preview = await read(client, url + "/akun/paket/HOME50")
        data = {"csrf": csrf_of(preview), "seal": field(preview, "seal")}
        async with client.post(url + "/akun/paket/HOME50", data=data) as answer:
            assert answer.status == 200
        assert "mulai 22 Desember 2026" in await read(client, url + "/akun/paket")


async def test_a_top_up_is_paid_from_the_wallet_once_however_often_it_is_clicked(world: World) -> None:
    person = await add_person(world, "budi@desa", "PRA20", activated_on=TODAY)
    await pay(world, person, 120_000, TODAY)  # 100.000 buys the period
    async with world.portal() as url, signed_in(url, person) as client:
        page = await read(client, url + "/akun/paket")
        assert "Rp15.000" in page
        data = {"csrf": csrf_of(page), "once": field(page, "once"), "code": "GB10"}
        for _ in range(3):
            async with client.post(url + "/akun/isi-ulang", data=data) as answer:
                assert answer.status == 200
        status, page = await send(client, url, "/akun/paket", "/akun/isi-ulang", code="GB10", once="a" * 30)
        assert status == 422
        assert "Saldo tidak cukup" in page
        for once in ("", "x", "!" * 30):
            status, page = await send(client, url, "/akun/paket", "/akun/isi-ulang", code="GB10", once=once)
            assert status == 422
    async with world.database.read() as work:
        sold = (await work.connection.execute(select(tables.top_ups))).all()
        wallet = await work.portal.wallet_minor(person.subscriber_id)
    assert len(sold) == 1
    assert wallet == 5_000


async def test_a_postpaid_top_up_comes_on_the_next_bill(world: World) -> None:
    person = await add_person(world, "budi@desa", "KUOTA")
    await bill(world, date(2026, 11, 5))
    async with world.portal() as url, signed_in(url, person) as client:
        assert "tagihan berikutnya" in await read(client, url + "/akun/paket")
        status, _ = await send(client, url, "/akun/paket", "/akun/isi-ulang", code="GB10", once="b" * 30)
        assert status == 200
        assert "Tambah 10 GB" in await read(client, url + "/akun")  # in what is foreseen
    report = await bill(world, date(2026, 12, 5))
    assert report.invoices[0].total_minor == 115_000


async def test_a_break_is_planned_within_its_limits_and_ended(world: World) -> None:
    person = await add_person(world, "budi@desa", "HOME20")
    async with world.portal(own=world.own(pause_days=14, pauses_a_year=1)) as url, signed_in(url, person) as client:
        for wrong in (
            {"from": "2026-11-25", "days": "15"},
            {"from": "2026-11-25", "days": "0"},
            {"from": "2026-11-25", "days": "-3"},
            {"from": "2026-11-22", "days": "3"},
            {"from": "2020-01-01", "days": "3"},
            {"from": "2030-01-01", "days": "3"},
            {"from": "morgen", "days": "3"},
            {"from": "", "days": ""},
        ):
            status, page = await send(client, url, "/akun/paket", "/akun/cuti", **wrong)
            assert status == 422, wrong
            assert 'id="wrong-pause"' in page
        assert f'value="{wrong["days"]}"' in page  # what was typed is kept
        for _ in range(2):  # two clicks
            status, page = await send(client, url, "/akun/paket", "/akun/cuti", **{"from": "2026-11-25", "days": "7"})
            assert status == 200
        assert "Cuti mulai 25 November 2026; internet kembali 2 Desember 2026." in page
        status, page = await send(client, url, "/akun/paket", "/akun/cuti", **{"from": "2026-12-09", "days": "7"})
        assert status == 422
        assert "Sudah ada cuti" in page
        status, page = await send(client, url, "/akun/paket", "/akun/cuti/selesai")
        assert "Cuti sudah selesai" in page
    async with world.database.read() as work:
        stops = (await work.terms.stops([person.service_id])).get(person.service_id, [])
    assert not [one for one in stops if one.kind is StopKind.PAUSED and one.until_on != one.from_on]


async def test_a_subscriber_cannot_end_what_staff_has_stopped(world: World) -> None:
    person = await add_person(world, "budi@desa", "HOME20")
    manage = ManageSubscribers(world.database, world.box, Defaults("IDR", ZONE))
    await manage.suspend("budi@desa", "tagihan lama", ACTOR, at(TODAY))
    async with world.portal() as url, signed_in(url, person) as client:
        status, _ = await send(client, url, "/akun/paket", "/akun/cuti/selesai")
        assert status == 200
        status, page = await send(client, url, "/akun/paket", "/akun/cuti", **{"from": "2026-11-25", "days": "7"})
        assert status == 422
        assert "tidak aktif" in page
        await read(client, url + "/akun/paket/HOME50", 303)
        assert "tagihan lama" not in await read(client, url + "/akun")
    async with world.database.read() as work:
        service = await work.services.by_id(person.service_id)
    assert service is not None
    assert service.status == "suspended"


async def test_the_running_charge_is_what_the_run_would_bill_and_marked_provisional(world: World) -> None:
    """INCA-27: the open period's charge so far, provisional, by the code that bills it."""
    await add_plan(
        world,
        plan_file("PAKAI", 50_000, more="[usage]\nprice_per_gb = 3000\n").replace(
            'charging = "flat"', 'charging = "volume"'
        ),
    )
    person = await add_person(world, "budi@desa", "PAKAI")
    await bill(world, date(2026, 11, 5))
    await world.used(person, 7_000_000_000, 1_000_000_000)
    async with world.portal() as url, signed_in(url, person) as client:
        page = await read(client, url + "/akun")
        assert "Sementara" in page
        card = page.split("Tagihan berjalan", 1)[1].split("</section>", 1)[0]
        assert "Rp74.000" in amounts(card)  # 8 GB at 3.000 and the next month's fee
        assert "ditagih pada 5 Desember 2026" in card
        async with world.database.read() as work:
            before = (await work.connection.execute(select(tables.invoices))).all()
        assert len(before) == 1  # nothing was made by looking
    report = await bill(world, date(2026, 12, 5))
    assert report.invoices[0].total_minor == 74_000
