"""Selling in a real browser: an agent on a phone, and a collector's day with the network cut in between."""

from datetime import timedelta
from typing import Final

import pytest
from playwright.async_api import Browser, expect

from netbilld.adapters.clock import entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.permissions import Role
from netbilld.panel.portal.agent_parts import AgentParts
from netbilld.services.keep_collectors import KeepCollectors
from netbilld.services.sign_in_agent import SignInAgent
from tests.agent_town import SECRET, Town
from tests.chromium import PHONE, SMALL, TURNS, faults, sign_in, sweep, tab
from tests.panel_fixture import NOW, PASSWORDS, SYSTEM, ZONE, PanelWorld, client_of
from tests.panel_fixture import Browser as Client
from tests.panel_money import bill, once
from tests.portal_world import World
from tests.selling_seed import sell
from tests.voucher_world import ANI, T0

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PAGES: Final = (
    "/vouchers",
    "/vouchers/add",
    "/vouchers/V0001",
    "/agents",
    "/agents/sari",
    "/handovers",
    "/handovers/agus",
    "/collect",
    "/gateways",
    "/gateways/inbox",
    "/gateways/differences",
    "/messages",
    "/chats",
)


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


async def furnish(world: PanelWorld) -> str:
    """Write a batch, an agent, a collector and somebody who owes; return who owes."""
    await world.plans()
    person = await world.person("budi@rumahnet", area="Cibiru")
    email = await world.staff(Role.ADMIN, "admin@rumahnet.example")
    collector = await world.staff(Role.COLLECTOR, "agus@rumahnet.example")
    keep = KeepCollectors(world.database, timezone=ZONE, currency="IDR")
    await keep.add("agus", "Agus Salim", staff=collector, actor=SYSTEM, now=NOW)
    async with client_of(world.app()) as client:
        office = Client(client)
        await office.sign_in(email)
        await bill(office, person, 90_000, due_days="0")
        made = {"plan": "HOME20", "count": "30", "valid": "1d", "price": "5000", "agent_price": "4000", "once": once()}
        await office.send("/vouchers", made | {"only_sold": "yes", "name": "Hotspot harian"})
        await office.send("/vouchers/V0001/sell", {"count": "3", "method": "cash", "once": once()})
        await office.send("/agents", {"name": "sari", "full_name": "Warung Sari", "password": SECRET})
        await office.send("/agents/sari/deposit", {"amount": "50000", "method": "cash", "once": once()})
    return person.number


@pytest.mark.parametrize(("width", "scheme", "turn"), [pytest.param(*TURNS[0], marks=pytest.mark.soak), TURNS[1]])
async def test_the_pages_of_selling_fit_and_are_usable_by_all(
    world: PanelWorld, chromium: Browser, url: str, width: int, scheme: str, turn: int
) -> None:
    await world.plans()
    await world.staff(Role.ADMIN, "admin@rumahnet.example")
    known = await sell(world, await world.person("budi@rumahnet", area="Cibiru"))
    more = (f"/gateways/attempts/{known['attempts']}", f"/chats/{known['chats']}")
    async with tab(chromium, width, color_scheme=scheme) as page:
        await sign_in(page, url)
        assert await sweep(page, url, (*PAGES, *more), turn) == []


async def test_a_collectors_day_goes_on_while_the_network_is_cut(
    world: PanelWorld, chromium: Browser, url: str
) -> None:
    number = await furnish(world)
    async with tab(chromium, PHONE, meant=("Failed to load resource", "net::ERR", "status of 4")) as page:
        await sign_in(page, url, "agus@rumahnet.example")
        await page.goto(url + "/collect")
        await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        await page.goto(url + "/collect")  # by way of the worker, which keeps it
        await page.context.set_offline(True)
        await page.goto(url + "/collect")  # the network is gone, the day is there
        await page.locator(f"#s{number}").get_by_role("button", name="Terima").click()
        await expect(page.locator("#queue")).to_contain_text("menunggu dikirim")
        await page.reload()  # the phone may be put away meanwhile
        await expect(page.locator("#queue")).to_contain_text("menunggu dikirim")
        async with world.database.read() as work:
            assert await work.collectors.held("agus", "IDR") == 0
        await page.context.set_offline(False)
        await expect(page.locator("#queue")).to_contain_text("terkirim")
        await page.reload()
        await expect(page.locator(f"#s{number}")).to_have_count(0)
    async with world.database.read() as work:
        assert await work.collectors.held("agus", "IDR") == 90_000


async def test_what_one_collector_took_is_never_sent_as_anothers_and_a_second_part_is_a_second_payment(
    world: PanelWorld, chromium: Browser, url: str
) -> None:
    number = await furnish(world)
    other = await world.staff(Role.COLLECTOR, "bayu@rumahnet.example")
    keep = KeepCollectors(world.database, timezone=ZONE, currency="IDR")
    await keep.add("bayu", "Bayu", staff=other, actor=SYSTEM, now=NOW)
    async with tab(chromium, PHONE, meant=("Failed to load resource", "net::ERR", "status of 4")) as page:
        page.on("dialog", lambda dialog: dialog.accept())
        await sign_in(page, url, "agus@rumahnet.example")
        await page.goto(url + "/collect")
        await page.context.set_offline(True)
        for amount in ("20000", "30000"):
            await page.locator(f"#s{number} input[name=amount]").fill(amount)
            await page.locator(f"#s{number}").get_by_role("button", name="Terima").click()
        await expect(page.locator("#queue li")).to_have_count(2)
        await page.context.clear_cookies()
        await page.context.set_offline(False)
        await sign_in(page, url, "bayu@rumahnet.example")  # on the same phone
        await page.goto(url + "/collect")
        await expect(page.locator("#queue")).to_contain_text("diterima orang lain")
        await page.evaluate("send()")
        async with world.database.read() as work:
            assert await work.collectors.held("bayu", "IDR") == 0
        await page.context.clear_cookies()
        await sign_in(page, url, "agus@rumahnet.example")
        await page.goto(url + "/collect")
        await expect(page.locator("#queue li", has_text="terkirim")).to_have_count(2)
    async with world.database.read() as work:
        assert await work.collectors.held("agus", "IDR") == 50_000


async def test_an_agent_sells_on_a_phone(database: Database, box: SecretBox, chromium: Browser) -> None:
    town = Town(database, box)
    await town.begin()
    await town.agents.deposit("sari", 50_000, actor=ANI, now=T0)
    await town.for_agents()
    sign_in_agent = SignInAgent(database, PASSWORDS, entropy, timedelta(hours=12))
    agents = AgentParts(database, town.agents, town.selling, sign_in_agent)
    async with World(database, box, now=T0).portal(agents=agents) as url, tab(chromium, SMALL) as page:
        await page.goto(url + "/agen")
        assert await faults(page) == []
        await page.fill("#name", "sari")
        await page.fill("#password", SECRET)
        await page.get_by_role("button", name="Masuk", exact=True).click()
        await page.wait_for_url(url + "/agen")
        assert await faults(page) == []
        await page.fill("#count", "2")
        await page.get_by_role("button", name="Jual").click()
        await expect(page.locator(".code")).to_have_count(2)
        assert await faults(page) == []
        for path in ("/agen/mutasi", "/agen/sandi"):
            await page.goto(url + path)
            assert await faults(page) == []
    assert await town.balance("agent:sari") == 42_000
