"""Invoices and receipts as PDF, at the command line, read back with PDFium and ZXing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netbilld.cli.main import main
from tests.integration.money_world import plan_file
from tests.pdf_reader import ReadPdf, read_pdf

Cli = Callable[..., tuple[int, str, str]]
MONTHS = (
    *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
    *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.setenv("NETBILLD_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("NETBILLD_PORTAL__PUBLIC_URL", "https://portal.example.net")
    monkeypatch.setenv("NETBILLD_BUSINESS_NAME", "Kampung Net")
    monkeypatch.setenv("NETBILLD_DOCUMENTS__PAY_TO", "BCA 1234567890 a.n. PT Contoh")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    assert run("init")[0] == 0
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
