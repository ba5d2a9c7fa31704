"""Devices in the running daemon: who reads them over SNMP, and what becomes of what they say."""

from collections.abc import Awaitable, Callable, Iterator, Sequence

from netbilld.accounting.reading import Took
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.daemon.late_reader import LateReader
from netbilld.daemon.settings import Settings
from netbilld.services.meter_readings import MeterReadings
from netbilld.services.poll_devices import PollDevices, PollPolicy


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
        self._reader = LateReader(settings.snmp.timeout_seconds)
        self.poll = PollDevices(
            database,
            self._reader,
            box,
            readings,
            clock,
            PollPolicy(settings.snmp.interval, settings.snmp.parallel, settings.snmp.sessions_interval),
            jitter=lambda: int.from_bytes(entropy(4), "big") / 2**32,
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the work that goes on for ever, by name."""
        return {"devices": self.poll.run}

    def metrics(self) -> Iterator[tuple[str, str, str, Sequence[tuple[str, float]]]]:
        """Return families of metrics: name, kind, help, samples."""
        yield "netbilld_snmp_devices", "gauge", "Devices read over SNMP.", [("", self.poll.devices)]
        yield "netbilld_snmp_polls_total", "counter", "Readings of devices tried.", [("", self.poll.polls)]
        yield "netbilld_snmp_silent_total", "counter", "Readings that got nothing.", [("", self.poll.silent)]
        yield (
            "netbilld_meter_readings_total",
            "counter",
            "Readings of meters beside the sessions, by what they came to.",
            [(f'{{took="{took}"}}', self.readings.took[took]) for took in Took],
        )

    def close(self) -> None:
        """Let go of every socket."""
        self._reader.close()
