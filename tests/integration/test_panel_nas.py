"""The pages of NAS that share an address, of sessions let in by the router itself, and a router's replacement."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.nas import secret_place
from netbilld.model.permissions import Role
from tests.panel_fixture import Browser, PanelWorld, client_of, plain


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    world = PanelWorld(database, box)
    await world.plans()
    return world


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff())
        yield browser


async def test_nas_that_orders_do_not_find_are_shown_as_such(world: PanelWorld, browser: Browser) -> None:
    await world.nas("hill", told_by="RB-HILL")
    await world.nas("port", told_by="RB-PORT")
    await world.nas("gate", "192.0.2.9/32")
    listed = plain(await browser.page("/nas"))
    assert "192.0.2.1/32 · RB-HILL" in listed
    assert listed.count("Tak terjangkau") == 2
    shown = plain(await browser.page("/nas/port"))
    assert "NAS lain memakai alamat 192.0.2.1/32 dan port CoA 3799 juga" in shown
    assert "dibedakan dari tetangganya dengan RB-PORT" in shown
    assert "Tidak terjangkau perintah" not in plain(await browser.page("/nas/gate"))


async def test_a_session_that_the_router_let_in_by_itself_is_marked(world: PanelWorld, browser: Browser) -> None:
    nas_id, person = await world.nas(), await world.person("budi")
    await world.session(nas_id, person)
    await world.session(nas_id, person, is_local=True)
    assert plain(await browser.page("/sessions")).count("Lokal") == 1


async def test_a_router_is_replaced_from_its_page(world: PanelWorld, browser: Browser) -> None:
    nas_id, person = await world.nas(), await world.person("budi")
    await world.session(nas_id, person)
    asked = await browser.page("/nas/cibiru-1/replace")
    assert 'value="192.0.2.1/32"' in asked
    refused = await browser.send("/nas/cibiru-1/replace", {"address": "nowhere", "secret": "not to be shown again"})
    assert refused.status == 422
    text = await refused.text()
    assert "is no address" in text
    assert "not to be shown again" not in text
    before = world.nudges
    answer = await browser.send("/nas/cibiru-1/replace", {"address": "192.0.2.9", "secret": "a secret of some length"})
    assert (answer.status, answer.headers["Location"]) == (303, "/nas/cibiru-1?done=nas-replaced")
    assert world.nudges == before + 1
    assert "Router baru menempati tempatnya" in plain(await browser.page("/nas/cibiru-1?done=nas-replaced"))
    async with world.database.read() as work:
        nas = await work.nas.by_name("cibiru-1")
        stopped = await work.connection.scalar(select(tables.sessions.c.terminate_cause))
        (change,) = await work.changes.about("nas", nas_id)
    assert nas is not None
    assert (nas.id, nas.address, stopped, change.action) == (nas_id, "192.0.2.9/32", "replaced", "nas.replace")
    assert world.box.open(nas.secret_sealed, secret_place(nas_id)) == b"a secret of some length"


async def test_who_may_only_look_is_offered_no_replacement(world: PanelWorld, browser: Browser) -> None:
    await world.nas()
    await browser.sign_in(await world.staff(Role.READONLY))
    assert "/replace" not in await browser.page("/nas/cibiru-1")
    assert (await browser.client.get("/nas/cibiru-1/replace")).status == 403
