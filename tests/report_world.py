"""Reports in tests: made into lists, CSV or JSON."""

import csv
import io
import json
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import invoice_lines, invoices
from netbilld.services.reports.catalogue import report_named
from netbilld.services.reports.make import Made, MakeReport
from netbilld.services.reports.table import Span, Writer
from netbilld.services.reports.words import Words
from netbilld.services.reports.writers import CsvWriter, JsonWriter, TableWriter
from tests.integration.money_world import PER_USE, Person, World, plan_file

ZONE = "Asia/Jakarta"
FIRST, LAST = date(2026, 1, 1), date(2026, 4, 30)


async def random_world(database: Database, seed: int) -> World:
    """Four months of a few subscribers who join, pay, pay late, pay too much or not at all."""
    chance, world = Random(seed), World(database)
    await world.plan(plan_file("HOME20", 200_000))
    await world.plan(plan_file("HOME50", 350_000))
    await world.plan(PER_USE)
    people: list[Person] = []
    drained: list[Person] = []
    for number in range(7):
        began = FIRST + timedelta(days=chance.randrange(60))
        plan = chance.choice(["HOME20", "HOME50"])
        people.append(await world.person(f"u{number}", plan, activated_on=began, billing_day=chance.randint(1, 31)))
    drained.append(await world.person("pakai", "KUOTA", activated_on=FIRST))
    on = FIRST
    while on <= LAST:
        if on.day in {1, 8, 15, 22, 29}:
            await world.bill(on)
        if chance.random() < 0.35:
            who = chance.choice(people)
            await world.pay(
                who, chance.choice([50_000, 200_000, 350_000, 500_000]), on, method=chance.choice(["cash", "transfer"])
            )
        if on.day == 3:
            await world.pay(drained[0], 100_000, on)
        if on.day in {10, 20}:
            await world.use(drained[0], chance.randint(1, 20_000), on)
        on += timedelta(days=1)
    return world


async def report(database: Database, name: str, from_on: date, to_on: date, by: str | None = None) -> dict[str, Any]:
    """Return the report's JSON document; its sums must be the ledger's."""
    out = io.StringIO()
    made = await written_report(database, name, from_on, to_on, by, JsonWriter(out, ZONE))
    assert made.is_equal, (name, by, made.controls)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


async def report_csv(
    database: Database, name: str, from_on: date, to_on: date, by: str | None = None
) -> list[dict[str, str]]:
    """Return the rows of the report's CSV file."""
    out = io.StringIO(newline="")
    await written_report(database, name, from_on, to_on, by, CsvWriter(out, ZONE))
    return list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))


async def report_lines(
    database: Database, name: str, from_on: date, to_on: date, by: str | None = None
) -> list[list[str]]:
    """Return what a terminal shows, line by line, cut at two spaces and more."""
    out = io.StringIO()
    await written_report(database, name, from_on, to_on, by, TableWriter(out, Words("en", ZONE)))
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in out.getvalue().splitlines()]


async def written_report(
    database: Database, name: str, from_on: date, to_on: date, by: str | None, writer: Writer
) -> Made:
    """Write a report; return what it came to."""
    return await MakeReport(database).run(report_named(name).table(by), Span(from_on, to_on, ZONE), writer)


async def billed_by_documents(database: Database, from_on: date, to_on: date) -> dict[UUID, int]:
    """Return, by service, the sums of lines for periods that begin in a span, straight from the documents."""
    sums: dict[UUID, int] = {}
    query = select(invoice_lines, invoices.c.kind.label("document")).join(
        invoices, invoices.c.id == invoice_lines.c.invoice_id
    )
    async with database.read() as work:
        rows = (await work.connection.execute(query)).all()
        services = await work.simulations.priced({row.service_id for row in rows if row.service_id is not None})
    for row in rows:
        if row.service_id is None or "period" not in (row.details or {}):
            continue
        begins_on = max(date.fromisoformat(row.details["period"][0]), services[row.service_id].activated_on)
        if from_on <= begins_on <= to_on:
            sign = -1 if row.document == "credit_note" else 1
            sums[row.service_id] = sums.get(row.service_id, 0) + sign * row.amount_minor
    return sums
