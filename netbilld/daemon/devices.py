"""Devices in the running daemon: who reads them over SNMP, and what becomes of what they say."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from netbilld.accounting.reading import Took
from netbilld.accounting.session import Session
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.late_reader import LateReader
from netbilld.daemon.settings import Settings
from netbilld.daemon.tasks import every
from netbilld.enforcement.vendors.mikrotik import VENDOR as ROUTEROS
from netbilld.model.errors import NetbilldError
from netbilld.ports.ask_nas import NasAnswer
from netbilld.services.cross_check import CheckPolicy, CrossCheck
from netbilld.services.meter_readings import MeterReadings
from netbilld.services.poll_devices import PollDevices, PollPolicy, access_of

CHECK_SECONDS: Final = 60.0


class Devices:
    """Everything of the daemon that concerns devices read over SNMP."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        box: SecretBox,
        clock: SystemClock,
        entropy: Callable[[int], bytes],
        readings: MeterReadings,
    ) -> None:
        """Compose it; no device is asked before its loop runs."""
        self.readings = readings
        self._clock = clock
        self._database = database
        self._box = box
        self.check = CrossCheck(
            database,
            CheckPolicy(
                settings.snmp.differs_percent,
                settings.snmp.differs_megabytes * 1_000_000,
                settings.timezone,
                settings.currency,
            ),
        )
        self._reader = LateReader(settings.snmp.timeout_seconds, clock)
        self.poll = PollDevices(
            database,
            self._reader,
            box,
            readings,
            clock,
            PollPolicy(settings.snmp.interval, settings.snmp.parallel, settings.snmp.sessions_interval),
            jitter=lambda: int.from_bytes(entropy(4), "big") / 2**32,
            sums=self.check,
        )

    async def ask(self, nas_id: UUID, sessions: Sequence[Session]) -> Mapping[int, NasAnswer]:
        """Return, by session id, what a device shows of sessions of its; nothing where it can't be asked."""
        try:
            async with self._database.read() as work:
                nas = await work.nas.by_id(nas_id)
            if nas is None or nas.vendor != ROUTEROS.name:  # of no other is it known what its sessions are called
                return {}
            access = access_of(nas, self._box)
        except NetbilldError:
            return {}
        return await self._reader.ask(access, nas_id, sessions)

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever, by name."""

        async def compare() -> None:
            await self.check.run(self._clock.now())

        return {"devices": self.poll.run, "cross-check": partial(every, CHECK_SECONDS, compare)}

    def metrics(self) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
        """Return families of metrics: name, kind, help, samples."""
        yield "netbilld_snmp_devices", "gauge", "Devices read over SNMP.", [("", self.poll.devices)]
        yield "netbilld_snmp_polls_total", "counter", "Readings of devices tried.", [("", self.poll.polls)]
        yield "netbilld_snmp_silent_total", "counter", "Readings that got nothing.", [("", self.poll.silent)]
        yield (
            "netbilld_snmp_faults_total",
            "counter",
            "Readings that failed for a reason that is none of the device's.",
            [("", self.poll.faults)],
        )
        at_risk = sorted(self.check.at_risk.items())
        yield (
            "netbilld_crosscheck_missing_octets",
            "gauge",
            "Octets of the last day that interfaces carried and accounting lacks.",
            [(f'{{nas="{_quoted(nas)}"}}', octets) for nas, (octets, _) in at_risk],
        )
        yield (
            "netbilld_crosscheck_risk_minor",
            "gauge",
            "What they are worth, in minor units.",
            [(f'{{nas="{_quoted(nas)}"}}', minor) for nas, (_, minor) in at_risk],
        )
        yield (
            "netbilld_meter_readings_total",
            "counter",
            "Readings of meters beside the sessions, by what they came to.",
            [(f'{{took="{took}"}}', self.readings.took[took]) for took in Took],
        )

    def close(self) -> None:
        """Let go of every socket."""
        self._reader.close()


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')
