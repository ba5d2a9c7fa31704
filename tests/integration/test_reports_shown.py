"""Reports as the panel shows them: the first rows, the sums of all, and what is shown again while nothing has changed."""

from collections.abc import Hashable, Sequence
from datetime import date
from typing import Any

import pytest
from sqlalchemy import update

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import subscribers
from netbilld.billing.chart import REVENUE_RECURRING, Account, AccountKind, Side
from netbilld.billing.ledger import LedgerEntry, Posting
from netbilld.billing.tax import TaxPolicy
from netbilld.services.reports.catalogue import REPORTS, report_named
from netbilld.services.reports.make import MakeReport
from netbilld.services.reports.table import Control, Span, Sums, Table
from netbilld.services.run_billing import RunBilling
from tests.integration.money_world import ACTOR, World, at, plan_file
from tests.report_world import FIRST, LAST, ZONE, random_world, report

SPAN = Span(FIRST, LAST, ZONE)
REVENUE = report_named("revenue").table("plan")
CASH = Account("cash:cash", AccountKind.ASSET)
TABLES = [table for one in REPORTS.values() for table in one.tables]


class Everything:
    """A writer that keeps what it is told."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.sums: list[list[Any]] = []

    def begin(self, table: Table, span: Span) -> None:
        """Nothing is written above the rows."""

    def row(self, cells: Sequence[Any]) -> None:
        self.rows.append(tuple(cells))

    def end(self, sums: Sums, controls: Sequence[Control]) -> None:
        assert all(control.is_equal for control in controls)
        self.sums = sums.cells()


async def mark(database: Database, table: Table = REVENUE) -> Hashable:
    async with database.read() as work:
        return await work.reports.mark(table)


async def earn(database: Database, amount_minor: int) -> None:
    """Book revenue that leaves no trail of its own."""
    parts = (Posting(CASH, Side.DEBIT, amount_minor), Posting(REVENUE_RECURRING, Side.CREDIT, amount_minor))
    async with database.write() as work:
        entry = LedgerEntry("wallet_charged", "test", str(amount_minor), "", "IDR", parts)
        await work.ledger_days.add([entry], FIRST)


async def test_the_screen_shows_the_first_rows_of_the_file_and_the_sums_of_all(database: Database) -> None:
    await random_world(database, 1)
    for table in TABLES:
        whole = Everything()
        await MakeReport(database).run(table, SPAN, whole)
        rows, made = await MakeReport(database).first(table, SPAN, 3)
        assert [tuple(row) for row in rows] == whole.rows[:3], (table.report, table.by)
        assert (made.sums.rows, made.sums.cells()) == (len(whole.rows), whole.sums), (table.report, table.by)
        assert made.is_equal, (table.report, table.by)


async def test_what_is_booked_is_in_a_report_that_was_shown_before(database: Database) -> None:
    world = World(database)
    await world.plan(plan_file("HOME20", 200_000))
    await world.person("a", "HOME20", activated_on=FIRST)
    await world.bill(FIRST)
    make = MakeReport(database)
    for table in TABLES:
        await make.first(table, SPAN, 50)
    who = await world.person("b", "HOME20", activated_on=date(2026, 1, 2))
    await world.bill(date(2026, 1, 2))
    await world.pay(who, 150_000, date(2026, 1, 20))
    for table in TABLES:
        rows, made = await make.first(table, SPAN, 50)
        fresh_rows, fresh = await MakeReport(database).first(table, SPAN, 50)
        assert (list(rows), made.sums, made.controls) == (list(fresh_rows), fresh.sums, fresh.controls), table.report


@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
async def test_what_was_booked_beside_a_booking_that_ended_sooner_is_not_passed_over(database: Database) -> None:
    """Transactions take their numbers in one order and end in another."""
    await earn(database, 1)
    seen = {await mark(database)}
    parts = (Posting(CASH, Side.DEBIT, 70), Posting(REVENUE_RECURRING, Side.CREDIT, 70))
    async with database.write() as slow:
        await slow.ledger_days.add([LedgerEntry("wallet_charged", "test", "70", "", "IDR", parts)], FIRST)
        await earn(database, 5)
        seen.add(await mark(database))
    seen.add(await mark(database))
    assert len(seen) == 3
    async with database.write() as slow:
        await slow.changes.record(ACTOR, at(FIRST), "subscriber.set", "subscriber", 1)
        async with database.write() as quick:
            await quick.changes.record(ACTOR, at(FIRST), "subscriber.set", "subscriber", 2)
        seen.add(await mark(database))
    seen.add(await mark(database))
    assert len(seen) == 5


async def test_sums_that_were_folded_and_added_to_are_never_taken_for_earlier_ones(database: Database) -> None:
    """SQLite gives the numbers of rows that were folded out again."""
    for amount_minor in range(1, 4):
        await earn(database, amount_minor)
    seen = [await mark(database)]
    async with database.write() as work:
        assert await work.ledger_days.fold()
    for amount_minor in range(4, 9):
        await earn(database, amount_minor)
        seen.append(await mark(database))
    assert len(set(seen)) == len(seen)


async def test_revenue_by_area_and_month_is_what_lines_earn_and_no_deposit(database: Database) -> None:
    world = World(database)
    world.billing = RunBilling(database, due_days=10, timezone=ZONE, tax=TaxPolicy(is_pkp=True))
    fees = '[tax]\nrate = "ppn"\ninclusive = {}\n[fees]\ninstallation = 111000\ndeposit = 100000\n'
    await world.plan(plan_file("WITHIN", 222_000, extra=fees.format("true")))
    await world.plan(plan_file("BESIDE", 200_000, extra=fees.format("false")))
    for number, (plan, area) in enumerate((("WITHIN", "jabar/a"), ("BESIDE", "jabar/b"), ("BESIDE", None))):
        who = await world.person(f"u{number}", plan, activated_on=FIRST)
        async with database.write() as work:
            await work.connection.execute(
                update(subscribers).where(subscribers.c.id == who.subscriber_id).values(area=area)
            )
    await world.bill(FIRST)
    by_area = await report(database, "revenue", FIRST, LAST, "area")
    assert {row["area"]: row["net"] for row in by_area["rows"]} == {
        "jabar/a": 300_000,  # 222,000 and 111,000 have the tax of 11 % in them; what is held for the subscriber is none
        "jabar/b": 311_000,
        None: 311_000,
    }
    by_month = await report(database, "revenue", FIRST, LAST, "month")
    assert [row["net"] for row in by_month["rows"]][-4:] == [922_000, 0, 0, 0]
