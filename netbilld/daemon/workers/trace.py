"""`radius trace` over several processes: one watch in each, read as one."""

from typing import Any

from netbilld.daemon.packet_trace import PacketTrace
from netbilld.daemon.workers.pool import WorkerPool


class TraceOfAll:
    """Answers the control socket's `trace` for the daemon and its workers.

    Watches are numbered alike everywhere, as each is begun everywhere; a worker that was started again meanwhile
    knows nothing of older ones, and its packets are missing from them.
    """

    def __init__(self, own: PacketTrace, workers: WorkerPool | None) -> None:
        self._own = own
        self._workers = workers

    async def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of all."""
        answer = self._own.handle(request)
        if self._workers is None or not answer["ok"]:
            return answer
        others = await self._workers.ask({"verb": "trace", **request})
        if request.get("do") == "read":
            for other in others:
                answer["events"] += other.get("events", [])
                answer["lost"] = answer.get("lost", 0) + other.get("lost", 0)
            answer["events"].sort(key=lambda event: event["at"])
        return answer
