import asyncio
import gc
from pathlib import Path
from typing import Any

from netbilld.daemon.control import ControlServer, call, nudge, socket_path


async def test_a_nudge_reaches_the_daemon_of_that_directory(tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []

    async def handle(request: dict[str, Any]) -> dict[str, Any]:
        seen.append(request)
        return {"ok": True}

    server = ControlServer(socket_path(tmp_path), handle)
    await server.start()
    try:
        assert await call(tmp_path, {"verb": "status"}) == {"ok": True}
        await nudge(tmp_path)
    finally:
        await server.close()
    assert seen == [{"verb": "status"}, {"verb": "nudge"}]


async def test_only_the_owner_may_connect(tmp_path: Path) -> None:
    async def handle(_request: dict[str, Any]) -> dict[str, Any]:
        return {}

    server = ControlServer(socket_path(tmp_path), handle)
    await server.start()
    assert socket_path(tmp_path).stat().st_mode & 0o077 == 0
    await server.close()
    assert not socket_path(tmp_path).exists()


async def test_without_a_daemon_a_call_answers_none_and_a_nudge_does_nothing(tmp_path: Path) -> None:
    assert await call(tmp_path, {"verb": "status"}) is None
    await nudge(tmp_path)


async def test_a_daemon_that_is_too_slow_is_as_good_as_none_and_its_connection_is_let_go(tmp_path: Path) -> None:
    over = asyncio.Event()

    async def handle(_request: dict[str, Any]) -> dict[str, Any]:
        await over.wait()
        return {"ok": True}

    server = ControlServer(socket_path(tmp_path), handle)
    await server.start()
    assert await call(tmp_path, {"verb": "status"}, timeout_seconds=0.02) is None
    gc.collect()  # what is left open complains, and that fails the test
    over.set()
    await server.close()


async def test_garbage_gets_an_error_and_the_server_lives_on(tmp_path: Path) -> None:
    async def handle(_request: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True}

    server = ControlServer(socket_path(tmp_path), handle)
    await server.start()
    try:
        reader, writer = await asyncio.open_unix_connection(socket_path(tmp_path))
        writer.write(b"\xff\xfe not json\n")
        answer = await reader.readline()
        assert b'"ok": false' in answer
        writer.close()
        assert await call(tmp_path, {"verb": "status"}) == {"ok": True}
    finally:
        await server.close()
