"""PollDevices: reads every device that SNMP is set for, at its interval; none waits for another."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from ipaddress import ip_network
from typing import Final, Protocol
from uuid import UUID

from netbilld.accounting.device_clock import TICKS_A_SECOND, DeviceClock, epoch_of, first, index_in, tick
from netbilld.accounting.reading import Meter, MeterReading, Onset, Outcome, Took
from netbilld.accounting.series import Series, series_of
from netbilld.model.device_state import DeviceState
from netbilld.model.errors import InvalidInputError, NetbilldError, StoreUnavailableError
from netbilld.model.nas import Nas, snmp_community_place
from netbilld.model.snmp import PORT, SnmpAccess, read_user, snmp_user_place
from netbilld.ports.clock import SteadyClock
from netbilld.ports.snmp import DeviceReader, DeviceRefusedError, DeviceReport, DeviceSilentError, Port, Wanted

LOOK_SECONDS: Final = 10.0  # for devices that were added, changed or removed
TURN_SECONDS: Final = 0.5
SPREAD_SECONDS: Final = 0.25  # for each of those that are new, so that many are not asked in one moment from then on
LONGEST_PAUSE_SECONDS: Final = 300.0  # between two questions to a device that is silent
PATIENT_FAILURES: Final = 3  # before it is asked less often
_MOST_NOTES: Final = 10
_WRAP_BITS: Final = 8 * 2**32
logger = logging.getLogger("netbilld.devices")


class Devices(Protocol):
    async def state(self, nas_id: UUID, *, lock: bool = False) -> DeviceState | None: ...
    async def keep(self, state: DeviceState) -> None: ...


class Meters(Protocol):
    async def in_use(
        self, *, source: str | None = None, nas_id: UUID | None = None, service_id: UUID | None = None
    ) -> list[Meter]: ...


class Nases(Protocol):
    async def all(self) -> list[Nas]: ...


class Work(Protocol):
    @property
    def nas(self) -> Nases: ...
    @property
    def meters(self) -> Meters: ...
    @property
    def devices(self) -> Devices: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Opener(Protocol):
    def open(self, sealed: bytes, place: str) -> bytes: ...


class Readings(Protocol):
    async def handle(self, readings: Sequence[MeterReading], now: datetime) -> list[Outcome]: ...


class SessionSums(Protocol):
    """Takes every interface of a device, for what its sessions move."""

    async def take(self, nas: Nas, ports: Sequence[Port], at: datetime) -> None: ...
    def forget(self) -> None: ...


@dataclass(frozen=True, slots=True)
class PollPolicy:
    """How often meters are read, how many devices at once, and how often a whole device is."""

    interval_seconds: float
    most_at_once: int
    whole_seconds: float


@dataclass(slots=True)
class _Turn:
    nas: Nas
    due_mono: float
    whole_due_mono: float
    is_busy: bool = False


class PollDevices:
    """One loop; a device is asked one thing at a time, and one that is silent is asked less often.

    Attributes:
        polls, silent: readings tried, and those that got nothing.
        faults: that failed for a reason that is none of the device's, such as a community that does not open.
    """

    def __init__(
        self,
        store: Store,
        reader: DeviceReader,
        box: Opener,
        readings: Readings,
        clock: SteadyClock,
        policy: PollPolicy,
        jitter: Callable[[], float],
        sums: SessionSums | None = None,
    ) -> None:
        """Take what to work with; `jitter` gives 0 to 1, so that not all devices are asked in one moment."""
        self.polls = self.silent = self.faults = 0
        self._store = store
        self._reader = reader
        self._box = box
        self._readings = readings
        self._clock = clock
        self._policy = policy
        self._jitter = jitter
        self._sums = sums
        self._turns: dict[UUID, _Turn] = {}
        self._looked_mono: float | None = None

    @property
    def devices(self) -> int:
        """Return how many are read."""
        return len(self._turns)

    def look_again(self) -> None:
        """Have the list of devices read again at once."""
        self._looked_mono = None

    async def run(self) -> None:
        """Read devices for ever.

        Raises:
            StoreUnavailableError: the database is away.
        """
        for turn in self._turns.values():
            turn.is_busy = False
        if self._sums is not None:
            self._sums.forget()  # another node may have read them meanwhile
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._look()
                now_mono = self._clock.monotonic()
                busy = sum(turn.is_busy for turn in self._turns.values())
                for turn in sorted(self._turns.values(), key=lambda one: one.due_mono):
                    if turn.due_mono > now_mono or busy >= self._policy.most_at_once:
                        break
                    if not turn.is_busy:
                        turn.is_busy = True
                        busy += 1
                        tasks.create_task(self._take_turn(turn))
                await asyncio.sleep(TURN_SECONDS)

    async def _look(self) -> None:
        now_mono = self._clock.monotonic()
        if self._looked_mono is not None and now_mono - self._looked_mono < LOOK_SECONDS:
            return
        async with self._store.read() as work:
            found = {nas.id: nas for nas in await work.nas.all() if is_polled(nas)}
        for nas_id in self._turns.keys() - found.keys():
            del self._turns[nas_id]
        added = len(found.keys() - self._turns.keys())
        spread_seconds = min(self._policy.interval_seconds, added * SPREAD_SECONDS)
        for nas_id, nas in found.items():
            turn = self._turns.get(nas_id)
            if turn is None:
                due = now_mono + self._jitter() * spread_seconds
                self._turns[nas_id] = _Turn(nas, due, due)
            else:
                if _how(turn.nas) != _how(nas):
                    turn.due_mono = now_mono
                turn.nas = nas
        self._looked_mono = now_mono

    async def _take_turn(self, turn: _Turn) -> None:
        began = self._clock.monotonic()
        whole = began >= turn.whole_due_mono
        try:
            failures = await self.poll(turn.nas, whole=whole)
        finally:
            turn.is_busy = False
        pause = self._policy.interval_seconds
        if failures >= PATIENT_FAILURES:
            pause = max(pause, min(pause * 2 ** (failures - PATIENT_FAILURES + 1), LONGEST_PAUSE_SECONDS))
            pause *= 0.9 + 0.2 * self._jitter()
        turn.due_mono = max(began + pause, self._clock.monotonic())
        if whole and not failures:
            turn.whole_due_mono = began + self._policy.whole_seconds

    async def poll(self, nas: Nas, *, whole: bool = True) -> int:
        """Read a device once, book what its meters moved, and keep how it is.

        Args:
            nas: whose device.
            whole: not only its meters, but also what it says of itself and what its sessions move.

        Returns:
            how many times in a row it has failed now.

        Raises:
            StoreUnavailableError: the database is away; the next reading books what this one has not.
        """
        asked_at = self._clock.now()
        try:
            return await self._poll(nas, asked_at, whole=whole)
        except StoreUnavailableError:
            raise
        except Exception as error:  # whatever it is, it is this device alone that can't be read
            self.faults += 1
            said = str(error) if isinstance(error, NetbilldError) else f"a fault of ours, {type(error).__name__}"
            failures = await self._fail(nas, asked_at, said)
            if failures == 1:
                logger.exception("reading NAS %s over SNMP failed", nas.name, extra={"event": "device_fault"})
            return failures

    async def _poll(self, nas: Nas, asked_at: datetime, *, whole: bool) -> int:
        async with self._store.read() as work:
            meters = await work.meters.in_use(source="snmp", nas_id=nas.id)
            before = await work.devices.state(nas.id)
        self.polls += 1
        try:
            access = access_of(nas, self._box)
            report = await self._reader.read(
                access, _wanted(meters, health=whole, sessions=whole and self._sums is not None)
            )
        except (DeviceSilentError, DeviceRefusedError, InvalidInputError) as error:
            self.silent += 1
            return await self._fail(nas, asked_at, str(error))
        at = self._clock.now()
        clock, begun = _clock_of(before, report, at)
        if not await self._keep_clock(nas.id, before, asked_at, clock):
            return 0
        readings, notes = _readings(meters, report, clock, begun, at)
        outcomes = await self._readings.handle(readings, at) if readings else []
        notes += _doubts(meters, readings, outcomes)
        if whole and self._sums is not None:
            await self._sums.take(nas, report.every_port, at)
        if before is not None and before.failures:
            logger.info("NAS %s is read over SNMP again", nas.name, extra={"event": "device_answers"})
        async with self._store.write() as work:
            kept = await work.devices.state(nas.id, lock=True)
            if kept is not None and kept.began == clock.began:
                await work.devices.keep(_state(kept, asked_at, report, clock, notes))
        return 0

    async def _keep_clock(
        self, nas_id: UUID, before: DeviceState | None, asked_at: datetime, clock: DeviceClock
    ) -> bool:
        """Write that a device has begun again before anything is booked by it: so a beginning is found only once.

        If we stop in between, the next reading finds the new run known already, and no longer counts what counters show
        as moved unless they are lower.

        Returns:
            whether this reading may go on; not if another poller has found another run meanwhile.
        """
        if before is not None and before.began == clock.began:
            return True
        async with self._store.write() as work:
            kept = await work.devices.state(nas_id, lock=True)
            if (kept.began if kept is not None else "") != (before.began if before is not None else ""):
                return False
            await work.devices.keep(_with_clock(kept or DeviceState(nas_id=nas_id, asked_at=asked_at), clock))
        return True

    async def _fail(self, nas: Nas, asked_at: datetime, trouble: str) -> int:
        """Keep that a device was not read, and return how many times in a row that is."""
        async with self._store.write() as work:
            kept = await work.devices.state(nas.id, lock=True) or DeviceState(nas_id=nas.id, asked_at=asked_at)
            state = replace(kept, asked_at=asked_at, failures=kept.failures + 1, trouble=trouble[:300])
            await work.devices.keep(state)
        if state.failures == 1:
            logger.warning("NAS %s is not read over SNMP: %s", nas.name, trouble, extra={"event": "device_silent"})
        return state.failures


def is_polled(nas: Nas) -> bool:
    """Tell whether SNMP is set for a NAS."""
    return nas.snmp_community_sealed is not None or nas.snmp_user_sealed is not None


def access_of(nas: Nas, box: Opener) -> SnmpAccess:
    """Return where and how a NAS is read.

    Raises:
        InvalidInputError: SNMP is not set for it, or its address is a network and it says nowhere where its agent is.
    """
    if not is_polled(nas):
        raise InvalidInputError(
            f"SNMP is not set for NAS {nas.name}", hint=f"`netbilld nas set {nas.name} --snmp-community …`"
        )
    host = nas.snmp_address
    if host is None:
        network = ip_network(nas.address)
        host = str(network.network_address) if network.num_addresses == 1 else nas.reported_ip
    if host is None:
        raise InvalidInputError(
            f"its address {nas.address} is a network", hint=f"`netbilld nas set {nas.name} --snmp-address …`"
        )
    user = community = None
    if nas.snmp_user_sealed is not None:
        user = read_user(box.open(nas.snmp_user_sealed, snmp_user_place(nas.id)))
    elif nas.snmp_community_sealed is not None:
        community = box.open(nas.snmp_community_sealed, snmp_community_place(nas.id)).decode()
    return SnmpAccess(host, nas.snmp_port or PORT, community, user)


def _how(nas: Nas) -> tuple[object, ...]:
    return (
        nas.address,
        nas.snmp_address,
        nas.snmp_port,
        nas.snmp_community_sealed,
        nas.snmp_user_sealed,
        nas.snmp_uplink,
    )


def _wanted(meters: Sequence[Meter], *, health: bool, sessions: bool) -> Wanted:
    named: dict[str, set[str]] = {}
    known: dict[tuple[str, str], str] = {}
    for meter in meters:
        series = series_of(meter.key)
        named.setdefault(series.kind, set()).add(series.name)
        if (index := index_in(meter.epoch)) is not None:
            known[series.kind, series.name] = index
    return Wanted(
        interfaces=named.get("interface", ()),
        aliases=named.get("alias", ()),
        queues=named.get("queue", ()),
        known=known,
        health=health,
        sessions=sessions,
    )


def _clock_of(before: DeviceState | None, report: DeviceReport, at: datetime) -> tuple[DeviceClock, Onset | None]:
    if before is None or before.answered_at is None:
        return first(report.uptime_ticks, at, is_host=report.is_host_uptime), None
    last = DeviceClock(before.ticks, before.answered_at, before.boots, before.is_host_clock, before.began)
    return tick(last, report.uptime_ticks, at, is_host=report.is_host_uptime)


def _readings(
    meters: Sequence[Meter], report: DeviceReport, clock: DeviceClock, begun: Onset | None, at: datetime
) -> tuple[list[MeterReading], list[str]]:
    """Return what the meters of a device read, and what is odd about them."""
    readings: list[MeterReading] = []
    notes: list[str] = []
    names: dict[str, dict[str, str]] = {}
    for (kind, index), name in report.names.items():
        names.setdefault(kind, {})[index] = name
    for meter in meters:
        series = series_of(meter.key)
        port = report.ports.get((series.kind, series.name))
        if port is None:
            twice = (series.kind, series.name) in report.ambiguous
            notes.append(f"{series.kind} {series.name} is {'there more than once' if twice else 'not there'}")
            continue
        if note := _narrow(meter, port, at):
            notes.append(f"{series.kind} {series.name}: {note}")
        readings.append(_reading(meter, series, port, clock, begun, at, names.get(series.kind, {})))
    return readings, notes


def _reading(
    meter: Meter,
    series: Series,
    port: Port,
    clock: DeviceClock,
    begun: Onset | None,
    at: datetime,
    names: Mapping[str, str],
) -> MeterReading:
    epoch, onset = epoch_of(
        meter.epoch,
        clock,
        begun,
        port.index,
        port.discontinuity,
        wide=port.wide,
        is_dynamic=series.is_dynamic,
        names={index: name for index, name in names.items() if name != series.name},
    )
    upload, download = port.in_octets, port.out_octets  # what the device takes in, the subscriber has sent
    if meter.is_swapped:
        upload, download = download, upload
    return MeterReading(
        meter.service_id,
        meter.source,
        meter.key,
        at,
        upload,
        download,
        port.wide,
        clock.ticks,
        epoch,
        onset,
        port.fastest_bps,
        clock_hz=TICKS_A_SECOND,
    )


def _narrow(meter: Meter, port: Port, at: datetime) -> str | None:
    """Return a warning where a 32-bit counter may have gone round more than once between two readings."""
    if port.wide or meter.at is None:
        return None
    if port.fastest_bps is not None and port.fastest_bps * (at - meter.at).total_seconds() >= _WRAP_BITS:
        return "its 32-bit counters may have gone round more than once; read it more often, or by 64-bit ones"
    return None


def _doubts(meters: Sequence[Meter], readings: Sequence[MeterReading], outcomes: Sequence[Outcome]) -> list[str]:
    named = {meter.key: series_of(meter.key) for meter in meters}
    return [
        f"{named[reading.key].kind} {named[reading.key].name}: {came.upload_octets + came.download_octets} octets "
        f"since {came.from_at:%Y-%m-%d %H:%M} UTC are {came.reason}: not booked"
        for reading, came in zip(readings, outcomes, strict=True)
        if came.took is Took.DOUBTED
    ]


def _with_clock(state: DeviceState, clock: DeviceClock) -> DeviceState:
    return replace(
        state,
        answered_at=clock.at,
        ticks=clock.ticks,
        boots=clock.boots,
        is_host_clock=clock.is_host,
        began=clock.began,
    )


def _state(
    kept: DeviceState, asked_at: datetime, report: DeviceReport, clock: DeviceClock, notes: Sequence[str]
) -> DeviceState:
    state = replace(
        _with_clock(kept, clock),
        asked_at=asked_at,
        failures=0,
        trouble=None,
        notes=tuple(notes[:_MOST_NOTES]),
    )
    health = report.health
    if health is None:
        return state
    texts = {"name": health.name[:200], "description": health.description[:300], "version": health.version[:200]}
    return replace(state, **{**asdict(health), **texts})
