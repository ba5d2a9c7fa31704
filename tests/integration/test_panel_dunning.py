"""The dunning calendar, on both databases: what the next days bring, and what people decide about it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.dunning import StepKind
from netbilld.daemon.policies import dunning_policy
from netbilld.daemon.settings import Settings
from netbilld.model.periods import local_date
from netbilld.model.permissions import Role
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults
from netbilld.services.run_dunning import RunDunning
from tests.panel_fixture import NOW, ZONE, Browser, PanelWorld, Person, client_of, plain
from tests.panel_money import once

TODAY = local_date(NOW, ZONE)  # a Sunday, 15.02


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def people(world: PanelWorld) -> list[Person]:
    """Nine whose last day to pay is today, and one with three days left."""
    await world.plans()
    found = []
    for place in range(10):
        person = await world.person(f"orang{place}@rumahnet", f"Orang Ke {place}")
        await world.invoice(person, f"INV-{place}", 0 if place < 9 else 3, total_minor=166_000)
        found.append(person)
    return found


@pytest.fixture
async def browser(world: PanelWorld, people: list[Person]) -> AsyncIterator[Browser]:
    del people
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.ACCOUNTING))
        yield browser


def day(offset: int) -> str:
    return (TODAY + timedelta(days=offset)).isoformat()


async def promised(browser: Browser, person: Person, offset: int = 5) -> None:
    form = {"who": person.number, "until": day(offset), "reason": "gajian", "once": once()}
    for _ in range(2):  # two clicks
        answer = await browser.send("/dunning/promises", form)
        assert answer.status == 303, await answer.text()


async def test_tomorrow_is_foretold_in_one_line(browser: Browser, people: list[Person]) -> None:
    """The line of the calendar: when, how many, how much, and who is spared by a promise."""
    for person in people[:2]:
        await promised(browser, person)
    page = plain(await browser.page("/dunning"))
    line = " ".join(unescape(page.partition('<p class="foretold">')[2].partition("</p>")[0]).split())
    assert line == "besok <b>00.30</b>: 7 akan diisolir, <b>Rp1.162.000</b>, 2 janji bayar"
    walled = page.partition("Isolir 23 November 2026")[2].partition("</section>")[0]
    assert walled.count("Orang Ke") == 7
    assert "Orang Ke 0" not in walled
    assert page.count("Orang Ke 0") >= 2  # spared, and among the promises


async def test_each_day_tells_whom_it_brings_and_none_twice(browser: Browser, people: list[Person]) -> None:
    for person in people[:2]:
        await promised(browser, person, 2)
    pages = {offset: plain(await browser.page(f"/dunning?on={day(offset)}")) for offset in range(8)}
    counts = {offset: page.partition("</section>")[0].count("Orang Ke") for offset, page in pages.items()}
    assert counts == {0: 0, 1: 7, 2: 0, 3: 2, 4: 1, 5: 0, 6: 0, 7: 0}
    assert "Orang Ke 9" in pages[4].partition("</section>")[0]


async def test_the_calendar_is_what_the_run_does(world: PanelWorld, browser: Browser, people: list[Person]) -> None:
    """What was foretold of a day is what the daemon does on it."""
    await promised(browser, people[0])
    settings = Settings(timezone=ZONE)
    runner = RunDunning(
        world.database, dunning_policy(settings), ManageSubscribers(world.database, world.box, Defaults("IDR", ZONE))
    )
    await runner.run(NOW)  # as the daemon has done until now
    tomorrow = (await runner.calendar(TODAY, 2, NOW))[1]
    report = await runner.run(tomorrow.at)
    assert report.count(StepKind.ISOLIR) == tomorrow.walled.count == 8


async def test_promises_are_taken_within_their_bounds(
    world: PanelWorld, browser: Browser, people: list[Person]
) -> None:
    for form, said in (
        ({"who": "tidak-ada", "until": day(1)}, "tidak ada"),
        ({"who": people[0].number, "until": day(-1)}, "Tanggal itu tidak mungkin"),
        ({"who": people[0].number, "until": day(300)}, "Terlalu jauh"),
        ({"who": people[0].number, "until": ""}, "Pilih tanggal."),
        ({"who": "", "until": day(1)}, "Isi bagian ini."),
    ):
        answer = await browser.send("/dunning/promises", form | {"reason": "gajian", "once": once()})
        assert answer.status == 422, form
        page = unescape(await answer.text())
        assert said in page, form
        assert 'value="gajian"' in page
    await promised(browser, people[0])
    async with world.database.read() as work:
        taken = [change.action for change in await work.changes.since(0)].count("dunning.promise")
    assert taken == 1, "two clicks are one promise of the few there may be"
    assert "gajian" in await browser.page("/dunning")
    assert (await browser.send("/dunning/promises/end", {"who": people[0].number})).status == 303
    assert "gajian" not in await browser.page("/dunning")
    assert (await browser.send("/dunning/promises/end", {"who": people[0].number})).status == 422


async def test_who_is_exempt_is_spared_until_it_is_taken_back(browser: Browser, people: list[Person]) -> None:
    form = {"scope": "subscriber", "who": people[3].number, "until": "", "reason": "Masjid"}
    assert (await browser.send("/dunning/exemptions", form)).status == 303
    page = plain(await browser.page("/dunning"))
    assert "8 akan diisolir" in page
    assert "1 dikecualikan" in page
    assert "Masjid" in page
    assert (await browser.send("/dunning/exemptions", form | {"who": "nobody", "scope": "group"})).status == 422
    assert (await browser.send("/dunning/exemptions/end", form)).status == 303
    assert "9 akan diisolir" in plain(await browser.page("/dunning"))


async def test_a_day_off_stands_in_the_calendar(browser: Browser) -> None:
    form = {"on": day(2), "name": "Hari <b>Guru</b>", "area": ""}
    assert (await browser.send("/dunning/holidays", form)).status == 303
    page = await browser.page("/dunning")
    assert "Hari &lt;b&gt;Guru&lt;/b&gt;" in page
    assert (await browser.send("/dunning/holidays", {"on": "kapan", "name": "x"})).status == 422
    assert (await browser.send("/dunning/holidays/remove", form)).status == 303
    assert (await browser.send("/dunning/holidays/remove", form)).status == 422


async def test_who_may_only_look_changes_nothing(world: PanelWorld, people: list[Person]) -> None:
    async with client_of(world.app()) as client:
        reader = Browser(client)
        await reader.sign_in(await world.staff(Role.READONLY))
        page = await reader.page("/dunning")
        assert "9 akan diisolir" in plain(page)
        assert 'action="/dunning/' not in page
        for path in ("promises", "promises/end", "exemptions", "exemptions/end", "holidays", "holidays/remove"):
            assert (await reader.send(f"/dunning/{path}", {"who": people[0].number})).status == 403
