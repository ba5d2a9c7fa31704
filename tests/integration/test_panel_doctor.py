"""The doctor's page of a NAS: a button runs it, the page shows how far it is, and what it found in the reader's words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.permissions import Role
from netbilld.services.doctor_runs import DoctorRuns
from tests.examined import SickNas
from tests.panel_fixture import Browser, PanelWorld, client_of, plain


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@asynccontextmanager
async def running(runs: DoctorRuns) -> AsyncIterator[None]:
    task = asyncio.ensure_future(runs.loop())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_button_has_a_nas_examined_and_the_page_shows_how_far_it_is(world: PanelWorld) -> None:
    may_end = asyncio.Event()
    runs = DoctorRuns(SickNas(pause=lambda: wait(may_end)), world.clock.now)
    await world.nas()
    async with client_of(world.app(doctor=runs)) as client, running(runs):
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.TECHNICAL, locale="en"))
        assert "Not examined since the daemon started." in await browser.page("/nas/cibiru-1/doctor")
        async with await browser.send("/nas/cibiru-1/doctor") as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/nas/cibiru-1/doctor")
        await asyncio.sleep(0)
        page = await until(browser, "It is being examined.")
        assert page.count("under way") == 4  # the records are read, the rest goes on
        may_end.set()
        page = plain(await until(browser, "1 fault"))
    assert "It does not answer orders at UDP port 3799" in page
    assert "/radius incoming set accept=yes port=3799" in page
    assert page.index("Orders (CoA)") < page.index("Source address")  # what is wrong comes first


async def test_it_speaks_the_readers_language(world: PanelWorld) -> None:
    await world.nas()
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.TECHNICAL, locale="id"))
        page = plain(await browser.page("/nas/cibiru-1/doctor"))
    assert "1 kesalahan" in page
    assert "Ia tidak menjawab perintah di port UDP 3799" in page
    assert "tidak diketahui" in page


async def test_who_may_only_look_has_no_button(world: PanelWorld) -> None:
    await world.nas()
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.READONLY))
        assert 'action="/nas/cibiru-1/doctor"' not in await browser.page("/nas/cibiru-1/doctor")
        assert (await browser.send("/nas/cibiru-1/doctor")).status == 403


async def test_a_nas_that_nobody_knows_has_no_page(world: PanelWorld) -> None:
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff())
        assert (await client.get("/nas/nowhere/doctor")).status == 404
        assert (await browser.send("/nas/nowhere/doctor")).status == 404


async def wait(event: asyncio.Event) -> None:
    await event.wait()


async def until(browser: Browser, text: str) -> str:
    for _ in range(100):
        page = plain(await browser.page("/nas/cibiru-1/doctor"))
        if text in page:
            return page
        await asyncio.sleep(0.02)
    raise AssertionError(page)
