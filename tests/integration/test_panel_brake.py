"""The brake in the panel: said to everybody who sees what is enforced, moved by those who may edit money."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import changes
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.brake import BrakePolicy
from netbilld.model.actor import SCHEDULE
from netbilld.model.permissions import Role
from netbilld.services.brake import Brake
from tests.panel_fixture import Browser, PanelWorld, client_of


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    world = PanelWorld(database, box)
    await world.plans()
    people = [await world.person(name) for name in ("budi", "siti", "ani")]
    brake = Brake(database, BrakePolicy(percent=20, least=2))
    assert await brake.weigh([person.service_id for person in people[:2]], world.clock.now())
    return world


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


async def test_it_is_said_on_the_overview_and_released_by_a_button(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff(Role.ACCOUNTING))
    for path in ("/", "/enforcement"):
        text = (await browser.page(path)).replace("\N{NO-BREAK SPACE}", " ")
        assert "Rem aktif" in text
        assert "2 layanan ditahan" in text
    assert "2 dari 3 layanan" in text
    assert "siti" in text
    assert (await browser.send("/enforcement/brake/release", {})).headers[
        "Location"
    ] == "/enforcement?done=brake-released"
    assert (await browser.send("/enforcement/brake/release", {})).headers["Location"] == "/enforcement"
    assert "Rem aktif" not in await browser.page("/")
    assert "Dilepas" in await browser.page("/enforcement?done=brake-released")
    sent = await browser.send("/enforcement/brake/hold", {"because": "berkas bank <rusak>"})
    assert sent.headers["Location"] == "/enforcement?done=brake-on"
    assert "berkas bank &lt;rusak&gt;" in await browser.page("/enforcement")
    assert world.nudges == 2
    async with world.database.read() as work:
        audit = select(changes.c.action, changes.c.actor).where(changes.c.entity == "brake").order_by(changes.c.id)
        assert [tuple(row) for row in await work.connection.execute(audit)] == [
            ("brake.pull", SCHEDULE.name),
            ("brake.hold", SCHEDULE.name),
            ("brake.release", "accounting@rumahnet.example"),
            ("brake.release", "accounting@rumahnet.example"),
            ("brake.pull", "accounting@rumahnet.example"),
        ]


@pytest.mark.parametrize("role", [Role.TECHNICAL, Role.READONLY])
async def test_who_may_not_edit_money_sees_it_and_moves_nothing(
    world: PanelWorld, browser: Browser, role: Role
) -> None:
    await browser.sign_in(await world.staff(role))
    text = await browser.page("/enforcement")
    assert "Rem aktif" in text
    assert "/enforcement/brake" not in text
    for path in ("/enforcement/brake/release", "/enforcement/brake/hold"):
        assert (await browser.send(path, {})).status == 403


async def test_a_form_of_another_site_moves_nothing(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff(Role.ADMIN))
    answer = await browser.client.post("/enforcement/brake/release", data={"csrf": "guessed"}, allow_redirects=False)
    assert answer.status == 403
    assert "Rem aktif" in await browser.page("/enforcement")
