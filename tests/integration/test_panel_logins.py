"""The page of log-in attempts and the page that explains, on both databases."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.model.permissions import Role
from netbilld.services.readmodels import PAGE_LENGTH
from tests.panel_fixture import NOW, Browser, PanelWorld, Person, client_of


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.plans()
    return await world.person("budi")


@pytest.fixture
async def browser(world: PanelWorld, person: Person) -> AsyncIterator[Browser]:
    del person
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff())
        yield browser


async def attempt(world: PanelWorld, nas_id: Any, username: str, minutes_ago: float = 1, **changes: Any) -> None:
    values = {
        "at": NOW - timedelta(minutes=minutes_ago),
        "nas_id": nas_id,
        "username": username,
        "username_key": username.casefold(),
        "service_id": None,
        "method": "chap",
        "result": "reject",
        "reason": "wrong_password",
        "latency_us": 100,
        "mac": "48:8F:5A:00:00:01",
    }
    await world.put(tables.auth_attempts, **(values | changes))


async def test_attempts_are_found_by_name_nas_result_and_reason(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    first, second = await world.nas(), await world.nas("cibiru-2", "192.0.2.2/32")
    await attempt(world, first, "Budi", service_id=person.service_id)
    await attempt(world, second, "sitinur", reason="unknown_user")
    await attempt(world, second, "agus", result="accept", reason="ok")
    every = await browser.page("/logins")
    assert "sitinur" in every
    assert f'href="/subscribers/{person.number}"' in every
    assert 'href="/explain?q=sitinur"' in every
    assert 'href="/explain?q=agus"' not in every
    for query, shown, hidden in (
        ("q=budi", "Budi", "sitinur"),
        ("q=nur", "sitinur", "agus"),
        ("nas=cibiru-2", "agus", '48:8F:5A:00:00:01">Budi'),
        ("result=accept", "agus", "sitinur"),
        ("reason=unknown_user", "sitinur", "agus"),
    ):
        found = await browser.page(f"/logins?{query}")
        assert shown in found, query
        assert hidden not in found, query
    assert "sitinur" not in await browser.page("/logins?q=%25")  # a wildcard is no wildcard here


async def test_older_attempts_are_a_page_further(world: PanelWorld, browser: Browser) -> None:
    nas_id = await world.nas()
    for number in range(PAGE_LENGTH + 2):
        await attempt(world, nas_id, f"orang-{number:03}", number)
    first = await browser.page("/logins?result=reject")
    assert "orang-000" in first
    assert "orang-050" not in first
    older = first.split('rel="next"')[0].rpartition('href="')[2].split('"')[0].replace("&amp;", "&")
    second = await browser.page(older)
    assert "orang-050" in second
    assert "orang-051" in second
    assert "orang-049" not in second
    assert 'rel="next"' not in second


async def test_a_name_from_the_network_is_no_html(world: PanelWorld, browser: Browser) -> None:
    await attempt(world, await world.nas(), "<script>alert(1)</script>")
    assert "<script>alert" not in await browser.page("/logins")
    assert "<script>alert" not in await browser.page("/explain?q=%3Cscript%3Ealert(1)%3C/script%3E")


async def test_the_first_cause_and_what_to_do_are_shown_in_the_readers_language(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    await attempt(world, await world.nas(), "budi", service_id=person.service_id)
    shown = await browser.page("/explain?q=budi")
    assert "Kata sandi salah" in shown
    assert "<code>netbilld subscriber set budi --password-stdin</code>" in shown
    await browser.send("/language", {"locale": "en", "next": "/"})
    assert "The password was wrong" in await browser.page("/explain?q=budi")


async def test_a_ghost_session_is_ended_by_one_click(world: PanelWorld, browser: Browser, person: Person) -> None:
    nas_id = await world.nas()
    session_id = await world.session(nas_id, person, state="late", updated_at=NOW - timedelta(minutes=14))
    await attempt(world, nas_id, "budi", reason="session_limit", service_id=person.service_id)
    shown = await browser.page("/explain?q=budi")
    assert "Sesi menggantung" in shown
    assert f'action="/sessions/{session_id}/disconnect"' in shown
    answer = await browser.send(f"/sessions/{session_id}/disconnect", {"next": "/explain?q=budi"})
    assert answer.headers["Location"] == "/explain?q=budi&done=disconnect"
    assert "perintah" in (await browser.page("/explain?q=budi&done=disconnect")).lower()


async def test_who_may_not_see_money_is_told_no_amount(world: PanelWorld, browser: Browser, person: Person) -> None:
    await world.nas()
    await world.invoice(person, "INV-2026-000001", -20)
    await world.due(person, Access.WALLED, "overdue", NOW)
    assert "275.000" in await browser.page("/explain?q=budi")
    async with client_of(world.app()) as client:
        technician = Browser(client)
        await technician.sign_in(await world.staff(Role.TECHNICAL))
        shown = await technician.page("/explain?q=budi")
        assert "Ada tagihan yang lewat jatuh tempo" in shown
        assert "275.000" not in shown


async def test_a_subscribers_page_leads_to_both(world: PanelWorld, browser: Browser, person: Person) -> None:
    await world.nas()
    shown = await browser.page(f"/subscribers/{person.number}")
    assert 'href="/explain?q=budi"' in shown
    assert 'href="/logins?q=budi"' in shown


async def test_without_a_name_the_page_asks_for_one(browser: Browser) -> None:
    assert 'name="q"' in await browser.page("/explain")
