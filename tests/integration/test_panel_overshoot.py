"""What pages say of how far allowances are passed, on both databases."""

from collections.abc import AsyncIterator
from datetime import date
from uuid import uuid4

import pytest
from sqlalchemy import update

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.services.overshoot import Crossing
from tests.panel_fixture import NOW, Browser, PanelWorld, client_of, plain
from tests.panel_seed import seed


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


async def test_a_service_s_page_says_by_how_much_its_allowance_can_be_passed(
    world: PanelWorld, browser: Browser
) -> None:
    people = await seed(world)
    await browser.sign_in("admin@rumahnet.example")
    number = people[0].number
    assert "paling banyak lewat" not in plain(await browser.page(f"/subscribers/{number}"))
    async with world.database.write() as work:
        await work.connection.execute(update(tables.sessions).values(interval_seconds=300))
    assert "paling banyak lewat" in plain(await browser.page(f"/subscribers/{number}"))


async def test_the_page_of_enforcement_says_how_far_allowances_were_passed(world: PanelWorld, browser: Browser) -> None:
    await seed(world)
    await browser.sign_in("admin@rumahnet.example")
    assert "Belum ada kuota yang habis." in await browser.page("/enforcement")
    crossings = [
        Crossing(uuid4(), date(2026, 3, 1), NOW, None, None, 10**9, over * 10**6, 50_000_000, 5, False)
        for over in range(1, 101)
    ]
    async with world.database.write() as work:
        await work.crossings.add(crossings)
    shown = plain(await browser.page("/enforcement"))
    for text in ("99 % di antaranya paling banyak", "100 MB", "51 MB", "saat ditemukan, 100 pelewatan terakhir"):
        assert text in shown, text
