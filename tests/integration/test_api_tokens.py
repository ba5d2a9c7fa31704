"""Tokens of the JSON API: who may ask for what, how often, and that no browser's log-in is one, nor the other way."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from netbilld.adapters.clock import entropy
from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.api_token import SCOPES
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.permissions import Permission
from netbilld.panel.api.operations import OPERATIONS
from netbilld.services.manage_tokens import ManageTokens, NewToken
from tests.api_world import OWNER, Program, api_app, client_of, token_of
from tests.clock import SteppedClock
from tests.panel_fixture import NOW, Browser, PanelWorld, Person

EXAMPLES = {
    "{batch}": "V0001", "{number}": "100001", "{service}": "00000000-0000-4000-8000-000000000000", "{code}": "HOME20",
    "{complaint}": "K00001", "{agent}": "sari", "{collector}": "agus", "{id}": "42", "{note}": "42", "{row}": "42", "{parked}": "00000000-0000-4000-8000-000000000000", "{name}": "bills", "{reference}": "00000000-0000-4000-8000-000000000000",
}  # fmt: skip


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box, clock=SteppedClock(NOW))


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.plans()
    return await world.person("budi@rumahnet", area="jabar/bandung")


@pytest.fixture
async def program(world: PanelWorld, person: Person, tmp_path: Path) -> AsyncIterator[Program]:
    del person
    async with client_of(api_app(world, tmp_path)) as client:
        yield Program(client, await token_of(world))


def path_of(path: str) -> str:
    for name, example in EXAMPLES.items():
        path = path.replace(name, example)
    return path


async def test_a_token_is_kept_as_a_hash_and_shown_once(world: PanelWorld) -> None:
    clear = await token_of(world)
    async with world.database.read() as work:
        [row] = (await work.connection.execute(select(tables.api_tokens))).mappings()
        changes = await work.changes.since(0)
    assert clear not in str(dict(row))
    assert row["hint"] == clear[:8]
    assert [change.action for change in changes] == ["token.add"]
    assert clear not in str(changes)


async def test_every_operation_needs_a_token_with_its_scope(world: PanelWorld, program: Program) -> None:
    """INCA-15: generated from the operations, each with no token, a wrong one, and one with every scope but its own."""
    clear = {
        scope: await token_of(world, f"all but {scope}", [other for other in SCOPES if other is not scope])
        for scope in SCOPES
    }
    assert {endpoint.scope for endpoint in OPERATIONS} == {None, *SCOPES}, "a scope that nothing needs is no scope"
    nobody, wrong = Program(program.client, None), Program(program.client, "nbt_" + "x" * 43)
    for endpoint in OPERATIONS:
        path = path_of(endpoint.path)
        body: dict[str, str] | None = {} if endpoint.body else None
        said = await nobody.ask(endpoint.method, path, body)
        assert (said.status, said.code) == (401, "token_missing"), endpoint.name
        assert said.headers["WWW-Authenticate"].startswith("Bearer")
        said = await wrong.ask(endpoint.method, path, body)
        assert said.status in {401, 429}, endpoint.name
        if endpoint.scope is not None:
            said = await Program(program.client, clear[endpoint.scope]).ask(endpoint.method, path, body)
            assert (said.status, said.code) == (403, "scope_missing"), endpoint.name


async def test_a_token_ends_when_it_is_revoked_or_over(world: PanelWorld, program: Program) -> None:
    tokens = ManageTokens(world.database, entropy)
    short = await tokens.add(
        NewToken("sebentar", ["view_plans"], expires_at=NOW + timedelta(hours=1)), OWNER, world.clock.now()
    )
    other = Program(program.client, short.clear)
    await other.get("/plans")
    world.clock.at = NOW + timedelta(hours=1)  # type: ignore[attr-defined]  # it stands
    assert (await other.ask("GET", "/plans")).code == "token_expired"
    assert await tokens.revoke("UJI", OWNER, world.clock.now())
    assert not await tokens.revoke("uji", OWNER, world.clock.now())
    assert (await program.ask("GET", "/plans")).code == "token_revoked"


async def test_what_a_token_can_not_be_is_refused(world: PanelWorld) -> None:
    tokens = ManageTokens(world.database, entropy)
    await token_of(world, "bank")
    for new, error in (
        (NewToken(" ", ["view_plans"]), InvalidInputError),
        (NewToken("a", []), InvalidInputError),
        (NewToken("a", ["manage_staff"]), InvalidInputError),
        (NewToken("a", ["view_plans"], expires_at=NOW), InvalidInputError),
        (NewToken("a", ["view_plans"], rate_per_minute=0), InvalidInputError),
        (NewToken("a", role="boss"), InvalidInputError),
        (NewToken("BANK", ["view_plans"]), RefusedError),
    ):
        with pytest.raises(error):
            await tokens.add(new, OWNER, NOW)
    made = await tokens.add(NewToken("kasir", role="cashier"), OWNER, NOW)
    assert made.token.scopes == {
        Permission.VIEW_SUBSCRIBERS, Permission.VIEW_MONEY, Permission.RECORD_PAYMENTS
    }  # fmt: skip


async def test_more_than_its_rate_is_answered_with_when_to_come_again(world: PanelWorld, program: Program) -> None:
    slow = Program(program.client, await token_of(world, "pelan", ["view_plans"], rate_per_minute=3))
    for _ in range(3):
        await slow.get("/plans")
    said = await slow.ask("GET", "/plans")
    assert (said.status, said.code, said.headers["Retry-After"]) == (429, "too_many_requests", "21")
    await program.get("/plans")  # another token's rate is its own
    world.clock.pass_time(seconds=21)  # type: ignore[attr-defined]  # it is stepped
    await slow.get("/plans")
    assert (await slow.ask("GET", "/plans")).status == 429


async def test_guessing_tokens_is_slowed_down_by_address(program: Program) -> None:
    guesser = Program(program.client, "nbt_" + "A" * 43)
    answers = [(await guesser.ask("GET", "/plans")).status for _ in range(70)]
    assert set(answers) == {401, 429}
    assert answers[-1] == 429
    await program.get("/plans")  # who has a token is not kept out by them


async def test_a_log_in_of_the_panel_is_no_token_and_a_token_no_log_in(
    world: PanelWorld, program: Program, person: Person
) -> None:
    """A page of another site can make a browser send its cookies; so the API looks at none, and pages at no token."""
    browser = Browser(program.client)
    await browser.sign_in(await world.staff())
    assert await browser.page("/subscribers")
    signed_in = Program(program.client, None)  # the same client: its cookies go along
    assert (await signed_in.ask("GET", "/subscribers")).code == "token_missing"
    body = {"subscriber_no": person.number, "amount": 1000, "method": "cash"}
    csrf = await browser.token()
    said = await signed_in.ask("POST", "/payments", body, headers={"X-CSRF-Token": csrf})
    assert said.status == 401
    said = await program.ask("GET", "/subscribers")
    assert "Set-Cookie" not in said.headers
    async with client_of(program.client.app) as other:  # nobody signed in, only a token
        answer = await other.get(
            "/subscribers", headers={"Authorization": f"Bearer {program.token}"}, allow_redirects=False
        )
        assert answer.status == 303
        answer = await other.post(
            f"/subscribers/{person.number}/payments",
            headers={"Authorization": f"Bearer {program.token}"},
            data={"amount": "1000", "method": "cash"},
            allow_redirects=False,
        )
        assert answer.status in {303, 403}


async def test_its_use_is_noted_and_its_changes_bear_its_name(
    world: PanelWorld, program: Program, person: Person
) -> None:
    await program.post(f"/services/{person.service_id}/suspend", {"reason": "uji"})
    [token] = await ManageTokens(world.database, entropy).list()
    assert (token.last_used_at, token.last_used_from) == (world.clock.now(), "127.0.0.1")
    async with world.database.read() as work:
        [change] = await work.changes.about("subscriber", person.subscriber_id, limit=1)
    assert (change.actor, change.origin, change.action) == ("token uji", "127.0.0.1", "subscriber.suspend")
    assert world.nudges == 1


async def test_a_token_limited_to_areas_sees_and_changes_nothing_else(
    world: PanelWorld, program: Program, person: Person
) -> None:
    other = await world.person("siti@rumahnet", "Siti", area="jatim/malang")
    await world.invoice(person, "INV-202611-000001", 5)
    await world.invoice(other, "INV-202611-000002", 5)
    near = Program(program.client, await token_of(world, "bandung", areas=["jabar"]))
    assert [one["subscriber_no"] for one in (await near.get("/subscribers"))["items"]] == [person.number]
    assert [one["subscriber_no"] for one in (await near.get("/services"))["items"]] == [person.number]
    assert [one["number"] for one in (await near.get("/invoices"))["items"]] == ["INV-202611-000001"]
    await near.get("/invoices/INV-202611-000001")
    await near.get("/invoices/INV-202611-000002", 404)
    await near.get(f"/subscribers/{other.number}", 404)
    await near.post(f"/services/{other.service_id}/suspend", {"reason": "x"}, 404)
    pay = {"subscriber_no": other.number, "amount": 5000, "method": "cash"}
    await near.post("/payments", pay, 422)
    await near.post("/payments", {**pay, "subscriber_no": person.number}, 201)
    new = {"username": "ari", "password": "sandi-dial-1", "plan": "HOME20", "name": "Ari"}
    assert (await near.ask("POST", "/subscribers", {**new, "area": "jatim/malang"})).code == "area_closed"
    await near.post("/subscribers", {**new, "area": "jabar/bandung/cibiru"}, 201)
    assert (await near.ask("PATCH", f"/subscribers/{person.number}", {"area": None})).code == "area_closed"
    assert (await near.ask("GET", "/reports/bills")).code == "area_closed"
    assert len((await program.get("/subscribers"))["items"]) == 3
