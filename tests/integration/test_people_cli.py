"""The commands of people, as an operator and a script meet them."""

import asyncio
import csv
import io
import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, text

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.tables import sessions, usage_hours, usage_periods
from netbilld.model.periods import local_date, local_midnight, monthly_period
from tests.peers import free_tcp_port, free_udp_port
from tests.people_world import PLAN, CommandLine

SECRET = "a secret of some length"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory not yet made, and ports of our own."""
    for name in list(os.environ):
        if name.startswith("NETBILLD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETBILLD_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("NETBILLD_RADIUS__HOST", "127.0.0.1")
    monkeypatch.setenv("NETBILLD_RADIUS__AUTH_PORT", str(free_udp_port()))
    monkeypatch.setenv("NETBILLD_RADIUS__ACCT_PORT", str(free_udp_port()))
    monkeypatch.setenv("NETBILLD_PANEL__PORT", str(free_tcp_port()))
    monkeypatch.setenv("NETBILLD_PORTAL__HOST", "127.0.0.1")
    monkeypatch.setenv("NETBILLD_PORTAL__PORT", str(free_tcp_port()))
    return tmp_path / "var"


@pytest.fixture
def empty(settings: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """Nothing made yet."""
    return CommandLine(settings, capsys)


@pytest.fixture
def netbilld(empty: CommandLine, tmp_path: Path) -> CommandLine:
    """Initialised, with a plan."""
    assert empty("init", "--admin-email", "owner@example.org", "--admin-password", "a long enough pass") == 0, empty.err
    plan = tmp_path / "home20.toml"
    plan.write_text(PLAN.format(code="HOME20"))
    assert empty("plan", "add", str(plan)) == 0, empty.err
    return empty


def type_in(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(line))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- init, migrate -----------------------------------------------------------------------------------------------------


def test_init_makes_everything_private_and_prints_a_one_time_password_once(empty: CommandLine) -> None:
    assert empty("init") == 0, empty.err
    assert "one-time password" in empty.out
    assert mode(empty.directory) == 0o700
    assert mode(empty.directory / "secret.key") == 0o600
    assert mode(empty.directory / "netbilld.db") & 0o077 == 0
    assert empty("init") == 0, empty.err
    assert "one-time password" not in empty.out
    assert empty.out.count("exists") == 4
    assert [member["email"] for member in empty.json("staff", "list")] == ["admin@localhost"]


def test_init_refuses_a_key_that_is_not_this_databases(netbilld: CommandLine) -> None:
    key = netbilld.directory / "secret.key"
    was = key.read_text()
    key.write_text("00" * 32 + "\n")
    assert "another key" in netbilld.refused("init")
    key.unlink()
    assert "restore it from the backup" in netbilld.refused("init")
    assert not key.exists()
    key.write_text(was)
    assert netbilld("init") == 0


def test_init_with_a_weak_password_makes_no_staff_and_can_be_repeated(empty: CommandLine) -> None:
    assert "10 characters" in empty.refused("init", "--admin-password", "short")
    assert empty("init", "--admin-password", "a long enough pass") == 0
    assert "owner" not in empty.out


def test_commands_before_init_say_to_run_it(empty: CommandLine) -> None:
    for words in (("nas", "list"), ("subscriber", "list"), ("migrate",), ("migrate", "--check"), ("session", "list")):
        assert "run `netbilld init`" in empty.refused(*words)
    assert not empty.directory.exists()


def test_migrate_check_only_tells(netbilld: CommandLine) -> None:
    assert netbilld("migrate", "--check") == 0
    assert netbilld.json("migrate", "--check")["up_to_date"] is True
    assert netbilld("migrate") == 0
    assert "nothing to do" in netbilld.out
    asyncio.run(_execute(netbilld, "UPDATE alembic_version SET version_num = '9999'"))
    assert "newer" in netbilld.refused("migrate", "--check")
    assert "newer" in netbilld.refused("migrate")
    assert "newer" in netbilld.refused("init")
    assert netbilld("migrate", "--check", "--json") == 1
    assert json.loads(netbilld.out)["code"] == "schema_newer"


async def _execute(netbilld: CommandLine, statement: str) -> None:
    database = Database(sqlite_url(netbilld.directory / "netbilld.db"))
    async with database.write() as work:
        await work.connection.execute(text(statement))
    await database.close()


def test_commands_work_the_same_on_postgresql(
    database_url: str,
    settings: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("NETBILLD_DATABASE_URL", database_url)
    netbilld = CommandLine(settings, capsys)
    assert netbilld("init") == 0, netbilld.err
    plan = tmp_path / "home20.toml"
    plan.write_text(PLAN.format(code="HOME20"))
    assert netbilld("plan", "add", str(plan)) == 0, netbilld.err
    assert netbilld("nas", "add", "R1", "10.0.0.1", "--secret", SECRET) == 0, netbilld.err
    assert netbilld("subscriber", "add", "budi", "--plan", "HOME20", "--password", "x") == 0, netbilld.err
    assert netbilld.json("subscriber", "show", "BUDI")["access"] == "active"
    assert [line["username"] for line in netbilld.json("subscriber", "list")] == ["budi"]
    assert netbilld.json("session", "list") == []
    assert netbilld.json("usage", "show", "budi")["quota"]["used_octets"] == 0
    assert netbilld.json("usage", "top") == []
    checks = {check["name"]: check["result"] for check in _doctor(netbilld)[1]["checks"]}
    # the tests' own cluster has fsync off, which doctor won't pass over
    assert checks["database"] == ("fail" if database_url.startswith("postgresql") else "ok")
    assert checks["schema"] == checks["key_match"] == "ok"


# -- nas ---------------------------------------------------------------------------------------------------------------


def test_a_nas_is_added_shown_changed_and_removed(netbilld: CommandLine) -> None:
    words = ("nas", "add", "Gate", "10.0.0.9/24", "--secret", SECRET, "--portal-source", "10.5.50.0/24")
    assert netbilld(*words, "--portal-source", "10.5.60.0/24", "--api-url", "https://a:hunter2@10.0.0.1") == 0, (
        netbilld.err
    )
    shown = netbilld.json("nas", "show", "gate")
    assert shown["address"] == "10.0.0.0/24"
    assert (shown["vendor"], shown["coa_port"], shown["require_message_authenticator"]) == ("mikrotik", 3799, "auto")
    assert shown["portal_sources"] == ["10.5.50.0/24", "10.5.60.0/24"]
    assert netbilld("nas", "show", "Gate") == 0
    assert netbilld("nas", "list", "--json") == 0
    for secret in (SECRET, "hunter2"):
        assert secret not in netbilld.out + json.dumps(shown)
    assert (
        netbilld("nas", "set", "Gate", "--no-portal-source", "--swap-octets", "--require-message-authenticator", "true")
        == 0
    )
    shown = netbilld.json("nas", "show", "Gate")
    assert (shown["portal_sources"], shown["swap_octets"], shown["require_message_authenticator"]) == ([], True, "true")
    assert netbilld("nas", "set", "Gate", "--forget-message-authenticator") == 0
    assert netbilld("nas", "remove", "Gate") == 0
    assert netbilld.json("nas", "list") == []
    assert "no NAS has the name" in netbilld.refused("nas", "show", "Gate")


def test_a_secret_comes_by_standard_input_and_a_short_one_is_warned_of(
    netbilld: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(monkeypatch, "tiny\n")
    assert netbilld("nas", "add", "R1", "10.0.0.1", "--secret-stdin") == 0
    assert "warning" in netbilld.err
    assert "tiny" not in netbilld.err + netbilld.out
    type_in(monkeypatch, "")
    assert "standard input was empty" in netbilld.refused("nas", "add", "R2", "10.0.0.2", "--secret-stdin")
    assert "needs a secret" in netbilld.refused("nas", "add", "R2", "10.0.0.2")


@pytest.mark.parametrize(
    "words",
    [
        ("nas",),
        ("nas", "add", "R1"),
        ("nas", "add", "R1", "10.0.0.1", "--coa-port", "x"),
        ("subscriber", "add", "budi", "--password", "x"),
        ("subscriber", "add", "budi", "--plan", "P", "--password", "x", "--password-stdin"),
        ("session", "disconnect", "x"),
        ("usage", "show", "budi", "--by", "week"),
        ("staff", "add", "a@b.org"),
        ("import", "plans", "x.csv"),
    ],
)
def test_wrong_usage_exits_2_with_one_line(netbilld: CommandLine, words: tuple[str, ...]) -> None:
    assert netbilld(*words) == 2
    assert len(netbilld.err.splitlines()) == 1


# -- subscriber --------------------------------------------------------------------------------------------------------


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
    netbilld: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(monkeypatch, "s3cret pass\r\n")
    assert netbilld("subscriber", "add", "budi", "--plan", "HOME20", "--password-stdin") == 0
    said = netbilld.out + netbilld.err
    netbilld("subscriber", "show", "budi", "--json")
    said += netbilld.out
    assert "s3cret" not in said
    type_in(monkeypatch, "")
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


# -- import ------------------------------------------------------------------------------------------------------------


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


# -- session, usage ----------------------------------------------------------------------------------------------------


async def _meter(netbilld: CommandLine, now: datetime) -> None:
    """Store what the meter would have: a live session, one that ended, and two hours of usage."""
    database = Database(sqlite_url(netbilld.directory / "netbilld.db"))
    async with database.write() as work:
        found = await work.subscribers.by_credential_name("budi")
        (nas,) = await work.nas.all()
        assert found is not None
        row: dict[str, Any] = {
            "nas_id": nas.id, "service_id": found.service.id, "username": "Budi", "session_seconds": 61, "framed_ip": "10.9.0.2",
            "started_at": now, "updated_at": now, "upload_octets": 5 * 2**32, "download_octets": 7 * 2**32, "mac": "00:00:5E:00:53:01",
            "counter_upload_octets": 0, "counter_download_octets": 0, "swapped": False, "upload_bps": 0, "download_bps": 0,
        }  # fmt: skip
        live = {
            **row,
            "id": 1,
            "acct_session_id": "80a",
            "acct_session_key": "80a",
            "state": "live",
            "stopped_at": None,
        }
        ended = {
            **row,
            "id": 2,
            "acct_session_id": "80b",
            "acct_session_key": "80b",
            "state": "closed",
            "stopped_at": now,
        }
        for session in (live, ended):
            await work.connection.execute(insert(sessions).values(**session))
        zone = found.service.timezone
        period = monthly_period(now, found.service.billing_day, zone)
        today = local_midnight(local_date(now, zone), zone)
        octets = {"upload_octets": 2**33, "download_octets": 2**34, "charged_minor": 0}
        for hour_at in (today, today + timedelta(hours=1)):
            await work.connection.execute(
                insert(usage_hours).values(service_id=found.service.id, hour_at=hour_at, **octets)
            )
        doubled = {name: 2 * value for name, value in octets.items()}
        await work.connection.execute(
            insert(usage_periods).values(
                service_id=found.service.id, start_on=period.start_on, end_on=period.end_on, **doubled
            )
        )
    await database.close()


@pytest.fixture
def metered(netbilld: CommandLine) -> CommandLine:
    assert netbilld("subscriber", "add", "budi", "--plan", "HOME20", "--password", "x") == 0
    assert netbilld("nas", "add", "R1", "10.0.0.1", "--secret", SECRET) == 0
    asyncio.run(_meter(netbilld, datetime.now().astimezone()))
    return netbilld


def test_session_list_has_the_keys_scripts_rely_on(metered: CommandLine) -> None:
    (live,) = metered.json("session", "list")
    assert list(live) == [
        "id", "username", "service_id", "nas", "acct_session_id", "framed_ip", "mac", "state", "started_at", "updated_at",
        "stopped_at", "terminate_cause", "input_octets", "output_octets", "session_time",
    ]  # fmt: skip
    assert (live["username"], live["nas"], live["acct_session_id"], live["state"]) == ("Budi", "R1", "80a", "live")
    assert (live["input_octets"], live["output_octets"], live["session_time"]) == (5 * 2**32, 7 * 2**32, 61)
    assert live["stopped_at"] is None
    assert {session["id"] for session in metered.json("session", "list", "--all", "--username", "BUDI")} == {1, 2}
    assert metered("session", "list", "--all") == 0
    assert "nobody has the user name" in metered.refused("session", "list", "--username", "ghost")


def test_a_live_session_is_ordered_to_end_and_an_ended_one_is_not(metered: CommandLine) -> None:
    assert metered("session", "disconnect", "1") == 0
    assert "no daemon answers here" in metered.err
    assert "is over" in metered.refused("session", "disconnect", "2")
    assert "no session has the id 3" in metered.refused("session", "disconnect", "3")

    async def asked() -> tuple[str | None, list[str]]:
        database = Database(sqlite_url(metered.directory / "netbilld.db"))
        async with database.read() as work:
            line = await work.sessions.get(1)
            changes = [change.action for change in await work.changes.about("session", 1)]
        await database.close()
        return line.disconnect_requested_by if line else None, changes

    by, actions = asyncio.run(asked())
    assert by
    assert actions == ["session.disconnect"]


def test_usage_show_has_the_keys_scripts_rely_on(metered: CommandLine) -> None:
    shown = metered.json("usage", "show", "BUDI", "--by", "hour")
    assert list(shown) == ["username", "from", "to", "upload_octets", "download_octets", "buckets", "quota"]
    assert (shown["username"], shown["upload_octets"], shown["download_octets"]) == ("budi", 2**34, 2**35)
    assert [list(bucket) for bucket in shown["buckets"]] == [
        ["start", "upload_octets", "download_octets", "charged"]
    ] * 2
    assert shown["quota"]["limit_octets"] == 300 * 10**9
    assert shown["quota"]["used_octets"] == 2**34 + 2**35
    assert datetime.fromisoformat(shown["quota"]["resets_at"]).utcoffset() == timedelta(hours=7)
    (day,) = metered.json("usage", "show", "budi", "--from", shown["to"], "--to", shown["to"])["buckets"]
    assert day["upload_octets"] == 2**34
    assert metered.json("usage", "show", "budi", "--to", "2020-01-01")["upload_octets"] == 0
    assert metered("usage", "show", "budi", "--by", "month") == 0
    (most,) = metered.json("usage", "top", "--limit", "3")
    assert (most["username"], most["download_octets"]) == ("budi", 2**35)
    assert "is no day" in metered.refused("usage", "show", "budi", "--from", "yesterday")
    assert "before" in metered.refused("usage", "show", "budi", "--from", "2026-02-01", "--to", "2026-01-01")
    assert "nobody has" in metered.refused("usage", "show", "ghost")


# -- staff -------------------------------------------------------------------------------------------------------------


def test_staff_are_added_listed_and_changed(netbilld: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """BANG-2.7d, BANG-2.7e."""
    assert netbilld("staff", "add", "siti@example.org", "--role", "technical") == 0
    assert "one-time password" in netbilld.out
    listed = {member["email"]: member for member in netbilld.json("staff", "list")}
    assert (listed["siti@example.org"]["role"], listed["siti@example.org"]["must_change_password"]) == (
        "technical",
        True,
    )
    assert listed["owner@example.org"]["must_change_password"] is False
    assert "password" not in json.dumps(listed).replace("must_change_password", "")
    type_in(monkeypatch, "another long pass\n")
    assert netbilld("staff", "set", "siti@example.org", "--password-stdin", "--role", "admin") == 0
    assert netbilld("staff", "set", "owner@example.org", "--deactivate") == 0
    assert "last active admin" in netbilld.refused("staff", "set", "siti@example.org", "--role", "cashier")
    assert "allowed: admin, technical" in netbilld.refused("staff", "set", "siti@example.org", "--role", "boss")
    assert "10 characters" in netbilld.refused(
        "staff", "add", "x@example.org", "--role", "cashier", "--password", "short"
    )


# -- doctor ------------------------------------------------------------------------------------------------------------


def _doctor(netbilld: CommandLine) -> tuple[int, dict[str, Any]]:
    code = netbilld("doctor", "--json")
    return code, json.loads(netbilld.out)


def test_doctor_finds_a_fresh_installation_sound(netbilld: CommandLine) -> None:
    netbilld("nas", "add", "R1", "10.0.0.1", "--secret", SECRET)
    code, document = _doctor(netbilld)
    results = {check["name"]: check["result"] for check in document["checks"]}
    assert (code, document["ok"]) == (0, True), document
    for name in ("config", "data_dir", "key", "database", "schema", "key_match", "radius.auth_port", "panel.port"):
        assert results[name] == "ok"
    assert results["nas R1"] == "unknown"  # never heard: its secret can't be judged
    assert results["daemon"] == "unknown"
    assert netbilld("doctor") == 0
    assert "→" in netbilld.out


def test_doctor_says_what_is_wrong_and_what_to_do(netbilld: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    (netbilld.directory / "secret.key").chmod(0o644)
    results = {check["name"]: check for check in _doctor(netbilld)[1]["checks"]}
    assert results["key"]["result"] == "warn"
    (netbilld.directory / "secret.key").write_text("11" * 32)
    code, document = _doctor(netbilld)
    failed = {check["name"]: check["hint"] for check in document["checks"] if check["result"] == "fail"}
    assert code == 1
    assert "restore" in failed["key_match"]
    monkeypatch.setenv("NETBILLD_LOCALE", "xx")
    code, document = _doctor(netbilld)
    assert (code, [check["name"] for check in document["checks"]]) == (1, ["config"])


def test_doctor_names_a_port_that_another_program_holds(netbilld: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket  # noqa: PLC0415 - only here

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("NETBILLD_PANEL__PORT", str(other.getsockname()[1]))
        code, document = _doctor(netbilld)
    failed = [check["name"] for check in document["checks"] if check["result"] == "fail"]
    assert (code, failed) == (1, ["panel.port"])


# -- as a process ------------------------------------------------------------------------------------------------------


def run(*words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "netbilld", *words], input=given, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.slow
def test_of_two_commands_that_add_the_same_name_at_once_one_is_refused(netbilld: CommandLine) -> None:
    words = ("subscriber", "add", "budi", "--plan", "HOME20", "--password-stdin")
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: run(*words, given="x\n"), range(3)))
    assert sorted(one.returncode for one in done) == [0, 1, 1]
    for refused in (one for one in done if one.returncode):
        assert "taken" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
    assert len(netbilld.json("subscriber", "list")) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("settings")
def test_init_at_once_makes_one_key_and_one_admin() -> None:
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: run("init"), range(3)))
    assert all(one.returncode == 0 for one in done), [one.stderr for one in done]
    assert sum("one-time password" in one.stdout for one in done) == 1
    assert len(json.loads(run("staff", "list", "--json").stdout)) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("netbilld")
def test_a_reader_that_goes_away_is_no_reason_to_cry() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m netbilld subscriber list | true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert run("subscriber").returncode == 2
    assert run("nonsense").returncode == 2
