"""init, migrate and doctor: making an installation, and looking whether it is sound."""

import asyncio
import json
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from netbilld.adapters.database.engine import Database, sqlite_url
from tests.people_world import PLAN, SECRET, CommandLine


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


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
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("NETBILLD_PANEL__PORT", str(other.getsockname()[1]))
        code, document = _doctor(netbilld)
    failed = [check["name"] for check in document["checks"] if check["result"] == "fail"]
    assert (code, failed) == (1, ["panel.port"])
