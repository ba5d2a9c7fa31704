"""The daemon's side of the pages' process: starts it again when it ends, and answers what it asks."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from netbilld.adapters.clock import NodeClock
from netbilld.daemon.child_process import STOP_SECONDS, ChildProcess
from netbilld.daemon.pages.asking import answer, takes_long
from netbilld.daemon.pages.doors import Door
from netbilld.daemon.pages.inside import Inside
from netbilld.daemon.tasks import every
from netbilld.daemon.workers.channel import Channel, Message

CLOCK_SECONDS: Final = 1.0
COUNTED: Final = ("callbacks", "messengers")  # calls of others
MOST_QUESTIONS: Final = 64  # under way; then what takes long is answered with nothing, and pages go on without
logger = logging.getLogger("netbilld.pages")


@dataclass(slots=True)
class Figures:
    """What the process last said of one of its ports; `before` is what earlier ones had refused."""

    name: str
    connections: int = 0
    now: int = 0
    before: int = 0

    @property
    def refused(self) -> int:
        return self.before + self.now


class PageProcess:
    """The panel and the portal in a process of their own, so that no page can make a log-in wait."""

    def __init__(self, doors: Sequence[Door], inside: Inside, config: Path | None, clock: NodeClock) -> None:
        self._inside = inside
        self._asked: set[asyncio.Task[None]] = set()
        listed = [f"{door.name}:{one.fileno()}" for door in doors for one in door.sockets]
        self._process: Final = ChildProcess(
            "the pages' process",
            "netbilld.daemon.pages.process",
            ("--doors", ",".join(listed)),
            [one.fileno() for door in doors for one in door.sockets],
            config,
            clock,
            logger,
            "pages_ended",
        )
        self._process.on_message = self._hear
        self._process.on_gone = self._gone
        self._counted: Final = {of: dict[tuple[str, str], int]() for of in COUNTED}
        self._counted_before: Final = {of: Counter[tuple[str, str]]() for of in COUNTED}  # by earlier processes
        self.ports: Final = [Figures(name) for name in dict.fromkeys(door.name for door in doors) if "_" not in name]

    def counted(self, of: str) -> Counter[tuple[str, str]]:
        """Return how many calls of others there were, by who calls and what was answered.

        Args:
            of: `callbacks`, of gateways, or `messengers`.
        """
        return self._counted_before[of] + Counter(self._counted[of])

    @property
    def notices(self) -> list[str]:
        """What /readyz says of it."""
        return [] if self._process.ready.is_set() else ["the pages' process is being started"]

    async def run(self) -> None:
        """Keep it alive until `stop`."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._process.keep(), name="pages")
            telling = tasks.create_task(every(CLOCK_SECONDS, self._tell_time), name="clock of pages")
            await self._process.ended.wait()
            telling.cancel()

    async def stop(self) -> None:
        """Have it end, what it is about to answer answered."""
        self._process.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.ended.wait()

    async def _tell_time(self) -> None:
        self._process.tell_time()

    def _hear(self, message: Message) -> None:
        match message["say"]:
            case "ready":
                self._process.ready.set()
                logger.info("pages are answered by a process of their own (pid %d)", message["pid"])
            case "nudge":
                task = asyncio.ensure_future(self._inside.nudge())
                self._keep(task)
            case "callback":
                self._inside.callback_came()
            case "count":
                for of in COUNTED:
                    self._counted[of] = {(who, answer): number for who, answer, number in message[of]}
                for port in self.ports:
                    port.connections, port.now = message["ports"].get(port.name, (0, 0))
            case "ask" if self._process.channel is not None:
                self._take(self._process.channel, message)

    def _take(self, channel: Channel, message: Message) -> None:
        """Have a question answered; whether we are ready is told however many routers are being asked."""
        if len(self._asked) >= MOST_QUESTIONS and takes_long(message["request"]):
            channel.send({"say": "answer", "number": message["number"], "answer": None})
        else:
            self._keep(asyncio.ensure_future(self._answer(channel, message)))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _answer(self, channel: Channel, message: Message) -> None:
        try:
            said = await answer(self._inside, message["request"])
        except Exception:
            logger.exception("a question of the pages could not be answered")
            said = None
        channel.send({"say": "answer", "number": message["number"], "answer": said})

    def _gone(self) -> None:
        for of in COUNTED:
            self._counted_before[of], self._counted[of] = self.counted(of), {}
        for port in self.ports:
            port.before, port.connections, port.now = port.refused, 0, 0
