"""Reports of money; every sum is the ledger's, whatever happened (MDI-14)."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import case, func, insert, select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import accounts, invoices, ledger_entries, paper_invoices, postings
from netbilld.billing.invoice import InvoiceStatus
from netbilld.services.reports.catalogue import REPORTS
from tests.integration.document_desk import Desk
from tests.integration.money_world import World, at, plan_file
from tests.report_world import FIRST, LAST, random_world, report, report_csv, report_lines


async def booked(database: Database, prefix: str, from_on: date, to_on: date) -> int:
    """Return credits less debits of accounts whose code begins so, straight from the postings."""
    sign = case((postings.c.side == "credit", postings.c.amount_minor), else_=-postings.c.amount_minor)
    query = (
        select(func.coalesce(func.sum(sign), 0))
        .select_from(postings)
        .join(accounts, accounts.c.id == postings.c.account_id)
        .join(ledger_entries, ledger_entries.c.id == postings.c.entry_id)
        .where(accounts.c.code.like(f"{prefix}%"), ledger_entries.c.booked_on.between(from_on, to_on))
    )
    async with database.read() as work:
        return int(await work.connection.scalar(query) or 0)


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_sum_of_a_report_of_money_is_the_ledgers_on_random_worlds(database: Database, seed: int) -> None:
    """BANG-2.5a, BANG-2.5b: by plan, method and all else, for any days."""
    await random_world(database, seed)
    for from_on, to_on in ((FIRST, LAST), (date(2026, 2, 1), date(2026, 2, 28)), (date(2026, 2, 7), date(2026, 3, 11))):
        for table in REPORTS["bills"].tables:
            found = await report(database, "bills", from_on, to_on, table.by)
            owed = await booked(database, "revenue:", from_on, to_on)
            charged = sum(
                row["net"]
                for row in (await report(database, "revenue", from_on, to_on, "plan"))["rows"]
                if row["plan"] == "KUOTA"
            )
            assert sum(total["total"] for total in found["totals"]) == owed - charged
        for table in REPORTS["payments"].tables:
            found = await report(database, "payments", from_on, to_on, table.by)
            assert sum(row["amount"] for row in found["rows"]) == -await booked(database, "cash:", from_on, to_on)
        for table in REPORTS["revenue"].tables:
            found = await report(database, "revenue", from_on, to_on, table.by)
            assert sum(row["net"] for row in found["rows"]) == await booked(database, "revenue:", from_on, to_on)
        for table in REPORTS["receivables"].tables:
            found = await report(database, "receivables", from_on, to_on, table.by)
            owed = -await booked(database, "receivable:", date(2000, 1, 1), to_on)
            assert sum(row["outstanding"] for row in found["rows"]) == owed


async def test_a_report_in_csv_has_the_rows_that_the_screen_shows(database: Database) -> None:
    """BANG-2.5a: payments with date, amount and method; ICON-11."""
    await random_world(database, 3)
    for name, by in (("payments", "payment"), ("payments", "method"), ("bills", "document"), ("receivables", "area")):
        rows = await report_csv(database, name, FIRST, LAST, by)
        lines = await report_lines(database, name, FIRST, LAST, by)
        shown = lines[3 : 3 + len(rows)]
        amount = {"payments": "amount", "bills": "total", "receivables": "outstanding"}[name]
        assert rows
        assert len(shown) == len(rows)
        for row, line in zip(rows, shown, strict=True):
            assert f"Rp{int(row[amount]):,}".replace(",", ".") in line
        assert lines[3 + len(rows)][0] == "Total"
        assert lines[-1][0].startswith("Ledger (equal)")


async def test_revenue_by_month_stands_beside_the_month_before(database: Database) -> None:
    """BANG-2.5c."""
    world = World(database)
    await world.plan(plan_file("HOME20", 200_000))
    await world.person("ani", activated_on=date(2026, 1, 5), billing_day=5)
    await world.bill(date(2026, 1, 5))
    await world.person("budi", activated_on=date(2026, 2, 5), billing_day=5)
    await world.bill(date(2026, 2, 5))
    found = await report(database, "revenue", date(2026, 1, 1), date(2026, 3, 31), "month")
    assert [(row["month"], row["net"], row["net_before"], row["change_percent"]) for row in found["rows"]] == [
        ("2026-01", 200_000, 0, None),
        ("2026-02", 400_000, 200_000, 100.0),
        ("2026-03", 0, 400_000, -100.0),
    ]
    by_plan = await report(database, "revenue", date(2026, 2, 1), date(2026, 2, 28), "plan")
    assert by_plan["rows"] == [
        {
            "plan": "HOME20",
            "net": 400_000,
            "net_before": 200_000,
            "change": 200_000,
            "change_percent": 100.0,
            "currency": "IDR",
        }
    ]


async def test_receivables_are_aged_by_their_due_day_and_as_they_were_on_a_day_that_is_past(database: Database) -> None:
    world = World(database)
    await world.plan(plan_file("HOME20", 200_000))
    ani = await world.person("ani", activated_on=date(2026, 1, 1), billing_day=1)
    for month in (1, 2, 3, 4):
        await world.bill(date(2026, month, 1))  # due on the 11th
    await world.pay(ani, 250_000, date(2026, 4, 20))
    now = (await report(database, "receivables", date(2026, 4, 1), date(2026, 4, 30)))["rows"][0]
    ages = ("not_due", "days_1_30", "days_31_60", "days_61_90", "days_over_90", "outstanding")
    assert [now[age] for age in ages] == [0, 200_000, 200_000, 150_000, 0, 550_000]
    assert now["oldest_due_on"] == "2026-02-11"
    before = (await report(database, "receivables", date(2026, 4, 1), date(2026, 4, 10)))["rows"][0]
    assert [before[age] for age in ages] == [200_000, 200_000, 200_000, 200_000, 0, 800_000]


async def test_dso_and_the_share_paid_on_time_are_told_month_by_month(database: Database) -> None:
    """MDI-14."""
    world = World(database)
    await world.plan(plan_file("HOME20", 200_000))
    ani = await world.person("ani", activated_on=date(2026, 1, 1), billing_day=1)
    budi = await world.person("budi", activated_on=date(2026, 1, 1), billing_day=1)
    await world.bill(date(2026, 1, 1))
    await world.pay(ani, 200_000, date(2026, 1, 11))  # on its last day
    await world.pay(budi, 200_000, date(2026, 1, 12))
    await world.bill(date(2026, 2, 1))
    rows = (await report(database, "dso", date(2026, 1, 1), date(2026, 2, 28)))["rows"]
    assert [(row["month"], row["billed"], row["receivable_at_end"], row["dso_days"]) for row in rows] == [
        ("2026-01", 400_000, 0, 0.0),
        ("2026-02", 400_000, 400_000, 28.0),
    ]
    assert [(row["fallen_due"], row["paid_on_time"], row["on_time_percent"]) for row in rows] == [
        (2, 1, 50.0),
        (2, 0, 0.0),
    ]


async def test_what_is_written_off_counts_as_paid_in_no_report(database: Database) -> None:
    """MDI-14."""
    desk = Desk(database)
    await desk.plan(plan_file("HOME20", 200_000))
    ani = await desk.person("ani", activated_on=date(2026, 1, 1), billing_day=1)
    await desk.person("budi", activated_on=date(2026, 1, 1), billing_day=1)
    await desk.bill(date(2026, 1, 1))
    await desk.pay(ani, 200_000, date(2026, 1, 10))
    async with database.read() as work:
        (budis,) = await work.invoices.listed(statuses=[InvoiceStatus.ISSUED])  # whichever number it got
    await desk.write_off(budis.number, on=date(2026, 1, 10))
    [row] = (await report(database, "dso", date(2026, 1, 1), date(2026, 1, 31)))["rows"]
    assert (row["fallen_due"], row["paid_on_time"], row["on_time_amount_percent"]) == (2, 1, 50.0)
    assert row["receivable_at_end"] == 0
    [paid] = (await report(database, "payments", date(2026, 1, 1), date(2026, 1, 31)))["totals"]
    assert paid["amount"] == 200_000


async def test_churn_and_tenure_count_services_by_the_days_they_began_and_ended(database: Database) -> None:
    """INCA-46."""
    world = World(database)
    await world.plan(plan_file("HOME20", 200_000))
    for number in range(4):
        await world.person(f"old{number}", activated_on=date(2025, 1, 10))
    await world.person("new", activated_on=date(2026, 2, 10))
    async with database.write() as work:
        services = await work.subscribers.by_credential_name("old0")
        assert services is not None
        await work.connection.exec_driver_sql(
            "UPDATE services SET status = 'ended', ended_at = '2026-02-15 03:00:00+00:00' "
            "WHERE activated_on = '2025-01-10' AND id = (SELECT service_id FROM credentials WHERE name = 'old0')"
        )
    rows = (await report(database, "churn", date(2026, 1, 1), date(2026, 2, 28)))["rows"]
    assert [(row["at_start"], row["joined"], row["left"], row["at_end"], row["churn_percent"]) for row in rows] == [
        (4, 0, 0, 4, 0.0),
        (4, 1, 1, 4, 25.0),
    ]
    assert rows[1]["tenure_of_left_months"] == 13.2
    bands = (await report(database, "tenure", date(2026, 2, 1), date(2026, 2, 28)))["rows"]
    assert {row["tenure"]: (row["services"], row["share_percent"]) for row in bands if row["services"]} == {
        "0-2": (1, 25.0),
        "12-23": (3, 75.0),
    }


async def test_deliveries_of_printed_invoices_are_listed_with_how_long_they_took(database: Database) -> None:
    """ICON-11: the delivery report."""
    world = World(database)
    await world.plan(plan_file("HOME20", 200_000))
    await world.person("ani", activated_on=date(2026, 1, 1), billing_day=1)
    await world.person("budi", activated_on=date(2026, 1, 1), billing_day=1)
    await world.bill(date(2026, 1, 1))
    async with database.write() as work:
        ids = (await work.connection.execute(select(invoices.c.id).order_by(invoices.c.number))).scalars().all()
        arrived: dict[str, Any] = {"state": "received", "received_on": date(2026, 1, 6), "receiver": "Satpam"}
        for invoice_id, fields in zip(ids, (arrived, {"state": "with_courier"}), strict=True):
            row = {"courier": "JNE", "tracking_number": "A1", "changed_at": at(date(2026, 1, 6))} | fields
            row |= {"printed_on": date(2026, 1, 2), "handed_on": date(2026, 1, 3)}
            await work.connection.execute(insert(paper_invoices).values(invoice_id=invoice_id, **row))
    rows = (await report(database, "deliveries", date(2026, 1, 1), date(2026, 1, 31)))["rows"]
    assert [(row["state"], row["receiver"], row["days_on_the_way"]) for row in rows] == [
        ("received", "Satpam", 3),
        ("with_courier", None, 28),
    ]
    sums = (await report(database, "deliveries", date(2026, 1, 1), date(2026, 1, 31), "state"))["rows"]
    assert [(row["state"], row["documents"], row["total"]) for row in sums] == [
        ("received", 1, 200_000),
        ("with_courier", 1, 200_000),
    ]
