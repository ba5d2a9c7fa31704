"""A process of the daemon's own that is started again whenever it ends, and what is said to it and by it."""

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from netbilld.adapters.clock import NodeClock
from netbilld.daemon.systemd import ENVIRONMENT
from netbilld.daemon.workers.channel import Channel, Message

LIVED_SECONDS: Final = 60.0  # then the next one is started at once, whatever became of earlier ones
STOP_SECONDS: Final = 2.0
FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0


class ChildProcess:
    """Keeps one process alive: `python -m MODULE`, born with a channel and with sockets of ours.

    The sockets stay the daemon's: while the process is started again, the kernel keeps what arrives.

    Attributes:
        channel: to the process of now; None while there is none.
        ready: set while it answers; whoever reads its messages sets it.
        ended: set once it was stopped and has ended.
        on_connected: called with its channel before anything is read from it.
        on_message: called with what it says.
        on_gone: called after it has ended.
    """

    def __init__(
        self,
        name: str,
        module: str,
        options: Sequence[str],
        descriptors: Sequence[int],
        config: Path | None,
        clock: NodeClock,
        log: logging.Logger,
        event: str,
    ) -> None:
        """Take what is started; `name` and `event` are what the log says when it ends of itself."""
        self._name = name
        self._module = module
        self._options = (*options, *(() if config is None else ("--config", str(config))))
        self._descriptors = tuple(descriptors)
        self._clock = clock
        self._log = log
        self._event = event
        self._stop: Final = asyncio.Event()
        self.channel: Channel | None = None
        self.ready: Final = asyncio.Event()
        self.ended: Final = asyncio.Event()
        self.on_connected: Callable[[Channel], None] = lambda _channel: None
        self.on_message: Callable[[Message], None] = lambda _message: None
        self.on_gone: Callable[[], None] = lambda: None

    def send(self, message: Message) -> None:
        """Say something to it; nothing while there is none."""
        if self.channel is not None:
            self.channel.send(message)

    def tell_time(self) -> None:
        """Have it go by the time that we go by."""
        self.send(time_of(self._clock))

    def stop(self) -> None:
        """Have it end in order, and start no other; `ended` says when it has."""
        self._stop.set()
        self.send({"say": "stop"})

    async def keep(self) -> None:
        """Start it, and start it again, until `stop`."""
        pause = FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            started = self._clock.monotonic()
            try:
                became = f"ended with {await self._run_once()}"
            except OSError as error:  # no process, no memory or no descriptor to be had just now
                became = f"could not be started ({error.strerror or error})"
            if self._stop.is_set():
                break
            self._log.error("%s %s; it is started again", self._name, became, extra={"event": self._event})
            if self._clock.monotonic() - started > LIVED_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        self.ended.set()

    async def _run_once(self) -> int:
        ours, theirs = socket.socketpair()
        process: asyncio.subprocess.Process | None = None
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                "--channel",
                str(theirs.fileno()),
                *self._options,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *self._descriptors),
                env={name: value for name, value in os.environ.items() if name not in ENVIRONMENT},
            )
            theirs.close()
            self.channel = await Channel.over(ours)
            self.on_connected(self.channel)
            self.tell_time()
            if self._stop.is_set():  # said while there was nobody to hear it
                self.send({"say": "stop"})
            async for message in self.channel.messages():
                self.on_message(message)
            async with asyncio.timeout(STOP_SECONDS):
                return await process.wait()
        except TimeoutError:
            return -1
        finally:
            self.ready.clear()
            self.on_gone()
            if self.channel is not None:
                self.channel.close()
                self.channel = None
            else:
                ours.close()
            theirs.close()
            if process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


def time_of(clock: NodeClock) -> Message:
    """Return what a process is told to go by the time that we go by."""
    return {"say": "clock", "ahead_seconds": clock.correction.total_seconds()}
