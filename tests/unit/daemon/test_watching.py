"""Reading routers near a limit: one that never ends, or on which our own code fails, keeps nobody else from being read."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from netbilld.daemon import watching
from netbilld.daemon.watching import Watching

BROKEN, ENDLESS, GOOD = (UUID(int=number) for number in (1, 2, 3))


class Watch:
    """Three routers that are always due."""

    def __init__(self) -> None:
        self.read_of: list[UUID] = []
        self.done = asyncio.Event()

    def due(self) -> dict[UUID, list[Any]]:
        return {nas_id: [] for nas_id in (BROKEN, ENDLESS, GOOD)}

    async def read(self, nas_id: UUID, sessions: list[Any]) -> None:
        del sessions
        self.read_of.append(nas_id)
        if all(self.read_of.count(one) >= 3 for one in (BROKEN, ENDLESS, GOOD)):
            self.done.set()
        if nas_id == BROKEN:
            raise ValueError("a fault of ours")
        if nas_id == ENDLESS:
            await asyncio.Event().wait()


class Settled(Watching):
    async def start(self) -> None:
        """There is no store behind it."""


async def test_a_router_that_never_ends_and_one_that_breaks_us_are_tried_again_and_the_others_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watching, "READ_SECONDS", 0.01)
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.02)
    anything: Any = SimpleNamespace(now=None, monotonic=None)
    settings: Any = SimpleNamespace(
        metering=SimpleNamespace(api_timeout_seconds=0.01, edge_seconds=1, edge_sessions=10),
        radius=SimpleNamespace(interim_interval=300),
    )
    quota = Settled(settings, anything, anything, anything, anything, anything, anything, anything)
    watch = Watch()
    monkeypatch.setattr(quota, "watch", watch)
    running = asyncio.ensure_future(quota.loops()["quota watch"]())
    reached = asyncio.create_task(watch.done.wait())
    with caplog.at_level(logging.ERROR):
        await asyncio.wait([running, reached], timeout=30, return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    reached.cancel()
    await asyncio.gather(running, reached, return_exceptions=True)
    assert watch.done.is_set()
    said = [record.getMessage() for record in caplog.records if record.name == "netbilld.watching"]
    assert [str(one) in line for one, line in zip((BROKEN, ENDLESS), said, strict=True)] == [True, True]  # each once
