"""What subscribers and staff see and do of automatic payment (INCA-29)."""

import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.gateways.http_client import GatewayHttp
from netbilld.adapters.gateways.midtrans import Midtrans
from netbilld.adapters.gateways.midtrans_gopay import MidtransGopay
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.tax import NOTHING_TAXED
from netbilld.model.permissions import Role
from netbilld.panel.autopay_parts import AutopayParts
from netbilld.services.choose_renewal import ChooseRenewal
from netbilld.services.link_mandates import LinkMandates
from tests.fake_gateways import FakeMidtrans, running
from tests.fake_gateways.midtrans import MIDTRANS_KEY
from tests.panel_fixture import Browser, PanelWorld, client_of, plain
from tests.portal_client import browser, read, send, signed_in
from tests.portal_own_world import add_person, add_plan, pay, plan_file
from tests.portal_world import World

HERE = "/akun/bayar-otomatis"


@pytest.fixture
async def database(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    shutil.copyfile(sqlite_template, tmp_path / "auto.db")
    opened = Database(sqlite_url(tmp_path / "auto.db"))
    yield opened
    await opened.close()


@pytest.fixture
async def world(database: Database, box: SecretBox) -> World:
    made = World(database, box)
    await add_plan(made, plan_file("HOME20", 200_000))
    await add_plan(made, plan_file("PRA20", 100_000, "prepaid"))
    return made


@asynccontextmanager
async def portal(world: World, fake: FakeMidtrans) -> AsyncIterator[tuple[str, AutopayParts]]:
    """Run the portal beside a gateway that keeps accounts."""
    http = GatewayHttp("midtrans")
    try:
        async with running(fake):
            gopay = MidtransGopay(Midtrans(http, server_key=MIDTRANS_KEY, core_url=fake.url, snap_url=fake.url))
            link = LinkMandates(world.database, world.box, [gopay], lambda: world.now)
            parts = AutopayParts(world.database, ChooseRenewal(world.database, NOTHING_TAXED), link, 1)
            async with world.portal(autopay=parts) as url:
                yield url, parts
    finally:
        await http.close()


async def test_a_subscriber_links_gopay_and_unlinks_it(world: World) -> None:
    fake = FakeMidtrans()
    person = await add_person(world, "budi@desa", "HOME20")
    async with portal(world, fake) as (url, parts), signed_in(url, person) as client:
        assert HERE in await read(client, url + "/akun/pembayaran")
        page = await read(client, url + HERE)
        assert "Hubungkan GoPay" in page
        assert "Perpanjangan dari saldo" not in page  # that is of who pays in advance
        status, page = await send(client, url, HERE, HERE + "/hubungkan", phone="ngawur")
        assert status == 422
        assert 'value="ngawur"' in page
        assert 'aria-invalid="true"' in page
        for _ in range(2):  # two clicks
            status, page = await send(client, url, HERE, HERE + "/hubungkan", phone="0812 3456 7890")
            assert status == 200
        [account] = fake.accounts
        assert f'href="{fake.url}/link/{account}"' in page
        assert "3456" not in page
        fake.allow("81234567890")
        world.now += timedelta(minutes=1)
        await parts.link.look()
        page = await read(client, url + HERE)
        assert "GoPay 0812•••7890" in page
        assert account not in page
        own = await read(client, url + "/akun/data.json")
        assert json.loads(own)["linked_accounts"][0]["account"] == "0812•••7890"
        assert account not in own
        status, page = await send(client, url, HERE, HERE + "/hubungkan", phone="0812 3456 7890")
        assert status == 422
        for _ in range(2):
            status, page = await send(client, url, HERE, HERE + "/putuskan")
            assert status == 200
        assert "Diputus" in page
        await parts.link.look()
        assert fake.accounts[account].status == "DISABLED"


async def test_a_subscriber_switches_renewal_off_and_renews_by_hand(world: World) -> None:
    person = await add_person(world, "siti@desa", "PRA20")
    await pay(world, person, 250_000, date(2026, 11, 22))
    async with portal(world, FakeMidtrans()) as (url, _):
        async with signed_in(url, person) as client:
            assert "Matikan" in await read(client, url + HERE)
            status, page = await send(client, url, HERE, HERE + "/perpanjangan", by_itself="no")
            assert status == 200
            assert "Perpanjang otomatis" in page
            assert "Perpanjang sekarang" not in page  # it is paid for still
        world.now += timedelta(days=40)
        async with signed_in(url, person) as client:
            assert "Perpanjang sekarang Rp100.000" in await read(client, url + HERE)
            for _ in range(2):  # two clicks
                status, page = await send(client, url, HERE, HERE + "/perpanjang")
                assert status == 200
            assert "Rp106.667" in page  # of 250.000: 13 of 30 days until the billing day, and this period
            status, page = await send(client, url, HERE, HERE + "/perpanjangan", by_itself="yes")
            assert "Matikan" in page


async def test_nobody_gets_at_it_who_is_not_signed_in(world: World) -> None:
    async with portal(world, FakeMidtrans()) as (url, _), browser() as client:
        await read(client, url + HERE, 303)
        async with client.post(url + HERE + "/putuskan", data={"csrf": "x"}, allow_redirects=False) as answer:
            assert answer.status in {303, 403}


async def test_staff_see_it_and_end_it(world: World) -> None:
    fake = FakeMidtrans()
    person = await add_person(world, "siti@desa", "PRA20")
    await pay(world, person, 150_000, date(2026, 11, 22))
    async with portal(world, fake) as (url, parts):
        async with signed_in(url, person) as client:
            await send(client, url, HERE, HERE + "/hubungkan", phone="0812 3456 7890")
            await send(client, url, HERE, HERE + "/perpanjangan", by_itself="no")
        panel = PanelWorld(world.database, world.box)
        here = f"/subscribers/{person.number}/autopay"
        async with client_of(panel.app(autopay=parts)) as test_client:
            staff = Browser(test_client)
            await staff.sign_in(await panel.staff(Role.ACCOUNTING))
            page = plain(await staff.page(here))
            assert "0812•••7890" in page
            assert f"subscriber {person.number}" in page  # who has switched it off
            service = re.search(r'name="service" value="([^"]+)"', page)
            assert service is not None
            form = {"service": service[1], "by_itself": "yes"}
            assert (await staff.send(f"{here}/renewal", form)).status == 303
            assert (await staff.send(f"{here}/renewal", {**form, "service": str(person.subscriber_id)})).status == 404
            for _ in range(2):
                assert (await staff.send(f"{here}/end")).status == 303
            page = plain(await staff.page(here))
            assert "oleh staf" in page
            assert (await staff.send("/subscribers/999999/autopay/end")).status == 404
        world.now = panel.clock.now()
        await parts.link.look()
        assert [one.status for one in fake.accounts.values()] == ["DISABLED"]
