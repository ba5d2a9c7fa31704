"""One authentication process: `python -m netbilld.daemon.workers.worker`, started by the daemon and ended with it.

It has the whole directory in memory and follows the same changes as the daemon. It asks the owner about log-ins with
limits, and says every second what it has counted.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from netbilld.adapters.clock import OFF, NodeClock, entropy
from netbilld.adapters.database.changes import Change
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import read_key_file
from netbilld.adapters.snapshot import Snapshot
from netbilld.daemon.addressing import know_pools
from netbilld.daemon.authentication import (
    SILENCE_SECONDS,
    Authentication,
    decide_ahead,
    load_access,
    remember_devices,
    trace_of,
)
from netbilld.daemon.beginning import look_for_database, meet, restore_access
from netbilld.daemon.clients import ClientKeeper, put_clients
from netbilld.daemon.feed import ChangeFeed
from netbilld.daemon.knowledge import LOOK_SECONDS as FRESHNESS_SECONDS
from netbilld.daemon.knowledge import Knowledge
from netbilld.daemon.logs import configure_logs
from netbilld.daemon.patience import LAST_WRITE_SECONDS, STATEMENT_SECONDS
from netbilld.daemon.policies import standing_policy, walled_garden
from netbilld.daemon.radius_edge import Port, RadiusEdge
from netbilld.daemon.settings import Settings, load_settings
from netbilld.daemon.tasks import Failures, every, supervise
from netbilld.daemon.vouchers import follow
from netbilld.daemon.workers.channel import Channel, Message
from netbilld.daemon.workers.forwarded_admission import ForwardedAdmission
from netbilld.enforcement.policy import PeriodUsage
from netbilld.model.errors import NetbilldError
from netbilld.radius.dictionary import use_files
from netbilld.radius.realms import Realms
from netbilld.services.entitle import Entitle
from netbilld.services.log_attempts import LogAttempts
from netbilld.services.voucher_shelf import VoucherShelf

COUNT_SECONDS: Final = 1.0
BUSY_SECONDS: Final = 0.1
_PORTS: Final[tuple[Port, ...]] = ("auth",)
logger = logging.getLogger("netbilld.worker")


class Worker:
    """The parts of one process, and its life."""

    def __init__(self, settings: Settings, channel: Channel, descriptors: list[int]) -> None:
        """Compose them; nothing is answered yet.

        Raises:
            NetbilldError: the key or a certificate can't be used.
        """
        use_files(settings.radius.dictionary)
        self._settings = settings
        self._channel = channel
        self._clock = NodeClock()
        self._box = read_key_file(settings.resolved_key_file)
        self._database = Database(settings.resolved_database_url, statement_seconds=STATEMENT_SECONDS)
        self._admission = ForwardedAdmission(channel, self._clock.monotonic)
        self._auth = Authentication(settings, self._clock, entropy, self._admission)
        self._edge = RadiusEdge(
            settings.radius.host,
            settings.radius.auth_port,
            settings.radius.acct_port,
            self._auth.authenticate,
            _no_accounting,
            self._clock,
            ports=_PORTS,
            descriptors=descriptors,
        )
        self._admission.forget = self._edge.auth.forget
        self._entitle = Entitle(
            self._database,
            self._auth.directory,
            self._box,
            standing_policy(settings),
            walled_garden(settings),
            record=False,
        )
        self._shelf = VoucherShelf(self._box)
        self._auth.directory.unused = self._shelf
        self._clients = ClientKeeper(
            self._edge, self._database, self._box, self._clock, settings.radius.require_message_authenticator
        )
        self._log = LogAttempts(self._database, self._auth.attempts, settings.metering.auth_log_rows)
        self._feed = ChangeFeed(self._database, self._clock, self._follow_changes)
        self._feed.on_step = self._followed
        self._knowledge = self._known(None)
        self._auth.clients = lambda: self._edge.clients
        self._failures = Failures()
        self._trace = trace_of(self._edge, self._auth.directory, self._clock, Realms.of(settings.radius.realms))
        self._to_look_at: set[UUID] = set()
        self._has_moved = False
        self._look = asyncio.Event()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Serve until the daemon says stop or is gone."""
        try:
            await self._load()
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(work, name=name) for name, work in self._work()]
                self._edge.start()
                if not self._knowledge.is_from_snapshot:
                    await remember_devices(self._database, self._auth)
                self._channel.send({"say": "ready", "pid": os.getpid()})
                await self._stop.wait()
                self._edge.stop()
                for task in running:
                    task.cancel()
        finally:
            with contextlib.suppress(NetbilldError, TimeoutError):
                async with asyncio.timeout(LAST_WRITE_SECONDS):
                    await self._log.run()
            self._count()
            self._edge.close()
            await self._database.close()
            self._channel.close()

    async def _load(self) -> None:
        """Read what log-ins are decided by."""
        snapshot = await look_for_database(self._settings, self._database, self._box, self._clock)
        self._knowledge = self._known(snapshot)
        if snapshot is None:
            await self._feed.start_after_newest()
            await self._clients.load()
            await know_pools(self._database, self._auth.directory)
            await load_access(self._entitle, self._clock)
            await self._shelf.load(self._database)
            return
        default_policy = self._settings.radius.require_message_authenticator
        put_clients(self._edge, snapshot.nas, snapshot.router_logins, self._box, default_policy)
        await restore_access(self._auth.directory, snapshot, self._box)
        self._auth.directory.use_pools([(pool.kind, pool.name_key) for pool in snapshot.pools])
        self._knowledge.snapshot = None

    def _known(self, snapshot: Snapshot | None) -> Knowledge:
        return Knowledge(self._auth.directory, self._clock, self._settings.outage.trust_minutes, snapshot)

    async def _join(self) -> None:
        """Take up the database again that was away at the start, and read everything from it."""
        if self._knowledge.is_from_snapshot:
            await meet(self._settings, self._database, self._box, self._feed, None, self._clock)
            await self._clients.load()
            await know_pools(self._database, self._auth.directory)
            await self._shelf.load(self._database)
            await self._entitle.run(None, "the database is back", self._clock.now())
            await remember_devices(self._database, self._auth)
            self._knowledge.joined()
        await self._stop.wait()

    async def _look_at_knowledge(self) -> None:
        await self._knowledge.look()  # which there is another of after the start

    def _followed(self, _is_news: bool) -> None:
        self._knowledge.confirm()

    def _work(self) -> list[tuple[str, Any]]:
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "database": self._join,
            "what is known": partial(every, FRESHNESS_SECONDS, self._look_at_knowledge),
            "change feed": self._feed.follow,
            "log of attempts": partial(every, 0.5, self._log.run),
            "silent EAP": partial(every, SILENCE_SECONDS, self._auth.forget_silent),
            "learned facts": partial(every, 2.0, self._clients.keep_learned),
            "usage": self._look_at,
            "what everybody is due": partial(decide_ahead, self._auth.directory, self._clock, self._edge.log_ins_wait),
        }
        if not self._database.is_sqlite:
            loops["notifications"] = self._feed.listen
        supervised = [(name, supervise(name, loop, self._failures)) for name, loop in loops.items()]
        return [
            *supervised,
            ("channel", self._hear()),
            ("counters", every(COUNT_SECONDS, self._say_count)),
            ("busy", every(BUSY_SECONDS, self._say_busy)),
        ]

    async def _hear(self) -> None:
        async for message in self._channel.messages():
            match message["say"]:
                case "look":  # not here: who is admitted must not wait for the database, nor end with it
                    self._to_look_at.update(UUID(each) for each in message["service_ids"])
                    self._look.set()
                case "used":
                    self._take_usage(message)
                case "clock":
                    self._take_time(timedelta(seconds=message["ahead_seconds"]))
                case "ask":
                    self._channel.send({"say": "answer", "number": message["number"], "answer": self._answer(message)})
                case "stop":
                    break
        self._stop.set()

    def _take_time(self, ahead: timedelta) -> None:
        """Go by the daemon's time; what was decided for another moment is decided anew."""
        before = self._clock.correction
        self._clock.learn(ahead)
        if abs(self._clock.correction - before) > OFF:
            self._has_moved = True
            self._look.set()

    def _take_usage(self, message: Message) -> None:
        """Take what the daemon has metered: by it a log-in is told what is left."""
        directory, now = self._auth.directory, self._clock.now()
        for service_id, start_on, upload_octets, download_octets in message["of"]:
            facts = directory.facts(UUID(service_id))
            usage = PeriodUsage(date.fromisoformat(start_on), upload_octets, download_octets)
            if facts is not None and (facts.usage is None or _progress(facts.usage) < _progress(usage)):
                directory.put(replace(facts, usage=usage), now)

    async def _look_at(self) -> None:
        """Decide anew on services whose due state the daemon has found changed."""
        while True:
            await self._look.wait()
            self._look.clear()
            service_ids, self._to_look_at = self._to_look_at, set()
            has_moved, self._has_moved = self._has_moved, False
            try:
                await self._entitle.run(None if has_moved else service_ids, "usage", self._clock.now())
            except BaseException:
                self._to_look_at |= service_ids
                self._has_moved |= has_moved
                self._look.set()
                raise

    def _answer(self, message: Message) -> Message:
        request = message["request"]
        if request.get("verb") == "drops":
            return self._edge.dropped.read(request.get("names", ()), request.get("nas"))
        return self._trace.handle(request)

    async def _follow_changes(self, changes: list[Change]) -> None:
        if any(change.entity == "nas" for change in changes):
            await self._clients.load()
        if any(change.entity == "pool" for change in changes):
            await know_pools(self._database, self._auth.directory)
        await follow(self._shelf, self._database, changes)
        named = {UUID(each) for change in changes for each in change.details.get("service_ids", ())}
        if named:
            await self._entitle.run(list(named), "change", self._clock.now())

    async def _say_busy(self) -> None:
        """Have the daemon put off what can wait, while log-ins wait here."""
        if self._edge.log_ins_wait():
            self._channel.send({"say": "busy"})

    async def _say_count(self) -> None:
        self._count()

    def _count(self) -> None:
        server, authenticate, eap = self._edge.auth, self._auth.authenticate, self._auth.eap
        self._channel.send(
            {
                "say": "count",
                "requests": server.requests,
                "replays": server.replays,
                "replies": server.replies,
                **{f"dropped_{reason}": number for reason, number in server.drops.items()},
                "sockets": [
                    {
                        "host": listener.host,
                        "received": listener.counters.received,
                        "receive_errors": listener.counters.receive_errors,
                        "sent": listener.counters.sent,
                        "send_errors": listener.counters.send_errors,
                        "handler_errors": listener.counters.handler_errors,
                        "kernel_drops": listener.kernel_drops(),
                    }
                    for _, listener in self._edge.listeners
                ],
                "accepts": authenticate.accepts,
                "rejects": authenticate.rejects,
                "challenges": authenticate.challenges,
                "guesses_put_off": self._auth.guessers.put_off,
                "guesses_refused": self._auth.guessers.refused,
                "eap_conversations": len(eap.conversations),
                "eap_abandoned": eap.conversations.abandoned,
                "eap_displaced": eap.conversations.displaced,
                "eap_silenced": eap.silenced,
                "eap_resumed": eap.resumed,
                "credentials": len(self._auth.directory),
                "log_waiting": len(self._auth.attempts),
                "log_lost": self._auth.attempts.lost,
                "failing": dict(self._failures.now),
                "max_rss_octets": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        )


def _progress(usage: PeriodUsage) -> tuple[date, int]:
    return usage.start_on, usage.upload_octets + usage.download_octets


def _no_accounting(**_: object) -> Any:
    raise AssertionError("a worker has no accounting port")


async def _main(config: Path | None, channel_descriptor: int, descriptors: list[int]) -> None:
    channel = await Channel.over(socket.socket(fileno=channel_descriptor))
    await Worker(load_settings(config), channel, descriptors).run()


def main() -> None:
    """Run one worker with what the daemon left it."""
    parser = argparse.ArgumentParser(prog="netbilld-worker")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--sockets", required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the daemon ends us in order
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    configure_logs(logging.INFO)
    try:
        asyncio.run(_main(options.config, options.channel, [int(each) for each in options.sockets.split(",")]))
    except* NetbilldError as errors:
        logger.error("authentication process: %s", errors.exceptions[0])  # noqa: TRY400 - the line says all
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
