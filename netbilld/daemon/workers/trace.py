"""`radius trace` over several processes: one watch in each, read as one."""

from typing import Any, Protocol

from netbilld.daemon.packet_trace import PacketTrace
from netbilld.daemon.workers.channel import Message


class Others(Protocol):
    """The other processes."""

    async def ask(self, request: Message) -> list[Message]: ...


class TraceOfAll:
    """Answers the control socket's `trace` for the daemon and its workers.

    A watch is called everywhere as the daemon calls it, and a worker that was started again meanwhile begins it anew
    when it is next read.
    """

    def __init__(self, own: PacketTrace, workers: Others | None) -> None:
        self._own = own
        self._workers = workers
        self._begun: dict[int, dict[str, Any]] = {}

    async def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of all."""
        answer = self._own.handle(request)
        if self._workers is None or not answer["ok"]:
            return answer
        do, number = request.get("do"), request.get("watch")
        if do == "start":
            number = answer["watch"]
            self._begun = {one: spec for one, spec in self._begun.items() if self._own.is_watching(one)}
            self._begun[number] = request
            await self._workers.ask({"verb": "trace", **request, "watch": number})
        elif do == "read" and not answer["over"]:
            begun = self._begun.get(number) if isinstance(number, int) else None
            for other in await self._workers.ask({"verb": "trace", **request, "start": begun}):
                answer["events"] += other.get("events", [])
                answer["lost"] = answer.get("lost", 0) + other.get("lost", 0)
            answer["events"].sort(key=lambda event: event["at"])
        else:
            if isinstance(number, int):
                self._begun.pop(number, None)
            await self._workers.ask({"verb": "trace", "do": "stop", "watch": number})
        return answer
