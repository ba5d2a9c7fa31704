"""The verbs of gateways: exit codes, JSON, one line for what is refused."""

import json
from pathlib import Path

import pytest

from tests.integration.money_world import plan_file
from tests.pdf_reader import read_pdf
from tests.typed_commands import Cli, typed_commands


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    run = typed_commands(tmp_path, monkeypatch, capsys)
    monkeypatch.setenv("NETBILLD_GATEWAYS__MIDTRANS__SERVER_KEY", "none-such")
    monkeypatch.setenv("NETBILLD_PORTAL__PUBLIC_URL", "https://portal.example.net")
    Path("home20.toml").write_text(plan_file(), "utf-8")
    assert run("plan", "add", "home20.toml")[0] == 0
    assert run("subscriber", "add", "budi", "--plan", "HOME20", "--password", "rahasia")[0] == 0
    assert run("invoice", "run")[0] == 0
    return run


def test_links_lists_reports_and_what_is_not_there(cli: Cli) -> None:
    number = json.loads(cli("invoice", "list", "--json")[1])[0]["number"]
    for wanted in (number, "100001"):
        link = json.loads(cli("gateway", "link", wanted, "--json")[1])
        assert link["url"].startswith("https://portal.example.net/bayar/")
        assert link["number"] == wanted
    for verb in ("list", "inbox", "differences", "compare"):
        assert cli("gateway", verb, "--json")[:2] == (0, "[]\n")
        assert cli("gateway", verb)[0] == 0
    for words in (
        ("link", "nobody"),
        ("show", "100001-AAAAAAAAAAAA"),
        ("ask", "100001-AAAAAAAAAAAA"),
        ("refund", "100001-AAAAAAAAAAAA", "all", "--why", "x"),
        ("again", "7"),
        ("give", "7", "--to", "budi"),
        ("aside", "7", "--why", "x"),
        ("seen", "7", "--why", "x"),
        ("report", "midtrans", "none.csv"),
    ):
        code, out, err = cli("gateway", *words)
        assert (code, out, err.count("\n")) == (1, "", 1), words
    Path("laporan.csv").write_text("ref,transaction,amount\nx,y,5000\n", "utf-8")
    code, out, _ = cli("gateway", "report", "midtrans", "laporan.csv", "--json")
    assert code == 1
    assert json.loads(out)["differences"][0]["kind"] == "not_in_books"
    [found] = json.loads(cli("gateway", "differences", "--json")[1])
    assert cli("gateway", "seen", str(found["id"]), "--why", "toko lain")[0] == 0
    assert cli("gateway", "differences", "--json")[1] == "[]\n"


def test_an_invoice_on_paper_names_its_link_until_it_is_paid(cli: Cli) -> None:
    number = json.loads(cli("invoice", "list", "--json")[1])[0]["number"]
    url = json.loads(cli("gateway", "link", number, "--json")[1])["url"]
    assert cli("invoice", "pdf", number, "--locale", "id", "-o", "tagihan.pdf")[0] == 0
    shown = url.removeprefix("https://")
    assert shown in "".join(read_pdf(Path("tagihan.pdf").read_bytes()).text.split())
    assert cli("payment", "add", "budi", "200000", "--method", "cash")[0] == 0
    assert cli("invoice", "pdf", number, "--locale", "id", "-o", "lunas.pdf")[0] == 0
    assert "/bayar/" not in read_pdf(Path("lunas.pdf").read_bytes()).text
