"""One subscriber's whole life by the JSON API alone, on both databases."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import insert

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.books import check_books
from netbilld.daemon.billing import billing_run
from netbilld.model.actor import SCHEDULE
from netbilld.model.periods import local_date
from tests.api_world import Program, api_app, client_of, settings_of, token_of
from tests.panel_fixture import NOW, ZONE, PanelWorld

HYBRID = """
code = "RUMAH"
name = "Rumah 20 Mbps"
timing = "postpaid"
charging = "hybrid"
[recurring]
price = 200000
period = "month"
[speed]
down = "20M"
up = "10M"
[allowance]
data = "10GB"
after = "charge"
[usage]
price_per_gb = 3000
"""


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def program(world: PanelWorld, tmp_path: Path) -> AsyncIterator[Program]:
    async with client_of(api_app(world, tmp_path)) as client:
        yield Program(client, await token_of(world))


async def test_a_subscriber_lives_by_the_api_alone(world: PanelWorld, program: Program, tmp_path: Path) -> None:
    """INCA-15: keys and scopes, subscribers, services, plans, usage, invoices, payments and what is done to them."""
    plan = await program.post("/plans", {"toml": HYBRID}, 201)
    assert (plan["version"], plan["price"], plan["allowance_octets"]) == (1, 200_000, 10 * 10**9)

    body = {
        "username": "budi@rumahnet", "password": "sandi-dial-1", "plan": "RUMAH", "name": "Budi Santoso",
        "phone": "0812 3456 789", "billing_day": 22, "activated_on": "2026-11-22",
    }  # fmt: skip
    added = await program.post("/subscribers", body, 201)
    number, service = added["subscriber_no"], added["services"][0]["service_id"]
    assert added["phone"] == "+628123456789"
    assert (added["services"][0]["access"], added["money"]["outstanding"]) == ("active", 0)

    await _use(world, UUID(service), date(2026, 11, 25), download=13 * 10**9, upload=10**9)
    world.clock.at = NOW + timedelta(days=31)  # type: ignore[attr-defined]  # it stands
    usage = await program.get(f"/services/{service}/usage?from=2026-11-22&to=2026-12-21&by=month")
    assert (usage["upload_octets"], usage["download_octets"]) == (10**9, 13 * 10**9)

    settings = settings_of(tmp_path)
    today = local_date(world.clock.now(), ZONE)
    await billing_run(settings, world.database).run(as_of=today, now=world.clock.now(), actor=SCHEDULE)
    [line] = (await program.get(f"/invoices?subscriber={number}"))["items"]
    assert line["status"] == "issued"
    invoice = await program.get(f"/invoices/{line['number']}")
    assert sum(one["amount"] for one in invoice["lines"]) == invoice["total"] == line["outstanding"]
    assert invoice["total"] >= 200_000
    said = await program.ask("GET", f"/invoices/{line['number']}/pdf")
    assert said.octets.startswith(b"%PDF-")

    paid = await program.post(
        "/payments",
        {"subscriber_no": number, "amount": invoice["total"] + 5_000, "method": "transfer", "reference": "BCA-1"},
        201,
    )
    assert paid["allocations"] == [{"invoice": line["number"], "amount": invoice["total"]}]
    assert paid["to_wallet"] == 5_000
    assert (await program.get(f"/invoices/{line['number']}"))["status"] == "paid"
    assert (await program.get(f"/subscribers/{number}"))["money"]["wallet"] == 5_000

    suspended = await program.post(f"/services/{service}/suspend", {"reason": "diminta pemilik rumah"})
    assert (suspended["status"], suspended["access"]) == ("suspended", "walled")
    resumed = await program.post(f"/services/{service}/resume")
    assert (resumed["status"], resumed["access"]) == ("active", "active")

    faster = await program.post("/plans", {"toml": HYBRID.replace("RUMAH", "CEPAT").replace("200000", "300000")}, 201)
    changed = await program.patch(f"/services/{service}", {"plan": faster["code"], "plan_from": "now"})
    assert changed["plan"] == "CEPAT"
    renamed = await program.patch(f"/subscribers/{number}", {"name": "Budi S.", "phone": None})
    assert (renamed["name"], renamed["phone"]) == ("Budi S.", None)

    draft = await program.post(
        "/invoices",
        {"subscriber_no": number, "draft": True, "lines": [{"text": "Kabel 20 m", "quantity": 20, "unit_price": 7500}]},
        201,
    )
    assert (draft["status"], draft["total"]) == ("draft", 150_000)
    edited = await program.patch(f"/invoices/{draft['id']}", {"add_lines": [{"text": "Jasa", "unit_price": 50_000}]})
    assert edited["total"] == 200_000
    assert [one["id"] for one in (await program.get("/invoices?status=draft"))["items"]] == [draft["id"]]
    manual = await program.post(f"/invoices/{draft['id']}/issue")
    assert (manual["status"], manual["outstanding"]) == ("part_paid", 195_000)  # the wallet had 5,000
    note = await program.post(
        f"/invoices/{manual['number']}/credit-notes", {"lines": [{"line": 2}], "why": "jasa gratis"}, 201
    )
    assert (note["total"], note["invoice_outstanding"]) == (50_000, 145_000)
    assert (await program.get(f"/invoices/{note['number']}"))["credits"] == manual["number"]
    given_up = await program.post(f"/invoices/{manual['number']}/write-off", {"why": "pindah", "amount": 45_000})
    assert (given_up["written_off"], given_up["outstanding"]) == (45_000, 100_000)

    cash = await program.post("/payments", {"subscriber_no": number, "amount": 150_000, "method": "cash"}, 201)
    back = await program.post(f"/payments/{cash['id']}/reverse", {"why": "salah orang"})
    assert (back["status"], back["to_wallet"]) == ("reversed", 0)
    again = await program.post("/payments", {"subscriber_no": number, "amount": 150_000, "method": "cash"}, 201)
    assert again["to_wallet"] == 50_000
    refund = await program.post(
        "/refunds", {"subscriber_no": number, "method": "cash", "why": "berhenti langganan"}, 201
    )
    assert (refund["amount"], refund["wallet"]) == (50_000, 0)

    ended = await program.post(f"/services/{service}/terminate", {"reason": "pindah rumah"})
    assert ended["status"] == "terminated"
    assert (await program.get(f"/subscribers/{number}"))["status"] == "terminated"
    async with world.database.read() as work:
        assert all(check.ok for check in check_books(await work.ledger.figures()))
        actions = [change.action for change in await work.changes.since(0) if change.actor == "token uji"]
    assert {"subscriber.add", "plan.add", "payment.add", "subscriber.suspend", "invoice.credit",
            "subscriber.terminate"} <= set(actions)  # fmt: skip


async def _use(world: PanelWorld, service_id: UUID, on: date, *, download: int, upload: int) -> None:
    """Put an hour of traffic on record, as the meter does."""
    at = NOW.replace(year=on.year, month=on.month, day=on.day, minute=0, second=0)
    sums = {"upload_octets": upload, "download_octets": download}
    async with world.database.write() as work:
        await work.connection.execute(
            insert(tables.usage_hours).values(hour_at=at, service_id=service_id, charged_minor=0, **sums)
        )
        await work.connection.execute(
            insert(tables.usage_slices).values(
                service_id=service_id, session_id=1, start_at=at, end_at=at + timedelta(hours=1), source="radius",
                estimated=False, **sums,
            )
        )  # fmt: skip
