"""What people at the desk decide, by the API: terms, top-ups, promises, buyers, notes, paper, parked money, bank rows."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.actor import SCHEDULE
from netbilld.services.manage_plans import ManagePlans
from tests.api_world import Program, api_app, client_of, token_of
from tests.panel_fixture import PanelWorld, Person
from tests.panel_money import books_hold

TOPPED = """
code = "TAMBAH"
name = "Rumah dengan tambahan"
timing = "postpaid"
charging = "flat"
[recurring]
price = 275000
period = "month"
[speed]
down = "20M"
up = "10M"
[allowance]
data = "100GB"
after = "wall"
[[topup]]
code = "GB10"
name = "Tambah 10 GB"
price = 15000
data = "10GB"
"""
STATEMENT = (
    "tanggal,keterangan,jumlah\n22/11/2026,TRANSFER BUDI,50000\n22/11/2026,BIAYA ADM,-1000\n22/11/2026,LAIN,7000\n"
)


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def program(world: PanelWorld, tmp_path: Path) -> AsyncIterator[Program]:
    async with client_of(api_app(world, tmp_path)) as client:
        yield Program(client, await token_of(world))


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.plans()
    await ManagePlans(world.database, "IDR").add(TOPPED, "plan.toml", actor=SCHEDULE, now=world.clock.now())
    return await world.person("budi@rumahnet", plan="TAMBAH")


async def test_a_service_has_terms_of_its_own_and_goes_back_to_its_plan(program: Program, person: Person) -> None:
    """KAMIL-3: who, why and from when; the same request under a key is one discount."""
    at = f"/services/{person.service_id}/terms"
    assert [one["price"] for one in (await program.get(at))["items"]] == [None]
    said = await program.ask("POST", at, {"price": 200_000})
    assert said.status == 422, "why is needed"
    own = {"price": 200_000, "speed": "30M/15M", "discount": "10%", "periods": 3, "why": "Tetangga kantor"}
    for _ in range(2):
        set_so = await program.post(at, own, headers={"Idempotency-Key": "k1"})
    last = set_so["items"][-1]
    assert (last["price"], last["down_bps"], last["up_bps"]) == (200_000, 30_000_000, 15_000_000)
    assert [(one["percent_hundredths"], one["periods"]) for one in last["discounts"]] == [(1000, 3)]
    assert (last["reason"], last["actor"]) == ("Tetangga kantor", "token uji")
    back = (await program.post(at, {"price": None, "speed": None, "discount": None}))["items"][-1]
    assert (back["price"], back["down_bps"], back["discounts"]) == (None, None, [])
    assert (await program.ask("POST", at, {"why": "saja"})).code == "nothing_to_set"


async def test_another_plan_is_priced_before_it_is_taken_and_a_top_up_is_sold_once(
    program: Program, person: Person
) -> None:
    at = f"/services/{person.service_id}"
    seen = await program.get(f"{at}/plan-preview?plan=HOME20&starts=next")
    assert (seen["present_plan"], seen["plan"], seen["waits"]) == ("TAMBAH", "HOME20", True)
    assert seen["period_before"] == seen["period_after"]
    assert (await program.ask("GET", f"{at}/plan-preview?plan=NIHIL")).status == 404
    sold = [
        await program.post(f"{at}/top-ups", {"code": "GB10"}, 201, headers={"Idempotency-Key": "t1"}) for _ in range(2)
    ]
    assert sold[0] == sold[1]
    assert (sold[0]["price"], sold[0]["paid_from"]) == (15_000, "invoice")


async def test_a_promise_and_an_exemption_are_taken_and_taken_back(
    world: PanelWorld, program: Program, person: Person
) -> None:
    at = f"/subscribers/{person.number}"
    promise = {"until": "2026-11-25", "reason": "gajian"}
    assert (await program.ask("POST", f"{at}/promise", promise)).code == "nothing_owed"
    await world.invoice(person, "INV-2026-000777", -3)
    taken = await program.post(f"{at}/promise", promise)
    assert (taken["overdue"], taken["promise"]["until"], taken["promise"]["actor"]) == (
        275_000,
        "2026-11-25",
        "token uji",
    )
    assert (await program.ask("DELETE", f"{at}/promise")).status == 204
    assert (await program.ask("DELETE", f"{at}/promise")).status == 404
    exempt = await program.post(f"{at}/exemption", {"reason": "masjid"})
    assert (exempt["promise"], exempt["exemption"]["until"], exempt["exemption"]["reason"]) == (None, None, "masjid")
    assert (await program.ask("DELETE", f"{at}/exemption")).status == 204
    assert (await program.get(f"{at}/arrears"))["exemption"] is None
    assert (await program.ask("POST", "/subscribers/1/promise", promise)).status == 404


async def test_a_buyer_is_changed_and_an_identity_number_is_never_told(program: Program, person: Person) -> None:
    at, nik = f"/subscribers/{person.number}/buyer", "3273010101900001"
    assert (await program.get(at))["kind"] == "person"
    changed = await program.patch(at, {"nik": nik, "po_number": "PO-7", "faktur": "retail"})
    assert (changed["nik"], changed["po_number"], changed["faktur"]) == ("327301******0001", "PO-7", "retail")
    assert (await program.ask("PATCH", at, {"tax_id": nik})).code == "nik_as_tax_id"
    cleared = await program.patch(at, {"nik": None, "faktur": None})
    assert (cleared["nik"], cleared["po_number"], cleared["faktur"]) == (None, "PO-7", None)
    assert (await program.ask("PATCH", "/subscribers/1/buyer", {"po_number": "x"})).status == 404


async def test_notes_are_written_once_and_taken_out_of_sight(
    world: PanelWorld, program: Program, person: Person
) -> None:
    at = f"/subscribers/{person.number}/notes"
    for _ in range(2):
        listed = await program.post(at, {"text": "Anjing galak"}, 201, headers={"Idempotency-Key": "n1"})
    [note] = listed["items"]
    other = await world.person("siti@rumahnet", "Siti")
    assert (await program.ask("DELETE", f"/subscribers/{other.number}/notes/{note['id']}")).status == 404
    assert (await program.ask("DELETE", f"{at}/{note['id']}")).status == 204
    assert (await program.get(at))["items"] == []


async def test_a_subscriber_is_reached_first_by_the_channels_that_are_named(program: Program, person: Person) -> None:
    at = f"/subscribers/{person.number}/channels"
    assert await program.get(at) == {"channels": [], "stopped": []}
    assert (await program.ask("PUT", at, {"channels": ["email", "sms"]})).status == 200
    assert (await program.get(at))["channels"] == ["email", "sms"]
    assert (await program.ask("PUT", at, {"channels": ["merpati"]})).status == 422
    assert (await program.ask("PUT", "/subscribers/1/channels", {"channels": []})).status == 404


async def test_an_invoice_has_a_code_and_paper_that_skips_no_step(
    world: PanelWorld, program: Program, person: Person
) -> None:
    """ICON-3: printed, with a courier, received by somebody; BANG-2.4a: an amount of its own."""
    await world.invoice(person, "INV-2026-000777", 3)
    at = "/invoices/INV-2026-000777"
    code = await program.post(f"{at}/payment-code")
    assert code["amount"] == 275_000 + code["code"]
    assert (await program.post(f"{at}/payment-code"))["code"] == code["code"]
    assert (await program.get(f"{at}/delivery"))["state"] is None
    assert (await program.ask("POST", f"{at}/delivery", {"state": "received", "receiver": "Ibu"})).status == 409
    await program.post(f"{at}/delivery", {"state": "printed"})
    assert (await program.ask("POST", f"{at}/delivery", {"state": "with_courier"})).status == 422
    await program.post(f"{at}/delivery", {"state": "with_courier", "courier": "JNE", "tracking_number": "X1"})
    done = await program.post(f"{at}/delivery", {"state": "received", "receiver": "Ibu Ani"})
    assert (done["state"], done["courier"], done["receiver"]) == ("received", "JNE", "Ibu Ani")
    assert [one["state"] for one in done["steps"]] == ["printed", "with_courier", "received"]
    assert (await program.get(f"{at}/explanation"))["number"] == "INV-2026-000777"


async def test_money_without_a_name_is_kept_and_given_to_whom_it_belongs(
    world: PanelWorld, program: Program, person: Person
) -> None:
    body = {"amount": 50_000, "method": "transfer", "text": "TRSF DARI ???", "reference": "BCA-9"}
    parked = [await program.post("/parked-payments", body, 201, headers={"Idempotency-Key": "p1"}) for _ in range(2)]
    assert parked[0]["id"] == parked[1]["id"]
    at = f"/parked-payments/{parked[0]['id']}"
    await world.person(person.number, "Orang Lain")
    payment = await program.post(f"{at}/release", {"subscriber_no": person.number})
    assert (payment["subscriber_no"], payment["to_wallet"]) == (person.number, 50_000)
    assert (await program.ask("POST", f"{at}/return", {"why": "salah"})).code == "already_decided"
    assert (await program.get("/parked-payments"))["items"] == []
    [was] = (await program.get("/parked-payments?all=true"))["items"]
    assert (was["status"], was["payment_id"]) == ("released", payment["id"])
    await books_hold(world)


async def test_a_wallet_and_a_payment_are_put_to_the_invoices_that_are_meant(
    world: PanelWorld, program: Program, person: Person
) -> None:
    draft = {"subscriber_no": person.number, "lines": [{"text": "Kabel", "unit_price": 40_000}]}
    first, second = [(await program.post("/invoices", draft, 201))["number"] for _ in range(2)]
    paid = await program.post("/payments", {"subscriber_no": person.number, "amount": 40_000, "method": "cash"}, 201)
    assert paid["allocations"] == [{"invoice": first, "amount": 40_000}]
    moved = await program.post(f"/payments/{paid['id']}/allocate", {"invoices": [{"number": second}]})
    assert moved["reopened"] == [{"invoice": first, "amount": 40_000}]
    assert moved["allocations"] == [{"invoice": second, "amount": 40_000}]
    more = {"subscriber_no": person.number, "amount": 10_000, "method": "cash", "rest_to_wallet": True}
    await program.post("/payments", more, 201)
    done = await program.post(f"/subscribers/{person.number}/wallet/allocate")
    assert (done["allocations"], done["wallet"], done["outstanding"]) == (
        [{"invoice": first, "amount": 10_000}],
        0,
        30_000,
    )
    await books_hold(world)


async def test_a_statement_comes_in_once_and_its_rows_are_decided_on_and_taken_back(
    world: PanelWorld, program: Program, person: Person
) -> None:
    """BANG-2.4b: rows that wait, matched by a person's word, ignored, undone."""
    file = {"mapping": "generic", "file_name": "mutasi.csv", "text": STATEMENT}
    brought = await program.post("/bank-statements", file)
    assert (brought["imported"], brought["outgoing"], brought["rejected"]) == (2, 1, 0)
    assert (await program.post("/bank-statements", file))["known"] == 2
    rows = {one["amount"]: one for one in (await program.get("/bank-rows"))["items"]}
    at = f"/bank-rows/{rows[50_000]['id']}"
    assert (await program.ask("POST", f"{at}/match", {})).code == "not_sure"
    both = {"subscriber_no": person.number, "invoice": "INV-1"}
    assert (await program.ask("POST", f"{at}/match", both)).status == 422
    matched = await program.post(f"{at}/match", {"subscriber_no": person.number})
    assert (matched["status"], UUID(matched["payment_id"])) == ("matched", UUID(matched["payment_id"]))
    assert (await program.get(f"/subscribers/{person.number}"))["money"]["wallet"] == 50_000
    assert (await program.post(f"{at}/undo", {"why": "salah orang"}))["status"] == "open"
    assert (await program.get(f"/subscribers/{person.number}"))["money"]["wallet"] == 0
    ignored = await program.post(f"/bank-rows/{rows[7000]['id']}/ignore", {"why": "bunga"})
    assert (ignored["status"], ignored["reason"]) == ("ignored", "bunga")
    assert [one["amount"] for one in (await program.get("/bank-rows"))["items"]] == [50_000]
    assert (await program.ask("POST", "/bank-rows/999999/ignore", {"why": "x"})).status == 404
    await books_hold(world)


async def test_a_token_that_is_limited_to_areas_reaches_none_of_it_elsewhere(
    world: PanelWorld, program: Program, person: Person
) -> None:
    """MDI-1: another area's is as little there as what never was."""
    mine = await world.person("siti@rumahnet", "Siti", area="bandung")
    await world.invoice(person, "INV-2026-000777", -3)
    limited = Program(program.client, await token_of(world, "bandung", areas=["bandung"]))
    assert (await limited.get(f"/subscribers/{mine.number}/arrears"))["outstanding"] == 0
    for method, path, body in (
        ("GET", f"/services/{person.service_id}/terms", None),
        ("POST", f"/services/{person.service_id}/top-ups", {"code": "GB10"}),
        ("POST", f"/subscribers/{person.number}/promise", {"until": "2026-11-25", "reason": "x"}),
        ("GET", f"/subscribers/{person.number}/buyer", None),
        ("GET", f"/subscribers/{person.number}/notes", None),
        ("GET", "/invoices/INV-2026-000777/delivery", None),
        ("POST", f"/subscribers/{person.number}/wallet/allocate", {}),
    ):
        assert (await limited.ask(method, path, body)).status == 404, path
    for path in ("/bank-rows", "/parked-payments"):
        assert (await limited.ask("GET", path)).code == "area_closed", path
