"""The verbs of payments and collectors: exit codes, JSON shapes, one line for what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.money_world import plan_file
from tests.typed_commands import Cli, typed_commands


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line against two subscribers, of whom budi and siti each have an invoice of 200,000."""
    run = typed_commands(tmp_path, monkeypatch, capsys)
    Path("home20.toml").write_text(plan_file(), "utf-8")
    assert run("plan", "add", "home20.toml")[0] == 0
    for name in ("budi", "siti"):
        assert run("subscriber", "add", name, "--plan", "HOME20", "--password", "rahasia")[0] == 0
    assert run("invoice", "run")[0] == 0
    return run


def read(outcome: tuple[int, str, str]) -> Any:
    assert outcome[0] == 0, outcome
    return json.loads(outcome[1])


def refused(outcome: tuple[int, str, str]) -> str:
    code, out, err = outcome
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    return err


def invoice_of(cli: Cli, name: str) -> str:
    return str(read(cli("invoice", "list", "--username", name, "--json"))[0]["number"])


def test_a_payment_is_chosen_reversed_moved_and_its_credit_refunded(cli: Cli) -> None:
    number = invoice_of(cli, "budi")
    words = ("payment", "add", "budi", "60000", "--method", "transfer", "--invoice", f"{number}:50000", "--only")
    paid = read(cli(*words, "--json"))
    assert (paid["allocations"], paid["to_wallet"]) == ([{"invoice": number, "amount": 50_000}], 10_000)
    receipt = read(cli("payment", "show", paid["receipt_no"], "--json"))
    assert (receipt["allocations"][0]["word"], receipt["to_wallet"]) == ("Dibayar sebagian", 10_000)
    allocated = read(cli("payment", "allocate", "budi", "--json"))
    assert allocated["allocations"] == [{"invoice": number, "amount": 10_000}]
    moved = read(cli("payment", "move", paid["receipt_no"], "--to", "siti", "--why", "salah orang", "--json"))
    assert (moved["outstanding"], moved["moved_to"]["outstanding"]) == (200_000, 140_000)
    reversed_again = cli("payment", "reverse", moved["moved_to"]["receipt_no"], "--why", "batal", "--json")
    assert read(reversed_again)["outstanding"] == 200_000
    assert "reversed already" in refused(cli("payment", "reverse", paid["receipt_no"], "--why", "batal"))
    assert cli("payment", "add", "siti", "230000", "--method", "cash")[0] == 0
    assert "holds 30000" in refused(cli("payment", "refund", "siti", "40000", "--method", "cash", "--why", "x"))
    refund = read(cli("payment", "refund", "siti", "all", "--method", "cash", "--why", "pindah", "--json"))
    assert (refund["amount"], refund["wallet"]) == (30_000, 0)
    listed = read(cli("payment", "list", "--json"))
    assert sorted(one["status"] for one in listed) == ["received", "reversed", "reversed"]
    assert read(cli("ledger", "check", "--json"))["ok"] is True


def test_an_implausible_amount_is_asked_back_parked_and_released(cli: Cli) -> None:
    asked = refused(cli("payment", "add", "budi", "20000000", "--method", "transfer", "--reference", "T1"))
    assert "--yes" in asked
    park = ("payment", "park", "20000000", "--method", "transfer", "--reference", "T1", "--why", "nol kebanyakan?")
    parked = read(cli(*park, "--json", "--idempotency-key", "k"))
    assert read(cli(*park, "--json", "--idempotency-key", "k")) == parked
    assert "is parked" in refused(
        cli("payment", "add", "budi", "20000000", "--method", "transfer", "--reference", "T1")
    )
    assert [one["amount"] for one in read(cli("payment", "parked", "--json"))] == [20_000_000]
    assert read(cli("ledger", "statement", "suspense", "--json"))["balance"] == 20_000_000
    released = read(cli("payment", "release", parked["id"][:8], "--to", "budi", "--json"))
    assert (released["reference"], released["wallet"]) == ("T1", 19_800_000)
    assert "released already" in refused(cli("payment", "return", parked["id"], "--why", "x"))
    second = read(cli("payment", "park", "500", "--method", "transfer", "--why", "tanpa nama", "--json"))
    assert read(cli("payment", "return", second["id"], "--why", "dikembalikan", "--json"))["status"] == "returned"
    assert read(cli("payment", "parked", "--json")) == []
    assert read(cli("ledger", "statement", "suspense", "--json"))["balance"] == 0
    assert read(cli("ledger", "check", "--json"))["ok"] is True


def test_an_invoice_has_a_unique_amount_until_it_is_paid(cli: Cli) -> None:
    budi, siti = invoice_of(cli, "budi"), invoice_of(cli, "siti")
    first = read(cli("payment", "code", budi, "--json"))
    assert (first["amount"], first["code"]) == (200_001, 1)
    assert read(cli("payment", "code", budi, "--json")) == first
    assert read(cli("payment", "code", siti, "--json"))["amount"] == 200_002
    assert read(cli("payment", "code", budi, "--new", "--json"))["amount"] == 200_003  # 200,001 rests
    assert len(read(cli("payment", "codes", "--json"))) == 2
    cli("payment", "add", "budi", "200000", "--method", "cash")
    assert [one["invoice"] for one in read(cli("payment", "codes", "--json"))] == [siti]
    assert "nothing is open" in refused(cli("payment", "code", budi))
    assert "no invoice" in refused(cli("payment", "code", "INV-1"))


def test_a_collector_takes_cash_and_hands_it_over(cli: Cli) -> None:
    """BANG-2.4c."""
    assert cli("collector", "add", "asep", "--name", "Asep Sunandar")[0] == 0
    assert "known already" in refused(cli("collector", "add", "asep"))
    assert cli("payment", "add", "budi", "200000", "--method", "cash", "--collector", "asep")[0] == 0
    [one] = read(cli("collector", "list", "--json"))
    assert (one["name"], one["held"], one["payments"]) == ("asep", 200_000, 1)
    words = ("collector", "handover", "asep", "190000", "--json", "--idempotency-key", "k")
    handed = read(cli(*words))
    assert (handed["difference"], handed["left"]) == (10_000, 10_000)
    assert read(cli(*words)) == handed
    booked = read(cli("collector", "handover", "asep", "0", "--book-difference", "hilang", "--json"))
    assert (booked["booked"], booked["left"]) == (10_000, 0)
    assert len(read(cli("collector", "handovers", "--json"))) == 2
    assert cli("collector", "set", "asep", "--active", "no")[0] == 0
    assert "takes no more" in refused(cli("payment", "add", "siti", "5", "--method", "cash", "--collector", "asep"))
    assert read(cli("ledger", "check", "--json"))["ok"] is True


def test_what_is_printed_for_people_has_no_json_in_it(cli: Cli) -> None:
    number = invoice_of(cli, "budi")
    assert cli("collector", "add", "asep")[0] == 0
    kept = ("--pph23", "BP1:4000", "--collector", "asep")
    code, out, _ = cli("payment", "add", "budi", "196000", "--method", "cash", "--invoice", number, *kept)
    assert (code, "Lunas" in out, "BP1" in out) == (0, True, True)
    receipt = read(cli("payment", "list", "--json"))[0]["receipt_no"] or "KW"
    for words in (
        ("payment", "list"),
        ("payment", "parked"),
        ("payment", "codes"),
        ("payment", "code", invoice_of(cli, "siti")),
        ("collector", "list"),
        ("collector", "handovers"),
        ("collector", "handover", "asep", "1000"),
        ("payment", "add", "siti", "250000", "--method", "cash"),
        ("payment", "refund", "siti", "1000", "--method", "cash", "--why", "x"),
        ("payment", "park", "77", "--method", "cash", "--why", "x"),
    ):
        code, out, err = cli(*words)
        assert (code, err) == (0, ""), words
        assert out
        assert "{" not in out
    assert "no payment" in refused(cli("payment", "show", receipt + "9"))
    assert "--only wants" in refused(cli("payment", "allocate", "siti", "--only"))


def test_a_bank_statement_is_imported_listed_matched_and_taken_back(cli: Cli) -> None:
    """BANG-2.4a."""
    budi, siti = invoice_of(cli, "budi"), invoice_of(cli, "siti")
    amount = read(cli("payment", "code", budi, "--json"))["amount"]
    mapping = 'account = "bca1"\ndate = "Tgl"\ntext = ["Ket"]\namount = "Jml"\ndate_formats = ["%Y-%m-%d"]\n'
    Path("peta.toml").write_text(mapping, "utf-8")
    assert read(cli("bank", "mapping", "bca1", "peta.toml", "--json")) == {"name": "bca1", "account": "bca1"}
    text = f"Tgl;Ket;Jml\n2026-01-01;TRSF;{amount}\n2026-01-01;{siti};200000\n2026-01-01;rusak;x\n"
    Path("mutasi.csv").write_text(text, "utf-8")
    words = ("bank", "import", "mutasi.csv", "--mapping", "bca1", "--json")
    code, out, err = cli(*words)
    told = json.loads(out)
    assert (code, told["imported"], told["rejected"], told["matched"][0]["reason"]) == (0, 2, 1, "code")
    assert "1 rows rejected, see mutasi.rejected.csv; the first: mutasi.csv: line 4" in err
    assert "x" in Path("mutasi.rejected.csv").read_text("utf-8").splitlines()[1]
    assert json.loads(cli(*words)[1])["known"] == 2
    [row] = read(cli("bank", "list", "--json"))
    assert (row["proposals"][0]["invoice"], row["proposals"][0]["sure"]) == (siti, True)
    assert siti in cli("bank", "list")[1]
    matched = read(cli("bank", "match", str(row["id"]), "--json"))
    assert (matched["reason"], matched["payment"]["outstanding"]) == ("invoice_number", 0)
    assert read(cli("bank", "undo", str(row["id"]), "--why", "salah", "--json"))["outstanding"] == 200_000
    assert read(cli("bank", "ignore", str(row["id"]), "--why", "bunga", "--json"))["status"] == "ignored"
    assert len(read(cli("bank", "list", "--all", "--json"))) == 2
    assert "no mapping 'x'; presets: generic" in refused(cli("bank", "import", "mutasi.csv", "--mapping", "x"))
    assert "no line has the headings" in refused(cli("bank", "import", "mutasi.csv", "--mapping", "mandiri"))
    assert "no such file" in refused(cli("bank", "import", "none.csv", "--mapping", "bca"))
    assert {one["name"] for one in read(cli("bank", "mappings", "--json"))} >= {"bca", "bca1", "generic"}
    assert "peta.toml: dat: unknown key" in _wrong_mapping(cli)
    assert read(cli("ledger", "check", "--json"))["ok"] is True


def _wrong_mapping(cli: Cli) -> str:
    Path("peta.toml").write_text('dat = "x"\n', "utf-8")
    return refused(cli("bank", "mapping", "bca1", "peta.toml"))
