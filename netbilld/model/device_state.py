"""What a device says of itself over SNMP."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceHealth:
    """How a device is, by its own word; None where it does not say.

    Attributes:
        temperature_decidegrees: of the board or the processor, in °C.
    """

    name: str = ""
    description: str = ""
    version: str = ""
    cpu_percent: int | None = None
    memory_octets: int | None = None
    memory_used_octets: int | None = None
    temperature_decidegrees: int | None = None
    ppp_sessions: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState(DeviceHealth):
    """A device as it was last read, and its clock.

    Attributes:
        asked_at, answered_at: the last time each; `answered_at` None for never.
        failures: in a row.
        trouble: why it was not read, in words; None while it is.
        notes: what is odd about it, in words.
        ticks: hundredths of a second it has run, wraps added in; `boots` how often it was seen to begin again, `began`
            names this run; `is_host_clock`: since it was switched on, not only since its agent was.
    """

    nas_id: UUID
    asked_at: datetime
    answered_at: datetime | None = None
    failures: int = 0
    trouble: str | None = None
    notes: tuple[str, ...] = ()
    ticks: int = 0
    boots: int = 0
    is_host_clock: bool = False
    began: str = ""
