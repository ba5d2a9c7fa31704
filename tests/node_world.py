"""Several daemons on one PostgreSQL, and a network between them and it that can be cut."""

import asyncio
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from netbilld.daemon.roles import Duty
from tests.coa_server import CoaServer
from tests.daemon_process import SECRET, DaemonProcess

EVERY_DUTY = sorted(Duty)


class Wire:
    """A port that leads to PostgreSQL until it is cut: then nothing passes and nobody is told, as with a dead switch."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: list[asyncio.StreamWriter] = []
        self._passes: asyncio.Event
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(self, *_exception: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Let nothing pass."""
        self._loop.call_soon_threadsafe(self._passes.clear)

    def mend(self) -> None:
        """Let everything pass again, also what was held back."""
        self._loop.call_soon_threadsafe(self._passes.set)

    async def _open(self) -> int:
        self._passes = asyncio.Event()
        self._passes.set()
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _close(self) -> None:
        self._server.close()
        for end in self._ends:
            end.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.append(writer)
        if (own := asyncio.current_task()) is not None:
            self._tasks.add(own)
            own.add_done_callback(self._tasks.discard)
        with suppress(asyncio.CancelledError):  # whoever comes while it is cut, and is still there at the end
            await self._passes.wait()
        if not self._passes.is_set():
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        self._ends.append(there_writer)
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            task = asyncio.get_running_loop().create_task(self._carry(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while octets := await source.read(65_536):
                await self._passes.wait()
                sink.write(octets)
                await sink.drain()
        await self._passes.wait()  # that the other end has gone is not heard either
        sink.close()


@contextmanager
def nodes_on(
    tmp_path: Path, urls: Sequence[str], settings: Sequence[dict[str, str]] | None = None
) -> Iterator[list[DaemonProcess]]:
    """Give as many daemons as there are URLs of one database; the first has made the schema, and none is started."""
    nodes: list[DaemonProcess] = []
    try:
        for number, url in enumerate(urls):
            name = ("first", "second", "third", "fourth")[number]
            (tmp_path / name).mkdir()
            own = {"NETBILLD_NODE__NAME": name, **(settings[number] if settings else {})}
            nodes.append(DaemonProcess(tmp_path / name, url, **own))
        nodes[0].init()
        for node in nodes[1:]:
            node.data_dir.mkdir(mode=0o700)
            shutil.copy(nodes[0].data_dir / "secret.key", node.data_dir)
        yield nodes
    finally:
        for node in nodes:
            if node.process is not None and node.process.poll() is None:
                with suppress(ProcessLookupError):
                    node.go_on()
            node.__exit__()


@contextmanager
def coa_server(host: str) -> Iterator[CoaServer]:
    """Give a NAS's CoA port, served by a thread of its own."""
    server, loop = CoaServer(secret=SECRET.encode(), host=host), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def leads(node: DaemonProcess) -> list[str]:
    """Return the duties that a node has, by its own word; none while it does not answer."""
    try:
        return sorted(node.readyz()["leads"])
    except OSError:
        return []


def through(url: str, wire: Wire) -> str:
    """Return the URL of the same database by way of a wire."""
    place, _, name = url.rpartition("/")
    return f"{place.rpartition(':')[0]}:{wire.port}/{name}"
