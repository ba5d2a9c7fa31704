"""`netbilld enforce` and `netbilld auth` as a person and a script use them, on both databases."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import changes
from netbilld.adapters.secretbox import SecretBox
from netbilld.cli.commands import auth_command, enforce_command
from netbilld.cli.context import Context
from netbilld.cli.main import Parser
from netbilld.enforcement.ladder import Position
from netbilld.model.errors import NetbilldError, NotFoundError, RefusedError
from netbilld.services.attempt_buffer import LoginAttempt
from netbilld.services.order_book import PendingOrder
from tests.enforcement_world import NOW, World


@pytest.fixture
def config(tmp_path: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("NETBILLD_CONFIG", raising=False)
    file = tmp_path / "netbilld.toml"
    file.write_text(f'data_dir = "{tmp_path}"\ndatabase_url = "{migrated_url}"\ntimezone = "Asia/Jakarta"\n')
    return file


@pytest.fixture
async def world(database: Database, box: SecretBox) -> World:
    return await World(database, box).open()


async def run(module: Any, config: Path, *words: str) -> None:
    parser = Parser()
    module.configure(parser)
    options = parser.parse_args([*words, "--config", str(config)])
    await module.run(options, Context(config=config, json_wanted=getattr(options, "json", False)))


async def waiting_service(world: World) -> str:
    service_id = await world.add_service("budi")
    await world.entitle().run(None, "start", NOW)
    session_id = await world.log_in(await world.add_nas("pop1", "192.0.2.1", 3799), service_id, "budi")
    pending = PendingOrder(
        session_id, service_id, "11111111", 4, NOW + timedelta(minutes=5), "no answer from pop1",
        Position(1),
    )  # fmt: skip
    async with world.database.write() as work:
        await work.enforcement.save_pending([pending])
    return str(service_id)


async def test_status_has_the_contracts_keys(world: World, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service_id = await waiting_service(world)
    await run(enforce_command, config, "status", "--username", "BUDI", "--json")
    (line,) = json.loads(capsys.readouterr().out)
    contract = ["username", "service_id", "desired", "observed", "evidence", "since", "attempts", "last_error"]
    assert [line[key] for key in contract] == [
        "budi",
        service_id,
        "active",
        "active",
        "login",
        "2025-03-17T12:00:00+07:00",
        4,
        "no answer from pop1",
    ]
    await run(enforce_command, config, "status")
    assert "no answer from pop1" in capsys.readouterr().out


async def test_status_of_nobody_is_refused(world: World, config: Path) -> None:
    with pytest.raises(NotFoundError, match="siapa"):
        await run(enforce_command, config, "status", "--username", "siapa")
    assert await world.pending() == []


async def test_status_of_a_service_no_daemon_has_looked_at_says_so(world: World, config: Path) -> None:
    await world.add_service("budi")
    with pytest.raises(RefusedError, match=r"'budi' is due was not computed yet; the daemon does it"):
        await run(enforce_command, config, "status", "--username", "budi")


async def test_retry_makes_every_order_due_and_leaves_its_trace(world: World, config: Path) -> None:
    service_id = await waiting_service(world)
    await run(enforce_command, config, "retry")
    (pending,) = await world.pending()
    assert pending["next_attempt_at"] != NOW + timedelta(minutes=5)
    assert pending["rung"] == 0
    (change,) = await world.rows(changes)
    assert (change["action"], change["details"]) == ("enforce.retry", {"service_ids": [service_id]})


async def test_the_log_has_the_contracts_keys_and_moves_no_cursor(
    world: World, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    attempts = [
        LoginAttempt(NOW, nas_id, b"Budi", None, "chap", "accept", "ok", 180, b"48-8f-5a-11-22-33"),
        LoginAttempt(NOW + timedelta(seconds=1), nas_id, b"\x1b[2J", None, "pap", "reject", "unknown_user", 90),
    ]
    async with world.database.write() as work:
        await work.auth_log.add(attempts)
    await run(auth_command, config, "log", "--username", "budi", "--json")
    assert json.loads(capsys.readouterr().out) == [
        {
            "at": "2025-03-17T12:00:00+07:00",
            "username": "Budi",
            "nas": "pop1",
            "method": "chap",
            "result": "accept",
            "reason": "ok",
            "latency_us": 180,
            "mac": "48:8F:5A:11:22:33",
            "detail": None,
        }
    ]
    for words in (("--result", "reject"), ("--nas", "POP1", "--reason", "unknown_user"), ("--since", "2025-03-17")):
        await run(auth_command, config, "log", *words, "--json")
        assert "unknown_user" in [line["reason"] for line in json.loads(capsys.readouterr().out)]
    await run(auth_command, config, "log", "--since", "15m", "--json")
    assert json.loads(capsys.readouterr().out) == []
    with pytest.raises(NetbilldError, match="no time"):
        await run(auth_command, config, "log", "--since", "kemarin")
    with pytest.raises(NetbilldError, match="no NAS"):
        await run(auth_command, config, "log", "--nas", "pop9")
    await run(auth_command, config, "log", "--limit", "1")
    printed = capsys.readouterr().out
    assert "unknown_user" in printed
    assert "Budi" not in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize("limit", ["0", "-1", "many", "100001"])
async def test_a_senseless_limit_is_wrong_usage(config: Path, limit: str) -> None:
    with pytest.raises(SystemExit):
        await run(auth_command, config, "log", "--limit", limit)
