"""Every route × every role, and every way to send a form that is not ours: generated from the URL map."""

from collections.abc import AsyncIterator

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.permissions import PERMISSIONS, Permission, Role
from netbilld.panel.routes import ROUTES
from netbilld.panel.visit import Public
from tests.panel_fixture import Browser, PanelWorld, Person, client_of
from tests.panel_paths import path_of

CHANGING = tuple(route for route in ROUTES if route.method != "GET")
LIVE = tuple(route for route in ROUTES if route.path.startswith("/live/"))
READING = tuple(route for route in ROUTES if route.method == "GET" and route not in LIVE)
CLOSED = tuple(route for route in ROUTES if route.access not in {Public.ANYBODY, Public.VISITOR})

# who may what is decided before any query; pages are asked of PostgreSQL by who sees all of them
BY_ROLE = [("sqlite", role) for role in Role] + [pytest.param("postgresql", Role.ADMIN, marks=pytest.mark.peer)]
ONE_DATABASE = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.plans()
    await world.nas()
    return await world.person("budi@rumahnet")


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


def test_the_map_has_something_to_test() -> None:
    assert len(CHANGING) >= 9
    assert {route.access for route in CHANGING} >= {
        Permission.RECORD_PAYMENTS, Permission.EDIT_SUBSCRIBERS, Permission.CONTROL_SESSIONS,
    }  # fmt: skip


@ONE_DATABASE
async def test_without_signing_in_every_closed_page_leads_to_the_form(browser: Browser) -> None:
    for route in CLOSED:
        async with browser.client.request(route.method, path_of(route), allow_redirects=False) as answer:
            if route in LIVE:
                assert answer.status == 401, route.path
            else:
                assert answer.status == 303, route.path
                assert answer.headers["Location"].startswith("/signin")


@ONE_DATABASE
async def test_no_form_is_taken_without_its_token(world: PanelWorld, browser: Browser, person: Person) -> None:
    await browser.sign_in(await world.staff())
    for route in CHANGING:
        for token in (None, "", "x" * 43):
            form = {} if token is None else {"csrf": token}
            answer = await browser.client.post(path_of(route, person), data=form, allow_redirects=False)
            assert answer.status == 403, (route.path, token)
    assert world.nudges == 0


@ONE_DATABASE
async def test_no_form_is_taken_from_another_site(world: PanelWorld, browser: Browser, person: Person) -> None:
    await browser.sign_in(await world.staff())
    foreign = (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8081"},
        {"Referer": "https://evil.example/"},
    )
    for route in CHANGING:
        for headers in foreign:
            answer = await browser.send(path_of(route, person), {"reason": "x", "amount": "1"}, headers=headers)
            assert answer.status == 403, (route.path, headers)
    assert world.nudges == 0


async def test_the_token_of_another_login_is_not_taken(world: PanelWorld, browser: Browser, person: Person) -> None:
    await browser.sign_in(await world.staff())
    async with client_of(world.app()) as other_client:
        other = Browser(other_client)
        await other.sign_in(await world.staff(Role.ACCOUNTING))
        stolen = await other.token()
    answer = await browser.client.post(f"/subscribers/{person.number}/payments", data={"csrf": stolen})
    assert answer.status == 403


@pytest.mark.parametrize(("migrated_url", "role"), BY_ROLE, indirect=["migrated_url"])
async def test_a_role_may_what_the_table_says_and_nothing_else(
    world: PanelWorld, browser: Browser, person: Person, role: Role
) -> None:
    """BANG-2.7d: every route × every role, from the permission table."""
    await browser.sign_in(await world.staff(role))
    for route in CLOSED:
        may = not isinstance(route.access, Permission) or route.access in PERMISSIONS[role]
        path = path_of(route, person)
        if route.method == "GET":
            async with browser.client.get(path, allow_redirects=False) as answer:
                status = answer.status  # a stream is left open and closed by us
        else:
            status = (await browser.send(path, {"password": "-"})).status
        assert (status != 403) == may, (role, route.method, path, status)
        assert status < 500, (role, route.method, path)


async def test_someone_deactivated_is_out_at_once(world: PanelWorld, browser: Browser) -> None:
    email = await world.staff()
    await browser.sign_in(email)
    await browser.page("/")
    async with world.database.write() as work:
        member = await work.staff.by_email(email)
        assert member is not None
        await work.staff.update(member.id, {"active": False})
    assert (await browser.client.get("/", allow_redirects=False)).status == 303


async def test_technicians_see_no_money(world: PanelWorld, browser: Browser, person: Person) -> None:
    """BANG-2.7e: the technical role sees the line and none of the money."""
    await world.invoice(person, "INV-2026-000777", -3)
    await browser.sign_in(await world.staff(Role.TECHNICAL))
    for path in ("/", "/subscribers", f"/subscribers/{person.number}"):
        text = await browser.page(path)
        assert "275.000" not in text, path
        assert "INV-2026" not in text, path


async def test_nobody_sees_a_secret_of_a_nas(world: PanelWorld, browser: Browser, person: Person) -> None:
    """BANG-2.7e: accounting has no NAS page at all, and those who have one see no secret."""
    del person
    await browser.sign_in(await world.staff())
    for path in ("/nas", "/nas/cibiru-1"):
        assert "rahasia-nas" not in await browser.page(path)
    async with client_of(world.app()) as client:
        books = Browser(client)
        await books.sign_in(await world.staff(Role.ACCOUNTING))
        assert (await client.get("/nas/cibiru-1")).status == 403


async def test_a_service_is_changed_only_through_its_own_subscriber(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    other = await world.person("siti@rumahnet", "Siti Aminah")
    await browser.sign_in(await world.staff())
    path = f"/subscribers/{other.number}/services/{person.service_id}/suspend"
    assert (await browser.send(path, {"reason": "salah orang"})).status == 404
    async with world.database.read() as work:
        service = await work.services.by_id(person.service_id)
    assert service is not None
    assert service.status == "active"


async def test_guessed_paths_and_numbers_find_nothing(world: PanelWorld, browser: Browser, person: Person) -> None:
    del person
    await browser.sign_in(await world.staff(Role.READONLY))
    for path in ("/subscribers/1", "/subscribers/100001x", "/nas/%2e%2e%2fetc", "/plans/%00",
                 "/static/x/../../../pyproject.toml", "/static/x/%2e%2e/%2e%2e/package.json", "/static/x/.stamp",
                 "/sessions/1", "/live/nothing"):  # fmt: skip
        assert (await browser.client.get(path, allow_redirects=False)).status in {403, 404}, path
    assert (await browser.client.get("/subscribers?q=%00")).status == 404
    assert (await browser.sign_in("a\0b@rumahnet.example")).status == 404
    for number in range(200_000, 200_200):
        assert (await browser.client.get(f"/subscribers/{number}")).status == 404


@ONE_DATABASE
async def test_every_reading_page_says_so_when_the_database_is_away(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff())

    def away(*_: object, **__: object) -> None:
        raise OSError("the database is away")

    world.database.read = away  # type: ignore[method-assign,assignment]
    for route in READING:
        if route.access is Public.ANYBODY:
            continue
        answer = await browser.client.get(path_of(route))
        assert answer.status in {500, 503}, route.path
        assert "Traceback" not in await answer.text()
