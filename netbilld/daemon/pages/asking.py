"""Questions of the pages' process to the daemon, and its answers: JSON over the channel that both were born with."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from netbilld.daemon.pages.inside import Inside
from netbilld.daemon.workers.channel import Channel, Message
from netbilld.model.errors import NetbilldError
from netbilld.ports.measure_signal import Signal
from netbilld.services.nas_lane import NasOrders

ASK_SECONDS: Final = 5.0
SIGNAL_SECONDS: Final = 20.0  # a router is asked
SILENT: Final = "the daemon does not answer its pages"
logger = logging.getLogger("netbilld.pages")


class AskDaemon:
    """An `Inside` that asks the daemon; where it says nothing in time, pages go on without."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._asked = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}

    async def health(self) -> Mapping[str, Any]:
        said = await self._ask({"verb": "health"})
        return said if isinstance(said, dict) else {"ready": False, "reasons": [SILENT], "notices": []}

    async def metrics(self) -> str:
        """Return what the daemon counts.

        Raises:
            NetbilldError: it does not answer.
        """
        said = await self._ask({"verb": "metrics"})
        if not isinstance(said, str):
            raise NetbilldError(SILENT, code="daemon_silent")
        return said

    async def drops(self, names: Sequence[str], nas: str | None) -> Mapping[str, Any] | None:
        said = await self._ask({"verb": "drops", "names": list(names), "nas": nas})
        return said if isinstance(said, dict) else None

    async def lane(self, nas_id: UUID) -> NasOrders | None:
        said = await self._ask({"verb": "lane", "nas_id": str(nas_id)})
        return NasOrders(**said) if isinstance(said, dict) else None

    async def nudge(self) -> None:
        self._channel.send({"say": "nudge"})

    def callback_came(self) -> None:
        self._channel.send({"say": "callback"})

    async def of(self, nas_id: UUID, mac: str) -> Signal | None:
        said = await self._ask({"verb": "signal", "nas_id": str(nas_id), "mac": mac}, SIGNAL_SECONDS)
        return Signal(**said) if isinstance(said, dict) else None

    def hear(self, message: Message) -> None:
        """Take an answer."""
        future = self._answers.pop(message["number"], None)
        if future is not None and not future.done():
            future.set_result(message["answer"])

    async def _ask(self, request: Message, timeout_seconds: float = ASK_SECONDS) -> Any:
        """Return what the daemon answers; None where it does not in time."""
        self._asked += 1
        number = self._asked
        future = self._answers[number] = asyncio.get_running_loop().create_future()
        self._channel.send({"say": "ask", "number": number, "request": request})
        try:
            async with asyncio.timeout(timeout_seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            self._answers.pop(number, None)


def takes_long(request: Message) -> bool:
    """Tell whether a question waits for somebody else than the daemon itself."""
    return request.get("verb") == "signal"


async def answer(inside: Inside, request: Message) -> Any:
    """Return what to say to a question of the pages' process; None where there is nothing."""
    match request.get("verb"):
        case "health":
            return dict(await inside.health())
        case "metrics":
            return await inside.metrics()
        case "drops":
            return await inside.drops(request["names"], request["nas"])
        case "lane":
            lane = await inside.lane(UUID(request["nas_id"]))
            return None if lane is None else asdict(lane)
        case "signal":
            signal = await inside.of(UUID(request["nas_id"]), request["mac"])
            return None if signal is None else asdict(signal)
        case _:
            return None
