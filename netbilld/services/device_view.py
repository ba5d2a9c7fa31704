"""What pages show of a NAS that is read over SNMP."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from netbilld.accounting.series import series_of
from netbilld.model.device_state import DeviceState
from netbilld.services.cross_check import CheckedHour


@dataclass(frozen=True, slots=True)
class DeviceMeter:
    """A meter of a device: whose, by which port, and what it has booked."""

    id: int
    username: str
    subscriber_no: str
    key: str
    upload_octets: int
    download_octets: int
    state: str
    at: datetime | None

    @property
    def port(self) -> str:
        """Return the name of the interface or queue."""
        return series_of(self.key).name


@dataclass(frozen=True, slots=True)
class DeviceView:
    """How a device is, what is metered by it, and the hours of which accounting lacks something, newest first."""

    state: DeviceState | None
    meters: Sequence[DeviceMeter]
    hours: Sequence[CheckedHour]

    @property
    def missing_octets(self) -> int:
        return sum(hour.missing_octets for hour in self.hours)

    @property
    def risk_minor(self) -> int:
        return sum(hour.risk_minor for hour in self.hours)


class DeviceViews(Protocol):
    async def device_view(self, nas_id: UUID, since_at: datetime) -> DeviceView: ...
