"""MDI-15, INCA-10: any amount opens to the plan, period, days, sessions and slices that made it, and comes out equal."""

import json
from datetime import date, timedelta
from fractions import Fraction

import pytest
from sqlalchemy import insert, update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import sessions
from netbilld.billing.tax import PPN_RULES, TaxPolicy, TaxRule
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.model.periods import local_midnight
from netbilld.services.book_usage import BookUsage, Moved
from netbilld.services.explain_amounts import Json
from netbilld.services.explain_charges import ExplainEntry, ExplainUsage
from netbilld.services.explain_invoice import ExplainInvoice
from netbilld.services.explanation_lines import ExplanationLines, as_text
from tests.accounting_packets import NAS
from tests.integration.metering_world import add_nas
from tests.integration.money_world import PER_USE, ZONE, Person, World, at, hybrid_file, plan_file

GB = 10**9
HYBRID = hybrid_file("50GB", '{ up_to = "10GB", price_per_gb = 3000 }, { price_per_gb = 2000 }')


async def session(database: Database, who: Person, number: int, began_on: date) -> None:
    begin = local_midnight(began_on, ZONE)
    async with database.write() as work:
        await work.connection.execute(
            insert(sessions).values(
                id=number, nas_id=NAS, service_id=who.service_id, username=who.username, acct_session_id=f"S{number}",
                acct_session_key=f"s{number}", state="closed", started_at=begin, updated_at=begin + timedelta(hours=9),
                stopped_at=begin + timedelta(hours=9), session_seconds=9 * 3600, upload_octets=0, download_octets=0,
                counter_upload_octets=0, counter_download_octets=0, swapped=False, upload_bps=0, download_bps=0,
            )
        )  # fmt: skip


async def use(database: Database, who: Person, number: int, on: date, octets: int) -> None:
    begin = local_midnight(on, ZONE) + timedelta(hours=3)
    moved = Moved(who.service_id, number, None, "radius", begin, begin + timedelta(minutes=5), 0, octets, NAS)
    async with database.write() as work:
        await BookUsage(ZONE).handle(work, [moved], begin + timedelta(hours=1))


async def explained(
    database: Database, number: str | None, line: int | None = None, tax: TaxPolicy | None = None
) -> Json:
    assert number is not None
    explanation = await ExplainInvoice(database, tax or TaxPolicy()).run(number, line)
    assert json.loads(json.dumps(explanation)) == explanation
    lines = ExplanationLines("en", ZONE, "IDR").invoice(explanation)
    text = "\n".join(as_text(one, 100) for one in lines)
    assert explanation["sha256"] in text
    return explanation


async def test_a_fee_opens_to_its_days_and_a_plan_change_to_both_of_its_lines(database: Database) -> None:
    world = World(database)
    await world.plan(plan_file("HOME20", 200_000))
    await world.person("ani", activated_on=date(2026, 3, 10), billing_day=1)
    [billed] = (await world.bill(date(2026, 3, 10))).invoices
    explanation = await explained(database, billed.number)
    assert explanation["equal"]
    [line] = explanation["lines"]
    assert line["fee"] | {"item": "fee"} == line["fee"]
    assert (line["fee"]["price"], line["fee"]["days"], line["fee"]["of_days"]) == (200_000, 22, 31)
    assert line["recomputed"] == line["amount"] == 141_935
    [terms] = line["terms"]
    assert (terms["plan"], terms["version"], terms["price_by"], terms["days"]) == ("HOME20", 1, "plan", 22)
    assert [check["check"] for check in explanation["checks"]] == ["total", "tax", "booked"]
    assert explanation["entries"][0]["postings"][0]["amount"] == 141_935


async def test_usage_opens_to_tiers_days_sessions_and_slices_whose_amounts_sum_to_it(database: Database) -> None:
    world = World(database)
    await add_nas(database)
    await world.plan(HYBRID)
    ani = await world.person("ani", "HYBRID", activated_on=date(2026, 3, 1), billing_day=1)
    await world.bill(date(2026, 3, 1))
    for number, on in ((1, 2), (2, 9), (3, 20)):
        await session(database, ani, number, date(2026, 3, on))
        await use(database, ani, number, date(2026, 3, on), 25 * GB)
    [billed] = (await world.bill(date(2026, 4, 1))).invoices
    explanation = await explained(database, billed.number)
    assert explanation["equal"]
    lines = [line for line in explanation["lines"] if line["kind"] == "usage"]
    assert [(line["quantity"], line["unit_price"], line["amount"]) for line in lines] == [
        (10 * GB, 3000, 30_000),
        (15 * GB, 2000, 30_000),
    ]
    usage = lines[0]["usage"]
    assert usage["allowance"] == {"own": 50 * GB, "rolled_over": 0, "bought": 0, "limit": 50 * GB, "used": 75 * GB}
    assert [(one["session"], one["nas"], one["amount"]) for one in usage["sessions"]] == [
        ("S1", "gerbang", 0),
        ("S2", "gerbang", 0),
        ("S3", "gerbang", 60_000),
    ]
    assert [(day["on"], day["amount"]) for day in usage["days"]] == [
        ("2026-03-02", 0),
        ("2026-03-09", 0),
        ("2026-03-20", 60_000),
    ]
    assert (usage["slices_amount"], usage["amount"], usage["octets_without_slices"]) == (60_000, 60_000, 0)
    opened = await explained(database, billed.number, line=lines[0]["line"])
    assert len(opened["lines"]) == 1
    slices = opened["lines"][0]["usage"]["slice_list"]
    assert sum(one["amount"] for one in slices) == 60_000
    assert sum(one["download_octets"] for one in slices) == 75 * GB


async def test_usage_that_came_late_is_told_with_what_was_billed_before(database: Database) -> None:
    world = World(database)
    await add_nas(database)
    await world.plan(HYBRID)
    ani = await world.person("ani", "HYBRID", activated_on=date(2026, 3, 1), billing_day=1)
    await session(database, ani, 1, date(2026, 3, 20))
    await use(database, ani, 1, date(2026, 3, 20), 55 * GB)
    [first] = (await world.bill(date(2026, 4, 1))).invoices
    before = await explained(database, first.number)
    await session(database, ani, 2, date(2026, 3, 30))
    async with database.write() as work:
        late = update(sessions).where(sessions.c.id == 2).values(updated_at=at(date(2026, 4, 2)))
        await work.connection.execute(late)
    await use(database, ani, 2, date(2026, 3, 30), 10 * GB)
    [second] = (await world.bill(date(2026, 5, 1))).invoices
    explanation = await explained(database, second.number)
    assert explanation["equal"]
    [line] = [line for line in explanation["lines"] if line["kind"] == "late_usage"]
    assert line["amount"] == line["recomputed"] == 25_000
    assert [row["amount"] for row in line["usage"]["billed"]] == [15_000, 25_000]
    assert [one["session"] for one in line["came_late"]] == ["S2"]
    again = await explained(database, first.number)
    assert again["equal"]
    assert again["document_sha256"] == before["document_sha256"]
    assert again["sha256"] != before["sha256"]
    [usage] = [line for line in again["lines"] if line["kind"] == "usage"]
    assert usage["metered_since"] == 10 * GB


async def test_a_tax_is_worked_out_again_by_the_rule_of_the_day(database: Database) -> None:
    world = World(database)
    world.billing = type(world.billing)(database, due_days=10, timezone=ZONE, tax=TaxPolicy(is_pkp=True))
    await world.plan(plan_file("HOME20", 200_000, extra='[tax]\nrate = "ppn"\ninclusive = true'))
    await world.person("ani", activated_on=date(2026, 3, 1), billing_day=1)
    [billed] = (await world.bill(date(2026, 3, 1))).invoices
    explanation = await explained(database, billed.number)
    assert explanation["equal"]
    taxed = explanation["lines"][0]["taxed"]
    assert (taxed["net"], taxed["tax"], taxed["recomputed"]) == (180_180, 19_820, 19_820)
    other = TaxPolicy(is_pkp=True, rules=(*PPN_RULES, TaxRule("ppn", date(2026, 1, 1), Fraction(1, 10))))
    differing = await explained(database, billed.number, tax=other)
    assert not differing["equal"]
    assert differing["lines"][0]["taxed"]["recomputed"] != 19_820


async def test_what_is_not_there_can_not_be_explained(database: Database) -> None:
    world = World(database)
    await world.plan(plan_file("HOME20", 200_000))
    await world.person("ani", activated_on=date(2026, 3, 1), billing_day=1)
    [billed] = (await world.bill(date(2026, 3, 1))).invoices
    with pytest.raises(NotFoundError, match="no invoice 'X'"):
        await ExplainInvoice(database, TaxPolicy()).run("X")
    with pytest.raises(InvalidInputError, match=r"--line 2: .* has 1 lines"):
        await ExplainInvoice(database, TaxPolicy()).run(billed.number or "", 2)


async def test_what_was_taken_from_a_wallet_opens_to_the_usage_it_was_for(database: Database) -> None:
    world = World(database)
    await add_nas(database)
    await world.plan(PER_USE)
    ani = await world.person("ani", "KUOTA", activated_on=date(2026, 3, 1), billing_day=1)
    await world.pay(ani, 100_000, date(2026, 3, 1))
    for number, on in ((1, 2), (2, 9)):
        await session(database, ani, number, date(2026, 3, on))
        await use(database, ani, number, date(2026, 3, on), 2 * GB)
    explanation = await ExplainUsage(database).run("ani", date(2026, 3, 31), with_slices=True)
    assert explanation["equal"]
    assert explanation["wallet"] == {"charged": 12_000, "recomputed": 12_000}
    assert [one["amount"] for one in explanation["usage"]["sessions"]] == [6_000, 6_000]
    async with database.read() as work:
        charged = await work.explained.entries("service", str(ani.service_id))
    assert sum(amount for entry in charged for code, side, amount in entry.postings if side == "debit") == 12_000
    entry = await ExplainEntry(database, TaxPolicy()).run(charged[0].id)
    assert entry["equal"]
    lines = [one.text for one in ExplanationLines("id", ZONE, "IDR").entry(entry)]
    assert any("S1" in line for line in lines)
    with pytest.raises(NotFoundError, match="no entry 999"):
        await ExplainEntry(database, TaxPolicy()).run(999)


async def test_an_entry_of_an_invoice_opens_to_its_lines(database: Database) -> None:
    world = World(database)
    await world.plan(plan_file("HOME20", 200_000))
    await world.person("ani", activated_on=date(2026, 3, 1), billing_day=1)
    [billed] = (await world.bill(date(2026, 3, 1))).invoices
    async with database.read() as work:
        [issued] = await work.explained.entries("invoice", billed.number or "")
    entry = await ExplainEntry(database, TaxPolicy()).run(issued.id)
    assert entry["invoice"]["lines"][0]["recomputed"] == 200_000
    assert entry["invoice"]["document"]["number"] == billed.number
