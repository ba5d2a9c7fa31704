"""The pages of invoices, on both databases: the list to the row, drafts, credit notes, write-offs, where it comes from."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, select

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.documents import LatePrinting
from netbilld.daemon.settings import Settings
from netbilld.model.periods import local_date
from netbilld.model.permissions import Role
from netbilld.services.bill_views import BILL_STATES
from netbilld.services.readmodels import PAGE_LENGTH
from tests.panel_fixture import NOW, ZONE, Browser, PanelWorld, Person, client_of, plain
from tests.panel_money import once
from tests.pdf_reader import read_pdf

TODAY = local_date(NOW, ZONE)
FORM = {"due_days": "10", "note": ""}


@pytest.fixture
async def world(database: Database, box: SecretBox) -> PanelWorld:
    return PanelWorld(database, box)


@pytest.fixture
async def person(world: PanelWorld) -> Person:
    await world.plans()
    return await world.person("budi@rumahnet", area="Cibiru/RT 05")


@pytest.fixture
async def browser(world: PanelWorld, person: Person, tmp_path: Path) -> AsyncIterator[Browser]:
    del person
    printing = LatePrinting(Settings(data_dir=tmp_path, timezone=ZONE), world.database, world.box)
    async with client_of(world.app(printing=printing)) as client:
        browser = Browser(client)
        await browser.sign_in(await world.staff(Role.ACCOUNTING))
        yield browser


def line(number: int, text: str, price: str, **told: str) -> dict[str, str]:
    values = {"text": text, "price": price, "quantity": "1", "tax": "none", "inclusive": "yes", "revenue": "other"}
    return {f"{name}-{number}": value for name, value in (values | told).items()}


def rows_of(page: str) -> list[str]:
    """Return what the rows of a list say first: numbers, or ids of drafts."""
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [unescape(href) for href in re.findall(r'<td class="number"><a class="mono" href="/invoices/([^"]+)"', body)]


async def all_rows(browser: Browser, query: str) -> list[str]:
    """Return every row of a list, page after page, and see that no page is longer than it may be."""
    found: list[str] = []
    for number in range(1, 100):
        rows = rows_of(await browser.page(f"/invoices?{query}&page={number}"))
        assert len(rows) <= PAGE_LENGTH
        if not rows:
            return found
        found += rows
    raise AssertionError("the pages have no end")


async def thousand(world: PanelWorld) -> list[dict[str, Any]]:
    """Put 1,000 documents of ten subscribers into the tables; return what they are."""
    people = [
        (await world.person(f"orang{number}@rumahnet", f"Orang Ke {number}", area=("Cibiru", "Sukamaju")[number % 2]))
        for number in range(10)
    ]
    rows, lost = [], []
    for number in range(1000):
        issued_on = TODAY - timedelta(days=number % 120)
        status = ("issued", "part_paid", "paid", "paid", "credited", "draft")[number % 6]
        note = number % 50 == 8
        total = 100_000 + number * 10
        paid = {"issued": 0, "part_paid": 40_000, "draft": 0}.get(status, total)
        row: dict[str, Any] = {
            "id": uuid4(),
            "number": None if status == "draft" else f"INV-{number:06d}",
            "kind": "credit_note" if note else "invoice",
            "subscriber_id": people[number % 10].subscriber_id,
            "status": "paid" if note and status != "draft" else status,
            "issued_on": None if status == "draft" else issued_on,
            "due_on": None if status == "draft" else issued_on + timedelta(days=10),
            "period_start_on": issued_on,
            "period_end_on": issued_on + timedelta(days=30),
            "timezone": ZONE,
            "currency": "IDR",
            "tax_minor": 0,
            "total_minor": total,
            "paid_minor": total if note else paid,
            "created_at": NOW - timedelta(minutes=number),
        }
        rows.append(row | {"who": number % 10, "area": ("Cibiru", "Sukamaju")[number % 2]})
        if row["status"] == "paid" and row["kind"] == "invoice" and number % 4 == 3:
            lost.append(row)
    async with world.database.write() as work:
        kept = [{name: value for name, value in row.items() if name not in {"who", "area"}} for row in rows]
        await work.connection.execute(insert(tables.invoices), kept)
        for row in lost:
            await work.connection.execute(
                insert(tables.write_offs).values(
                    id=uuid4(),
                    invoice_id=row["id"],
                    subscriber_id=row["subscriber_id"],
                    amount_minor=1000,
                    booked_on=TODAY,
                    reason="hilang",
                    actor="ani",
                    created_at=NOW,
                )
            )
    for row in rows:
        row["lost"] = any(one["id"] == row["id"] for one in lost)
    return rows


def is_in(row: dict[str, Any], state: str) -> bool:
    """Tell whether a document is in a state of the list, by its own words."""
    is_draft, is_note = row["status"] == "draft", row["kind"] == "credit_note"
    owed = row["total_minor"] - row["paid_minor"] if row["status"] in {"issued", "part_paid"} else 0
    if state == "draft" or is_draft:
        return is_draft and state == "draft"
    if state == "near_due":
        return owed > 0 and TODAY <= row["due_on"] <= TODAY + timedelta(days=7)
    known: dict[str, bool] = {
        "": True,
        "open": row["status"] in {"issued", "part_paid"},
        "overdue": owed > 0 and row["due_on"] < TODAY,
        "part_paid": row["status"] == "part_paid",
        "paid": row["status"] == "paid" and not is_note and not row["lost"],
        "written_off": row["status"] == "paid" and not is_note and row["lost"],
        "credited": row["status"] == "credited",
        "credit_note": is_note,
    }
    return known[state]


def names_of(rows: list[dict[str, Any]], state: str) -> list[str]:
    """Return what the list calls these, in its order."""
    if state == "draft":
        ordered = sorted(rows, key=lambda row: (-row["created_at"].timestamp(), str(row["id"])))
    elif state in {"open", "overdue", "near_due"}:
        ordered = sorted(rows, key=lambda row: (row["due_on"], row["number"]))
    else:
        ordered = sorted(rows, key=lambda row: (row["issued_on"], row["number"]), reverse=True)
    return [row["number"] or f"drafts/{row['id']}" for row in ordered]


async def test_every_filter_and_page_of_a_thousand_documents_has_exactly_its_rows(
    world: PanelWorld, browser: Browser
) -> None:
    """ICON-2: number, customer, period, amount, due date, status; filters and paging to the row."""
    rows = await thousand(world)
    for state in ("", *BILL_STATES):
        expected = [row for row in rows if is_in(row, state)]
        assert expected, state
        assert await all_rows(browser, f"state={state}&period=all") == names_of(expected, state), state
    filters: tuple[tuple[str, Callable[[dict[str, Any]], bool]], ...] = (
        ("period=all&area=Sukamaju", lambda row: row["area"] == "Sukamaju"),
        ("period=month", lambda row: row["issued_on"].month == TODAY.month and row["issued_on"].year == TODAY.year),
        ("period=&from=2026-10-03&to=2026-10-09", lambda row: date(2026, 10, 3) <= row["issued_on"] <= date(2026, 10, 9)),
        ("period=all&q=inv-00001", lambda row: row["number"].startswith("INV-00001")),
        ("period=all&q=orang+ke+7", lambda row: row["who"] == 7),
        ("period=all&q=%25", lambda row: row["number"] == "%"),
    )  # fmt: skip
    for query, chosen in filters:
        expected = [row for row in rows if is_in(row, "") and chosen(row)]
        assert await all_rows(browser, query) == names_of(expected, ""), query
    first = plain(await browser.page("/invoices?period=all"))
    newest = max((row for row in rows if is_in(row, "")), key=lambda row: (row["issued_on"], row["number"]))
    shown = first.partition("<tbody>")[2].partition("</tr>")[0]
    assert newest["number"] in shown
    assert f"Orang Ke {newest['who']}" in shown
    assert "Rp" in shown
    assert f"{newest['due_on'].day} " in shown


async def test_the_sums_above_the_list_are_of_all_its_pages(world: PanelWorld, browser: Browser) -> None:
    """ICON-2, ICON-11: what a list sums is what its rows sum to."""
    rows = await thousand(world)
    for state in ("", "overdue", "draft"):
        chosen = [row for row in rows if is_in(row, state)]
        invoiced = sum(row["total_minor"] for row in chosen if row["kind"] == "invoice" or state == "draft")
        owed = sum(row["total_minor"] - row["paid_minor"] for row in chosen if row["status"] in {"issued", "part_paid"})
        page = plain(await browser.page(f"/invoices?state={state}&period=all"))
        tiles = page.partition('<dl class="tiles money-sums">')[2].partition("</dl>")[0]
        written = [f"Rp{amount:,}".replace(",", ".") for amount in (invoiced, owed)]
        if state != "draft":
            assert written[0] in tiles, state
            assert written[1] in tiles, state
        assert f"{len(chosen):,}".replace(",", ".") in tiles


async def test_billing_staff_watch_bills_and_technicians_may_not(world: PanelWorld, browser: Browser) -> None:
    """ICON-1: a billing role opens the bills page; a technical role without the right gets 403."""
    assert "Tagihan" in await browser.page("/invoices")
    async with client_of(world.app()) as client:
        technician = Browser(client)
        await technician.sign_in(await world.staff(Role.TECHNICAL))
        assert (await client.get("/invoices")).status == 403


async def add(browser: Browser, person: Person, **form: str) -> str:
    """Write an invoice of two lines; return where it leads."""
    two = line(1, "Kabel 20 m", "7500", quantity="20") | line(2, "Pasang baru", "250.000", revenue="installation")
    sent = FORM | {"to": person.number, "once": once(), "do": "issue"} | two | form
    answer = await browser.send("/invoices/drafts", sent)
    assert answer.status == 303, await answer.text()
    return answer.headers["Location"].partition("?")[0]


async def test_an_invoice_by_hand_is_numbered_booked_and_audited(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    """ICON-4: two lines give a numbered document, a ledger debit equal to its total, and an audit entry."""
    address = await add(browser, person)
    number = address.rpartition("/")[2]
    page = plain(await browser.page(address))
    assert "Kabel 20 m" in page
    assert "Rp400.000" in page
    async with world.database.read() as work:
        debit = await work.connection.scalar(
            select(func.sum(tables.postings.c.amount_minor))
            .join(tables.ledger_entries, tables.ledger_entries.c.id == tables.postings.c.entry_id)
            .where(tables.ledger_entries.c.document_id == number, tables.postings.c.side == "debit")
        )
        trail = await work.connection.execute(
            select(tables.changes.c.actor, tables.changes.c.action).where(tables.changes.c.entity_id == number)
        )
        assert debit == 400_000
        assert ("accounting@rumahnet.example", "invoice.issue") in {tuple(row) for row in trail}
    assert world.nudges == 1


async def test_the_same_form_sent_twice_is_one_invoice(world: PanelWorld, browser: Browser, person: Person) -> None:
    key = once()
    assert await add(browser, person, once=key) == await add(browser, person, once=key)
    async with world.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(tables.invoices)) == 1


async def test_a_draft_changes_freely_and_an_issued_invoice_only_by_a_credit_note(
    browser: Browser, person: Person
) -> None:
    """ICON-5: a draft is edited freely; an issued one changes by a credit note, and both versions stay readable."""
    draft = await add(browser, person, do="keep")
    page = await browser.page(draft)
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen is not None
    changed = FORM | {"seen": seen[1], "do": "keep", "note": "Lunas di tempat"} | line(1, "Router bekas", "300000")
    assert (await browser.send(draft, changed)).status == 303
    page = await browser.page(draft)
    assert "Router bekas" in page
    assert "Kabel 20 m" not in page
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen is not None
    issued = await browser.send(draft, changed | {"seen": seen[1], "do": "issue"})
    address = issued.headers["Location"].partition("?")[0]
    assert (await browser.client.get(draft)).status == 404
    assert (await browser.send(draft, changed)).status == 404
    credit = {"once": once(), "why": "Router rusak", "line-1": "yes", "amount-1": "100000"}
    answer = await browser.send(f"{address}/credit", credit)
    assert answer.status == 303, await answer.text()
    note = plain(await browser.page(answer.headers["Location"].partition("?")[0]))
    assert "Nota kredit" in note
    assert "Rp100.000" in note
    assert "Router rusak" in note
    page = plain(await browser.page(address))
    assert "Rp300.000" in page
    assert "Rp200.000" in page
    assert "Router bekas" in page


async def test_a_credit_note_is_made_once_and_never_beyond_what_is_left(browser: Browser, person: Person) -> None:
    address = await add(browser, person)
    form = {"once": once(), "why": "Salah", "line-1": "yes", "amount-1": "50000"}
    first, second = [(await browser.send(f"{address}/credit", form)).headers["Location"] for _ in range(2)]
    assert first == second
    over = await browser.send(
        f"{address}/credit", {"once": once(), "why": "Salah", "line-1": "yes", "amount-1": "100001"}
    )
    assert over.status == 422
    page = await over.text()
    assert "Melebihi sisa baris ini." in page
    assert 'value="100001"' in page
    nothing = await browser.send(f"{address}/credit", {"once": once(), "why": "Salah"})
    assert nothing.status == 422
    assert "Pilih minimal satu baris" in await nothing.text()


async def test_an_invoice_is_taken_back_whole_and_keeps_its_number(browser: Browser, person: Person) -> None:
    address = await add(browser, person)
    refused = await browser.send(f"{address}/void", {"once": once(), "why": "  "})
    assert refused.status == 422
    assert (await browser.send(f"{address}/void", {"once": once(), "why": "Salah orang"})).status == 303
    page = await browser.page(address)
    assert "Dikreditkan" in page
    assert address.rpartition("/")[2] in page
    assert f"{address}/void" not in page


async def test_what_is_written_off_says_so_everywhere(browser: Browser, person: Person) -> None:
    """MDI-2: nothing says paid of what nobody has paid."""
    address = await add(browser, person)
    number = address.rpartition("/")[2]
    over = await browser.send(f"{address}/write-off", {"once": once(), "why": "Pindah", "amount": "400001"})
    assert over.status == 422
    assert "Melebihi sisa tagihannya." in await over.text()
    assert (await browser.send(f"{address}/write-off", {"once": once(), "why": "Pindah"})).status == 303
    for path in (address, "/invoices", f"/subscribers/{person.number}"):
        page = await browser.page(path)
        assert "Dihapusbukukan" in page, path
    row = (await browser.page(f"/subscribers/{person.number}")).partition(number)[2].partition("</tr>")[0]
    assert "Lunas" not in row
    assert rows_of(await browser.page("/invoices?state=written_off")) == [number]
    assert rows_of(await browser.page("/invoices?state=paid")) == []


async def test_each_line_opens_to_what_it_comes_from(browser: Browser, person: Person) -> None:
    """MDI-15: each line opens to the quantity, unit price and tax that made it, worked out again."""
    address = await add(browser, person)
    whole = plain(await browser.page(f"{address}/explain"))
    assert "Dihitung ulang" in whole
    assert 'class="notice good"' in whole
    assert "SHA-256" in whole
    one = plain(await browser.page(f"{address}/explain?line=1"))
    assert "Kabel 20 m" in one
    assert "Pasang baru" not in one.partition('class="explanation"')[2]
    part = await browser.page(f"{address}/explain?line=1", headers={"HX-Request": "true"})
    assert "<html" not in part
    for wrong in ("line=0", "line=3", "line=9999"):
        assert (await browser.client.get(f"{address}/explain?{wrong}")).status == 404
    assert (await browser.client.get("/invoices/INV-NOBODYS/explain")).status == 404


async def test_an_invoice_is_given_an_amount_of_its_own(browser: Browser, person: Person) -> None:
    address = await add(browser, person)
    assert (await browser.send(f"{address}/code")).status == 303
    page = plain(await browser.page(address))
    assert "Rp400.001" in page
    assert (await browser.send(f"{address}/code", {"renew": "yes"})).status == 303
    assert "Rp400.002" in plain(await browser.page(address))


async def test_the_chosen_and_the_filtered_are_printed_as_one_file(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    """ICON-6, ICON-11: one PDF of several documents, each with its own first page."""
    numbers = [(await add(browser, person)).rpartition("/")[2] for _ in range(3)]
    async with browser.client.get(f"/invoices/print?number={numbers[0]}&number={numbers[2]}") as answer:
        assert (answer.status, answer.content_type) == (200, "application/pdf")
        chosen = read_pdf(await answer.read())
    assert len(chosen.pages) == 2
    assert numbers[0] in chosen.pages[0]
    assert numbers[2] in chosen.pages[1]
    assert "Rp400.000" in chosen.pages[1]
    async with browser.client.get("/invoices/print?state=open") as answer:
        assert len(read_pdf(await answer.read()).pages) == 3
    assert (await browser.client.get("/invoices/print?state=credited")).status == 404
    await thousand(world)
    too_many = await browser.client.get("/invoices/print?period=all")
    assert too_many.status == 409
    assert "300" in await too_many.text()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"to": "999999"}, "Tidak ada pelanggan"),
        ({"to": ""}, "Isi bagian ini."),
        ({"text-1": "", "price-1": "5000"}, "Tulis baris ini untuk apa."),
        ({"price-2": "banyak"}, "Tulis harga seperti"),
        ({"price-2": ""}, "Tulis harganya."),
        ({"quantity-1": "0"}, "Tulis bilangan bulat mulai 1."),
        ({"quantity-1": "satu"}, "Tulis bilangan bulat mulai 1."),
        ({"due_days": "400"}, "Tulis bilangan bulat dari 0 sampai 365."),
        ({"text-1": "x" * 301}, "Paling banyak 300 huruf."),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(
    world: PanelWorld, browser: Browser, person: Person, changed: dict[str, str], said: str
) -> None:
    two = line(1, "Kabel <b>tebal</b>", "7500") | line(2, "Pasang", "250000")
    form = FORM | {"to": person.number, "once": once(), "do": "issue", "note": "Catatan saya"} | two | changed
    answer = await browser.send("/invoices/drafts", form)
    assert answer.status == 422
    page = unescape(await answer.text())
    assert said in page
    assert 'value="Catatan saya"' in page
    assert 'value="Pasang"' in page
    async with world.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(tables.invoices)) == 0


async def test_a_draft_that_somebody_changed_meanwhile_is_not_overwritten(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    """Who typed on an old page is told who has changed it, and keeps what was typed."""
    draft = await add(browser, person, do="keep")
    seen = re.search(r'name="seen" value="([^"]+)"', await browser.page(draft))
    assert seen is not None
    async with client_of(world.app()) as client:
        other = Browser(client)
        await other.sign_in(await world.staff())
        form = FORM | {"seen": seen[1], "do": "keep"} | line(1, "Punya orang lain", "1000")
        assert (await other.send(draft, form)).status == 303
    late = await browser.send(draft, FORM | {"seen": seen[1], "do": "issue"} | line(1, "Punya saya", "2000"))
    assert late.status == 409
    page = unescape(await late.text())
    assert "admin@rumahnet.example sudah mengubah draf ini" in page
    assert 'value="Punya saya"' in page
    assert "Punya orang lain" in await browser.page(draft)


async def test_a_draft_is_given_up_and_leaves_no_number(browser: Browser, person: Person) -> None:
    draft = await add(browser, person, do="keep")
    assert rows_of(await browser.page("/invoices?state=draft")) == [draft.removeprefix("/invoices/")]
    assert (await browser.send(f"{draft}/discard")).status == 303
    assert (await browser.client.get(draft)).status == 404
    assert (await browser.send(f"{draft}/discard")).status == 404


async def test_more_lines_are_given_without_losing_those_there_are(browser: Browser, person: Person) -> None:
    answer = await browser.send("/invoices/drafts", {"to": person.number, "more": "yes"} | line(1, "Satu", "1000"))
    page = await answer.text()
    assert answer.status == 200
    assert 'value="Satu"' in page
    assert 'name="text-6"' in page


async def test_nothing_anybody_wrote_is_taken_for_markup(world: PanelWorld, browser: Browser, person: Person) -> None:
    evil = '"><script>alert(1)</script>'
    nasty = await world.person("jahat@rumahnet", evil, area=evil)
    address = await add(browser, nasty, **{"text-1": evil, "note": evil})
    draft = await add(browser, nasty, do="keep", **{"text-1": evil, "note": evil})
    assert (await browser.send(f"{address}/credit", {"once": once(), "why": evil, "line-1": "yes"})).status == 303
    for path in ("/invoices", "/invoices?state=draft", f"/invoices?q={evil}&area={evil}", address, draft,
                 f"{address}/explain", f"{address}/credit", f"/invoices/drafts/add?to={evil}"):  # fmt: skip
        assert "<script>alert" not in await browser.page(path), path
    del person


async def test_numbers_with_slashes_have_their_pages_too(world: PanelWorld, browser: Browser, person: Person) -> None:
    await world.invoice(person, "012/INV/ISP.ABC/XI/2026", -3)
    page = await browser.page("/invoices/012/INV/ISP.ABC/XI/2026")
    assert 'href="/invoices/012/INV/ISP.ABC/XI/2026/pdf"' in page
    answer = await browser.send("/invoices/012/INV/ISP.ABC/XI/2026/code")
    assert answer.headers["Location"] == "/invoices/012/INV/ISP.ABC/XI/2026?done=code"


async def test_a_thousand_guessed_documents_are_not_there(browser: Browser) -> None:
    for number in range(300):
        assert (await browser.client.get(f"/invoices/INV-202611-{number:06d}")).status == 404
    for _ in range(20):
        assert (await browser.client.get(f"/invoices/drafts/{uuid4()}")).status == 404


async def test_who_is_limited_to_an_area_sees_its_bills_and_no_others(
    world: PanelWorld, browser: Browser, person: Person
) -> None:
    far = await world.person("jauh@rumahnet", "Jauh Sekali", area="Garut")
    here, there = [(await add(browser, one)).rpartition("/")[2] for one in (person, far)]
    async with client_of(world.app()) as client:
        limited = Browser(client)
        await limited.sign_in(await world.staff(Role.ACCOUNTING, "terbatas@rumahnet.example", areas=("Cibiru",)))
        page = await limited.page("/invoices")
        assert rows_of(page) == [here]
        assert "Rp800.000" not in plain(page)
        assert "Garut" not in page
        assert (await client.get(f"/invoices/{there}")).status == 404
        assert (await client.get(f"/invoices/{here}")).status == 200
        assert (await client.get(f"/invoices/print?number={there}")).status == 404
        assert (await limited.send(f"/invoices/{there}/void", {"why": "x", "once": once()})).status == 404
