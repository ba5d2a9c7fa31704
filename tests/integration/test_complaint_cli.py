"""The verbs about complaints and outages: exit codes, JSON, one line for what is refused."""

from pathlib import Path

import pytest

from tests.complaint_world import picture
from tests.integration.money_terminal import money_terminal, read, refused
from tests.typed_commands import Cli


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return money_terminal(tmp_path, monkeypatch, capsys)


def test_a_complaint_is_taken_in_and_worked_on(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "foto.jpg").write_bytes(picture())
    (tmp_path / "bukan.jpg").write_bytes(b"bukan foto")
    assert cli("staff", "add", "tono@isp.example", "--role", "technical", "--password", "kuda-poni-merah-7")[0] == 0
    add = ("complaint", "add", "budi", "Mati sejak pagi", "--category", "mati", "--json")
    made = read(cli(*add, "--photo", "foto.jpg", "--idempotency-key", "a"))
    again = read(cli(*add, "--photo", "foto.jpg", "--idempotency-key", "a"))
    assert (made, again) == ({"number": "K00001", "new": True}, {"number": "K00001", "new": False})
    assert "no photo" in refused(cli(*add, "--photo", "bukan.jpg"))
    assert "can't be read" in refused(cli(*add, "--photo", "tidak-ada.jpg"))
    assert "may be chosen" in refused(cli("complaint", "add", "budi", "x", "--category", "apa"))
    assert "no subscriber" in refused(cli("complaint", "add", "siapa", "x", "--category", "mati"))
    [listed] = read(cli("complaint", "list", "--json"))
    assert (listed["number"], listed["state"], listed["late"], listed["assignee"]) == ("K00001", "new", None, None)
    assert "can't become in_progress" in refused(cli("complaint", "start", "K00001"))
    assert "nobody who works on complaints" in refused(cli("complaint", "assign", "K00001", "siapa@isp.example"))
    for words in (
        ("assign", "K00001", "tono@isp.example"), ("start", "K00001"), ("note", "K00001", "besok", "--public"),
        ("resolve", "K00001", "Kabel diganti"), ("reopen", "K00001", "masih"), ("resolve", "K00001", "Konektor"),
        ("close", "K00001"),
    ):  # fmt: skip
        assert cli("complaint", *words)[0] == 0, words
    shown = read(cli("complaint", "show", "K00001", "--json"))
    assert (shown["state"], shown["assignee"], shown["photos"], shown["reopened"]) == (
        "closed", "tono@isp.example", 1, 1,
    )  # fmt: skip
    states = [step["state"] for step in shown["steps"] if step["state"]]
    assert states == ["new", "assigned", "in_progress", "resolved", "reopened", "resolved", "closed"]
    assert "Kabel diganti" in cli("complaint", "show", "K00001")[1]
    assert read(cli("complaint", "list", "--json")) == []
    assert "K00001" in cli("complaint", "list", "--state", "all")[1]
    assert "no complaint" in refused(cli("complaint", "show", "K00009"))
    [measured] = read(cli("complaint", "report", "--json"))
    assert (measured["name"], measured["opened"], measured["resolved"]) == ("mati", 1, 1)
    assert "mati" in cli("complaint", "report", "--by", "category")[1]
    messages = read(cli("outbox", "list", "--json"))
    assert sum(one["kind"] == "complaint_state" for one in messages) == 6


def test_categories_are_listed_and_changed(cli: Cli) -> None:
    before = {one["code"]: one for one in read(cli("complaint", "category", "list", "--json"))}
    assert (before["mati"]["first_response_minutes"], before["mati"]["resolution_minutes"]) == (60, 1440)
    assert cli("complaint", "category", "set", "mati", "--response-minutes", "30")[0] == 0
    assert cli("complaint", "category", "set", "cctv", "--name", "CCTV", "--name-en", "CCTV")[0] == 0
    assert cli("complaint", "category", "set", "wifi", "--active", "no")[0] == 0
    assert "comes before" in refused(cli("complaint", "category", "set", "mati", "--resolution-minutes", "5"))
    after = {one["code"]: one for one in read(cli("complaint", "category", "list", "--json"))}
    assert (after["mati"]["first_response_minutes"], after["mati"]["about_line"]) == (30, True)
    assert (after["cctv"]["name"], after["wifi"]["active"]) == ("CCTV", False)
    assert "cctv" in cli("complaint", "category", "list")[1]


def test_an_outage_is_declared_and_ended(cli: Cli) -> None:
    assert cli("subscriber", "set", "budi", "--area", "Cibiru/RT 01")[0] == 0
    cli("complaint", "add", "budi", "Mati", "--category", "mati")
    declare = ("outage", "declare", "Kabel putus", "--area", "cibiru", "--expected-minutes", "90")
    assert read(cli(*declare, "--dry-run", "--json")) == {"subscribers": 1}
    declared = read(cli(*declare, "--idempotency-key", "x", "--json"))
    assert declared == {"number": "G00001", "subscribers": 1, "new": True, "complaints": ["K00001"]}
    assert read(cli(*declare, "--idempotency-key", "x", "--json"))["new"] is False
    assert "declared there already" in refused(cli(*declare))
    assert "no NAS" in refused(cli("outage", "declare", "x", "--nas", "siapa"))
    assert cli("outage", "declare", "x")[0] == 2
    [running] = read(cli("outage", "list", "--json"))["outages"]
    assert (running["area"], running["complaints"]) == ("cibiru", 1)
    assert "Kabel putus" in cli("outage", "list")[1]
    assert "1 complaints resolved" in cli("outage", "end", "G00001", "Disambung")[1]
    assert read(cli("outage", "list", "--json"))["outages"] == []
    [over] = read(cli("outage", "list", "--all", "--json"))["outages"]
    assert over["ended_text"] == "Disambung"
    assert "over already" in refused(cli("outage", "end", "G00001", "x"))
