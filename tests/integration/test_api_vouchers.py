"""Vouchers by the API: made, sold, found, extended, taken back and refunded, each once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import api_answers
from netbilld.adapters.secretbox import SecretBox
from tests.api_world import Program, api_app, client_of, token_of
from tests.panel_fixture import PanelWorld
from tests.panel_money import books_hold

USUAL = {"plan": "HOME20", "count": 1, "validity_seconds": 3_600}

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)]


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def program(world: PanelWorld, tmp_path: Path) -> AsyncIterator[Program]:
    await world.plans()
    async with client_of(api_app(world, tmp_path)) as client:
        yield Program(client, await token_of(world))


async def test_a_voucher_from_the_batch_to_the_refund(world: PanelWorld, program: Program) -> None:
    asked = {"plan": "HOME20", "count": 5, "price": 5_000, "validity_seconds": 86_400, "valid_from": "sale"}
    made = [await program.post("/voucher-batches", asked, 201, headers={"Idempotency-Key": "b1"}) for _ in range(2)]
    assert made[0] == made[1]
    assert (made[0]["batch"], made[0]["count"], made[0]["vouchers"]["created"]) == ("V0001", 5, 5)
    sold = [
        await program.post("/voucher-batches/V0001/sell", {"count": 2}, 201, headers={"Idempotency-Key": "s1"})
        for _ in range(2)
    ]
    assert sold[0] == sold[1]
    assert (sold[0]["paid"], len(sold[0]["vouchers"])) == (10_000, 2)
    code = sold[0]["vouchers"][0]["code"]
    async with world.database.read() as work:
        kept = (await work.connection.scalars(select(api_answers.c.body))).all()
    assert len(kept) == 2
    assert not any(code in body or code.encode().hex() in body for body in kept)
    found = await program.post("/vouchers/find", {"code": f"{code[:4]} {code[4:]}".lower()})
    assert (found["code"], found["status"]) == (code, "sold")
    longer = await program.post("/vouchers/extend", {"code": code, "by_seconds": 3_600})
    assert longer["valid_until"] > found["valid_until"]
    assert (await program.ask("POST", "/vouchers/refund", {"code": code, "why": "salah"})).code == "voucher_not_void"
    revoked = await program.post("/vouchers/revoke", {"code": code, "why": "salah beli"})
    assert (revoked["status"], revoked["ended_reason"]) == ("void", "salah beli")
    given = await program.post("/vouchers/refund", {"code": code, "why": "salah beli"})
    assert (given["amount"], given["method"]) == (5_000, "cash")
    assert (await program.ask("POST", "/vouchers/refund", {"code": code, "why": "lagi"})).code == "voucher_refunded"
    assert (await program.post("/voucher-batches/V0001/revoke", {"why": "habis musim"}))["revoked"] == 4
    assert [one["vouchers"]["void"] for one in (await program.get("/voucher-batches"))["items"]] == [5]
    await books_hold(world)


async def test_what_can_t_be_is_refused_by_its_code(program: Program) -> None:
    for path, body, status in (
        ("/voucher-batches", {"plan": "NIHIL", "count": 1}, 404),
        ("/voucher-batches", {"plan": "HOME20", "count": 0, "validity_seconds": 3_600}, 422),
        ("/voucher-batches", {"plan": "HOME20", "count": 1}, 422),  # a month is no validity
        ("/voucher-batches", {**USUAL, "use_by": "9999-12-31T23:59:59Z"}, 422),  # no local time says that
        ("/voucher-batches/V0009/sell", {"count": 1}, 404),
        ("/vouchers/find", {"code": "TIDAKADA"}, 404),
        ("/vouchers/find", {"code": ""}, 422),
        ("/vouchers/extend", {"code": "X", "by_seconds": 10}, 422),
    ):
        assert (await program.ask("POST", path, body)).status == status, (path, body)
    batches = [await program.post("/voucher-batches", USUAL, 201) for _ in range(3)]
    first = await program.get("/voucher-batches?limit=2")
    rest = await program.get(f"/voucher-batches?limit=2&cursor={first['next_cursor']}")
    assert [one["batch"] for one in (*first["items"], *rest["items"])] == [one["batch"] for one in reversed(batches)]
    assert rest["next_cursor"] is None
