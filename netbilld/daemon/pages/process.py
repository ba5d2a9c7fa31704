"""The process that answers pages: `python -m netbilld.daemon.pages.process`, started by the daemon and ended with it.

It has the database and nothing else of the daemon's; what only the daemon knows it asks over the channel. It is a
little less urgent than the daemon, so that a busy panel leaves a log-in its turn.
"""

import argparse
import asyncio
import logging
import os
import signal
import socket
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from netbilld.adapters.clock import NodeClock, entropy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import read_key_file
from netbilld.daemon.doctoring import DoctorForOnce
from netbilld.daemon.gateways import Gateways
from netbilld.daemon.http_port import HttpPort, raise_descriptor_limit
from netbilld.daemon.logs import configure_logs
from netbilld.daemon.pages.applications import applications
from netbilld.daemon.pages.asking import AskDaemon
from netbilld.daemon.pages.doors import Door
from netbilld.daemon.pages.serving import serve_pages
from netbilld.daemon.patience import STATEMENT_SECONDS
from netbilld.daemon.settings import Settings, load_settings
from netbilld.daemon.tasks import Failures, every, supervise
from netbilld.daemon.urgency import step_back
from netbilld.daemon.workers.channel import Channel
from netbilld.model.errors import NetbilldError
from netbilld.panel.parts import PANEL
from netbilld.panel.portal.parts import PORTAL
from netbilld.radius.dictionary import use_files
from netbilld.services.doctor_runs import DoctorRuns

COUNT_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 0.002
NICE: Final = 5
logger = logging.getLogger("netbilld.pages")


class Pages:
    """The parts of the process, and its life."""

    def __init__(self, settings: Settings, channel: Channel, doors: Sequence[Door]) -> None:
        """Compose them; nothing is answered yet.

        Raises:
            NetbilldError: the key or a certificate can't be used.
        """
        use_files(settings.radius.dictionary)
        self._settings = settings
        self._channel = channel
        self._doors = doors
        self._clock = NodeClock()
        box = read_key_file(settings.resolved_key_file)
        self._database = Database(settings.resolved_database_url, statement_seconds=STATEMENT_SECONDS)
        self._inside = AskDaemon(channel)
        ask = partial(self._inside.drops, ())
        self._doctor = DoctorRuns(
            DoctorForOnce(settings, self._database, box, self._clock, entropy, ask), self._clock.now
        )
        self._gateways = Gateways(
            settings, self._database, box, self._clock, _nothing, on_callback=self._inside.callback_came
        )
        self._apps = applications(
            settings, self._database, box, self._clock, entropy, self._inside, self._doctor, self._gateways
        )
        self._ports: list[HttpPort] = []
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Serve until the daemon says stop or is gone."""
        failures = Failures()
        try:
            async with asyncio.TaskGroup() as tasks:
                hearing = tasks.create_task(self._hear(), name="channel")
                self._ports = await serve_pages(self._settings, self._doors, self._apps.panel, self._apps.portal)
                running = [
                    hearing,
                    tasks.create_task(every(COUNT_SECONDS, self._count), name="counters"),
                    tasks.create_task(self._prepare(), name="templates"),
                    tasks.create_task(supervise("NAS doctor", self._doctor.loop, failures), name="NAS doctor"),
                ]
                self._channel.send({"say": "ready", "pid": os.getpid()})
                await self._stop.wait()
                await asyncio.gather(*(port.close() for port in self._ports))
                for task in running:
                    task.cancel()
        finally:
            await self._count()
            await self._gateways.close()
            await self._database.close()
            self._channel.close()

    async def _prepare(self) -> None:
        """Have every template ready, between requests."""
        for renderer in (self._apps.panel[PANEL].renderer, self._apps.portal[PORTAL].renderer):
            for _ in renderer.prepare():
                await asyncio.sleep(PAUSE_SECONDS)

    async def _hear(self) -> None:
        async for message in self._channel.messages():
            match message["say"]:
                case "answer":
                    self._inside.hear(message)
                case "clock":
                    self._clock.learn(timedelta(seconds=message["ahead_seconds"]))
                case "stop":
                    break
        self._stop.set()

    async def _count(self) -> None:
        figures = {port.name: (port.connections, port.refused) for port in self._ports}
        counted = {"callbacks": self._gateways.keep.counts, "messengers": self._apps.messenger_calls}
        told = {of: [(who, str(said), n) for (who, said), n in counts.items()] for of, counts in counted.items()}
        self._channel.send({"say": "count", "ports": figures, **told})


def _nothing() -> None:
    """Do nothing: what gateways said is followed by the daemon."""


def _doors(text: str) -> list[Door]:
    """Return the doors of `name:descriptor,…`."""
    sockets: dict[str, list[socket.socket]] = {}
    for each in text.split(","):
        name, _, descriptor = each.rpartition(":")
        sockets.setdefault(name, []).append(socket.socket(fileno=int(descriptor)))
    return [Door(name, some) for name, some in sockets.items()]


async def _main(config: Path | None, channel_descriptor: int, doors: str) -> None:
    channel = await Channel.over(socket.socket(fileno=channel_descriptor))
    await Pages(load_settings(config), channel, _doors(doors)).run()


def main() -> None:
    """Serve pages with what the daemon left us."""
    parser = argparse.ArgumentParser(prog="netbilld-pages")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--doors", required=True)
    options: Any = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the daemon ends us in order
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    step_back(NICE)
    raise_descriptor_limit()
    configure_logs(logging.INFO)
    try:
        asyncio.run(_main(options.config, options.channel, options.doors))
    except* NetbilldError as errors:
        logger.error("pages: %s", errors.exceptions[0])  # noqa: TRY400 - the line says all
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
