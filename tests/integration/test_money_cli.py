"""The money verbs of the command line: exit codes, JSON shapes, one line for what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netbilld.cli.main import main
from tests.integration.money_world import PER_USE, plan_file

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line against a fresh data directory; return (exit code, stdout, stderr)."""
    monkeypatch.setenv("NETBILLD_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    assert run("init")[0] == 0
    Path("home20.toml").write_text(plan_file(), "utf-8")
    Path("kuota.toml").write_text(PER_USE, "utf-8")
    assert run("plan", "add", "home20.toml")[0] == 0
    assert run("subscriber", "add", "budi", "--plan", "HOME20", "--password", "rahasia")[0] == 0
    return run


def read(outcome: tuple[int, str, str]) -> Any:
    assert outcome[0] == 0, outcome
    return json.loads(outcome[1])


def refused(outcome: tuple[int, str, str]) -> str:
    code, out, err = outcome
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    return err


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
