"""Watching services near their limits in the running daemon: routers asked over their API, and what came of it."""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from math import ceil
from typing import Final
from uuid import UUID

from netbilld.accounting.session import Session
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.journal import Journal
from netbilld.adapters.nas.routeros_sessions import RouterosSessions
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.metering import Metering
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.enforcement.edge import edge
from netbilld.enforcement.fair_use import octets_of, passed
from netbilld.enforcement.policy import PeriodUsage, ServiceFacts
from netbilld.enforcement.vendors.mikrotik import VENDOR as ROUTEROS
from netbilld.model.api_address import ApiAddress, parse_api_address
from netbilld.model.errors import NetbilldError
from netbilld.model.nas import api_url_place
from netbilld.ports.ask_nas import AskNas
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.either_way import EitherWay
from netbilld.services.follow_usage import FollowUsage
from netbilld.services.meter_usage import Batch
from netbilld.services.overshoot import Crossing, NasReading, percentile
from netbilld.services.poll_devices import is_polled
from netbilld.services.record_reading import RecordReading
from netbilld.services.watch_quota import WatchPolicy, WatchQuota

LOOK_SECONDS: Final = 0.25
WRITE_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 30.0
READ_SECONDS: Final = 10.0  # of a NAS, and what its API may take besides: then the next try is better
ROUTERS_AT_ONCE: Final = 64
KEPT_CROSSINGS: Final = 1000  # whose overshoot the percentiles are of
_SHARES: Final = (0.5, 0.9, 0.99, 1.0)
logger = logging.getLogger("netbilld.watching")

Family = tuple[str, str, str, Sequence[tuple[str, float]]]


def routers_of(settings: Settings, clock: SystemClock) -> RouterosSessions:
    """Return what keeps a connection to each router; none is known so far."""
    return RouterosSessions(
        timeout_seconds=settings.metering.api_timeout_seconds,
        now=clock.now,
        monotonic=clock.monotonic,
        jitter=lambda: secrets.randbelow(1000) / 1000,
    )


class Watching:
    """Everything of the daemon that concerns the edge of a limit.

    Attributes:
        routers: asks routers over their API; for whoever else wants to know of a session.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        box: SecretBox,
        clock: SystemClock,
        journal: Journal,
        directory: AccessDirectory,
        over_snmp: AskNas,
        routers: RouterosSessions,
    ) -> None:
        """Compose it; no router is known before `load`. `over_snmp` is asked what the API does not tell."""
        metering = settings.metering
        self._database = database
        self._box = box
        self._clock = clock
        self.routers: Final = routers
        self._over_snmp: frozenset[UUID] = frozenset()
        self.watch: Final = WatchQuota(
            directory,
            EitherWay(self.routers, over_snmp),
            RecordReading(journal),
            clock,
            WatchPolicy(metering.edge_seconds, settings.radius.interim_interval, metering.edge_sessions),
            lambda nas_id: nas_id in self.routers.connections or nas_id in self._over_snmp,
        )
        self._read_seconds: Final = READ_SECONDS + metering.api_timeout_seconds
        self._reading: set[UUID] = set()
        self._troubles: dict[UUID, str] = {}  # why the last reading of a NAS failed: said once
        self._found: list[Crossing] = []
        self._told: dict[UUID, NasReading] = {}
        self._overshoot: deque[int] = deque(maxlen=KEPT_CROSSINGS)

    def connect(self, metering: Metering, follow: FollowUsage) -> None:
        """Say where usage is metered and followed."""
        metering.on_followed = self.watch.note
        follow.on_crossed = self._crossed

    async def load(self) -> None:
        """Read where the routers' APIs are; one whose address does not open is left out, and said.

        Raises:
            StoreUnavailableError: the database is away.
        """
        async with self._database.read() as work:
            rows = await work.nas.all()
        self._over_snmp = frozenset(row.id for row in rows if is_polled(row) and row.vendor == ROUTEROS.name)
        addresses: dict[UUID, ApiAddress] = {}
        for row in rows:
            if row.api_url_sealed is None:
                continue
            try:
                address = parse_api_address(self._box.open(row.api_url_sealed, api_url_place(row.id)).decode())
            except NetbilldError as error:
                logger.error("the API of NAS %s is not used: %s", row.name, error, extra={"nas": row.name})  # noqa: TRY400 - the line says all
                continue
            if address is not None:
                addresses[row.id] = address
        self.routers.use(addresses)

    async def start(self) -> None:
        """Take up the watch where the last run left it: over sessions that are open already."""
        await self.load()
        nas_ids = list(self.routers.connections.keys() | self._over_snmp)
        async with self._database.read() as work:
            self._overshoot.extend(one.over_octets for one in reversed(await work.crossings.newest(KEPT_CROSSINGS)))
            for nas_id in nas_ids:
                sessions = await work.sessions.open_on([nas_id])
                self.watch.note(Batch(sessions=tuple(sessions)))
                await asyncio.sleep(0)

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever, by name."""

        async def rest() -> None:
            self.routers.close_idle()

        return {
            "quota watch": self._watch,
            "crossings": partial(every, WRITE_SECONDS, self._write),
            "idle router connections": partial(every, IDLE_SECONDS, rest),
        }

    async def _watch(self) -> None:
        """Read what is due, each router for itself: one that is slow keeps nobody else waiting."""
        self._reading.clear()
        places = asyncio.Semaphore(ROUTERS_AT_ONCE)
        await self.start()
        async with asyncio.TaskGroup() as tasks:
            while True:
                for nas_id, sessions in self.watch.due().items():
                    if nas_id not in self._reading:
                        self._reading.add(nas_id)
                        tasks.create_task(self._read(nas_id, sessions, places), name=f"reading of NAS {nas_id}")
                await asyncio.sleep(LOOK_SECONDS)

    async def _read(self, nas_id: UUID, sessions: list[Session], places: asyncio.Semaphore) -> None:
        try:
            async with places, asyncio.timeout(self._read_seconds):
                await self.watch.read(nas_id, sessions)
            self._troubles.pop(nas_id, None)
        except TimeoutError:
            self._say(nas_id, f"it has not ended within {self._read_seconds:g} s", None)
        except Exception as error:  # noqa: BLE001 - whatever one router makes of it, the others are read
            self._say(nas_id, f"{type(error).__name__}: {error}", error)
        finally:
            self._reading.discard(nas_id)

    def _say(self, nas_id: UUID, trouble: str, error: Exception | None) -> None:
        if self._troubles.get(nas_id) != trouble:
            self._troubles[nas_id] = trouble
            logger.error(
                "reading the sessions of NAS %s near a limit failed: %s",
                nas_id,
                trouble,
                exc_info=error,
                extra={"nas": str(nas_id)},
            )

    def _crossed(self, facts: ServiceFacts, usage: PeriodUsage, batch: Batch) -> None:
        now = self._clock.now()
        used_octets = facts.used_octets(usage, now)
        step, ahead = passed(facts.plan, facts.allowed_octets, used_octets), edge(facts, usage, now)
        if step is None or ahead is None:
            return
        limit_octets = octets_of(step, facts.allowed_octets)
        reporting = [session for session in batch.sessions if session.service_id == facts.service_id]
        session = reporting[0] if len(reporting) == 1 else None
        interval_seconds = max((one.interval_seconds for one in reporting), default=0)
        heard_at = self.watch.last_heard_at(session.id) if session is not None else None
        if session is not None and heard_at is not None:
            interval_seconds = ceil((session.updated_at - heard_at).total_seconds())
        self._found.append(
            Crossing(
                facts.service_id,
                usage.start_on,
                now,
                session.id if session is not None else None,
                session.nas_id if session is not None else None,
                limit_octets,
                used_octets - limit_octets,
                ahead.line_rate_bps,
                interval_seconds,
                heard_at is not None,
            )
        )

    def _readings(self) -> list[NasReading]:
        """Return what has changed of how it goes with reading NAS."""
        intervals = self.watch.intervals()
        changed = []
        for nas_id in intervals.keys() | self.routers.connections.keys():
            connection, seconds = self.routers.connections.get(nas_id), intervals.get(nas_id)
            error = connection.last_error if connection is not None and nas_id not in self._over_snmp else None
            reading = NasReading(nas_id, None if seconds is None else ceil(seconds * 10) * 100, error)
            if reading != self._told.get(nas_id, NasReading(nas_id, None, None)):
                changed.append(reading)
        return changed

    async def _write(self) -> None:
        found, readings = list(self._found), self._readings()
        if not found and not readings:
            return
        async with self._database.write() as work:
            if found:
                await work.crossings.add(found)
            if readings:
                await work.crossings.note_readings(readings, self._clock.now())
        self._told |= {reading.nas_id: reading for reading in readings}
        self._overshoot.extend(crossing.over_octets for crossing in found)
        del self._found[: len(found)]

    def families(self) -> Iterator[Family]:
        """Return what /metrics says of it."""
        counter, gauge = "counter", "gauge"
        yield "netbilld_watched_sessions", gauge, "Sessions read more often, near a limit.", [("", len(self.watch))]
        yield (
            "netbilld_watch_left_out_total",
            counter,
            "Sessions near a limit that were not read, too many being watched.",
            [("", self.watch.left_out)],
        )
        yield (
            "netbilld_watch_readings_total",
            counter,
            "What became of reading sessions near a limit.",
            [(f'{{came="{came}"}}', count) for came, count in self.watch.came.items()],
        )
        yield (
            "netbilld_overshoot_octets",
            gauge,
            "Octets used beyond the allowance when that was found, of the last thousand crossings.",
            [(f'{{quantile="{share:g}"}}', percentile(self._overshoot, share)) for share in _SHARES],
        )
        connections = self.routers.connections
        yield (
            "netbilld_router_api_up",
            gauge,
            "1 where the last question to a router's API was answered.",
            [(f'{{nas="{nas_id}"}}', int(one.last_error is None)) for nas_id, one in connections.items()],
        )

    def close(self) -> None:
        """Let go of every router."""
        self.routers.close()
