"""ICON-11: a report on paper."""

from datetime import date
from pathlib import Path

import pypdfium2
import pytest
from sqlalchemy import insert, select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import invoices, paper_invoices
from netbilld.adapters.documents import report_pdf
from netbilld.adapters.documents.report_pdf import ReportPdf
from netbilld.model.errors import RefusedError
from netbilld.services.reports.words import Words
from tests.integration.money_world import World, at, plan_file
from tests.report_world import ZONE, report_lines, written_report

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


@pytest.mark.parametrize(
    ("name", "by"), [("bills", "document"), ("bills", "month"), ("deliveries", "document"), ("deliveries", "state")]
)
async def test_bills_and_deliveries_of_a_period_are_printed_with_the_sum_of_the_list_on_the_screen(
    database: Database, tmp_path: Path, name: str, by: str
) -> None:
    """ICON-11."""
    await world_of(database, 3)
    async with database.write() as work:
        ids = (await work.connection.execute(select(invoices.c.id).order_by(invoices.c.number))).scalars().all()
        for invoice_id in ids[:2]:
            row = {"invoice_id": invoice_id, "state": "printed", "printed_on": date(2026, 1, 2)}
            await work.connection.execute(insert(paper_invoices).values(**row, changed_at=at(date(2026, 1, 2))))
    screen = await report_lines(database, name, *JANUARY, by)
    path = tmp_path / f"{name}.pdf"
    await written_report(database, name, *JANUARY, by, ReportPdf(path, Words("en", ZONE)))
    document = pypdfium2.PdfDocument(path)
    printed = "".join(page.get_textpage().get_text_range() for page in document).replace("\xa0", " ")
    document.close()
    [total] = [line for line in screen if line[:1] == ["Total"]]
    expected = {"bills": "Rp600.000", "deliveries": "Rp400.000"}[name]
    assert expected in total
    assert expected in printed
    assert all(cell.replace("\xa0", " ") in printed for cell in total)


async def test_more_rows_than_anybody_prints_are_refused(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world_of(database, 3)
    monkeypatch.setattr(report_pdf, "ROWS_LIMIT", 2)
    with pytest.raises(RefusedError, match="a PDF holds 2 rows"):
        await written_report(database, "bills", *JANUARY, None, ReportPdf(tmp_path / "no.pdf", Words("en", ZONE)))
