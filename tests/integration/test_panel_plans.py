"""Plans written in the panel, on both databases: what runs keeps its version until it is moved, and tries cost nothing."""

import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from html import unescape

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.periods import local_midnight
from netbilld.model.permissions import Role
from netbilld.panel.staff import plan_versions
from netbilld.ports.outbox import MessageKind
from netbilld.services.book_usage import BookUsage, Moved
from tests.accounting_packets import NAS
from tests.panel_fixture import NOW, PLANS, ZONE, Browser, PanelWorld, Person, client_of, plain

HOME = PLANS["HOME20"]
DEARER = HOME.replace("price = 275000", "price = 300000")
BY_USE = (
    HOME.replace('charging = "flat"', 'charging = "hybrid"')
    .replace("price = 275000", "price = 200000")
    .partition("[allowance]")[0]
    + '[allowance]\ndata = "10GB"\nafter = "charge"\n[usage]\nprice_per_gb = 3000\n'
)
NEW = HOME.replace("HOME20", "BARU50").replace("Rumah 20 Mbps", "Baru <b>50</b>")


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def people(world: PanelWorld) -> list[Person]:
    await world.plans()
    await world.nas()
    return [await world.person(f"orang{place}@rumahnet", f"Orang {place}") for place in range(3)]


@pytest.fixture
async def browser(world: PanelWorld, people: list[Person]) -> AsyncIterator[Browser]:
    assert people
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.ADMIN))
        yield browser


async def versions(world: PanelWorld, people: list[Person]) -> list[int]:
    """Return the version that each service runs on."""
    found = []
    async with world.database.read() as work:
        for person in people:
            service = await work.services.by_id(person.service_id)
            assert service is not None
            history = await work.plans.history("HOME20")
            found += [one.version for one in history if one.id == service.plan_version_id]
    return found


async def kept(browser: Browser, text: str, newest: int, **form: str) -> str:
    """Keep a further version; return where it led."""
    sent = {"text": text, "newest": str(newest), "do": "keep"} | form
    answer = await browser.send("/plans/HOME20/version", sent)
    assert answer.status == 303, plain(await answer.text())
    return answer.headers["Location"]


async def test_a_plan_is_written_looked_at_and_kept_once(world: PanelWorld, browser: Browser) -> None:
    assert "/plans/add" in await browser.page("/plans")
    example = await browser.page("/plans/add")
    assert "RUMAH20" in example
    looked = await browser.send("/plans", {"text": NEW, "do": "look"})
    assert looked.status == 200
    page = await looked.text()
    assert "<b>50</b>" not in page
    assert "Rp275.000" in plain(page)
    assert (await browser.client.get("/plans/BARU50")).status == 404  # looking keeps nothing
    for path in ("/plans/BARU50?done=plan-added", "/plans/BARU50"):  # sent twice: one plan
        answer = await browser.send("/plans", {"text": NEW, "do": "keep"})
        assert (answer.status, answer.headers["Location"]) == (303, path)
    assert "Paket disimpan dan dijual" in await browser.page("/plans/BARU50?done=plan-added")
    async with world.database.read() as work:
        assert [one.version for one in await work.plans.history("BARU50")] == [1]
    other = await browser.send("/plans", {"text": NEW.replace("275000", "280000"), "do": "keep"})
    assert other.status == 422
    assert "280000" in await other.text()


@pytest.mark.parametrize(
    ("before", "after", "line", "key"),
    [
        ("price = 275000", "price = -5", 7, "recurring.price"),
        ('down = "20M"', 'down = "20X"', 10, "speed.down"),
        ('timing = "postpaid"', 'timing = "<i>kapan"', 4, "timing"),
        ("price = 275000", "prize = 275000", 7, "recurring.prize"),
    ],
)
async def test_what_is_wrong_is_told_with_its_line(
    browser: Browser, before: str, after: str, line: int, key: str
) -> None:
    """Line, key and the line itself; the file stays as it was typed, whichever button was pressed."""
    text = HOME.replace(before, after)
    for path, do in (("/plans", "keep"), ("/plans", "look"), ("/plans/HOME20/version", "keep")):
        answer = await browser.send(path, {"text": text, "do": do, "newest": "1"})
        assert answer.status == 422
        page = await answer.text()
        assert f"Baris {line}, {key}" in page, plain(page)
        notice = unescape(page.partition('id="wrong"')[2].partition("</div>")[0])
        assert after in notice
        assert after in unescape(page.partition("<textarea")[2].partition("</textarea>")[0])
        assert "<i>" not in page


async def test_what_is_no_plan_file_is_told(browser: Browser) -> None:
    for text in ("", "code = ", "[[[[", "x = 1\n" * 2000, HOME.replace("HOME20", "LAIN")):
        answer = await browser.send("/plans/HOME20/version", {"text": text, "newest": "1", "do": "keep"})
        assert answer.status == 422, text[:20]
        assert 'id="wrong"' in await answer.text()


async def test_a_change_is_a_version_and_services_keep_theirs(
    world: PanelWorld, browser: Browser, people: list[Person]
) -> None:
    page = await browser.page("/plans/HOME20/version")
    text = unescape(page.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0])
    looked = await browser.send("/plans/HOME20/version", {"text": text.replace("275000", "300000"), "newest": "1"})
    difference = unescape((await looked.text()).partition('<pre class="difference')[2].partition("</pre>")[0])
    assert re.findall(r"[-+] price = \d+", difference) == ["- price = 275000", "+ price = 300000"]
    same = await kept(browser, text, 1)
    assert same == "/plans/HOME20?done=version-same"
    assert await kept(browser, text.replace("275000", "300000"), 1) == "/plans/HOME20?done=version-added"
    assert await versions(world, people) == [1, 1, 1]
    shown = plain(await browser.page("/plans/HOME20"))
    assert "Rp300.000" in shown
    assert "Rp275.000" in shown


async def test_whoever_began_with_an_older_version_is_told_who_made_the_newer(
    world: PanelWorld, browser: Browser
) -> None:
    """Without that, the later of two would undo the other's change unseen."""
    await kept(browser, DEARER, 1)
    mine = HOME.replace('down = "20M"', 'down = "25M"')
    answer = await browser.send("/plans/HOME20/version", {"text": mine, "newest": "1", "do": "keep"})
    assert answer.status == 409
    page = unescape(await answer.text())
    assert "sudah membuat versi 2" in page
    assert 'down = "25M"' in page
    assert "- price = 300000" in page  # what keeping it would undo
    async with world.database.read() as work:
        assert len(await work.plans.history("HOME20")) == 2
    newest = re.search(r'name="newest" value="(\d+)"', page)
    assert newest is not None
    assert await kept(browser, mine, int(newest[1])) == "/plans/HOME20?done=version-added"


async def test_a_version_is_sold_from_a_day(browser: Browser) -> None:
    over = await browser.send(
        "/plans/HOME20/version", {"text": DEARER, "newest": "1", "do": "keep", "effective_on": "2026-11-21"}
    )
    assert over.status == 422
    assert "Tanggal itu sudah lewat" in await over.text()
    await kept(browser, DEARER, 1, effective_on="2026-12-01")
    assert "1 Des 2026" in plain(await browser.page("/plans/HOME20/version"))


async def test_a_month_is_tried_before_a_version_is_kept(
    world: PanelWorld, browser: Browser, people: list[Person]
) -> None:
    """Revenue, winners and losers of a past month, from the usage there was; nothing is kept by trying."""
    begin = local_midnight(date(2026, 10, 7), ZONE) + timedelta(hours=3)
    moved = Moved(people[0].service_id, 7, None, "radius", begin, begin + timedelta(minutes=5), 0, 60 * 10**9, NAS)
    async with world.database.write() as work:
        await BookUsage(ZONE).handle(work, [moved], begin + timedelta(hours=1))
    sent = {"text": BY_USE, "newest": "1", "do": "try", "month": "2026-10-01"}
    answer = await browser.send("/plans/HOME20/version", sent)
    assert answer.status == 200
    page = plain(await answer.text()).partition('id="what-if"')[2].partition("</section>")[0]
    words = " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())
    # fees 3 × 275.000 → 3 × 200.000; 50 GB above what is included for one of them
    assert "Pendapatan −Rp75.000" in words, words
    assert "Biaya tetap Rp825.000 Rp600.000" in words
    assert "2 bayar lebih murah, 1 bayar lebih mahal" in words
    async with world.database.read() as work:
        assert len(await work.plans.history("HOME20")) == 1
    later = await browser.send("/plans/HOME20/version", sent | {"month": "2026-11-01"})
    assert "Pilih bulan yang sudah lewat" in await later.text()


async def test_a_try_is_bounded(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_versions, "MOST_SIMULATED", 2)
    sent = {"text": DEARER, "newest": "1", "do": "try", "month": "2026-10-01"}
    page = plain(await (await browser.send("/plans/HOME20/version", sent)).text())
    assert "Dari 3 layanan, 2 yang pertama dihitung." in page
    assert "+Rp50.000" in page


async def test_services_are_moved_after_a_look_and_once(
    world: PanelWorld, browser: Browser, people: list[Person]
) -> None:
    await kept(browser, DEARER, 1)
    page = plain(await browser.page("/plans/HOME20/move"))
    assert "3 layanan dipindahkan" in page
    assert "+Rp75.000" in page
    assert all(person.number in page for person in people)
    assert await versions(world, people) == [1, 1, 1]
    form = {"from_version": "0", "to_version": "2", "on": "", "announce_days": "14"}
    for _ in range(2):
        answer = await browser.send("/plans/HOME20/move", form)
        assert (answer.status, answer.headers["Location"]) == (303, "/plans/HOME20?done=plan-moved")
    shown = plain(await browser.page("/plans/HOME20/move"))
    assert "Tidak ada layanan di versi lain" in shown
    async with world.database.read() as work:
        told = await work.outbox.due(NOW + timedelta(days=1), 10)
    assert [message.kind for message in told] == [MessageKind.PRICE_CHANGED] * 3


async def test_a_move_that_cannot_be_is_not_done(
    world: PanelWorld, browser: Browser, people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(browser, DEARER, 1)
    right = {"from_version": "0", "to_version": "2", "on": "", "announce_days": "14"}
    for wrong in ({"on": "2026-11-21"}, {"on": "besok"}, {"to_version": "3"}, {"announce_days": "400"}):
        answer = await browser.send("/plans/HOME20/move", right | wrong)
        assert answer.status == 422, wrong
    monkeypatch.setattr(plan_versions, "MOST_MOVED", 2)
    answer = await browser.send("/plans/HOME20/move", right)
    assert answer.status == 422
    assert "Lebih dari 2 layanan sekaligus" in await answer.text()
    assert (await browser.client.get("/plans/HOME20/move")).status == 200
    assert await versions(world, people) == [1, 1, 1]


async def test_a_plan_is_withdrawn_and_sold_again(browser: Browser) -> None:
    for on_sale, said in (("no", "Ditarik"), ("yes", "Dijual")):
        answer = await browser.send("/plans/HOME20/sale", {"on_sale": on_sale})
        assert answer.headers["Location"] == "/plans/HOME20?done=sale"
        assert said in (await browser.page("/plans/HOME20")).partition("<main")[2].partition("</header>")[0]


async def test_only_who_may_writes_plans(world: PanelWorld, browser: Browser) -> None:
    for path in ("/plans/TIDAK/version", "/plans/TIDAK/move"):
        assert (await browser.client.get(path)).status == 404
    async with client_of(world.app()) as client:
        reader = Browser(client)
        await reader.sign_in(await world.staff(Role.READONLY))
        assert "/plans/HOME20/version" not in await reader.page("/plans/HOME20")
        assert "/plans/add" not in await reader.page("/plans")
        for path in ("/plans/add", "/plans/HOME20/version", "/plans/HOME20/move"):
            assert (await client.get(path)).status == 403
        for path in ("/plans", "/plans/HOME20/version", "/plans/HOME20/sale", "/plans/HOME20/move"):
            assert (await reader.send(path, {"text": NEW, "do": "keep"})).status == 403
