"""Reports in tests: made into lists, CSV or JSON."""

import csv
import io
import json
from datetime import date
from typing import Any

from netbilld.adapters.database.engine import Database
from netbilld.services.reports.catalogue import report_named
from netbilld.services.reports.make import Made, MakeReport
from netbilld.services.reports.table import Span, Writer
from netbilld.services.reports.words import Words
from netbilld.services.reports.writers import CsvWriter, JsonWriter, TableWriter

ZONE = "Asia/Jakarta"


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
