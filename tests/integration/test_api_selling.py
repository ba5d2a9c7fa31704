"""Agents and collectors by the API: deposits, statements, routes, hand-overs, and what a collector's months show."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.selling import selling_parts
from netbilld.daemon.settings import Settings
from netbilld.services.receive_payment import ReceivePayment
from tests.api_world import Program, api_app, client_of, token_of
from tests.clock import SteppedClock
from tests.panel_fixture import NOW, SYSTEM, ZONE, PanelWorld

pytestmark = pytest.mark.slow


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box, clock=SteppedClock(NOW))


@pytest.fixture
async def program(world: PanelWorld, tmp_path: Path) -> AsyncIterator[Program]:
    await world.plans()
    selling = selling_parts(Settings(timezone=ZONE), world.database, world.box)
    await selling.keep_agents.add("sari", "Warung Sari", "kuda-poni-merah", actor=SYSTEM, now=NOW)
    await selling.keep_collectors.add("agus", "Agus Salim", actor=SYSTEM, now=NOW)
    async with client_of(api_app(world, tmp_path)) as client:
        yield Program(client, await token_of(world))


async def test_an_agents_deposit_is_filled_and_emptied_once_and_told_line_by_line(program: Program) -> None:
    body = {"amount": 100_000, "method": "transfer", "reference": "TRF 1"}
    for _ in range(2):
        done = await program.post("/agents/sari/deposits", body, 201, headers={"Idempotency-Key": "d1"})
        assert (done["amount"], done["reference"]) == (100_000, "TRF 1")
    refused = await program.post("/agents/sari/pay-outs", {"amount": 100_001}, 409)
    assert refused["code"] == "deposit_too_small"
    await program.post("/agents/sari/pay-outs", {"amount": 40_000}, 201)
    for method in ("agent", "pph23"):  # neither is money that somebody pays in
        await program.post("/agents/sari/deposits", {"amount": 1_000, "method": method}, 422)
    await program.post("/agents/siapa/deposits", {"amount": 1_000}, 404)
    found = await program.get("/agents/sari")
    assert (found["deposit"], found["subscribers"]) == (60_000, [])
    assert [one["deposit"] for one in (await program.get("/agents"))["items"]] == [60_000]
    lines = (await program.get("/agents/sari/statement"))["lines"]
    assert [(one["amount"], one["deposit"]) for one in lines] == [(-40_000, 60_000), (100_000, 100_000)]


async def test_what_a_collector_holds_is_handed_over_as_it_was_counted(world: PanelWorld, program: Program) -> None:
    person = await world.person("budi@rumahnet")
    await ReceivePayment(world.database, timezone=ZONE).run(
        person.number, 50_000, method="cash", reference=None, received_on=None, actor=SYSTEM, now=NOW, collector="agus"
    )
    assert [one["held"] for one in (await program.get("/collectors"))["items"]] == [50_000]
    at = "/collectors/agus/hand-overs"
    refused = await program.post(at, {"counted": 45_000, "held": 60_000}, 409)
    assert refused["code"] == "held_changed"
    body = {"counted": 45_000, "held": 50_000, "signed_by": "Agus"}
    for _ in range(2):
        done = await program.post(at, body, 201, headers={"Idempotency-Key": "h1"})
        assert (done["difference"], done["left"]) == (5_000, 5_000)
    assert len((await program.get(at))["items"]) == 1
    shown = await program.get("/collectors/agus")
    [month] = shown["months"]
    assert (shown["held"], month["taken"], month["short"], shown["missing_receipts"]) == (5_000, 50_000, 5_000, [])
    assert (await program.get("/collection-route"))["items"] == []
    await program.post("/collectors/siapa/hand-overs", {"counted": 1}, 404)


async def test_a_token_that_is_limited_to_areas_has_its_own_visits_and_sees_no_deposit_or_cash(
    world: PanelWorld, program: Program
) -> None:
    near = await world.person("budi@rumahnet", area="jabar/bandung")
    far = await world.person("siti@rumahnet", "Siti", area="jatim/malang")
    for number, (person, due_in_days) in enumerate(((near, -3), (far, 2), (far, 9)), 1):
        await world.invoice(person, f"INV-2026-00000{number}", due_in_days)
    everybody = (await program.get("/collection-route"))["items"]
    assert {one["subscriber_no"]: one["outstanding"] for one in everybody} == {
        near.number: 275_000,
        far.number: 275_000,
    }
    limited = Program(program.client, await token_of(world, "bandung", areas=["jabar"]))
    assert [one["subscriber_no"] for one in (await limited.get("/collection-route"))["items"]] == [near.number]
    agent, collector = "/agents/sari", "/collectors/agus"
    for path in ("/agents", agent, f"{agent}/statement", "/collectors", collector, f"{collector}/hand-overs"):
        assert (await limited.ask("GET", path)).code == "area_closed", path
    for path, body in ((f"{agent}/deposits", {"amount": 1_000}), (f"{collector}/hand-overs", {"counted": 1_000})):
        assert (await limited.ask("POST", path, body)).code == "area_closed", path
