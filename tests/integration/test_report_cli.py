"""ICON-11, BANG-2.5: `netbilld report` as an operator runs it."""

import csv
import json
from pathlib import Path

import openpyxl
import pytest

from netbilld.services.reports.catalogue import REPORTS
from tests.integration.money_world import plan_file
from tests.typed_commands import Cli, typed_commands


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """A provider with two subscribers, one of whom has a name that a spreadsheet would run, and one payment."""
    run = typed_commands(tmp_path, monkeypatch, capsys)
    Path("home20.toml").write_text(plan_file(), "utf-8")
    assert run("plan", "add", "home20.toml")[0] == 0
    for username, name in (("budi", "Budi"), ("evi", "=cmd|' /C calc'!A0")):
        assert run("subscriber", "add", username, "--plan", "HOME20", "--password", "rahasia", "--name", name)[0] == 0
    assert run("invoice", "run")[0] == 0
    assert run("payment", "add", "budi", "200000", "--method", "transfer", "--reference", "+62")[0] == 0
    return run


def test_every_report_can_be_shown_told_apart_in_every_way_and_written_as_csv_and_json(cli: Cli) -> None:
    code, out, _ = cli("report", "list", "--json")
    assert code == 0
    assert [one["name"] for one in json.loads(out)] == list(REPORTS)
    for report in REPORTS.values():
        for table in report.tables:
            words = ("report", report.name, "--by", table.by)
            code, shown, err = cli(*words)
            assert (code, err) == (0, "")
            assert shown
            code, out, err = cli(*words, "--json")
            assert (code, err) == (0, "")
            assert set(json.loads(out)) == {"report", "by", "from", "to", "timezone", "rows", "totals", "ledger"}
            code, out, err = cli(*words, "--format", "csv")
            assert (code, err) == (0, "")
            assert out.split("\r\n")[0].split(",") == list(table.keys)


def test_a_name_that_looks_like_a_formula_is_a_text_in_csv_and_in_a_workbook(cli: Cli) -> None:
    assert cli("report", "bills", "--format", "csv", "-o", "bills.csv")[0] == 0
    with Path("bills.csv").open(encoding="utf-8", newline="") as file:
        written = [row["name"] for row in csv.DictReader(file)]
    assert sorted(written) == ["'=cmd|' /C calc'!A0", "Budi"]
    assert cli("report", "bills", "--format", "xlsx", "-o", "bills.xlsx", "--lang", "en")[0] == 0
    page = openpyxl.load_workbook("bills.xlsx").active
    assert page is not None
    rows = list(page.iter_rows(min_row=3))
    headings = [cell.value for cell in rows[0]]
    name, total = headings.index("Name"), headings.index("Total")
    names = {(str(row[name].value), row[name].data_type) for row in rows[1:3]}
    assert names == {("Budi", "s"), ("=cmd|' /C calc'!A0", "s")}
    assert [row[total].value for row in rows[1:4]] == [200_000, 200_000, 400_000]
    assert str(rows[5][0].value).startswith("Ledger (equal)")


def test_a_report_speaks_the_language_of_the_provider_unless_told(cli: Cli) -> None:
    assert "Laporan pembayaran" in cli("report", "payments")[1]
    assert "Payments" in cli("report", "payments", "--lang", "en")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gaji",), "no report is called 'gaji'"),
        (("bills", "--by", "planet"), "report bills is not by 'planet'"),
        (("bills", "--format", "xlsx"), "--format xlsx needs a file"),
        (("bills", "--from", "2026-02-01", "--to", "2026-01-01"), "--to 2026-01-01 is before --from 2026-02-01"),
        (("bills", "--format", "csv", "-o", "no/such/dir.csv"), "can't be written"),
    ],
)
def test_what_can_not_be_reported_is_refused_in_one_line(cli: Cli, words: tuple[str, ...], said: str) -> None:
    code, out, err = cli("report", *words)
    assert (code, out) == (1, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_draft_plan_is_simulated_for_one_and_for_all(cli: Cli) -> None:
    Path("draft.toml").write_text(plan_file("HOME20", 150_000), "utf-8")
    span = ("--from", "2020-01-01", "--to", "2035-01-01")
    code, out, _ = cli("rate", "simulate", "budi", "--plan", "draft.toml", *span, "--json")
    one = json.loads(out)
    assert (code, one["count"]) == (0, 1)
    assert one["draft"]["total"] * 4 == one["own"]["total"] * 3
    code, out, _ = cli("rate", "simulate", "--all", "--having", "home20", "--plan", "draft.toml", *span, "--json")
    everybody = json.loads(out)
    assert (code, everybody["count"], everybody["winners"]) == (0, 2, 2)
    assert everybody["change"] == 2 * one["change"] < 0
    code, out, _ = cli("rate", "simulate", "--all", "--plan", "HOME20", *span)
    assert code == 0
    assert "pay the same  2" in out
    for words, said in (
        (("budi", "--plan", "NO"), "no plan 'NO'"),
        (("budi", "--plan", "no.toml"), "no.toml: can't be read"),
        (("--plan", "HOME20"), "one subscriber or all"),
        (("nobody", "--plan", "HOME20"), "nobody"),
    ):
        code, out, err = cli("rate", "simulate", *words)
        assert (code, out) == (1, "")
        assert said in err


def test_an_invoice_is_explained_and_a_printed_hash_checked(cli: Cli) -> None:
    """MDI-15."""
    code, out, _ = cli("invoice", "list", "--username", "budi", "--json")
    [listed] = json.loads(out)
    number = listed["number"]
    code, out, err = cli("invoice", "explain", number, "--lang", "en")
    assert (code, err) == (0, "")
    assert "the plan's price" in out
    assert "recomputed: equal" in out
    code, out, _ = cli("invoice", "explain", number, "--json")
    explanation = json.loads(out)
    for printed in (explanation["sha256"], explanation["document_sha256"]):
        assert cli("invoice", "explain", number, "--check", printed)[0] == 0
    code, out, err = cli("invoice", "explain", number, "--check", "0" * 64)
    assert code == 1
    assert explanation["sha256"] in err
    assert cli("invoice", "explain", number, "--format", "pdf")[0] == 1
    code, out, _ = cli("ledger", "explain", str(explanation["entries"][0]["id"]), "--json")
    assert (code, json.loads(out)["invoice"]["document"]["number"]) == (0, number)
    code, out, _ = cli("usage", "explain", "budi", "--json")
    assert (code, json.loads(out)["usage"]["amount"]) == (0, 0)
