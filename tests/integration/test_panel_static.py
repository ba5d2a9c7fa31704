"""The pages show static subscribers: on their router, at the subscriber, and among what is due and not yet so."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.model.nas import api_url_place
from netbilld.services.manage_static_lines import ManageStaticLines
from netbilld.services.static_book import LineAttempt, LineAttemptEnd, LineState, RouterRecord
from tests.panel_fixture import NOW, SYSTEM, Browser, PanelWorld, client_of, plain, profile_of


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


async def test_pages_show_a_line_before_it_was_read_when_it_agrees_and_when_it_does_not(
    world: PanelWorld, browser: Browser, box: SecretBox
) -> None:
    await world.plans()
    nas_id = await world.nas()
    async with world.database.write() as work:
        await work.nas.update(nas_id, {"api_url_sealed": box.seal(b"api://a:b@192.0.2.1", api_url_place(nas_id))})
    desa = await world.person("kantor@rumahnet", "Kantor Desa")
    await world.due(desa, Access.WALLED, "overdue", NOW)
    added = await ManageStaticLines(world.database, box).add("kantor@rumahnet", "cibiru-1", ["10.20.0.5"], SYSTEM, NOW)
    await browser.sign_in(await world.staff())

    async def pages() -> tuple[str, str]:
        return plain(await browser.page("/nas/cibiru-1")), plain(await browser.page(f"/subscribers/{desa.number}"))

    nas_page, subscriber_page = await pages()
    assert "Pelanggan statis" in nas_page
    assert "10.20.0.5/32" in subscriber_page
    assert "belum sesuai" in subscriber_page
    assert "Kantor Desa" in plain(await browser.page("/enforcement"))

    state = LineState(
        added.line.id, Access.WALLED, profile_of(Access.WALLED).key, NOW, agrees=True, notes=("queue 'lama' is there",)
    )
    async with world.database.write() as work:
        await work.static_lines.observe([state])
        await work.static_lines.keep_router(RouterRecord(nas_id, NOW, NOW))
        wanted = LineAttempt(added.line.id, desa.service_id, nas_id, "walled", "overdue", state.profile_key, NOW, NOW)
        (attempt_id,) = await work.static_lines.begin_attempts([wanted])
        await work.static_lines.end_attempts([LineAttemptEnd(attempt_id, "verified", NOW, NOW)])
    nas_page, subscriber_page = await pages()
    assert "queue 'lama' is there" in nas_page.replace("&#39;", "'")
    assert "belum sesuai" not in subscriber_page

    async with world.database.write() as work:
        await work.static_lines.observe([replace(state, agrees=False, last_error="the router refuses <it>")])
        await work.static_lines.keep_router(RouterRecord(nas_id, NOW, NOW, 3, "no answer within 3 s"))
    nas_page, subscriber_page = await pages()
    assert "no answer within 3 s" in nas_page
    for page in (nas_page, subscriber_page):
        assert "the router refuses &lt;it&gt;" in page
