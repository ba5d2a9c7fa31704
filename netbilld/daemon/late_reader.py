"""The SNMP reader, loaded when the first device is read: most starts and commands need none."""

from typing import TYPE_CHECKING

from netbilld.model.snmp import SnmpAccess
from netbilld.ports.snmp import DeviceReport, Wanted

if TYPE_CHECKING:
    from netbilld.adapters.snmp.reader import SnmpReader


class LateReader:
    """A reader of devices."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._reader: SnmpReader | None = None

    async def read(self, access: SnmpAccess, wanted: Wanted) -> DeviceReport:
        """Return what a device says.

        Raises:
            DeviceSilentError: no answer.
            DeviceRefusedError: an answer that says no.
        """
        if self._reader is None:
            from netbilld.adapters.snmp.reader import SnmpReader  # noqa: PLC0415 - a quarter of a second to load

            self._reader = SnmpReader(self._timeout_seconds)
        return await self._reader.read(access, wanted)

    def close(self) -> None:
        """Let go of every socket."""
        if self._reader is not None:
            self._reader.close()
