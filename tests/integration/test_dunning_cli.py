"""The verbs about unpaid invoices, messages and paper: exit codes, JSON, one line for what is refused."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.integration.money_terminal import money_terminal, read, refused
from tests.typed_commands import Cli

TODAY = date.today()  # noqa: DTZ011 - the command line asks the same clock


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return money_terminal(tmp_path, monkeypatch, capsys)


def test_what_is_to_come_is_shown_and_moved(cli: Cli) -> None:
    [billed] = read(cli("invoice", "run", "--json"))["invoices"]
    number, due_on = billed["number"], date.fromisoformat(billed["due_on"])
    isolir_on = due_on + timedelta(days=1)

    def concerned(on: date) -> tuple[int, int, int]:
        shown = read(cli("dunning", "preview", "--on", str(on), "--json"))
        return shown["count"], len(shown["promised"]), len(shown["exempt"])

    assert concerned(due_on) == (0, 0, 0)
    assert concerned(isolir_on) == (1, 0, 0)
    assert "1 akan diisolir, Rp200.000" in cli("dunning", "preview", "--on", str(isolir_on))[1]
    assert cli("dunning", "exempt", "budi", "--until", str(isolir_on))[0] == 0
    assert concerned(isolir_on) == (0, 0, 1)
    assert cli("dunning", "end-exemption", "budi")[0] == 0
    assert cli("dunning", "extend", number, "--until", str(isolir_on + timedelta(days=3)))[0] == 0
    assert concerned(isolir_on) == (0, 0, 0)
    assert concerned(isolir_on + timedelta(days=4)) == (1, 0, 0)
    assert cli("dunning", "rule", "budi", "--grace", "2")[0] == 0
    assert concerned(isolir_on + timedelta(days=4)) == (0, 0, 0)
    assert cli("dunning", "rule", "budi", "--as-settings")[0] == 0
    assert cli("holiday", "add", str(isolir_on + timedelta(days=4)), "Lebaran")[0] == 0
    assert concerned(isolir_on + timedelta(days=4)) == (0, 0, 0)
    assert concerned(isolir_on + timedelta(days=5)) == (1, 0, 0)
    assert read(cli("dunning", "history", "budi", "--json"))["steps"] == []
    assert read(cli("dunning", "list", "--json")) == {"exemptions": [], "rules": [], "terminations": []}
    assert read(cli("dunning", "fees", number, "--json")) == []
    assert read(cli("dunning", "run", "--json")) == {"done": [], "parked": []}


def test_invoices_near_their_last_day_are_listed(cli: Cli) -> None:
    """MDI-3."""
    cli("invoice", "run")
    [listed] = read(cli("invoice", "list", "--json"))
    assert (listed["near_due"], listed["days_late"]) == (False, 0)
    assert read(cli("invoice", "list", "--near-due", "--json")) == []


def test_a_promise_is_taken_listed_and_taken_back(cli: Cli) -> None:
    assert "owes nothing" in refused(cli("promise", "add", "budi", "--until", str(TODAY + timedelta(days=2))))
    cli("invoice", "run")
    assert cli("promise", "add", "budi", "--until", str(TODAY + timedelta(days=2)))[0] == 0
    [promise] = read(cli("promise", "list", "--json"))
    assert (promise["until"], promise["outstanding"]) == (str(TODAY + timedelta(days=2)), 200_000)
    assert "a promise lasts 7 days" in refused(
        cli("promise", "add", "budi", "--until", str(TODAY + timedelta(days=30)))
    )
    assert cli("promise", "withdraw", "budi")[0] == 0
    assert read(cli("promise", "list", "--json")) == []
    assert len(read(cli("promise", "list", "--all", "--json"))) == 1


def test_holidays_come_from_a_file_good_rows_in_and_bad_ones_named(cli: Cli) -> None:
    Path("libur.csv").write_text("on,name,area\n2030-03-20,Idul Fitri,\n2030-13-01,Salah,\n", "utf-8")
    code, out, err = cli("holiday", "import", "libur.csv")
    assert (code, out) == (1, "1 days off\n")
    assert "line 3: '2030-13-01' is no day" in err
    assert read(cli("holiday", "list", "--json")) == [{"on": "2030-03-20", "name": "Idul Fitri", "area": None}]
    assert cli("holiday", "remove", "2030-03-20")[0] == 0
    assert "is no day off" in refused(cli("holiday", "remove", "2030-03-20"))
    assert "no such file" in refused(cli("holiday", "import", "nichts.csv")).lower()


def test_messages_are_listed_shown_and_sent_again(cli: Cli) -> None:
    cli("invoice", "run")
    [message] = read(cli("outbox", "list", "--json"))
    assert (message["kind"], message["state"]) == ("invoice_issued", "queued")
    shown = read(cli("outbox", "show", str(message["id"]), "--json"))
    assert shown["subject"].endswith("Rp200.000")
    assert "Yth." in shown["text"]
    assert "there is nothing to repeat" in refused(cli("outbox", "retry", str(message["id"])))
    assert "no message 99" in refused(cli("outbox", "show", "99"))
    assert cli("outbox", "reminders", "budi", "off")[0] == 0
    assert "email, whatsapp" in cli("outbox", "prefer", "budi", "email", "whatsapp")[1]
    assert "as the settings say" in cli("outbox", "prefer", "budi")[1]
    assert "there are: whatsapp" in refused(cli("outbox", "prefer", "budi", "merpati"))
    assert read(cli("outbox", "list", "--state", "dead", "--username", "budi", "--json")) == []


def test_paper_goes_its_way(cli: Cli) -> None:
    """ICON-3, ICON-7, ICON-13."""
    [billed] = read(cli("invoice", "run", "--json"))["invoices"]
    number = billed["number"]
    assert "was not printed" in refused(cli("paper", "show", number))
    assert "next is printed" in refused(cli("paper", "handover", number, "--courier", "JNE"))
    assert cli("paper", "print", number)[0] == 0
    assert cli("paper", "handover", number, "--courier", "JNE", "--tracking", "123")[0] == 0
    assert [one["number"] for one in read(cli("paper", "list", "--not-received", "--json"))] == [number]
    Path("foto.png").write_bytes(b"\x89PNG\r\n\x1a\n....")
    Path("foto.jpg").write_bytes(b"GIF89a")
    received = ("paper", "received", number, "--receiver", "Ibu Budi", "--proof")
    assert "no PNG, JPEG or PDF" in refused(cli(*received, "foto.jpg"))
    assert cli(*received, "foto.png")[0] == 0
    assert read(cli("paper", "list", "--not-received", "--json")) == []
    shown = read(cli("paper", "show", number, "--json"))
    assert (shown["state"], shown["receiver"], shown["status"]) == ("received", "Ibu Budi", "issued")
    assert [step["state"] for step in shown["steps"]] == ["printed", "with_courier", "received"]
    assert (Path("var") / "documents" / "proofs" / shown["proof"]).exists()


def test_what_can_not_be_is_one_line(cli: Cli) -> None:
    assert "no subscriber 'nobody'" in refused(cli("dunning", "exempt", "nobody"))
    assert "no customer group 'x'" in refused(cli("dunning", "exempt", "x", "--group"))
    assert "no invoice INV-9" in refused(cli("dunning", "extend", "INV-9", "--until", str(TODAY + timedelta(days=2))))
    assert "is past" in refused(cli("dunning", "preview", "--on", "2020-01-01"))
    assert "write days such as" in refused(cli("dunning", "rule", "budi", "--remind=soon"))
    assert "say what differs" in refused(cli("dunning", "rule", "budi"))
    assert "no late fee" in refused(cli("dunning", "waive", "INV-9", "--reason", "x"))
