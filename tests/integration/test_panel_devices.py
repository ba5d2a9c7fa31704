"""The page of a NAS shows how its device is, what is metered by it, and what accounting lacks."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from netbilld.accounting.cross_check import HourPart
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.actor import Actor
from netbilld.model.device_state import DeviceState
from netbilld.services.cross_check import CheckedHour
from netbilld.services.manage_meters import ManageMeters
from tests.panel_fixture import NOW, ZONE, Browser, PanelWorld, client_of, plain


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


async def test_the_page_of_a_nas_shows_its_device_its_meters_and_money_at_risk(
    world: PanelWorld, browser: Browser
) -> None:
    await world.plans()
    nas = await world.nas()
    await world.person("kantor@rumahnet", "Kantor Desa")
    hour_at = NOW.replace(minute=0, second=0) - timedelta(hours=3)
    state = DeviceState(
        nas_id=nas,
        asked_at=NOW,
        answered_at=NOW,
        notes=("interface ether9 is not there",),
        ticks=3 * 86_400 * 100,
        name="gerbang-cibiru",
        version="CCR2116 7.16.1",
        cpu_percent=37,
        memory_octets=2**30,
        memory_used_octets=2**28,
        temperature_decidegrees=415,
        ppp_sessions=742,
    )
    async with world.database.write() as work:
        name = (await work.nas.all())[0].name
        await work.devices.keep(state)
        await work.cross_checks.add(nas, [HourPart(hour_at, 3600, 10**9, 9 * 10**9)])
        checked = CheckedHour(
            nas, name, hour_at, 10**9, 9 * 10**9, 3600, 9 * 10**8, 81 * 10**8, 10**9, 3000, "IDR", "missing", NOW
        )
        await work.cross_checks.keep([checked], NOW)
    await ManageMeters(world.database, ZONE).add_port(
        "kantor@rumahnet", name, "interface", "<pppoe-kantor>", Actor("ani", "cli"), NOW
    )
    await browser.sign_in(await world.staff())
    page = plain(await browser.page(f"/nas/{name}"))
    for text in (
        "gerbang-cibiru",
        "CCR2116 7.16.1",
        "42&nbsp;°C",
        "742",
        "interface ether9 is not there",
        "kantor@rumahnet",
    ):
        assert text in page, text
    assert "Accounting kurang 1" in page
    assert "Rp3.000" in page
    async with world.database.write() as work:
        await work.devices.keep(replace(state, trouble="no answer: SNMP is off"))
    assert "no answer: SNMP is off" in plain(await browser.page(f"/nas/{name}"))
