"""RouterosSignal: asks a RouterOS access point how it receives a device.

Source: MikroTik's manual, pages Wireless (registration table), WiFi and CAPsMAN. Which of the menus there is depends on
the packages that are installed; one that is not there is passed over.
"""

import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from netbilld.adapters.nas.routeros import RouterosConnection, RouterosError, RouterosTrapError, Row
from netbilld.ports.measure_signal import Signal

MENUS: Final = (
    "/interface/wireless/registration-table",
    "/interface/wifi/registration-table",
    "/caps-man/registration-table",
)
_COLUMNS: Final = (
    "=.proplist=mac-address,interface,signal-strength,signal,rx-signal,signal-to-noise,tx-rate,rx-rate,uptime"
)
_DBM: Final = re.compile(r"-?\d{1,3}")  # -61dBm@6Mbps, -61, -58@HT20
_MAC: Final = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")


class RouterosSignal:
    """Asks the routers whose API address is known; a `MeasureSignal`."""

    def __init__(self, connections: Mapping[UUID, RouterosConnection]) -> None:
        """Take the connections by NAS; those there are now are looked up each time."""
        self._connections = connections

    async def of(self, nas_id: UUID, mac: str) -> Signal | None:
        """Return how a NAS receives a device; None where it is no access point of it, or can't be asked."""
        connection = self._connections.get(nas_id)
        wanted = mac.upper().replace("-", ":")
        if connection is None or not _MAC.fullmatch(wanted):
            return None
        for menu in MENUS:
            try:
                rows = await connection.rows(f"{menu}/print", _COLUMNS, f"?mac-address={wanted}")
            except RouterosTrapError:
                continue  # no such menu there
            except RouterosError:
                return None  # the connection keeps the reason
            for row in rows:
                if (signal := _signal(row)) is not None:
                    return signal
        return None


def _signal(row: Row) -> Signal | None:
    written = row.get("signal-strength") or row.get("signal") or row.get("rx-signal") or ""
    found = _DBM.match(written)
    if found is None:
        return None
    noise = row.get("signal-to-noise", "")
    return Signal(
        signal_dbm=int(found[0]),
        snr_db=int(noise) if noise.isdecimal() and len(noise) < 4 else None,
        tx_rate=row.get("tx-rate", "")[:60],
        rx_rate=row.get("rx-rate", "")[:60],
        interface=row.get("interface", "")[:60],
        uptime=row.get("uptime", "")[:40],
    )
