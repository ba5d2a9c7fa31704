"""Invoices and receipts as PDF, at the command line, read back with PDFium and ZXing."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.money_world import plan_file
from tests.pdf_reader import ReadPdf, read_pdf
from tests.typed_commands import Cli, typed_commands

MONTHS = (
    *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
    *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.setenv("NETBILLD_PORTAL__PUBLIC_URL", "https://portal.example.net")
    monkeypatch.setenv("NETBILLD_BUSINESS_NAME", "Kampung Net")
    monkeypatch.setenv("NETBILLD_DOCUMENTS__PAY_TO", "BCA 1234567890 a.n. PT Contoh")
    run = typed_commands(tmp_path, monkeypatch, capsys)
    Path("home20.toml").write_text(plan_file(price=275_000), "utf-8")
    assert run("plan", "add", "home20.toml")[0] == 0
    who = ("--name", "Siti Contoh", "--address", "Jl. Mawar 1, Bandung")
    assert run("subscriber", "add", "siti", "--plan", "HOME20", "--password", "x", *who)[0] == 0
    return run


def done(outcome: tuple[int, str, str]) -> Any:
    assert outcome[0] == 0, outcome
    return json.loads(outcome[1])


def refused(outcome: tuple[int, str, str]) -> str:
    assert outcome[0] == 1, outcome
    assert outcome[2].count("\n") == 1
    return outcome[2]


def rupiah(amount: int) -> str:
    return f"Rp{amount:,}".replace(",", ".")


def printed(path: str) -> ReadPdf:
    return read_pdf(Path(path).read_bytes())


def test_an_invoice_as_pdf_says_what_the_database_says(cli: Cli) -> None:
    """ICON-6, MDI-6: total, number, tax and due date equal the database's; its QR code leads to the portal."""
    [billed] = done(cli("invoice", "run", "--json"))["invoices"]
    shown = done(cli("invoice", "show", billed["number"], "--json"))
    made = done(cli("invoice", "pdf", billed["number"], "--locale", "id", "--json"))
    assert made == {
        "number": billed["number"],
        "file": f"{billed['number']}.pdf",
        "octets": Path(made["file"]).stat().st_size,
    }
    paper = printed(made["file"])
    assert len(paper.pages) == 1
    for said in ("TAGIHAN", billed["number"], "Siti Contoh", "Jl. Mawar 1, Bandung", "Kampung Net", rupiah(275_000)):
        assert said in paper.text
    assert "Dua ratus tujuh puluh lima ribu rupiah" in paper.text
    assert "BCA 1234567890 a.n. PT Contoh" in paper.text
    for said in (shown["issued_on"], shown["due_on"]):
        year, month, day = map(int, said.split("-"))
        assert f"{day} {MONTHS[month - 1]} {year}" in paper.text
    assert "PPN" not in paper.text  # nobody who is not PKP may show it
    [address] = paper.codes
    assert address.startswith(f"https://portal.example.net/v/{billed['number']}.")
    english = done(cli("invoice", "pdf", billed["number"], "--locale", "en", "-o", "english.pdf", "--json"))
    assert "Two hundred seventy-five thousand rupiah" in printed(english["file"]).text


def test_a_month_of_documents_is_drawn_into_a_directory(cli: Cli) -> None:
    [billed] = done(cli("invoice", "run", "--json"))["invoices"]
    month = billed["issued_on"][:7]
    made = done(cli("invoice", "pdf", "--all", "--month", month, "-o", "out", "--json"))
    assert made == {"month": month, "directory": "out", "documents": 1}
    assert [path.name for path in Path("out").iterdir()] == [f"{billed['number']}.pdf"]
    assert done(cli("invoice", "pdf", "--all", "--month", "2001-01", "--json"))["documents"] == 0


def test_what_can_not_be_printed_is_refused_in_one_line(cli: Cli) -> None:
    assert "no invoice 'INV-1'" in refused(cli("invoice", "pdf", "INV-1"))
    assert "--month" in refused(cli("invoice", "pdf", "--all"))
    assert "no payment" in refused(cli("payment", "receipt", "KW-1"))
    [billed] = done(cli("invoice", "run", "--json"))["invoices"]
    assert "can't be written" in refused(cli("invoice", "pdf", billed["number"], "-o", "not/there.pdf"))


@pytest.fixture
def pkp(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The same provider, registered for PPN, with a company on a plan whose price is without it."""
    monkeypatch.setenv("NETBILLD_TAX__IS_PKP", "true")
    monkeypatch.setenv("NETBILLD_TAX__TIN", "0012345678901000")
    extra = '[tax]\nrate = "ppn"\ninclusive = false'
    Path("office.toml").write_text(plan_file("OFFICE", 6_000_000, extra=extra), "utf-8")
    assert cli("plan", "add", "office.toml")[0] == 0
    who = ("--name", "PT Contoh", "--address", "Jl. Asia Afrika 1, Bandung")
    assert cli("subscriber", "add", "kantor", "--plan", "OFFICE", "--password", "x", *who)[0] == 0
    buyer = ("--buyer", "company", "--tax-id", "0098765432109000", "--po", "PO-77", "--withholds-pph23", "yes")
    assert cli("subscriber", "set", "kantor", *buyer)[0] == 0
    return cli


def billed_to(cli: Cli, name: str) -> Any:
    assert cli("invoice", "run")[0] == 0
    [number] = [one["number"] for one in done(cli("invoice", "list", "--json")) if one["subscriber_name"] == name]
    return done(cli("invoice", "show", number, "--json"))


def test_a_companys_invoice_goes_from_the_run_to_paper_to_coretax_with_one_tax(pkp: Cli) -> None:
    """INCA-24, ICON-6."""
    shown = billed_to(pkp, "PT Contoh")
    number = shown["number"]
    assert (shown["tax"], shown["total"]) == (660_000, 6_660_000)
    assert (shown["needs_meterai"], shown["withholds"]) == (True, {"pph23": 120_000, "ppn": 0})
    paper = printed(done(pkp("invoice", "pdf", number, "--json"))["file"])
    for said in ("PT Contoh", "NPWP 0098765432109000", "NPWP 0012345678901000", "PO-77"):
        assert said in paper.text
    for amount in (6_000_000, 5_500_000, 660_000, 6_660_000):  # base, other base, PPN, total
        assert rupiah(amount) in paper.text
    month = shown["issued_on"][:7]
    exported = done(pkp("tax", "coretax", "--month", month, "-o", "out", "--json"))
    assert (exported["documents"], exported["vat"], exported["differing"]) == (1, 660_000, [])
    [file] = exported["files"]
    assert "<VAT>660000.00</VAT>" in Path(file).read_text("utf-8")
    assert pkp("tax", "set", number, "--status", "approved", "--nsfp", "04002600012345678")[0] == 0
    assert pkp("tax", "stamp", number, "MT-0001")[0] == 0
    again = printed(done(pkp("invoice", "pdf", number, "--json"))["file"])
    assert "04002600012345678" in again.text
    assert "e-Meterai: MT-0001" in again.text
    after = done(pkp("invoice", "show", number, "--json"))
    assert (after["coretax_status"], after["nsfp"], after["meterai"]) == ("approved", "04002600012345678", "MT-0001")
    assert done(pkp("tax", "bhp", "--year", month[:4], "--json"))["invoiced"] == 6_275_000  # and siti's


def test_a_receipt_says_what_was_paid_for_and_needs_a_stamp_above_five_million(pkp: Cli) -> None:
    """MDI-6."""
    shown = billed_to(pkp, "PT Contoh")
    paid = done(pkp("payment", "add", "kantor", "7000000", "--method", "transfer", "--reference", "R1", "--json"))
    made = done(pkp("payment", "receipt", paid["receipt_no"], "--json"))
    paper = printed(made["file"])
    for said in ("KUITANSI", paid["receipt_no"], "PT Contoh", shown["number"], rupiah(6_660_000), rupiah(340_000)):
        assert said in paper.text
    assert "Tujuh juta rupiah" in paper.text
    assert "memerlukan bea meterai Rp10.000" in paper.text
    assert paper.codes[0].startswith(f"https://portal.example.net/v/{paid['receipt_no']}.")
    assert printed(done(pkp("payment", "receipt", paid["id"], "-o", "r.pdf", "--json"))["file"]).text == paper.text
    assert "LUNAS" in printed(done(pkp("invoice", "pdf", shown["number"], "--json"))["file"]).text
    assert pkp("payment", "reverse", paid["receipt_no"], "--why", "bounced")[0] == 0
    assert "was reversed" in refused(pkp("payment", "receipt", paid["receipt_no"]))


def test_a_credit_note_is_printed_with_the_invoice_it_is_for(pkp: Cli) -> None:
    """MDI-6."""
    shown = billed_to(pkp, "PT Contoh")
    assert pkp("invoice", "void", shown["number"], "--why", "wrong plan")[0] == 0
    [note] = done(pkp("invoice", "show", shown["number"], "--json"))["credit_notes"]
    paper = printed(done(pkp("invoice", "pdf", note, "--json"))["file"])
    for said in ("NOTA KREDIT", note, shown["number"], rupiah(6_660_000)):
        assert said in paper.text


def test_a_kode_unik_is_on_the_invoice_while_it_holds(cli: Cli) -> None:
    [billed] = done(cli("invoice", "run", "--json"))["invoices"]
    code = done(cli("payment", "code", billed["number"], "--json"))
    paper = printed(done(cli("invoice", "pdf", billed["number"], "--json"))["file"])
    assert f"Transfer tepat {rupiah(code['amount'])}" in " ".join(paper.text.split())


def test_stamp_duty_is_a_line_where_the_provider_charges_it(pkp: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETBILLD_TAX__STAMP_DUTY", "line")
    shown = billed_to(pkp, "PT Contoh")
    assert shown["total"] == 6_670_000
    assert (shown["lines"][-1]["kind"], shown["lines"][-1]["tax"]) == ("stamp_duty", 0)
    assert read_ledger(pkp)["ok"] is True
    assert "Bea meterai" in printed(done(pkp("invoice", "pdf", shown["number"], "--json"))["file"]).text


def read_ledger(cli: Cli) -> Any:
    return json.loads(cli("ledger", "check", "--json")[1])


def test_numbers_of_fakturs_come_in_from_a_file_and_bad_rows_are_named(pkp: Cli) -> None:
    shown = billed_to(pkp, "PT Contoh")
    assert pkp("tax", "coretax", "--month", shown["issued_on"][:7])[0] == 0
    number = shown["number"]
    Path("nsfp.csv").write_text(
        f"Number;NSFP;Status\n{number};04002600012345678;approved\nINV-1;04002600012345678;\n{number};12;\n{number};;gone\n",
        "utf-8",
    )
    code, out, err = pkp("tax", "import", "nsfp.csv", "--json")
    told = json.loads(out)
    assert (code, told["taken"], [one["line"] for one in told["rejected"]]) == (1, 1, [3, 4, 5])
    assert err.count("nsfp.csv: line ") == 3
    assert done(pkp("invoice", "show", number, "--json"))["nsfp"] == "04002600012345678"
    Path("nsfp.csv").write_text("a,b\n", "utf-8")
    assert "number and nsfp" in refused(pkp("tax", "import", "nsfp.csv"))
    assert "can't be read" in refused(pkp("tax", "import", "not-there.csv"))
