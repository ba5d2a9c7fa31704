"""How the JSON API takes requests: pages, conditions, keys, and one shape for whatever is refused."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.errors import StoreUnavailableError
from netbilld.panel.api.operations import OPERATIONS
from netbilld.services.manage_subscribers import ManageSubscribers, SubscriberChanges
from netbilld.services.new_service import Defaults
from tests.api_world import OWNER, Program, Said, api_app, client_of, token_of
from tests.clock import StandingClock
from tests.panel_fixture import NOW, PLANS, PanelWorld, Person


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box, clock=StandingClock(NOW))


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.plans()
    return await world.person("budi@rumahnet", phone="08123456789")


@pytest.fixture
async def program(world: PanelWorld, person: Person, tmp_path: Path) -> AsyncIterator[Program]:
    del person
    async with client_of(api_app(world, tmp_path)) as client:
        yield Program(client, await token_of(world, rate_per_minute=60_000))


async def everything(program: Program, path: str, name: str, limit: int) -> list[Any]:
    """Return a field of every row of a list, page by page."""
    found: list[Any] = []
    cursor = ""
    while True:
        page = await program.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}")
        assert len(page["items"]) <= limit
        found += [row[name] for row in page["items"]]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


# -- pages -----------------------------------------------------------------------------------------------------------


async def test_pages_hold_everything_once_also_while_more_is_added(world: PanelWorld, program: Program) -> None:
    people = [await world.person(f"orang{number}@rumahnet", f"Orang {number}") for number in range(6)]
    for number, one in enumerate(people):
        await world.invoice(one, f"INV-202611-{number:06}", 5)
        await program.post("/payments", {"subscriber_no": one.number, "amount": 1000 + number, "method": "cash"}, 201)
    numbers = await everything(program, "/subscribers", "subscriber_no", 2)
    assert len(numbers) == 7
    assert numbers == sorted(set(numbers))
    assert len(set(await everything(program, "/services", "service_id", 3))) == 7
    assert await everything(program, "/invoices", "number", 4) == [f"INV-202611-{n:06}" for n in range(5, -1, -1)]
    assert sorted(await everything(program, "/payments", "amount", 4)) == [1000, 1001, 1002, 1003, 1004, 1005]
    first = await program.get("/invoices?limit=2")
    await world.invoice(people[0], "INV-202612-000001", 5)
    rest = await program.get(f"/invoices?limit=200&cursor={first['next_cursor']}")
    assert [row["number"] for row in rest["items"]] == [f"INV-202611-{n:06}" for n in range(3, -1, -1)]


async def test_lists_are_narrowed_down(world: PanelWorld, program: Program, person: Person) -> None:
    other = await world.person("siti@rumahnet", "Siti Aminah", plan="KUOTA100", area="jabar")
    await world.invoice(person, "INV-202611-000001", -3)
    await world.invoice(other, "INV-202611-000002", 5)
    for query, wanted in (
        ("search=aminah", [other]), ("search=SITI@rumahnet", [other]), ("search=%2B6281234", [person]),
        ("area=jabar", [other]), ("status=terminated", []), (f"search={person.number}", [person]), ("search=%25", []),
    ):  # fmt: skip
        found = await program.get(f"/subscribers?{query}")
        assert [row["subscriber_no"] for row in found["items"]] == [one.number for one in wanted], query
    for query, wanted in (
        ("username=BUDI@rumahnet", [person]), ("plan=kuota100", [other]), (f"subscriber={other.number}", [other]),
        ("status=suspended", []),
    ):  # fmt: skip
        found = await program.get(f"/services?{query}")
        assert [row["service_id"] for row in found["items"]] == [str(one.service_id) for one in wanted], query
    for query, numbers in (
        ("overdue=true", ["INV-202611-000001"]), ("near_due=true", ["INV-202611-000002"]),
        ("status=paid", []), (f"subscriber={other.number}", ["INV-202611-000002"]), ("subscriber=9", []),
    ):  # fmt: skip
        found = await program.get(f"/invoices?{query}")
        assert [row["number"] for row in found["items"]] == numbers, query


async def test_a_cursor_of_somebody_else_is_refused(program: Program) -> None:
    takes = {
        "/subscribers": str, "/services": UUID, "/invoices": str, "/payments": None, "/sessions": int,
        "/voucher-batches": int,
    }  # fmt: skip
    for path, kind in takes.items():
        places: tuple[Any, ...] = (
            "x", "", {}, [], [1], ["x"], ["x", "y"], [None], [1e99], [10**30], [-1], ["\0"], [["x"]], [True],
            ["2026-11-22", "x"], ["2026-11-22T00:00:00", str(uuid4())],
        )  # fmt: skip
        for place in places:
            cursor = urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
            said = await program.ask("GET", f"{path}?cursor={cursor}")
            is_theirs = isinstance(place, list) and len(place) == 1 and type(place[0]) is kind and place[0] in ("x", 1)
            assert said.status == (200 if is_theirs else 422), (path, place, said.body)
        for cursor in ("x", "%00", "é", "=" * 9, "A" * 500):
            assert (await program.ask("GET", f"{path}?cursor={cursor}")).status == 422, (path, cursor)


# -- conditions ------------------------------------------------------------------------------------------------------


async def test_what_is_known_is_not_sent_again(program: Program, person: Person) -> None:
    for path in ("/plans", "/plans/HOME20", f"/subscribers/{person.number}", f"/services/{person.service_id}"):
        first = await program.ask("GET", path)
        again = await program.ask("GET", path, headers={"If-None-Match": f'W/"x", {first.headers["Etag"]}'})
        assert (again.status, again.octets, again.headers["Etag"]) == (304, b"", first.headers["Etag"])
    await program.patch(f"/subscribers/{person.number}", {"area": "jabar"})
    changed = await program.ask("GET", path, headers={"If-None-Match": first.headers["Etag"]})
    assert changed.status == 200


async def test_a_change_of_what_somebody_else_changed_is_refused_and_says_who(
    world: PanelWorld, program: Program, person: Person
) -> None:
    path = f"/subscribers/{person.number}"
    seen = (await program.ask("GET", path)).headers["Etag"]
    desk = ManageSubscribers(world.database, world.box, Defaults("IDR", "Asia/Jakarta"))
    await desk.set(person.username, SubscriberChanges(area="jatim"), OWNER, NOW)
    said = await program.ask("PATCH", path, {"area": "jabar"}, headers={"If-Match": seen})
    assert (said.status, said.code) == (412, "changed_meanwhile")
    assert OWNER.name in said.body["detail"]
    assert (await program.get(path))["area"] == "jatim"
    now = (await program.ask("GET", path)).headers["Etag"]
    said = await program.ask("PATCH", path, {"area": "jabar"}, headers={"If-Match": now})
    assert said.status == 200
    said = await program.ask("PATCH", path, {"area": "jateng"}, headers={"If-Match": said.headers["Etag"]})
    assert (said.status, said.body["area"]) == (200, "jateng")  # an answer to a change carries what the next one needs
    for tag, status in (("*", 200), (f"W/{said.headers['Etag']}", 412), ('"x"', 412), ("", 412)):
        assert (await program.ask("PATCH", path, {"area": "jateng"}, headers={"If-Match": tag})).status == status, tag


async def test_money_that_moves_spoils_no_condition(program: Program, person: Person) -> None:
    """If-Match is of what can be changed: a payment that comes meanwhile is no reason to ask again."""
    path = f"/subscribers/{person.number}"
    seen = (await program.ask("GET", path)).headers["Etag"]
    await program.post("/payments", {"subscriber_no": person.number, "amount": 1000, "method": "cash"}, 201)
    assert (await program.ask("GET", path, headers={"If-None-Match": seen})).status == 200
    assert (await program.ask("PATCH", path, {"area": "jabar"}, headers={"If-Match": seen})).status == 200


async def test_plans_and_drafts_can_be_guarded_too(program: Program, person: Person) -> None:
    seen = (await program.ask("GET", "/plans/HOME20")).headers["Etag"]
    faster = PLANS["HOME20"].replace("275000", "300000")
    said = await program.ask("PATCH", "/plans/home20", {"toml": faster}, headers={"If-Match": seen})
    assert (said.status, said.body["version"]) == (200, 2)
    said = await program.ask("PATCH", "/plans/home20", {"on_sale": False}, headers={"If-Match": seen})
    assert said.status == 412
    new = {"subscriber_no": person.number, "draft": True, "lines": [{"text": "Kabel", "unit_price": 1000}]}
    draft = await program.ask("POST", "/invoices", new)
    path, tag = f"/invoices/{draft.body['id']}", draft.headers["Etag"]
    await program.patch(path, {"note": "sudah dibaca"}, headers={"If-Match": tag})
    assert (await program.ask("DELETE", path, headers={"If-Match": tag})).status == 412
    assert (await program.ask("DELETE", path)).status == 204
    assert (await program.ask("GET", path)).status == 404


# -- keys ------------------------------------------------------------------------------------------------------------


async def test_the_same_key_and_body_is_one_payment_and_one_answer(program: Program, person: Person) -> None:
    body = {"subscriber_no": person.number, "amount": 50_000, "method": "cash"}
    key = {"Idempotency-Key": "bayar-1"}
    first = await program.ask("POST", "/payments", body, headers=key)
    again = await program.ask("POST", "/payments", body, headers=key)
    assert (first.status, again.status) == (201, 201)
    assert again.octets == first.octets
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len((await program.get("/payments"))["items"]) == 1
    other = await program.ask("POST", "/payments", {**body, "amount": 60_000}, headers=key)
    assert (other.status, other.code) == (422, "idempotency_mismatch")
    await program.post("/payments", body, 201, headers={"Idempotency-Key": "bayar-2"})
    assert len((await program.get("/payments"))["items"]) == 2


async def test_two_at_once_under_one_key_are_one(program: Program, person: Person) -> None:
    requests = (
        ("/payments", {"subscriber_no": person.number, "amount": 50_000, "method": "cash"}, "id"),
        (
            "/subscribers",
            {"username": "ari", "password": "sandi-dial-1", "plan": "HOME20", "name": "A"},
            "subscriber_no",
        ),
        ("/invoices", {"subscriber_no": person.number, "lines": [{"text": "x", "unit_price": 7000}]}, "number"),
    )
    for path, body, name in requests:
        said: list[Said] = await asyncio.gather(
            *(program.ask("POST", path, body, headers={"Idempotency-Key": f"sama-{name}"}) for _ in range(4))
        )
        assert {one.status for one in said} == {201}, said
        assert len({one.body[name] for one in said}) == 1


async def test_a_key_is_one_tokens_own(world: PanelWorld, program: Program, person: Person) -> None:
    other = Program(program.client, await token_of(world, "lain"))
    body = {"subscriber_no": person.number, "amount": 50_000, "method": "cash"}
    for one in (program, other):
        await one.post("/payments", body, 201, headers={"Idempotency-Key": "k"})
    assert len((await program.get("/payments"))["items"]) == 2


@pytest.mark.parametrize("key", ["", " ", "x" * 101, "a b"])
async def test_a_key_that_is_none_is_refused(program: Program, person: Person, key: str) -> None:
    body = {"subscriber_no": person.number, "amount": 50_000, "method": "cash"}
    said = await program.ask("POST", "/payments", body, headers={"Idempotency-Key": key})
    assert said.status == 422
    assert said.body["errors"][0]["field"] == "Idempotency-Key"


async def test_a_payment_with_the_same_reference_is_refused_and_named(program: Program, person: Person) -> None:
    body = {"subscriber_no": person.number, "amount": 50_000, "method": "transfer", "reference": "BCA-7"}
    first = await program.post("/payments", body, 201)
    said = await program.ask("POST", "/payments", body)
    assert (said.status, said.code) == (409, "already_received")
    assert first["id"] in said.body["detail"]


# -- refusals --------------------------------------------------------------------------------------------------------


async def test_what_is_not_known_is_refused_by_name(program: Program, person: Person) -> None:
    said = await program.ask("POST", "/payments", {"subscriber_no": person.number, "amuont": 1, "method": "cash"})
    assert {(one["field"], one["code"]) for one in said.body["errors"]} == {
        ("amount", "missing"), ("amuont", "unknown_field"),
    }  # fmt: skip
    said = await program.ask("GET", "/subscribers?serach=budi")
    assert (said.status, said.body["errors"][0]["field"]) == (422, "serach")
    said = await program.ask("GET", "/subscribers?limit=1&limit=2")
    assert (said.status, said.body["errors"][0]["code"]) == (422, "repeated")
    said = await program.ask(
        "POST", "/invoices", {"subscriber_no": person.number, "lines": [{"text": "x", "unit_price": "1"}]}
    )
    assert said.body["errors"][0]["field"] == "lines.0.unit_price"


async def test_garbage_is_refused_and_never_a_fault(program: Program, person: Person) -> None:
    json_type = {"Content-Type": "application/json"}
    for octets, headers, status in (
        (b"{", json_type, 400), (b"\xff\xfe", json_type, 400), (b"", json_type, 400), (b"[]", json_type, 422),
        (b"null", json_type, 422), (b"[" * 5000, json_type, 400), (b'{"amount": NaN}', json_type, 400),
        (b'{"note": "\\ud800"}', json_type, 400), (b'{"note": "a\\u0000b"}', json_type, 422),
        (b"{}", {"Content-Type": "text/plain"}, 415), (b"amount=1", {}, 415),
        (b'{"note": "' + b"x" * 70_000 + b'"}', json_type, 413),
        (b'{"amount": ' + b"9" * 4000 + b"}", json_type, 422),
    ):  # fmt: skip
        said = await program.ask("POST", "/payments", data=octets, headers=headers)
        assert said.status == status, (octets[:40], said.status, said.body)
        assert said.code
    for path in ("/subscribers/%00", "/subscribers/1%2F2", "/services/x", "/sessions/9999999999999999999",
                 "/invoices/%2E%2E", "/plans/%F0%28", "/payments/'", "/reports/passwd", "/nothing", ""):  # fmt: skip
        said = await program.ask("GET", path)
        assert said.status == 404, (path, said.status)
    for query in ("search=%00", "status=x", "limit=0", "limit=1e9", "area=" + "x" * 101):
        assert (await program.ask("GET", f"/subscribers?{query}")).status == 422, query
    assert (await program.ask("GET", f"/services/{person.service_id}/usage?from=9999-12-31")).status == 422
    assert (await program.ask("GET", f"/services/{person.service_id}/usage?from=2000-01-01&by=hour")).status == 422


async def test_a_method_that_an_address_has_not_is_told_which_it_has(program: Program) -> None:
    said = await program.ask("PUT", "/plans", {})
    assert (said.status, said.code, said.headers["Allow"]) == (405, "method_not_allowed", "GET,POST")


async def test_a_services_refusal_has_its_code_and_hint(program: Program, person: Person) -> None:
    said = await program.ask(
        "POST", "/subscribers", {"username": person.username, "password": "sandi-dial-1", "plan": "HOME20"}
    )
    assert (said.status, said.code) == (409, "name_taken")
    assert said.body["hint"]
    said = await program.ask("POST", "/payments", {"subscriber_no": person.number, "amount": 10**11, "method": "cash"})
    assert (said.status, said.code) == (409, "implausible_amount")
    said = await program.ask("POST", "/plans", {"toml": "code = 1"})
    assert said.status == 422


async def test_the_database_being_away_is_said_and_is_no_fault_of_ours(
    world: PanelWorld, program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object, **__: object) -> None:
        raise StoreUnavailableError("no answer from 10.0.0.5")

    world.database.read = away  # type: ignore[method-assign,assignment]
    said = await program.ask("GET", "/plans")
    assert (said.status, said.code) == (503, "store_unavailable")
    assert "10.0.0.5" not in str(said.body)
    assert said.headers["Retry-After"]
    assert "does not answer" in caplog.text


def test_every_operation_that_makes_money_or_people_takes_a_key() -> None:
    makes = {endpoint.name for endpoint in OPERATIONS if endpoint.method == "POST" and endpoint.status == 201}
    keyed = {endpoint.name for endpoint in OPERATIONS if endpoint.is_keyed}
    assert makes <= keyed
    assert len({endpoint.name for endpoint in OPERATIONS}) == len(OPERATIONS)


async def test_another_subscribers_user_name_that_looks_like_a_number_gets_no_payment(
    world: PanelWorld, program: Program, person: Person
) -> None:
    other = await world.person(person.number, "Bukan Budi")
    await program.post("/payments", {"subscriber_no": person.number, "amount": 7000, "method": "cash"}, 201)
    assert (await program.get(f"/subscribers/{person.number}"))["money"]["wallet"] == 7000
    assert (await program.get(f"/subscribers/{other.number}"))["money"]["wallet"] == 0


async def test_money_is_shown_only_to_tokens_that_may_see_it(
    world: PanelWorld, program: Program, person: Person
) -> None:
    blind = Program(program.client, await token_of(world, "teknisi", ["view_subscribers", "view_usage"]))
    found = await blind.get(f"/subscribers/{person.number}")
    assert found["money"] is None
    assert found["services"][0]["wallet"] is found["services"][0]["outstanding"] is None
