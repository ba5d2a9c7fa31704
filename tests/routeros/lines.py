"""Sessions as a router shows them: each has its row, its interface, its queue and its places on lists."""

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tests.routeros.rate_limit import queue_values
from tests.routeros.store import Item, Row, Store, Value
from tests.routeros.values import shown_duration

HOTSPOT: Final = "hotspot"
DHCP: Final = "dhcp"


@dataclass(eq=False)
class Line:
    """One session: its counters begin at zero and grow at the rate of its line, from the router's point of view.

    Attributes:
        service: pppoe, l2tp and so on; `hotspot` for one of the hotspot, `dhcp` for a lease.
        rx_bps, tx_bps: what the router receives and sends: the subscriber's upload and download.
        rx_octets, tx_octets: set by hand instead where they are not None.
        rate_limit: in the words of Mikrotik-Rate-Limit; empty for no queue.
        address_lists: lists that its address is on while it lasts.
        is_local: it was let in by the router's own secrets.
    """

    name: str
    session_id: str = "0x81100001"
    service: str = "pppoe"
    rx_bps: int = 0
    tx_bps: int = 0
    address: str = "100.64.0.10"
    mac: str = "02:00:00:00:00:01"
    rx_octets: int | None = None
    tx_octets: int | None = None
    uptime: str | None = None
    began: float = field(default_factory=time.monotonic)
    number: int = 0
    rate_limit: str = ""
    address_lists: tuple[str, ...] = ()
    is_local: bool = False

    def counters(self, now: float | None = None) -> tuple[int, int]:
        elapsed = (time.monotonic() if now is None else now) - self.began
        rx = int(elapsed * self.rx_bps / 8) if self.rx_octets is None else self.rx_octets
        tx = int(elapsed * self.tx_bps / 8) if self.tx_octets is None else self.tx_octets
        return rx, tx

    @property
    def interface(self) -> str:
        return f"<{self.service}-{self.name}{f'-{self.number}' if self.number else ''}>"

    @property
    def queue_name(self) -> str:
        return f"dhcp-ds<{self.mac}>" if self.service == DHCP else self.interface

    @property
    def queue_target(self) -> str:
        return f"{self.address}/32" if self.service in {HOTSPOT, DHCP} else self.interface

    @property
    def _key(self) -> tuple[str, str, str, int, str]:
        return self.service, self.name, self.session_id, self.number, self.address


@dataclass
class _Shown:
    """What stands on the router for one session."""

    line: Line
    items: list[tuple[str, Item]] = field(default_factory=list)
    queue: Item | None = None
    rate_limit: str = ""
    queued_from: tuple[int, int] = (0, 0)
    queue_began: float = 0.0


class Lines:
    """Keeps the menus as the sessions are.

    What a session has on the router is made once: what somebody takes away by hand stays away.
    """

    def __init__(self, store: Store, now: Callable[[], float], on_kick: Callable[[Line], None]) -> None:
        self._store = store
        self._now = now
        self._on_kick = on_kick  # told of a session that somebody removes
        self._shown: dict[tuple[str, str, str, int, str], _Shown] = {}

    def show(self, lines: list[Line]) -> None:
        """Bring the menus to these sessions."""
        keys = {line._key for line in lines}
        for key in [key for key in self._shown if key not in keys]:
            self._take_away(self._shown.pop(key))
        for line in lines:
            shown = self._shown.get(line._key)
            if shown is None:
                shown = self._shown[line._key] = _Shown(line)
                self._put(shown)
            shown.line = line
            if shown.rate_limit != line.rate_limit:
                self._requeue(shown)

    def forget(self) -> None:
        """After a reboot nothing of them is there."""
        self._shown.clear()

    def _put(self, shown: _Shown) -> None:
        line = shown.line
        if line.service == HOTSPOT:
            self._make(shown, "/ip/hotspot/active", self._hotspot_row(shown), removable=True)
            self._make(
                shown,
                "/ip/hotspot/host",
                {"mac-address": line.mac, "address": line.address, "to-address": line.address, "authorized": "true"},
            )
        elif line.service == DHCP:
            self._make(shown, "/ip/dhcp-server/lease", self._lease_row(line), removable=True)
        else:
            self._make(shown, "/ppp/active", self._ppp_row(shown), removable=True)
            values: dict[str, Value] = {
                "name": line.interface,
                "type": f"{line.service}-in",
                "running": "true",
                "rx-byte": lambda: str(shown.line.counters(self._now())[0]),
                "tx-byte": lambda: str(shown.line.counters(self._now())[1]),
            }
            self._make(shown, "/interface", values)
        for name in line.address_lists:
            self._enlist(shown, name)

    def _make(self, shown: _Shown, path: str, values: dict[str, Value], *, removable: bool = False) -> Item:
        kick = (lambda: self._on_kick(shown.line)) if removable else None
        item = self._store[path].make(values, on_remove=kick)
        shown.items.append((path, item))
        return item

    def _enlist(self, shown: _Shown, name: str) -> None:
        version = ipaddress.ip_address(shown.line.address).version
        path = "/ip/firewall/address-list" if version == 4 else "/ipv6/firewall/address-list"
        table = self._store[path]
        if not table.where(list=name, address=shown.line.address):
            item = table.make({"list": name, "address": shown.line.address}, on_remove=lambda: None)
            shown.items.append((path, item))

    def _requeue(self, shown: _Shown) -> None:
        """Make the dynamic queue anew: its counters begin again, and it stands last."""
        table, line = self._store["/queue/simple"], shown.line
        if shown.queue is not None:
            table.drop(shown.queue)
            shown.queue = None
        shown.rate_limit = line.rate_limit
        values = queue_values(line.rate_limit)
        if values is None:
            return
        shown.queued_from = line.counters(self._now())
        made: dict[str, Value] = {"name": line.queue_name, "target": line.queue_target, **values}
        made["bytes"] = lambda: "/".join(
            str(counted - before)
            for counted, before in zip(shown.line.counters(self._now()), shown.queued_from, strict=True)
        )
        shown.queue = table.make(made)

    def _take_away(self, shown: _Shown) -> None:
        for path, item in shown.items:
            self._store[path].drop(item)
        if shown.queue is not None:
            self._store["/queue/simple"].drop(shown.queue)

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _uptime(self, shown: _Shown) -> Value:
        return lambda: shown.line.uptime or shown_duration(int(self._now() - shown.line.began))

    def _ppp_row(self, shown: _Shown) -> dict[str, Value]:
        line = shown.line
        return {
            "name": line.name,
            "service": line.service,
            "caller-id": line.mac,
            "address": line.address,
            "uptime": self._uptime(shown),
            "encoding": "",
            **({"session-id": line.session_id} if line.session_id else {}),
            "limit-bytes-in": "0",
            "limit-bytes-out": "0",
            "radius": "false" if line.is_local else "true",
        }

    def _hotspot_row(self, shown: _Shown) -> dict[str, Value]:
        line = shown.line
        return {
            "server": "hotspot1",
            "user": line.name,
            "address": line.address,
            "mac-address": line.mac,
            "login-by": "http-chap",
            "uptime": self._uptime(shown),
            "bytes-in": lambda: str(shown.line.counters(self._now())[0]),
            "bytes-out": lambda: str(shown.line.counters(self._now())[1]),
            "radius": "false" if line.is_local else "true",
        }

    def _lease_row(self, line: Line) -> dict[str, Value]:
        return {
            "address": line.address,
            "mac-address": line.mac,
            "active-address": line.address,
            "active-mac-address": line.mac,
            "client-id": "1:" + ":".join(f"{int(part, 16):x}" for part in line.mac.split(":")),
            "server": "dhcp1",
            "status": "bound",
            "radius": "true",
        }


def session_rows(rows: list[Row], name: str) -> list[Row]:
    """Return those of a subscriber, whether a menu calls them name or user."""
    return [row for row in rows if name in {row.get("name"), row.get("user")}]
