"""The dashboard by area: its numbers are those of the lists they lead to, on both databases."""

import re
from collections.abc import AsyncIterator
from datetime import date
from html import unescape
from typing import Final

import pytest
from sqlalchemy import select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.model.permissions import Role
from tests.panel_fixture import NOW, Browser, PanelWorld, client_of, plain

TODAY: Final = date(2026, 11, 22)
_LINK: Final = re.compile(r'<a href="(/(?:subscribers|complaints)[^"]*)"[^>]*>([\d.]+)</a>')


@pytest.fixture
def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


async def town(world: PanelWorld) -> None:
    await world.plans()
    nas = await world.nas()
    areas = ("jabar/bandung", "jabar/bandung/rw05", "Jabar / Bandung/RW05", "jabar", "jateng", None, "")
    for number, area in enumerate(areas):
        person = await world.person(f"user{number}@x", f"Pelanggan {number}", area=area)
        access = (Access.ACTIVE, Access.WALLED, Access.THROTTLED)[number % 3]
        await world.due(person, access, "ok", NOW)
        if number % 2:
            await world.session(nas, person, state="live" if number != 3 else "stale")
            await world.session(nas, person)
        await world.invoice(person, f"INV-2026-{number:06d}", -3 if number < 4 else 5)
        await world.invoice(person, f"INV-2026-{number + 50:06d}", -40, status="paid", paid_minor=275_000)
    async with world.database.read() as work:
        category = await work.connection.scalar(select(tables.complaint_categories.c.code).limit(1))
        people = (await work.connection.execute(select(tables.subscribers.c.id, tables.subscribers.c.area))).all()
    for number, row in enumerate(people):
        await world.put(
            tables.complaints,
            id=row.id, number=f"K{number:05d}", subscriber_id=row.id, category=category, text="Mati", via="staff",
            state="new" if number % 3 else "closed", state_since_at=NOW, version=1, opened_at=NOW, opened_by="x",
            respond_by=NOW, resolve_by=NOW, reopened=0,
        )  # fmt: skip


async def test_every_number_by_area_is_how_long_the_list_is_that_it_leads_to(
    world: PanelWorld, browser: Browser
) -> None:
    """KAMIL-1, INCA-47: people, network, money and complaints of each area; numbers equal the list pages."""
    await town(world)
    await browser.sign_in(await world.staff())
    table = (await browser.page("/")).split('<table class="areas stack-rows">')[1].split("</table>")[0]
    links = [(unescape(href), int(number)) for href, number in _LINK.findall(table)]
    assert len(links) > 20
    for href, number in links:
        page = plain(await browser.page(href))
        if href.startswith("/complaints"):
            assert page.count('href="/complaints/K') == number, href
        else:
            assert f"{number} layanan" in page, href


async def test_an_area_holds_what_is_below_it_and_everybody_is_counted_once(world: PanelWorld) -> None:
    await town(world)
    async with world.database.read() as work:
        lines = {line.area: line for line in await work.people.area_lines(TODAY)}
    assert lines[None].services == 7
    assert lines["jabar"].services == 4
    assert lines["jabar/bandung"].services == 3
    assert lines["jabar/bandung/rw05"].services == 2, "however it is written"
    assert lines[""].services == 2
    assert (lines["jabar"].owing_minor, lines["jabar"].overdue_minor) == (4 * 275_000, 4 * 275_000)
    assert (lines[None].owing_minor, lines[None].overdue_minor) == (7 * 275_000, 4 * 275_000)
    async with world.database.read() as work:
        money = await work.readmodels.open_money(TODAY, NOW)
    assert (money.open_minor, money.overdue_minor) == (lines[None].owing_minor, lines[None].overdue_minor)


async def test_technicians_see_lines_and_complaints_of_an_area_and_no_money(
    world: PanelWorld, browser: Browser
) -> None:
    """BANG-2.7e."""
    await town(world)
    await browser.sign_in(await world.staff(Role.TECHNICAL))
    table = plain(await browser.page("/")).split('<table class="areas stack-rows">')[1].split("</table>")[0]
    assert "jabar/bandung" in table
    assert "Rp" not in table
    assert "/complaints?area=jabar" in table
