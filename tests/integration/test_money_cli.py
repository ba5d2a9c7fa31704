"""The money verbs of the command line: exit codes, JSON shapes, one line for what is refused."""

import csv
from pathlib import Path

import pytest

from tests.integration.money_terminal import money_terminal, read, refused
from tests.integration.money_world import plan_file
from tests.typed_commands import Cli


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return money_terminal(tmp_path, monkeypatch, capsys)


def test_an_invoice_is_run_shown_paid_and_checked(cli: Cli) -> None:
    """INCA-3, INCA-4, BANG-2.4d."""
    assert [one["number"] for one in read(cli("invoice", "run", "--dry-run", "--json"))["invoices"]] == [None]
    [billed] = read(cli("invoice", "run", "--json"))["invoices"]
    assert read(cli("invoice", "run", "--json"))["invoices"] == []
    shown = read(cli("invoice", "show", billed["number"], "--json"))
    assert set(shown) >= {
        *("number", "subscriber_no", "status", "issued_on", "due_on", "period", "currency", "lines"),
        *("tax", "total", "paid", "outstanding"),
    }
    assert set(shown["period"]) == {"start", "end"}
    assert set(shown["lines"][0]) >= {"kind", "text", "quantity", "unit_price", "per", "amount"}
    assert (shown["status"], shown["total"], shown["outstanding"]) == ("issued", 200_000, 200_000)
    paid = read(cli("payment", "add", "BUDI", "Rp250.000", "--method", "transfer", "--reference", "T1", "--json"))
    assert paid["allocations"] == [{"invoice": billed["number"], "amount": 200_000}]
    assert (paid["wallet"], paid["outstanding"]) == (50_000, 0)
    assert read(cli("invoice", "show", billed["number"], "--json"))["status"] == "paid"
    assert [one["status"] for one in read(cli("invoice", "list", "--username", "budi", "--json"))] == ["paid"]
    assert read(cli("invoice", "list", "--overdue", "--json")) == []
    assert [one["reference"] for one in read(cli("payment", "list", "--json"))] == ["T1"]
    checked = read(cli("ledger", "check", "--json"))
    assert checked["ok"] is True
    assert {frozenset(check) for check in checked["checks"]} == {frozenset({"name", "ok", "detail"})}
    statement = read(cli("ledger", "statement", f"wallet:{paid['subscriber_no']}", "--json"))
    assert (statement["balance"], statement["lines"][0]["side"]) == (50_000, "credit")


def test_a_payment_twice_is_refused_unless_the_key_is_the_same(cli: Cli) -> None:
    words = ("payment", "add", "budi", "1000", "--method", "cash", "--json")
    first = cli(*words, "--reference", "R1", "--idempotency-key", "k")
    assert cli(*words, "--reference", "R1", "--idempotency-key", "k") == first
    assert "received on" in refused(cli(*words, "--reference", "R1"))
    assert "can't be a payment" in refused(cli("payment", "add", "budi", "0", "--method", "cash"))
    assert "no subscriber 'x'" in refused(cli("payment", "add", "x", "5", "--method", "cash"))
    assert "is not a number" in refused(cli("payment", "add", "budi", "lima", "--method", "cash"))
    assert cli("payment", "add", "budi", "5")[0] == 2
    assert len(read(cli("payment", "list", "--json"))) == 1


def test_an_invoice_run_under_a_key_prints_the_same_again(cli: Cli) -> None:
    first = cli("invoice", "run", "--json", "--idempotency-key", "january")
    assert len(read(first)["invoices"]) == 1
    assert cli("invoice", "run", "--json", "--idempotency-key", "january") == first


def test_plans_are_added_listed_and_set_and_a_wrong_file_is_refused_in_one_line(cli: Cli) -> None:
    assert cli("plan", "add", "kuota.toml")[0] == 0
    assert "`netbilld plan set home20.toml`" in refused(cli("plan", "add", "home20.toml"))
    Path("wrong.toml").write_text(plan_file("X").replace("price", "prise"), "utf-8")
    assert "wrong.toml: line 7: recurring.prise: unknown key" in refused(cli("plan", "add", "wrong.toml"))
    assert "no such file" in refused(cli("plan", "add", "none.toml"))
    Path("home20.toml").write_text(plan_file(price=250_000), "utf-8")
    assert cli("plan", "set", "home20.toml", "--on-sale", "no")[0] == 0
    listed = {plan["code"]: plan for plan in read(cli("plan", "list", "--json"))}
    assert (listed["HOME20"]["version"], listed["HOME20"]["price"], listed["HOME20"]["on_sale"]) == (2, 250_000, False)
    assert (listed["KUOTA"]["price_per_gb"], listed["KUOTA"]["period"]) == (3000, None)
    assert [v["version"] for v in read(cli("plan", "show", "home20", "--json"))["versions"]] == [2, 1]
    assert "nothing to set" in refused(cli("plan", "set", "HOME20"))
    assert "no plan 'NONE'" in refused(cli("plan", "show", "NONE"))


def test_what_is_printed_for_people_has_no_json_in_it(cli: Cli) -> None:
    assert "Rp200.000" in cli("invoice", "run")[1]
    number = read(cli("invoice", "list", "--json"))[0]["number"]
    for words in (
        ("invoice", "list"),
        ("invoice", "show", number),
        ("plan", "list"),
        ("plan", "show", "HOME20"),
        ("payment", "list"),
        ("ledger", "check"),
        ("ledger", "statement", "revenue:recurring"),
    ):
        code, out, err = cli(*words)
        assert (code, err) == (0, "")
        assert out
        assert "{" not in out
    assert "no invoice 'X'" in refused(cli("invoice", "show", "X"))
    assert "no account" in refused(cli("ledger", "statement", "x"))
    assert "more than a year ahead" in refused(cli("invoice", "run", "--as-of", "2199-01-01"))
    assert cli("invoice", "run", "--as-of", "tomorrow")[0] == 2


def test_an_invoice_is_written_by_hand_corrected_and_written_off(cli: Cli) -> None:
    """ICON-4, ICON-5: bad input is one line that says what to do."""
    draft = read(cli("invoice", "add", "budi", "--line", "text=Kabel, 20 m,amount=150000", "--draft", "--json"))
    listed = read(cli("invoice", "list", "--drafts", "--json"))
    assert [(one["id"], one["status"], one["number"]) for one in listed] == [(draft["id"], "draft", None)]
    words = ("invoice", "edit", draft["id"][:8], "--line", "text=Kunjungan,quantity=2,price=25000", "--json")
    assert read(cli(*words))["total"] == 200_000
    issued = read(cli("invoice", "issue", draft["id"], "--json", "--idempotency-key", "k"))
    assert read(cli("invoice", "issue", draft["id"], "--json", "--idempotency-key", "k")) == issued
    number = issued["number"]
    assert f"netbilld invoice credit {number} --line N" in refused(cli("invoice", "edit", number, "--remove-line", "1"))
    note = read(cli("invoice", "credit", number, "--line", "2", "--amount", "20000", "--why", "Rusak", "--json"))
    shown = read(cli("invoice", "show", number, "--json"))
    assert (shown["credited"], shown["paid"], shown["outstanding"]) == (20_000, 0, 180_000)
    assert shown["credit_notes"] == [note["number"]]
    assert [line["text"] for line in shown["lines"]] == ["Kabel, 20 m", "Kunjungan"]
    assert read(cli("invoice", "show", note["number"], "--json"))["credits"] == number
    assert cli("invoice", "show", note["number"])[1].startswith("credit note")
    assert "180000 is owed" in refused(cli("invoice", "write-off", number, "--amount", "180001", "--why", "x"))
    assert read(cli("invoice", "write-off", number, "--amount", "30000", "--why", "Pindah", "--json"))["written_off"]
    assert "name that by --line" in refused(cli("invoice", "credit", number, "--amount", "5", "--why", "x"))
    assert "'teks' is not one of" in refused(cli("invoice", "add", "budi", "--line", "teks=x,amount=5"))
    assert cli("invoice", "void", number)[0] == 2
    gone = read(cli("invoice", "add", "budi", "--line", "text=Salah,amount=5", "--draft", "--json"))["id"]
    assert read(cli("invoice", "discard", gone, "--json"))["status"] == "draft"
    another = read(cli("invoice", "add", "budi", "--line", "text=Salah,amount=5000", "--json"))["number"]
    assert read(cli("invoice", "void", another, "--why", "Salah", "--json"))["invoice_status"] == "credited"
    statuses = {one["number"]: (one["kind"], one["status"]) for one in read(cli("invoice", "list", "--json"))}
    assert statuses[number] == ("invoice", "part_paid")
    assert statuses[another] == ("invoice", "credited")
    assert statuses[note["number"]] == ("credit_note", "paid")
    assert read(cli("ledger", "check", "--json"))["ok"] is True


def test_the_journal_goes_to_an_accountant_in_their_own_numbers(cli: Cli) -> None:
    assert cli("invoice", "run")[0] == 0
    assert cli("payment", "add", "budi", "250000", "--method", "cash")[0] == 0
    beginning = cli("ledger", "chart", "--csv")[1].splitlines()
    assert beginning[0] == "account,number,name"
    assert "receivable:*,,Owed by subscribers" in beginning
    Path("map.csv").write_text(
        "account,number,name\nreceivable:*,1-1300,Piutang Usaha\ncash:cash,1-1100,Kas\n", "utf-8"
    )
    code, journal, warned = cli("ledger", "export", "--map", "map.csv")
    assert code == 0
    assert "says nothing of revenue:recurring, wallet:*" in warned
    rows = list(csv.reader(journal.splitlines()))
    assert rows[0][:5] == ["entry", "line", "day", "at", "kind"]
    assert [(row[9], row[10], row[12], row[13]) for row in rows[1:]] == [
        ("receivable:100001", "1-1300", "200000", ""),
        ("revenue:recurring", "", "", "200000"),
        ("cash:cash", "1-1100", "250000", ""),
        ("receivable:100001", "1-1300", "", "200000"),
        ("wallet:100001", "", "", "50000"),
    ]
    daily = read(cli("ledger", "export", "--daily", "--json"))
    assert sum(row["debit"] or 0 for row in daily) == sum(row["credit"] or 0 for row in daily) == 450_000
    chart = {row["account"]: row["balance"] for row in read(cli("ledger", "chart", "--json"))}
    assert chart == {"cash:cash": 250_000, "receivable:*": 0, "wallet:*": 50_000, "revenue:recurring": 200_000}
    assert cli("ledger", "export", "--format", "xlsx", "--output", "j.xlsx")[0] == 0
    Path("map.csv").write_text("account,number\n", "utf-8")
    assert "the first line is account,number,name" in refused(cli("ledger", "chart", "--map", "map.csv"))
    assert "is not over" in refused(cli("ledger", "close", "2999-01"))
    assert "write YYYY-MM" in refused(cli("ledger", "close", "januari"))
    assert read(cli("ledger", "months", "--json")) == []
