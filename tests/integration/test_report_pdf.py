"""ICON-11: a report on paper."""

from datetime import date
from pathlib import Path

import pypdfium2
import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.documents import report_pdf
from netbilld.adapters.documents.report_pdf import ReportPdf
from netbilld.model.errors import RefusedError
from netbilld.services.reports.words import Words
from tests.integration.money_world import World, plan_file
from tests.report_world import ZONE, written_report

JANUARY = date(2026, 1, 1), date(2026, 1, 31)


async def world_of(database: Database, people: int) -> None:
    world = World(database)
    await world.plan(plan_file("HOME20", 200_000))
    for number in range(people):
        await world.person(f"u{number}", activated_on=date(2026, 1, 1), billing_day=1)
    await world.bill(date(2026, 1, 1))


async def test_a_report_is_printed_with_the_rows_and_sums_of_the_screen(database: Database, tmp_path: Path) -> None:
    await world_of(database, 60)
    path = tmp_path / "bills.pdf"
    await written_report(database, "bills", *JANUARY, None, ReportPdf(path, Words("en", ZONE)))
    document = pypdfium2.PdfDocument(path)
    pages = [page.get_textpage().get_text_range() for page in document]
    document.close()
    assert len(pages) > 1
    assert all("Outstanding" in page for page in pages)
    assert sum(page.count("issued") for page in pages) == 60
    assert "Ledger (equal): Total Rp12.000.000" in pages[0]
    assert "Rp12.000.000" in pages[-1]


async def test_more_rows_than_anybody_prints_are_refused(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world_of(database, 3)
    monkeypatch.setattr(report_pdf, "ROWS_LIMIT", 2)
    with pytest.raises(RefusedError, match="a PDF holds 2 rows"):
        await written_report(database, "bills", *JANUARY, None, ReportPdf(tmp_path / "no.pdf", Words("en", ZONE)))
