"""What the pages' process asks the daemon, when much is asked at once."""

import asyncio
import socket
from typing import Any
from uuid import uuid4

from netbilld.adapters.clock import NodeClock
from netbilld.daemon.pages.asking import AskDaemon
from netbilld.daemon.pages.inside import InThisProcess
from netbilld.daemon.pages.keeper import MOST_QUESTIONS, PageProcess
from netbilld.daemon.workers.channel import Channel
from netbilld.ports.measure_signal import Signal


class SilentRouter:
    async def of(self, *_link: object) -> Signal | None:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]  # for ever


async def no_drops(*_of: object) -> dict[str, Any]:
    return {}


def nothing() -> None:
    """Nothing is to be done."""


async def test_whether_we_are_ready_is_told_however_many_routers_are_being_asked() -> None:
    ours, theirs = socket.socketpair()
    inside, outside = await Channel.over(ours), await Channel.over(theirs)
    daemon = InThisProcess(lambda: {"ready": True}, str, no_drops, dict, SilentRouter(), nothing, nothing)
    process = PageProcess((), daemon, None, NodeClock())
    process._process.channel = inside
    pages = AskDaemon(outside)

    async def listen() -> None:
        async for message in inside.messages():
            process._hear(message)

    async def hear() -> None:
        async for message in outside.messages():
            pages.hear(message)

    running = [asyncio.create_task(listen()), asyncio.create_task(hear())]
    asking = [asyncio.create_task(pages.of(uuid4(), "mac")) for _ in range(MOST_QUESTIONS + 1)]
    done, waiting = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
    assert [one.result() for one in done] == [None]  # one too many is told at once that there is nothing
    assert await pages.health() == {"ready": True}
    for one in (*running, *waiting):
        one.cancel()
    outside.close()
    inside.close()
