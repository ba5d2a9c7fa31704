"""The pages of reports, on both databases: sums are the ledger's and the lists', files are what the page shows."""

import csv
import io
import re
from collections.abc import AsyncIterator

import openpyxl
import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.permissions import Role
from netbilld.panel.report_plot import SERIES
from netbilld.services.reports.catalogue import REPORTS
from tests.panel_fixture import Browser, PanelWorld, Person, client_of, plain
from tests.panel_money import bill, once, pay
from tests.pdf_reader import read_pdf

MONTH = "period=&from=2026-11-01&to=2026-11-22"


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def people(world: PanelWorld) -> list[Person]:
    await world.plans()
    await world.nas()
    return [
        await world.person(f"orang{place}@rumahnet", f"=Orang {place}", area=("Cibiru", "Garut")[place % 2])
        for place in range(4)
    ]


@pytest.fixture
async def browser(world: PanelWorld, people: list[Person]) -> AsyncIterator[Browser]:
    """A month of money: bills, payments by two methods, one reversed, one credit note."""
    async with client_of(world.app()) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.ACCOUNTING))
        numbers = [await bill(browser, person, 100_000 + place * 1_000) for place, person in enumerate(people)]
        await pay(browser, people[0], 100_000)
        await pay(browser, people[1], 50_000, method="transfer", reference="TRX-9")
        bounced = await pay(browser, people[2], 70_000)
        assert (await browser.send(f"{bounced}/reverse", {"once": once(), "why": "kosong"})).status == 303
        form = {"once": once(), "why": "rusak", "line-1": "yes", "amount-1": "3000"}
        assert (await browser.send(f"/invoices/{numbers[3]}/credit", form)).status == 303
        yield browser


def sums_of(page: str) -> list[str]:
    """Return the cells of the row of sums."""
    foot = plain(page).partition("<tfoot>")[2].partition("</tfoot>")[0]
    return re.findall(r"<td[^>]*>(?:<b>)?([^<]*)", foot)


async def rows_of_csv(browser: Browser, path: str) -> list[dict[str, str]]:
    async with browser.client.get(path) as answer:
        assert (answer.status, answer.content_type) == (200, "text/csv"), path
        return list(csv.DictReader(io.StringIO(await answer.text())))


async def test_every_report_has_its_page_and_each_kind_of_file(browser: Browser) -> None:
    """BANG-2.7c: each report, told apart each way, as a page, CSV, XLSX and PDF, and what the ledger says is equal."""
    listed = await browser.page("/reports")
    for report in REPORTS.values():
        assert f'href="/reports/{report.name}"' in listed
        for table in report.tables:
            query = f"by={table.by}&{MONTH}"
            page = await browser.page(f"/reports/{report.name}?{query}")
            assert "BERBEDA" not in page, (report.name, table.by)
            rows = await rows_of_csv(browser, f"/reports/{report.name}/csv?{query}")
            shown = page.partition("<tbody>")[2].partition("</tbody>")[0].count("<tr>")
            assert shown == len(rows), (report.name, table.by)
            async with browser.client.get(f"/reports/{report.name}/xlsx?{query}") as answer:
                book = openpyxl.load_workbook(io.BytesIO(await answer.read()))
                assert book.active is not None
            async with browser.client.get(f"/reports/{report.name}/pdf?{query}") as answer:
                assert (answer.status, answer.content_type) == (200, "application/pdf")
                assert (await answer.read()).startswith(b"%PDF")


async def test_the_bills_report_sums_to_the_list_of_bills(browser: Browser) -> None:
    """ICON-11: the totals of the report, on the page and on paper, equal the on-screen list's of the same days."""
    listed = plain(await browser.page(f"/invoices?{MONTH}"))
    assert "Rp406.000" in listed  # invoiced
    assert "Rp3.000" in listed  # credited
    page = await browser.page(f"/reports/bills?by=document&{MONTH}")
    assert "Rp403.000" in sums_of(page)
    rows = await rows_of_csv(browser, f"/reports/bills/csv?by=document&{MONTH}")
    assert sum(int(row["total"]) for row in rows) == 403_000
    async with browser.client.get(f"/reports/bills/pdf?by=document&{MONTH}") as answer:
        paper = read_pdf(await answer.read()).text
    assert "Rp403.000" in paper
    owed = sum(int(row["outstanding"]) for row in rows)
    assert f"Rp{owed:,}".replace(",", ".") in listed


async def test_the_delivery_report_sums_to_the_list_of_deliveries(browser: Browser) -> None:
    """ICON-11: the delivery report renders for chosen days, and its totals equal the list's."""
    documents = await rows_of_csv(browser, f"/reports/bills/csv?by=document&{MONTH}")
    numbers = "\n".join(row["number"] for row in documents if row["kind"] == "invoice")
    assert (await browser.send("/deliveries", {"step": "printed", "numbers": numbers})).status == 303
    listed = plain(await browser.page(f"/deliveries?{MONTH}&print=yes"))
    page = await browser.page(f"/reports/deliveries?by=document&{MONTH}")
    assert "Rp406.000" in listed
    assert "Rp406.000" in sums_of(page)
    assert await browser.page(f"/reports/deliveries?by=document&{MONTH.replace('11-01', '11-02')}")


async def test_payments_sum_to_the_ledger_and_their_file_to_the_page(browser: Browser) -> None:
    """BANG-2.5a: payments with date, amount and method; sums equal the ledger's for the days, CSV matches the screen."""
    page = plain(await browser.page(f"/reports/payments?by=payment&{MONTH}"))
    assert "Rp150.000" in sums_of(page)
    assert "Buku besar (sama)" in page
    rows = await rows_of_csv(browser, f"/reports/payments/csv?by=payment&{MONTH}")
    assert sum(int(row["amount"]) for row in rows) == 150_000
    assert {row["method"] for row in rows} == {"cash", "transfer"}
    assert all(row["name"].startswith("'=") for row in rows)  # nothing runs in a spreadsheet
    empty = await browser.page("/reports/payments?by=payment&period=&from=2026-11-01&to=2026-11-02")
    assert "Tidak ada apa-apa" in empty


async def test_revenue_is_told_by_plan_and_over_months_with_what_was_before(browser: Browser) -> None:
    """BANG-2.5b, BANG-2.5c: revenue by plan sums to all revenue; a month-by-month series beside the prior period."""
    by_plan = await rows_of_csv(browser, f"/reports/revenue/csv?by=plan&{MONTH}")
    by_month = await rows_of_csv(browser, f"/reports/revenue/csv?by=month&{MONTH}")
    assert sum(int(row["net"]) for row in by_plan) == sum(int(row["net"]) for row in by_month) == 403_000
    assert "net_before" in by_month[0]
    page = await browser.page("/reports/revenue?by=month&period=year")
    assert "columns-plot" in page
    assert "Periode lalu" in page


async def test_usage_is_exported_for_further_analysis(browser: Browser) -> None:
    """BANG-2.5d: usage by subscriber, plan, NAS and day as CSV."""
    for by, column in (("subscriber", "subscriber_no"), ("plan", "plan"), ("nas", "nas"), ("day", "day")):
        async with browser.client.get(f"/reports/usage/csv?by={by}&{MONTH}") as answer:
            assert column in (await answer.text()).partition("\r\n")[0].split(",")


async def test_series_are_drawn_and_what_is_owed_is_told_by_age(browser: Browser) -> None:
    for report, by in SERIES:
        page = await browser.page(f"/reports/{report}?by={by}&period=year")
        has_rows = "<tbody>" in page
        if report in {"bills", "payments", "revenue"}:
            assert has_rows, report
            assert '<rect class="down"' in page, report
    assert '<svg class="ages"' in await browser.page(f"/reports/receivables?{MONTH}")
    assert '<svg class="share"' in await browser.page(f"/reports/payments?by=method&{MONTH}")


async def test_what_no_report_is_and_days_that_can_not_be(browser: Browser) -> None:
    for path in ("/reports/siapa", "/reports/bills?by=siapa", "/reports/bills/docx", "/reports/bills/csv?by=x"):
        assert (await browser.client.get(path)).status == 404, path
    assert (await browser.client.get("/reports/bills?period=&from=1991-01-01&to=2026-01-01")).status == 422
    assert await browser.page("/reports/bills?period=&from=kapan&to=nanti")
    assert await browser.page("/reports/bills?period=&from=2026-11-22&to=2026-11-01")
