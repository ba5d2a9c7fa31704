"""What no page of ours sends: forms that are none, ids that are none, the first and last days there are."""

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import FormData
from sqlalchemy import select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.actor import SCHEDULE
from netbilld.panel import live
from netbilld.panel.route import ID
from netbilld.panel.routes import ROUTES
from netbilld.services.own_requests import DELETION, OwnRequests
from tests.panel_fixture import Browser, PanelWorld, Person, client_of
from tests.panel_paths import path_of

MALFORMED = (
    ("multipart/form-data", b"csrf=x"),
    ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
    ("multipart/form-data; boundary=x", b""),
    ("application/x-www-form-urlencoded; charset=klingon", b"csrf=x"),
    ("application/x-www-form-urlencoded; charset=utf-8", b"\xff\xfe=\xff"),
    ("application/json", b"{}"),
)

NO_ID = "0" * 8 + "-" * 28


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    made = PanelWorld(database, box)
    await made.plans()
    return made


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    return await world.person("budi@rumahnet")


@pytest.fixture
async def browser(world: PanelWorld) -> AsyncIterator[Browser]:
    async with client_of(world.app()) as client:
        yield Browser(client)


async def test_a_form_that_is_none_is_refused_and_no_fault(world: PanelWorld, browser: Browser, person: Person) -> None:
    async def refused(path: str) -> None:
        for kind, body in MALFORMED:
            headers = {"Content-Type": kind}
            answer = await browser.client.post(path, data=body, headers=headers, allow_redirects=False)
            assert answer.status in {400, 403}, (path, kind, answer.status)

    await refused("/signin")
    await browser.sign_in(await world.staff())
    await refused("/profile")
    await refused(f"/subscribers/{person.number}/files")


async def test_an_id_that_is_none_is_not_found(world: PanelWorld, browser: Browser, person: Person) -> None:
    await browser.sign_in(await world.staff())
    form = {"csrf": await browser.token()}
    asked = 0
    for route in ROUTES:
        if "0-9a-f" not in route.path:
            continue
        asked += 1
        path = re.sub(ID, NO_ID, path_of(route, person))
        async with browser.client.request(route.method, path, data=form, allow_redirects=False) as answer:
            assert answer.status in {404, 405}, (route.path, answer.status)
    assert asked > 20


async def test_the_first_and_last_days_there_are_are_no_fault(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    await browser.sign_in(await world.staff())
    for path in (
        f"/subscribers/{person.number}/story?before=0001-01-01T00:00:00%2B14:00",
        f"/subscribers/{person.number}/story?before=9999-12-31T23:59:59-14:00",
        "/audit?from=0001-01-01",
        "/audit?until=9999-12-31",
    ):
        await browser.page(path)


async def test_a_long_answer_to_a_subscriber_is_kept_whole_or_refused_and_never_cut_off(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    requests = OwnRequests(world.database)
    asked = await requests.ask(person.subscriber_id, DELETION, "tolong", SCHEDULE, world.clock.now())
    await browser.sign_in(await world.staff())
    path, answer = f"/requests/{asked}/end", "kata " * 390 + "akhir"
    assert (await browser.send(path, {"state": "done", "answer": answer + "x" * 100})).status == 422
    assert (await browser.send(path, {"state": "done", "answer": answer})).status == 303
    async with world.database.read() as work:
        found = await work.own_business.request(asked)
    assert found is not None
    assert found.answer == answer
    notes = f"/subscribers/{person.number}/notes"
    assert (await browser.send(notes, {"text": "x" * 1001, "once": "n" * 43})).status == 422


async def test_the_wallet_of_a_number_that_is_anothers_user_name_is_that_subscribers(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    """BANG-2.5: an address names a subscriber by number, whoever is called like it."""
    await world.person(person.number, "Orang Lain")
    await world.invoice(person, "INV-2026-000123", 3)
    await browser.sign_in(await world.staff())
    at = f"/subscribers/{person.number}"
    await browser.send(f"{at}/payments", {"amount": "300000", "method": "cash", "to_wallet": "yes", "once": "a" * 43})
    assert "Orang Lain" not in await browser.page(f"{at}/wallet")
    assert (await browser.send(f"{at}/wallet/allocate", {"once": "b" * 43})).status == 303
    async with world.database.read() as work:
        paid_minor = await work.connection.scalar(select(tables.invoices.c.paid_minor))
        payment_id = await work.connection.scalar(select(tables.payments.c.id))
    assert paid_minor == 275_000
    assert "Orang Lain" not in await browser.page(f"/payments/{payment_id}")


async def test_prices_of_ones_own_are_in_the_currency_of_the_place(world: PanelWorld, person: Person) -> None:
    async with client_of(world.app(currency="USD")) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff())
        path = f"/subscribers/{person.number}/services/{person.service_id}/terms"
        wrong = await (await browser.send(path, {"price": "10.505", "why": "teman", "once": "p" * 43})).text()
        right = await (await browser.send(path, {"price": "10.50", "why": "teman", "once": "p" * 43})).text()
    fault = "Tulis jumlahnya dengan angka"
    assert (fault in wrong, fault in right) == (True, False)


async def test_a_stream_ends_when_the_log_in_does(world: PanelWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.0)
    async with client_of(world.app()) as client, client_of(world.app()) as elsewhere:
        browser, admin = Browser(client), Browser(elsewhere)
        await browser.sign_in(await world.staff())
        await admin.sign_in("admin@rumahnet.example")
        answer = await client.get("/live/sessions")
        await answer.content.readuntil(b"\n\n")
        async with world.database.write() as work:
            member = await work.staff.by_email("admin@rumahnet.example")
            assert member is not None
            await work.logins.end_of_staff(member.id)
        assert b"event:" not in (await answer.content.read()).split(b"\n\n")[-1]
        assert answer.content.at_eof()


async def test_a_photo_of_many_octets_is_still_no_form(world: PanelWorld, browser: Browser) -> None:
    await browser.sign_in(await world.staff())
    form = FormData(default_to_multipart=True)
    form.add_field("photos", b"x" * 100_000, filename="a.jpg")
    assert (await browser.client.post("/profile", data=form, allow_redirects=False)).status == 413
