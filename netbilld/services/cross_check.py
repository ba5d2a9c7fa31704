"""CrossCheck: each hour, what a NAS's interfaces carried beside what accounting told; what lacks is money at risk."""

import logging
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from netbilld.accounting.cross_check import (
    HourPart,
    Snapshot,
    Verdict,
    by_hour,
    judge_hour,
    moved,
    risk_minor,
    snapshot,
)
from netbilld.model.nas import Nas
from netbilld.model.periods import local_date
from netbilld.ports.snmp import Port

# After an hour is over: once its last reports have come in, and again for those that came late.
WAITS: Final = (timedelta(minutes=20), timedelta(hours=6), timedelta(hours=24))
MOST_AT_ONCE: Final = 500
RISK_HOURS: Final = 24
logger = logging.getLogger("netbilld.devices")


class DueHour(NamedTuple):
    """An hour of a NAS to be compared."""

    nas_id: UUID
    nas_name: str
    uplink: str | None
    hour_at: datetime
    device_upload_octets: int
    device_download_octets: int
    read_seconds: int


class CheckedHour(NamedTuple):
    """How an hour of a NAS compares; `risk_minor` is what the missing octets are worth."""

    nas_id: UUID
    nas_name: str
    hour_at: datetime
    device_upload_octets: int
    device_download_octets: int
    read_seconds: int
    told_upload_octets: int
    told_download_octets: int
    missing_octets: int
    risk_minor: int
    currency: str | None
    state: str
    checked_at: datetime | None

    @property
    def missing_percent(self) -> float:
        """Return what lacks of what the interfaces carried."""
        carried = self.device_upload_octets + self.device_download_octets
        return 100 * self.missing_octets / carried if carried else 0.0


class CrossChecks(Protocol):
    async def add(self, nas_id: UUID, parts: Sequence[HourPart]) -> None: ...
    async def due(self, now: datetime, waits: Sequence[timedelta], limit: int) -> list[DueHour]: ...
    async def told(self, hour: DueHour) -> tuple[int, int]: ...
    async def prices(self, nas_id: UUID, hour_at: datetime, currency: str, on: date) -> list[tuple[Fraction, int]]: ...
    async def keep(self, checked: Iterable[CheckedHour], now: datetime) -> None: ...
    async def lines(
        self,
        from_at: datetime,
        to_at: datetime,
        *,
        nas_id: UUID | None = None,
        only_missing: bool = True,
        limit: int = 5000,
    ) -> list[CheckedHour]: ...


class Work(Protocol):
    @property
    def cross_checks(self) -> CrossChecks: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class CheckPolicy:
    """What two meters of one traffic may differ by, and where and in what the operator counts."""

    percent: int
    least_octets: int
    timezone: str
    currency: str


class CrossCheck:
    """Sums what devices say of their sessions' interfaces, and compares hours that are over.

    Attributes:
        at_risk: missing octets of the last day and what they are worth, by name of the NAS.
    """

    def __init__(self, store: Store, policy: CheckPolicy) -> None:
        self.at_risk: dict[str, tuple[int, int]] = {}
        self._store = store
        self._policy = policy
        self._last: dict[UUID, tuple[str | None, Snapshot]] = {}
        self._told: set[tuple[UUID, datetime]] = set()

    async def take(self, nas: Nas, ports: Sequence[Port], at: datetime) -> None:
        """Add what has moved on a NAS's interfaces since they were last read.

        Raises:
            StoreUnavailableError: the database is away; what moved counts with the next reading.
        """
        uplink = nas.snmp_uplink
        now = snapshot(((port.name, port.index, port.in_octets, port.out_octets) for port in ports), at, uplink)
        known = self._last.get(nas.id)
        if known is not None and known[0] == uplink:
            before = known[1]
            upload, download = moved(before, now, is_uplink=uplink is not None)
            parts = by_hour(before.at, at, upload, download, self._policy.timezone)
            if parts and (now.ports or before.ports):
                async with self._store.write() as work:
                    await work.cross_checks.add(nas.id, parts)
        self._last[nas.id] = uplink, now

    def forget(self) -> None:
        """Begin anew with the next reading of each device: what moved until then was somebody else's to count."""
        self._last.clear()

    async def run(self, now: datetime) -> list[CheckedHour]:
        """Compare hours that are due, and return how they compare.

        Raises:
            StoreUnavailableError: the database is away.
        """
        async with self._store.write() as work:
            due = await work.cross_checks.due(now, WAITS, MOST_AT_ONCE)
            checked = [await self._check(work, hour, now) for hour in due]
            await work.cross_checks.keep(checked, now)
        for one in checked:
            if one.state == Verdict.MISSING and (one.nas_id, one.hour_at) not in self._told:
                self._told.add((one.nas_id, one.hour_at))
                logger.warning(
                    "accounting of NAS %s lacks %d octets (%.0f %%) of what its interfaces carried in the hour of %s",
                    one.nas_name,
                    one.missing_octets,
                    one.missing_percent,
                    f"{one.hour_at:%Y-%m-%d %H:%M} UTC",
                    extra={"event": "money_at_risk"},
                )
        self._told = {key for key in self._told if now - key[1] < 3 * WAITS[-1]}
        async with self._store.read() as work:
            lines = await work.cross_checks.lines(now - timedelta(hours=RISK_HOURS), now)
        self.at_risk = {}
        for line in lines:
            octets, minor = self.at_risk.get(line.nas_name, (0, 0))
            self.at_risk[line.nas_name] = octets + line.missing_octets, minor + line.risk_minor
        return checked

    async def _check(self, work: Work, hour: DueHour, now: datetime) -> CheckedHour:
        told_up, told_down = await work.cross_checks.told(hour)
        state, missing = judge_hour(
            hour.device_upload_octets + hour.device_download_octets,
            told_up + told_down,
            hour.read_seconds,
            percent=self._policy.percent,
            least_octets=self._policy.least_octets,
        )
        risk = 0
        if missing:
            on = local_date(now, self._policy.timezone)
            prices = await work.cross_checks.prices(hour.nas_id, hour.hour_at, self._policy.currency, on)
            risk = risk_minor(missing, prices)
        return CheckedHour(
            hour.nas_id,
            hour.nas_name,
            hour.hour_at,
            hour.device_upload_octets,
            hour.device_download_octets,
            hour.read_seconds,
            told_up,
            told_down,
            missing,
            risk,
            self._policy.currency,
            str(state),
            now,
        )
