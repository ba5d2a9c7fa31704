"""A process that is kept alive: whatever happens to it, or keeps it from being started, the daemon goes on."""

import asyncio
import errno
import logging
from typing import Any

import pytest

from netbilld.adapters.clock import NodeClock
from netbilld.daemon import child_process
from netbilld.daemon.child_process import ChildProcess


def child(module: str) -> ChildProcess:
    return ChildProcess("the child", module, (), (), None, NodeClock(), logging.getLogger("test"), "child_ended")


async def test_a_process_that_can_not_be_started_just_now_is_started_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    started = asyncio.create_subprocess_exec
    refusals = [BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")]

    async def start(*command: Any, **options: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return await started(*command, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    monkeypatch.setattr(child_process, "FIRST_PAUSE_SECONDS", 0.0)
    kept = child("tests.no_such_module")
    keeping = asyncio.create_task(kept.keep())
    async with asyncio.timeout(60):
        while "ended with 1" not in caplog.text:
            assert not keeping.done()
            await asyncio.sleep(0.01)
    assert "could not be started (Resource temporarily unavailable)" in caplog.text
    kept.stop()
    async with asyncio.timeout(60):
        await kept.ended.wait()
    await keeping
