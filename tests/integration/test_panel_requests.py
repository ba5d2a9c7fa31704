"""What subscribers ask for on the portal, as staff see and answer it."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.actor import Actor
from netbilld.model.permissions import Role
from netbilld.services.own_requests import DELETION, OwnRequests
from tests.panel_fixture import Browser, PanelWorld, client_of

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


async def test_a_request_is_answered_once_with_words_for_the_subscriber(world: PanelWorld, browser: Browser) -> None:
    await world.plans()
    person = await world.person("budi@rumahnet")
    asked = await OwnRequests(world.database).ask(
        person.subscriber_id, DELETION, f"pindah {SCRIPT}", Actor("subscriber 100001", "127.0.0.1"), world.clock.now()
    )
    await browser.sign_in(await world.staff())
    page = await browser.page("/requests")
    assert "pindah" in page
    assert SCRIPT not in page
    path = f"/requests/{asked}/end"
    assert (await browser.send(path, {"state": "done", "answer": " "})).status == 422
    assert (await browser.send(path, {"state": "open", "answer": "x"})).status == 422
    assert (await browser.send(path, {"state": "refused", "answer": "Masih ada tagihan."})).status in {200, 303}
    assert (await browser.send(path, {"state": "done", "answer": "Sudah."})).status == 422
    assert (await browser.send(f"/requests/{uuid4()}/end", {"state": "done", "answer": "x"})).status == 404
    assert "pindah" not in await browser.page("/requests")
    async with world.database.read() as work:
        [kept] = await work.own_business.requests_of(person.subscriber_id, 5)
    assert (kept.state, kept.answer) == ("refused", "Masih ada tagihan.")


async def test_who_may_only_look_has_no_buttons_and_no_way(world: PanelWorld, browser: Browser) -> None:
    await world.plans()
    person = await world.person("budi@rumahnet")
    asked = await OwnRequests(world.database).ask(
        person.subscriber_id, DELETION, "", Actor("subscriber 100001", "127.0.0.1"), world.clock.now()
    )
    await browser.sign_in(await world.staff(Role.READONLY))
    assert f"/requests/{asked}/end" not in await browser.page("/requests")
    assert (await browser.send(f"/requests/{asked}/end", {"state": "done", "answer": "x"})).status == 403
