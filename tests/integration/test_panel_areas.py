"""Staff who are limited to areas: every route that may show a subscriber, with theirs, another area's and nobody's.

The walk is over the URL map itself, so a route that is added is walked the same day.
"""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientTimeout
from sqlalchemy import func, select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.model.permissions import PERMISSIONS, Permission, Role
from netbilld.panel.route import Route
from netbilld.panel.routes import ROUTES
from netbilld.panel.visit import Public
from netbilld.panel.within import SUBJECTS, Subject, Within
from tests.clock import SteppedClock
from tests.panel_fixture import NOW, Browser, PanelWorld, Person, client_of
from tests.panel_paths import path_of

THEIRS: Final = "jabar/bandung"
LIMITED: Final = tuple(role for role in Role if role is not Role.ADMIN)
# whose a thing is, is asked alike for every role: of PostgreSQL once
BY_ROLE: Final = [
    *(("sqlite", role) for role in LIMITED),
    pytest.param("postgresql", Role.READONLY, marks=pytest.mark.peer),
]
CLOSED: Final = tuple(route for route in ROUTES if route.access not in {Public.ANYBODY, Public.VISITOR})
ABOUT_SOMEBODY: Final = tuple(route for route in CLOSED if isinstance(route.reach, Subject))
READING: Final = tuple(route for route in CLOSED if route.method == "GET" and not isinstance(route.reach, Subject))
NO_STREAM: Final = ClientTimeout(total=20)
# ways to ask a page for somebody, as far as any page has them
FILES: Final = ("pdf", "/proof")  # that they have had made or brought
# how forms name somebody, and what else they may need
NAMED_IN_FORMS: Final = ("to", "subscriber", "number", "username", "who", "of", "q", "name", "from")
FILLED_IN: Final = {
    "amount": "50000", "method": "cash", "meant": "yes", "rest": "wallet", "category": "slow", "text": "Keluhan baru",
    "why": "x", "reason": "x", "received_on": "2026-11-22",
}  # fmt: skip
ASKED_BY: Final = ("q", "username", "about", "number", "subscriber")


@dataclass(frozen=True, slots=True)
class Somebody:
    """A subscriber with one of everything, and what on a page would tell of them."""

    person: Person
    marks: tuple[str, ...]
    known: Mapping[str, str]  # what names a thing of theirs, by its directory in a path


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    world = PanelWorld(database, box)
    await world.plans()
    return world


@pytest.fixture
async def nas_id(world: PanelWorld) -> UUID:
    return await world.nas()


@pytest.fixture
async def own(world: PanelWorld, nas_id: UUID) -> Somebody:
    return await somebody(world, nas_id, "siti.aminah@rumahnet", "Siti Aminah", "Jabar/Bandung/RW05", "0001")


@pytest.fixture
async def other(world: PanelWorld, nas_id: UUID) -> Somebody:
    return await somebody(world, nas_id, "zainal.abidin@rumahnet", "Zainal Abidin", "jabar/bandung barat", "9002")


async def somebody(world: PanelWorld, nas_id: UUID, username: str, name: str, area: str | None, tail: str) -> Somebody:
    phone, address, mac = f"+628120000{tail}", f"Jalan {name} nomor {tail}", f"48:8F:5A:{tail[:2]}:{tail[2:]}:77"
    person = await world.person(username, name, phone=phone, address=address, area=area)
    session_id = await world.session(nas_id, person, mac=mac, framed_ip=f"10.77.{tail[:1]}.{int(tail[1:])}")
    await world.due(person, Access.WALLED, "overdue", world.clock.now() - timedelta(minutes=9))
    await world.attempt(nas_id, person, session_id, Access.WALLED, "overdue", outcome="failed")
    number = f"INV-2027-00{tail}"
    await world.invoice(person, number, -3)
    payment_id = uuid4()
    await world.put(
        tables.payments, id=payment_id, subscriber_id=person.subscriber_id, amount_minor=111, currency="IDR",
        method="cash", reference=f"REF-{tail}", received_on=world.clock.now().date(), actor="x",
        recorded_at=world.clock.now(), status="received",
    )  # fmt: skip
    await world.put(
        tables.auth_attempts, at=world.clock.now(), username=username, username_key=username,
        service_id=person.service_id, nas_id=nas_id, mac=mac, method="pap", result="accept", reason="ok", latency_us=99,
    )  # fmt: skip
    complaint = f"K0{tail}"
    async with world.database.read() as work:
        category = await work.connection.scalar(select(tables.complaint_categories.c.code).limit(1))
    now = world.clock.now()
    await world.put(
        tables.complaints, id=uuid4(), number=complaint, subscriber_id=person.subscriber_id, category=category,
        text=f"Keluhan {tail}", via="staff", area=area, state="new", state_since_at=now, version=1, opened_at=now,
        opened_by="x", respond_by=now, resolve_by=now, reopened=0,
    )  # fmt: skip
    known = {
        "subscribers": person.number,
        "services": str(person.service_id),
        "invoices": number,
        "deliveries": number,
        "payments": str(payment_id),
        "sessions": str(session_id),
        "complaints": complaint,
        "jobs": complaint,
    }
    marks = (
        person.number,
        username,
        name,
        phone,
        phone[3:],
        address,
        mac,
        number,
        f"REF-{tail}",
        complaint,
        f"Keluhan {tail}",
    )
    return Somebody(person, marks, known)


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


async def status_of(browser: Browser, route: Route, path: str) -> int:
    if route.method == "GET":
        async with browser.client.get(path, allow_redirects=False, timeout=NO_STREAM) as answer:
            return answer.status  # a stream is left open and closed by us
    return (await browser.send(path, {"reason": "x", "amount": "1", "why": "x"})).status


async def text_of(browser: Browser, path: str, **query: str) -> str:
    async with browser.client.get(path, params=query, allow_redirects=False, timeout=NO_STREAM) as answer:
        if path.startswith("/live/") and answer.status == 200:
            return (await answer.content.readany()).decode()  # all parts of a page come in the first piece
        return (await answer.read()).decode("utf-8", "replace")


def may(route: Route, role: Role) -> bool:
    return not isinstance(route.access, Permission) or route.access in PERMISSIONS[role]


def test_every_kind_of_thing_in_a_path_is_one_that_this_test_has() -> None:
    known = {"subscribers", "services", "invoices", "deliveries", "payments", "sessions", "complaints", "jobs"}
    assert set(SUBJECTS) == known, "give `somebody` one of it"


@pytest.mark.parametrize(("migrated_url", "role"), BY_ROLE, indirect=["migrated_url"])
async def test_another_areas_thing_is_not_found_by_any_route_and_ones_own_is(
    world: PanelWorld, browser: Browser, own: Somebody, other: Somebody, role: Role
) -> None:
    await browser.sign_in(await world.staff(role, areas=(THEIRS,)))
    for route in ABOUT_SOMEBODY:
        told = (role, route.method, route.path)
        if not may(route, role):
            assert await status_of(browser, route, path_of(route, other.person, other.known)) == 403, told
            continue
        assert await status_of(browser, route, path_of(route, other.person, other.known)) == 404, told
        assert await status_of(browser, route, path_of(route)) == 404, told
        if route.method == "GET" and route.path.count("/{") == 1 and not route.path.endswith(FILES):
            found = await status_of(browser, route, path_of(route, own.person, own.known))
            assert found not in {403, 404}, (told, found)
    assert world.nudges == 0


@pytest.mark.parametrize("role", [Role.TECHNICAL, Role.ACCOUNTING, Role.READONLY])  # between them they see everything
async def test_no_page_that_is_open_to_them_tells_of_another_area(
    world: PanelWorld, browser: Browser, own: Somebody, other: Somebody, role: Role
) -> None:
    await browser.sign_in(await world.staff(role, areas=(THEIRS,)))
    opened = 0
    for route in READING:
        if not may(route, role) or "{" in route.path:
            continue
        text = await text_of(browser, route.path)
        assert not [mark for mark in other.marks if mark in text], (role, route.path)
        if route.reach is not Within.NOWHERE:
            opened += 1
            for field in ASKED_BY:
                for asked in other.marks[:4]:
                    text = await text_of(browser, route.path, **{field: asked})
                    found = [mark for mark in other.marks if mark in text and mark not in asked and asked not in mark]
                    assert not found, (role, route.path, field, asked)
    assert opened >= 2
    assert own.person.number in await browser.page("/subscribers")


@pytest.mark.parametrize("role", [Role.TECHNICAL, Role.ACCOUNTING, Role.SERVICE])  # between them they do everything
async def test_no_form_that_names_somebody_of_another_area_does_anything_about_them(
    world: PanelWorld, browser: Browser, other: Somebody, role: Role
) -> None:
    await browser.sign_in(await world.staff(role, areas=(THEIRS,)))
    before = await things_of(world, other)
    assert len(before) >= 5
    for route in CLOSED:
        if route.method == "GET" or route.reach is not Within.AREAS or not may(route, role):
            continue
        for named in (other.person.number, other.person.username):
            form = dict.fromkeys(NAMED_IN_FORMS, named) | FILLED_IN | {"once": uuid4().hex}
            answer = await browser.send(path_of(route), form)
            assert answer.status < 500, (role, route.path)
            assert other.person.number not in answer.headers.get("Location", ""), (role, route.path)
            text = await answer.text()
            assert not [mark for mark in other.marks if mark in text and mark not in named], (role, route.path)
    assert await things_of(world, other) == before


async def things_of(world: PanelWorld, other: Somebody) -> dict[str, int]:
    """Return how many rows of each table are a subscriber's."""
    counts: dict[str, int] = {}
    async with world.database.read() as work:
        for table in tables.metadata.sorted_tables:
            for column, owner in (
                ("subscriber_id", other.person.subscriber_id),
                ("service_id", other.person.service_id),
            ):
                if column in table.c:
                    rows = select(func.count()).select_from(table).where(table.c[column] == owner)
                    if found := await work.connection.scalar(rows):
                        counts[f"{table.name}.{column}"] = found
    return counts


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("role", LIMITED)
async def test_what_nobody_made_fit_for_areas_is_closed_to_those_who_have_some(
    world: PanelWorld, browser: Browser, own: Somebody, role: Role
) -> None:
    del own
    await browser.sign_in(await world.staff(role, areas=(THEIRS,)))
    for route in CLOSED:
        if route.reach is not Within.NOWHERE:
            continue
        status = await status_of(browser, route, path_of(route))
        assert status == 403, (role, route.path, status)


async def test_the_overview_of_who_is_limited_counts_their_areas_alone(
    world: PanelWorld, browser: Browser, own: Somebody, other: Somebody
) -> None:
    await browser.sign_in(await world.staff(Role.SERVICE, areas=(THEIRS,)))
    text = await text_of(browser, "/")
    assert "RW05" in text
    assert not [mark for mark in other.marks if mark in text]
    assert "throughput" not in text
    assert 'href="/nas' not in text
    for number in re.findall(r'href="/subscribers/(\d+)"', text):
        assert number == own.known["subscribers"]


async def test_what_others_have_just_been_shown_is_not_shown_to_them(
    world: PanelWorld, own: Somebody, other: Somebody
) -> None:
    """Moving parts are read once for all who look at the same; while the clock stands, what was read stays."""
    del own
    world.clock = SteppedClock(NOW)
    open_to_them = [
        route
        for route in READING
        if "{" not in route.path and route.reach is Within.AREAS and may(route, Role.READONLY)
    ]
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff())
        told = 0
        for route in open_to_them:
            text = await text_of(browser, route.path)
            told += any(mark in text for mark in other.marks)
        assert told >= 4
        await browser.send("/signout")
        await browser.sign_in(await world.staff(Role.READONLY, areas=(THEIRS,)))
        for route in open_to_them:
            text = await text_of(browser, route.path)
            assert not [mark for mark in other.marks if mark in text], route.path


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_a_thousand_guessed_numbers_find_ones_own_and_nothing_else(
    world: PanelWorld, browser: Browser, own: Somebody, other: Somebody
) -> None:
    await browser.sign_in(await world.staff(Role.SERVICE, areas=(THEIRS,)))
    theirs = {f"/subscribers/{own.known['subscribers']}", f"/invoices/{own.known['invoices']}/pdf"}
    theirs |= {f"/complaints/{own.known['complaints']}", f"/payments/{own.known['payments']}"}
    guesses = [f"/subscribers/{number}" for number in range(100_000, 100_400)]
    guesses += [f"/complaints/K{number:05d}" for number in (*range(1, 200), 9002)]
    guesses += [f"/invoices/INV-2027-00{number}/pdf" for number in (*range(9000, 9200), "0001")]
    guesses += [f"/payments/{uuid4()}" for _ in range(200)] + [f"/payments/{other.known['payments']}"]
    assert len(guesses) > 1000
    found = set()
    for path in guesses:
        async with browser.client.get(path, allow_redirects=False) as answer:
            if answer.status != 404:
                found.add(path)
            else:
                page = await answer.text()
                assert not [mark for mark in other.marks if mark in page and mark not in path]
    assert found <= theirs
    assert f"/subscribers/{own.known['subscribers']}" in found


async def test_the_menu_leads_them_nowhere_that_is_closed(world: PanelWorld, browser: Browser, own: Somebody) -> None:
    del own
    await browser.sign_in(await world.staff(Role.TECHNICAL, areas=(THEIRS,)))
    page = await browser.page("/subscribers")
    menu = page[page.index('<nav class="places"') : page.index("<main")]
    for href in (piece.split('"')[0] for piece in menu.split('href="')[1:]):
        async with browser.client.get(href, allow_redirects=False) as answer:
            assert answer.status == 200, href


async def test_somebody_without_an_area_and_sessions_of_nobody_are_for_those_who_see_everything(
    world: PanelWorld, browser: Browser, nas_id: UUID, own: Somebody
) -> None:
    del own
    nowhere = await somebody(world, nas_id, "tanpa@rumahnet", "Tanpa Wilayah", None, "5003")
    await world.session(nas_id, None)
    await browser.sign_in(await world.staff(Role.TECHNICAL, areas=(THEIRS,)))
    assert (await browser.client.get(f"/subscribers/{nowhere.person.number}")).status == 404
    assert "siapa-ini" not in await browser.page("/sessions")
    assert "Tanpa Wilayah" not in await browser.page("/sessions")
    async with client_of(world.app()) as client:
        everywhere = Browser(client)
        await everywhere.sign_in(await world.staff(Role.TECHNICAL, email="semua@rumahnet.example"))
        assert "siapa-ini" in await everywhere.page("/sessions")
        await everywhere.page(f"/subscribers/{nowhere.person.number}")


async def test_lists_and_their_counts_hold_what_is_in_the_areas_and_nothing_else(
    world: PanelWorld, browser: Browser, nas_id: UUID, own: Somebody, other: Somebody
) -> None:
    del own, other
    for number in range(3):
        area = ("JABAR/Bandung/rw01", "diy", "jabar / bandung")[number]
        await somebody(world, nas_id, f"warga{number}@rumahnet", f"Warga {number}", area, f"700{number}")
    await browser.sign_in(await world.staff(Role.COLLECTOR, areas=(THEIRS, "DIY")))
    page = await browser.page("/subscribers")
    for name in ("Siti Aminah", "Warga 0", "Warga 1", "Warga 2"):
        assert name in page
    assert "Zainal" not in page
    assert "4 layanan" in page


async def test_a_subscriber_who_moves_away_is_theirs_no_more(
    world: PanelWorld, browser: Browser, own: Somebody
) -> None:
    await browser.sign_in(await world.staff(Role.COLLECTOR, areas=(THEIRS,)))
    await browser.page(f"/subscribers/{own.person.number}")
    async with world.database.write() as work:
        await work.connection.execute(tables.subscribers.update().values(area="jabar/cimahi"))
    assert (await browser.client.get(f"/subscribers/{own.person.number}")).status == 404


async def test_why_somebody_is_offline_is_told_of_ones_own_and_no_name_is_proposed(
    world: PanelWorld, browser: Browser, own: Somebody, other: Somebody
) -> None:
    await browser.sign_in(await world.staff(Role.TECHNICAL, areas=(THEIRS,)))
    assert own.person.username in await browser.page("/explain", params={"q": own.person.username})
    for asked in (other.person.username, other.person.username[:-1], other.person.username.upper()):
        assert (await browser.client.get("/explain", params={"q": asked})).status == 404
    assert (await browser.client.get("/data/usage", params={"service": str(own.person.service_id)})).status == 200
    for query in ({"service": str(other.person.service_id)}, {"nas": "cibiru-1"}, {}):
        assert (await browser.client.get("/data/usage", params=query)).status == 404


async def test_a_payment_and_an_order_for_another_area_change_nothing(
    world: PanelWorld, browser: Browser, other: Somebody
) -> None:
    await browser.sign_in(await world.staff(Role.COLLECTOR, areas=(THEIRS,)))
    form = {"amount": "50000", "method": "cash", "once": "a" * 43}
    assert (await browser.send(f"/subscribers/{other.person.number}/payments", form)).status == 404
    async with world.database.read() as work:
        kept = (await work.connection.execute(tables.payments.select())).all()
    assert len(kept) == 1
    assert world.nudges == 0
