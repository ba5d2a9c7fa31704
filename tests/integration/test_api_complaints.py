"""Complaints by the JSON API, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from tests.api_world import Program, api_app, client_of, token_of
from tests.panel_fixture import PanelWorld, Person


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.plans()
    return await world.person("budi@rumahnet", area="jabar/bandung")


@pytest.fixture
async def program(world: PanelWorld, person: Person, tmp_path: Path) -> AsyncIterator[Program]:
    del person
    async with client_of(api_app(world, tmp_path)) as client:
        yield Program(client, await token_of(world))


async def category(world: PanelWorld) -> str:
    async with world.database.read() as work:
        return str((await work.complaints.categories())[0].code)


async def test_a_complaint_is_taken_in_given_to_somebody_resolved_and_closed(
    world: PanelWorld, program: Program, person: Person
) -> None:
    """INCA-15."""
    email = await world.staff()
    body = {
        "subscriber_no": person.number, "category": await category(world), "text": "Internet mati sejak pagi",
        "service_id": str(person.service_id),
    }  # fmt: skip
    key = {"Idempotency-Key": "keluhan-1"}
    new = await program.post("/complaints", body, 201, headers=key)
    assert (new["state"], new["via"], new["username"]) == ("new", "api", "budi@rumahnet")
    assert (await program.post("/complaints", body, 201, headers=key))["number"] == new["number"]
    place = f"/complaints/{new['number']}"
    seen = (await program.ask("GET", place)).headers["Etag"]
    assigned = await program.post(f"{place}/assign", {"email": email}, headers={"If-Match": seen})
    assert (assigned["state"], assigned["assignee_email"]) == ("assigned", email)
    said = await program.ask("POST", f"{place}/start", {}, headers={"If-Match": seen})
    assert (said.status, said.code) == (412, "changed_meanwhile")
    await program.post(f"{place}/start")
    await program.post(f"{place}/notes", {"text": "Kabel digigit tikus", "public": True})
    assert (await program.post(f"{place}/close", status=409))["code"] == "complaint_step"
    resolved = await program.post(f"{place}/resolve", {"text": "Kabel diganti"})
    assert resolved["state"] == "resolved"
    assert (await program.post(f"{place}/reopen", {"text": "Putus lagi"}))["state"] == "reopened"
    await program.post(f"{place}/resolve", {"text": "Konektor diganti"})
    closed = await program.post(f"{place}/close")
    assert (closed["state"], closed["reopened"]) == ("closed", 1)
    assert "Kabel digigit tikus" in [step["text"] for step in closed["steps"]]
    assert (await program.get("/complaints"))["items"] == []
    [listed] = (await program.get(f"/complaints?state=all&search={person.number}"))["items"]
    assert listed["number"] == new["number"]


async def test_complaints_come_in_pages_and_only_of_the_tokens_areas(
    world: PanelWorld, program: Program, person: Person
) -> None:
    other = await world.person("siti@rumahnet", "Siti", area="jatim/malang")
    code = await category(world)
    numbers = []
    for one in (person, other, person):
        body = {"subscriber_no": one.number, "category": code, "text": "lambat"}
        numbers.append((await program.post("/complaints", body, 201))["number"])
    first = await program.get("/complaints?limit=2")
    rest = await program.get(f"/complaints?limit=2&cursor={first['next_cursor']}")
    assert sorted(row["number"] for row in (*first["items"], *rest["items"])) == numbers
    assert (first["total"], rest["next_cursor"]) == (3, None)
    near = Program(program.client, await token_of(world, "bandung", areas=["jabar"]))
    assert [row["number"] for row in (await near.get("/complaints"))["items"]] == [numbers[0], numbers[2]]
    await near.get(f"/complaints/{numbers[1]}", 404)
    await near.post(f"/complaints/{numbers[1]}/resolve", {"text": "x"}, 404)
    await near.post("/complaints", {"subscriber_no": other.number, "category": code, "text": "x"}, 422)
    theirs = {"subscriber_no": person.number, "category": code, "text": "x", "service_id": str(other.service_id)}
    said = await program.ask("POST", "/complaints", theirs)
    assert (said.status, said.body["errors"][0]["field"]) == (422, "service_id")
