"""The commands of subscribers, and the import of many."""

import csv
import io
import stat
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from tests.people_world import CommandLine


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_subscriber_show_has_the_keys_scripts_rely_on(netbilld: CommandLine) -> None:
    words = (
        "--password",
        "x",
        "--mac",
        "00005e005301",
        "--ip",
        "10.9.0.2",
        "--name",
        "Budi",
        "--phone",
        "0812-3456-7890",
    )
    assert netbilld("subscriber", "add", "budi", "--plan", "home20", *words, "--billing-day", "31") == 0, netbilld.err
    shown = netbilld.json("subscriber", "show", "00-00-5e-00-53-01")
    assert list(shown)[:4] == ["subscriber_no", "username", "service_id", "status"]
    relied_on = {
        name: shown[name]
        for name in (
            "subscriber_no",
            "username",
            "status",
            "plan",
            "access",
            "access_reason",
            "wallet",
            "outstanding",
            "currency",
            "sessions",
        )
    }
    assert relied_on == {
        "subscriber_no": "100001",
        "username": "budi",
        "status": "active",
        "plan": "HOME20",
        "access": "active",
        "access_reason": "ok",
        "wallet": 0,
        "outstanding": 0,
        "currency": "IDR",
        "sessions": 0,
    }
    assert str(UUID(shown["service_id"])) == shown["service_id"]
    assert datetime.fromisoformat(shown["created_at"]).utcoffset() == timedelta(hours=7)
    assert (shown["billing_day"], shown["static_ip"], shown["mac"]) == (31, "10.9.0.2", "00:00:5E:00:53:01")
    assert netbilld("subscriber", "show", "budi") == 0


def test_access_follows_suspend_resume_and_terminate_without_a_daemon(netbilld: CommandLine) -> None:
    netbilld("subscriber", "add", "budi", "--plan", "HOME20", "--password", "x")

    def shown() -> tuple[str, str, str]:
        document = netbilld.json("subscriber", "show", "budi")
        return document["status"], document["access"], document["access_reason"]

    assert netbilld("subscriber", "suspend", "BUDI", "--reason", "moved") == 0
    assert shown() == ("suspended", "walled", "suspended")
    assert netbilld("subscriber", "suspend", "budi", "--reason", "moved") == 0
    assert "already" in netbilld.out
    assert netbilld("subscriber", "resume", "budi") == 0
    assert shown() == ("active", "active", "ok")
    assert netbilld("subscriber", "terminate", "budi") == 0
    assert shown() == ("terminated", "blocked", "terminated")
    assert "terminated" in netbilld.refused("subscriber", "resume", "budi")
    assert [line["status"] for line in netbilld.json("subscriber", "list", "--status", "terminated")] == ["terminated"]


def test_subscriber_set_changes_and_clears(netbilld: CommandLine) -> None:
    netbilld(
        "subscriber",
        "add",
        "budi",
        "--plan",
        "HOME20",
        "--password",
        "x",
        "--ip",
        "10.9.0.2",
        "--email",
        "b@example.org",
    )
    assert (
        netbilld("subscriber", "set", "budi", "--username", "Budi.S", "--ip", "", "--email", "", "--name", "Budi S")
        == 0
    )
    shown = netbilld.json("subscriber", "show", "budi.s")
    assert (shown["username"], shown["static_ip"], shown["email"], shown["name"]) == ("Budi.S", None, None, "Budi S")
    assert "nobody has the user name 'budi'" in netbilld.refused("subscriber", "show", "budi")
    assert "1 to 31" in netbilld.refused("subscriber", "set", "budi.s", "--billing-day", "40")
    assert netbilld("subscriber", "set", "budi.s") == 0
    assert "nothing to change" in netbilld.out


def test_passwords_come_by_standard_input_and_are_told_to_nobody(
    netbilld: CommandLine, type_in: Callable[[str], None]
) -> None:
    type_in("s3cret pass\r\n")
    assert netbilld("subscriber", "add", "budi", "--plan", "HOME20", "--password-stdin") == 0
    said = netbilld.out + netbilld.err
    netbilld("subscriber", "show", "budi", "--json")
    said += netbilld.out
    assert "s3cret" not in said
    type_in("")
    assert "needs a password" in netbilld.refused("subscriber", "add", "siti", "--plan", "HOME20")
    assert netbilld("subscriber", "add", "00:00:5e:00:53:01", "--plan", "HOME20") == 0  # a MAC address needs none


def test_the_same_idempotency_key_prints_the_same_and_adds_once(netbilld: CommandLine) -> None:
    words = ("subscriber", "add", "budi", "--plan", "HOME20", "--password", "x", "--idempotency-key", "k1")
    assert netbilld(*words) == 0
    first = netbilld.out
    assert netbilld(*words) == 0
    assert netbilld.out == first
    assert len(netbilld.json("subscriber", "list")) == 1
    assert "different" in netbilld.refused(*words[:2], "siti", *words[3:])


def test_a_second_service_of_the_same_subscriber_is_listed_beside_the_first(netbilld: CommandLine) -> None:
    netbilld("subscriber", "add", "budi", "--plan", "HOME20", "--password", "x")
    assert netbilld("subscriber", "add", "budi.kantor", "--plan", "HOME20", "--password", "x", "--of", "100001") == 0
    lines = netbilld.json("subscriber", "list", "--search", "budi")
    assert [line["subscriber_no"] for line in lines] == ["100001", "100001"]
    shown = netbilld.json("subscriber", "show", "budi")
    assert [other["username"] for other in shown["other_services"]] == ["budi.kantor"]
    assert "no subscriber has number 7" in netbilld.refused(
        "subscriber", "add", "x", "--plan", "HOME20", "--password", "x", "--of", "7"
    )


def test_import_takes_good_rows_and_reports_bad_ones(netbilld: CommandLine, tmp_path: Path) -> None:
    """KAMIL-3: import."""
    file = tmp_path / "town.csv"
    file.write_text(
        "\ufeffUsername;Password;Plan;Name\nada;x;HOME20;Ada Łucja\nbob;;HOME20;\ncid;x;NOPE;\n", encoding="utf-8"
    )
    assert netbilld("import", "subscribers", str(file), "--dry-run") == 0
    assert "1 of 3 rows would go in" in netbilld.out
    assert netbilld.json("subscriber", "list") == []
    document = netbilld.json("import", "subscribers", str(file))
    report = tmp_path / "town.rejected.csv"
    assert document == {"rows": 3, "imported": 1, "rejected": 2, "dry_run": False, "report": str(report)}
    assert f"{file}: line 3: " in netbilld.err
    assert mode(report) == 0o600
    rows = list(csv.DictReader(io.StringIO(report.read_text(encoding="utf-8"))))
    assert [(row["line"], row["username"]) for row in rows] == [("3", "bob"), ("4", "cid")]
    assert netbilld.json("subscriber", "show", "ada")["name"] == "Ada Łucja"
    # mended, the report itself can be imported; what is in stays in once
    report.write_text(
        report.read_text(encoding="utf-8").replace("NOPE", "HOME20").replace("bob,,", "bob,y,"), encoding="utf-8"
    )
    assert netbilld.json("import", "subscribers", str(report))["imported"] == 2
    assert netbilld("import", "subscribers", str(file), "--report", str(tmp_path / "r.csv")) == 1
    assert (tmp_path / "r.csv").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"username,password,plan,colour\nada,x,HOME20,red\n",
            "line 1: column 'colour' is not known; allowed: username,",
        ),
        (b"username,password\nada,x\n", "line 1: column 'plan' is missing"),
        (b'username,password,plan\nada,x,HOME20\nbob,"x,HOME20\n', "line 3: not valid CSV"),
        (b"", "line 1: column 'username' is missing"),
    ],
)
def test_a_broken_file_is_refused_whole_with_its_line(
    netbilld: CommandLine, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "town.csv"
    file.write_bytes(content)
    line = netbilld.refused("import", "subscribers", str(file))
    assert f"{file}: {said}" in line
    assert netbilld.json("subscriber", "list") == []
    assert "no such file" in netbilld.refused("import", "subscribers", str(tmp_path / "other.csv"))


def test_a_row_that_is_not_utf8_is_rejected_and_the_others_go_in(netbilld: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "town.csv"
    file.write_bytes(b"username,password,plan,name\nada,x,HOME20,Ad\xe9\nbob,x,HOME20,Bob\n")
    assert netbilld.json("import", "subscribers", str(file))["imported"] == 1
    assert "UTF-8" in (tmp_path / "town.rejected.csv").read_text(errors="replace")


def test_what_a_subscriber_is_as_a_buyer_is_set_and_shown(
    netbilld: CommandLine, type_in: Callable[[str], None]
) -> None:
    assert netbilld("subscriber", "add", "budi", "--plan", "home20", "--password", "x") == 0, netbilld.err
    type_in("3273014107900001\n")
    assert netbilld("subscriber", "set", "budi", "--nik-stdin", "--po", "PO-17", "--withholds-pph23", "yes") == 0
    assert netbilld.out == "budi: nik, po number, withholds pph23 changed\n"
    buyer = netbilld.json("subscriber", "show", "budi")["buyer"]
    assert (buyer["nik"], buyer["po_number"], buyer["withholds_pph23"]) == ("327301******0001", "PO-17", True)
    assert "16 digits" in netbilld.refused("subscriber", "set", "budi", "--tax-id", "12")
    assert netbilld("subscriber", "show", "budi") == 0
    assert "3273014107900001" not in netbilld.out
