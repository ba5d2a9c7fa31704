"""The SNMP reader, loaded when the first device is read: most starts and commands need none."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from netbilld.accounting.session import Session
from netbilld.adapters.clock import SystemClock
from netbilld.model.snmp import SnmpAccess
from netbilld.ports.ask_nas import NasAnswer
from netbilld.ports.snmp import DeviceReport, Wanted

if TYPE_CHECKING:
    from netbilld.adapters.snmp.reader import SnmpReader
    from netbilld.adapters.snmp.sessions import SnmpSessions


class LateReader:
    """A reader of devices."""

    def __init__(self, timeout_seconds: float, clock: SystemClock) -> None:
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._sessions: SnmpSessions | None = None
        self._reader: SnmpReader | None = None

    async def read(self, access: SnmpAccess, wanted: Wanted) -> DeviceReport:
        """Return what a device says.

        Raises:
            DeviceSilentError: no answer.
            DeviceRefusedError: an answer that says no.
        """
        return await self._loaded().read(access, wanted)

    def _loaded(self) -> "SnmpReader":
        if self._reader is None:
            from netbilld.adapters.snmp.reader import SnmpReader  # noqa: PLC0415 - a quarter of a second to load

            self._reader = SnmpReader(self._timeout_seconds)
        return self._reader

    async def ask(self, access: SnmpAccess, nas_id: UUID, sessions: Sequence[Session]) -> Mapping[int, NasAnswer]:
        """Return, by session id, what a device shows of sessions; nothing where it can't be asked."""
        if self._sessions is None:
            from netbilld.adapters.snmp.sessions import SnmpSessions  # noqa: PLC0415 - as above

            self._sessions = SnmpSessions(self._loaded(), self._clock.now, self._clock.monotonic)
        return await self._sessions.ask(access, nas_id, sessions)

    def close(self) -> None:
        """Let go of every socket."""
        if self._reader is not None:
            self._reader.close()
