"""Devices, as they are read over SNMP."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from netbilld.model.device_state import DeviceHealth
from netbilld.model.errors import NetbilldError
from netbilld.model.snmp import SnmpAccess


class DeviceSilentError(NetbilldError):
    """A device does not answer."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="device_silent")


class DeviceRefusedError(NetbilldError):
    """A device answers, and does not let us read it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="device_refused")


@dataclass(frozen=True, slots=True)
class Port:
    """Counters of an interface or a queue, from the device's point of view.

    Attributes:
        index: its number within the device's table, as text: RouterOS has some beyond 31 bits.
        name: as the device has it now.
        wide: 64 bits.
        discontinuity: the device's own clock when it last lost count; 0 for never.
        fastest_bps: what it can carry one way; None if the device doesn't say.
    """

    index: str
    name: str
    in_octets: int
    out_octets: int
    wide: bool
    discontinuity: int = 0
    fastest_bps: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read of a device, and under which index each was found before.

    Attributes:
        interfaces, aliases, queues: names.
        known: index by kind and name.
        health: what it says of itself too.
        sessions: every interface of the device too, for what its sessions move.
    """

    interfaces: Collection[str] = ()
    aliases: Collection[str] = ()
    queues: Collection[str] = ()
    known: Mapping[tuple[str, str], str] = field(default_factory=dict)
    health: bool = False
    sessions: bool = False


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """What a device said in one reading.

    Attributes:
        uptime_ticks: hundredths of a second since it was switched on, or since its agent was started; modulo 2³².
        is_host_uptime: the former.
        ports: by kind (interface, alias, queue) and name.
        names: of every port that was seen, by kind and index; only where a table was read whole.
        ambiguous: kind and name of what the device has twice.
        every_port: every interface, where that was asked for.
        health: where that was asked for.
    """

    uptime_ticks: int
    is_host_uptime: bool
    ports: Mapping[tuple[str, str], Port] = field(default_factory=dict)
    names: Mapping[tuple[str, str], str] = field(default_factory=dict)
    ambiguous: frozenset[tuple[str, str]] = frozenset()
    every_port: tuple[Port, ...] = ()
    health: DeviceHealth | None = None


class DeviceReader(Protocol):
    """Reads a device once."""

    async def read(self, access: SnmpAccess, wanted: Wanted) -> DeviceReport:
        """Return what the device says.

        Raises:
            DeviceSilentError: no answer.
            DeviceRefusedError: an answer that says no.
        """
        ...

    def close(self) -> None:
        """Let go of every socket."""
        ...
