"""The daemon's side of its workers: binds their port, starts them again when they end, and answers what they ask."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from netbilld.adapters.clock import NodeClock
from netbilld.adapters.radius_udp import RadiusListener
from netbilld.adapters.udp_sharing import steer_by_source
from netbilld.daemon.child_process import STOP_SECONDS, ChildProcess, time_of
from netbilld.daemon.tasks import every
from netbilld.daemon.workers.channel import Channel, LogInAnswer, LogInQuestion, Message
from netbilld.enforcement.policy import PeriodUsage
from netbilld.model.errors import NetbilldError
from netbilld.radius.access import Decision
from netbilld.radius.clients import ClientTable
from netbilld.radius.packet import decode
from netbilld.radius.server import Request
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.authenticate import Admission

READY_SECONDS: Final = 60.0
ASK_SECONDS: Final = 2.0
CLOCK_SECONDS: Final = 1.0
BUSY_SECONDS: Final = 0.5  # so long what a worker last said holds
logger = logging.getLogger("netbilld.workers")


@dataclass(slots=True)
class _Worker:
    number: int
    process: ChildProcess
    busy_until_mono: float = 0.0
    count: Message = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)  # what earlier processes in its place had counted
    answers: dict[int, asyncio.Future[Message]] = field(default_factory=dict)


class WorkerPool:
    """The authentication processes.

    A socket belongs to the daemon and lives as long as it: while a process is started again, the kernel keeps what
    arrives.
    """

    def __init__(self, hosts: Sequence[str], port: int, workers: int, config: Path | None, clock: NodeClock) -> None:
        """Bind the port once for each worker and host.

        Raises:
            NetbilldError: the port is in use, or an address is not this host's.
        """
        self._clock = clock
        self._listeners: list[RadiusListener] = []
        self._asked = 0
        self._clients: Callable[[], ClientTable] = lambda: ClientTable(())
        self._directory: AccessDirectory | None = None
        self._admission: Admission | None = None
        try:
            by_worker: list[list[int]] = [[] for _ in range(workers)]
            for host in hosts:
                for descriptors in by_worker:
                    listener = RadiusListener(
                        host,
                        port,
                        _nobody,
                        name="radius auth",
                        dual_stack=len(hosts) == 1,
                        share=workers > 1,
                    )
                    self._listeners.append(listener)
                    descriptors.append(listener.bound.fileno())
                if workers > 1:
                    steer_by_source(self._listeners[-1].bound, workers)
        except OSError as error:
            self.close()
            raise NetbilldError(
                f"the kernel can't share the authentication port among processes: {error}",
                hint="set radius.workers to 2 or less",
                code="port_not_shared",
            ) from error
        except BaseException:
            self.close()
            raise
        self._workers = [self._worker(number, each, config) for number, each in enumerate(by_worker, 1)]

    def _worker(self, number: int, descriptors: Sequence[int], config: Path | None) -> _Worker:
        process = ChildProcess(
            f"authentication process {number}",
            "netbilld.daemon.workers.worker",
            ("--sockets", ",".join(str(each) for each in descriptors)),
            descriptors,
            config,
            self._clock,
            logger,
            "worker_ended",
        )
        worker = _Worker(number, process)
        process.on_connected = partial(self._connected)
        process.on_message = partial(self._hear, worker)
        process.on_gone = partial(self._gone, worker)
        return worker

    def serve(
        self, clients: Callable[[], ClientTable], directory: AccessDirectory, admission: Admission | None
    ) -> None:
        """Take what log-ins with limits are decided with."""
        self._clients, self._directory, self._admission = clients, directory, admission

    @property
    def counts(self) -> list[Message]:
        """What each worker last said of itself."""
        return [worker.count for worker in self._workers]

    def total(self, name: str) -> int:
        """Return the sum of one of their counters."""
        return sum(worker.before.get(name, 0) + worker.count.get(name, 0) for worker in self._workers)

    @property
    def missing(self) -> list[int]:
        """The numbers of workers that don't answer now."""
        return [worker.number for worker in self._workers if not worker.process.ready.is_set()]

    def log_ins_wait(self) -> bool:
        """Tell whether one of them has more to answer than it can at once."""
        now_mono = self._clock.monotonic()
        return any(now_mono < worker.busy_until_mono for worker in self._workers)

    async def ready(self) -> None:
        """Wait until every worker answers.

        Raises:
            NetbilldError: one did not in time; its own log lines say why.
        """
        try:
            async with asyncio.timeout(READY_SECONDS):
                for worker in self._workers:
                    await worker.process.ready.wait()
        except TimeoutError:
            raise NetbilldError(
                f"authentication process {self.missing} did not become ready in {READY_SECONDS:.0f} s",
                hint="see the log lines before this one",
                code="worker_not_ready",
            ) from None

    async def run(self) -> None:
        """Keep every worker alive until `stop`."""
        async with asyncio.TaskGroup() as tasks:
            for worker in self._workers:
                tasks.create_task(worker.process.keep(), name=f"worker {worker.number}")
            telling = tasks.create_task(every(CLOCK_SECONDS, self.tell_clock), name="clock of workers")
            for worker in self._workers:
                await worker.process.ended.wait()
            telling.cancel()

    def look(self, service_ids: Sequence[UUID]) -> None:
        """Have the workers decide anew on services."""
        self._tell({"say": "look", "service_ids": [str(each) for each in service_ids]})

    def used(self, usage: Sequence[tuple[UUID, PeriodUsage]]) -> None:
        """Have the workers know what services have used: log-ins are told what is left of it."""
        of = [
            (str(service_id), period.start_on.isoformat(), period.upload_octets, period.download_octets)
            for service_id, period in usage
        ]
        self._tell({"say": "used", "of": of})

    async def tell_clock(self) -> None:
        """Have the workers go by the time that we go by."""
        self._tell(time_of(self._clock))

    def _tell(self, message: Message) -> None:
        for worker in self._workers:
            worker.process.send(message)

    async def ask(self, request: Message) -> list[Message]:
        """Return what the workers answer to a request of the control socket; those that are away are left out."""
        asked = []
        for worker in self._workers:
            if worker.process.ready.is_set():
                self._asked += 1
                future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
                worker.answers[self._asked] = future
                worker.process.send({"say": "ask", "number": self._asked, "request": request})
                asked.append(future)
        if asked:
            await asyncio.wait(asked, timeout=ASK_SECONDS)
        return [future.result() for future in asked if future.done() and not future.cancelled()]

    async def stop(self) -> None:
        """Have the workers end, what they have answered written down."""
        for worker in self._workers:
            worker.process.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                for worker in self._workers:
                    await worker.process.ended.wait()

    def close(self) -> None:
        """Give the port back."""
        for listener in self._listeners:
            listener.close()

    # -- one worker ----------------------------------------------------------------------------------------------------

    def _connected(self, channel: Channel) -> None:
        channel.on_question = partial(self._admit, channel)

    def _gone(self, worker: _Worker) -> None:
        for name, value in worker.count.items():
            if isinstance(value, int) and name not in _GAUGES:
                worker.before[name] = worker.before.get(name, 0) + value
        worker.count = {}
        for future in worker.answers.values():
            future.cancel()
        worker.answers.clear()

    def _hear(self, worker: _Worker, message: Message) -> None:
        match message["say"]:
            case "ready":
                worker.process.ready.set()
                logger.info("authentication process %d answers (pid %d)", worker.number, message["pid"])
            case "count":
                worker.count = message
            case "busy":
                worker.busy_until_mono = self._clock.monotonic() + BUSY_SECONDS
            case "answer":
                future = worker.answers.pop(message["number"], None)
                if future is not None and not future.done():
                    future.set_result(message["answer"])

    def _admit(self, channel: Channel, question: LogInQuestion) -> None:
        """Decide on a log-in with limits, here where every one of them is known.

        The answer goes to the process that has asked: its successor counts its own log-ins from 1 again.
        """

        def answer(admitted: Decision | None) -> None:
            channel.answer(LogInAnswer(question.number, admitted))

        try:
            decided, admitted = self._decide(question, answer)
        except BaseException:
            answer(None)
            raise
        if decided:
            answer(admitted)

    def _decide(self, question: LogInQuestion, answer: Callable[[Decision], None]) -> tuple[bool, Decision | None]:
        """Return whether it is decided, and how: None where the NAS has to ask again. Else `answer` is called later."""
        now = self._clock.now()
        client = self._clients().find(question.source[0])
        name = question.name.encode("utf-8", "surrogateescape")
        view = self._directory.find(name, now) if self._directory is not None else None
        if client is None or view is None:
            return True, None  # the worker knows a moment before us: without limits nobody is let in
        if view.terms is None or self._admission is None:
            return True, question.decision  # the limits have just been taken away
        request = Request(client, decode(question.datagram), question.source, question.arrived_mono)
        admitted = self._admission.admit(view, request, question.decision, now, answer)
        return admitted is not None, admitted


_GAUGES: Final = frozenset(("credentials", "eap_conversations", "log_waiting", "max_rss_octets"))


def _nobody(datagram: bytes, source: Any, arrived_mono: float) -> None:
    raise AssertionError(f"the daemon itself does not read this socket: {len(datagram)} from {source} {arrived_mono}")
