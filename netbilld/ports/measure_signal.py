"""How strong the radio link of a device is, where a router of ours is its access point."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

GOOD_DBM, FAIR_DBM = -65, -75  # of an outdoor link in the 5 GHz band; below the second it drops in rain


@dataclass(frozen=True, slots=True)
class Signal:
    """One reading.

    Attributes:
        signal_dbm: what the access point receives of the device.
        snr_db: how far above the noise; None where the router does not say.
        tx_rate, rx_rate: of the link, as the router writes them; empty where it does not.
        interface: of the access point.
        uptime: of the link, as the router writes it.
    """

    signal_dbm: int
    snr_db: int | None
    tx_rate: str
    rx_rate: str
    interface: str
    uptime: str

    @property
    def tone(self) -> str:
        """Return good, warn or bad."""
        return "good" if self.signal_dbm >= GOOD_DBM else "warn" if self.signal_dbm >= FAIR_DBM else "bad"


class MeasureSignal(Protocol):
    async def of(self, nas_id: UUID, mac: str) -> Signal | None:
        """Return how a NAS receives a device; None where it is no access point of it, or can't be asked."""
        ...
