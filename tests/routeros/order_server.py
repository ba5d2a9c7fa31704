"""`/radius incoming`: CoA- and Disconnect-Requests as RouterOS takes them, and the ways in which it may not (RFC 5176).

What is known of its habits: it verifies by the secret of the `/radius` entry whose address the sender has, and is
silent to everybody else; a NAS-IP-Address that is not its own is refused; a name alone finds a PPP session, a hotspot's
needs its address; a CoA carries the rate, and Mikrotik-Address-List is acknowledged and changes nothing.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final, Literal

from tests.routeros import radius_wire as wire
from tests.routeros.lines import HOTSPOT
from tests.routeros.radius_wire import Kind, Packet, number
from tests.routeros.rate_limit import RateLimitError, queue_values

if TYPE_CHECKING:
    from tests.routeros.dialled import Dialled
    from tests.routeros.radius_side import RadiusSide

Answer = Literal["ack", "nak", "silent", "late", "wrong_secret"]

MISSING_ATTRIBUTE, IDENTIFICATION_MISMATCH, INVALID_VALUE, NOT_FOUND = 402, 403, 407, 503
_REMEMBERED: Final = 512
_CLOCK_SECONDS: Final = 300  # how far an Event-Timestamp may be from the router's own clock


@dataclass
class Manners:
    """How orders are dealt with.

    Attributes:
        answer: what the sender hears; `late` after `late_seconds`, `wrong_secret` what nobody should believe.
        obeys: whether what is not refused is done.
        error_cause: of a refusal.
        only: the kind of order that this is about; the other one is dealt with as it should be.
        left: so many orders, then as it should be; None for all of them.
    """

    answer: Answer = "ack"
    obeys: bool = True
    error_cause: int | None = NOT_FOUND
    late_seconds: float = 1.0
    only: Literal["coa", "disconnect"] | None = None
    left: int | None = None

    def spoils(self, kind: str) -> bool:
        if self.left == 0 or self.only not in {None, kind}:
            return False
        if self.left is not None:
            self.left -= 1
        return True


@dataclass
class Asked:
    """One order, retransmissions left out: what it said, and what came of it."""

    kind: Literal["coa", "disconnect"]
    username: str
    packet: Packet
    source: tuple[str, int]
    at_mono: float
    copies: int = 1
    done: bool = False
    refused: int | None = None
    lines: list["Dialled"] = field(default_factory=list)


class OrderServer(asyncio.DatagramProtocol):
    """Takes orders where `/radius incoming` says."""

    def __init__(self, side: "RadiusSide") -> None:
        self.manners = Manners()
        self.asked: list[Asked] = []
        self.bad_requests = self.acks = self.naks = self.requests = 0
        self._side = side
        self._transport: Any = None
        self._port = 0
        self._known: dict[tuple[tuple[str, int], bytes], Asked] = {}
        self._answers: OrderedDict[tuple[tuple[str, int], bytes], tuple[Asked, bytes]] = OrderedDict()

    async def follow(self) -> None:
        """Listen, or stop to, as the menu says now; port 0 takes a free one and writes it there."""
        settings = self._side.router.incoming
        wanted = int(settings["port"]) if settings["accept"] == "true" else None
        if self._transport is not None and wanted != self._port:
            self.close()
        if wanted is not None and self._transport is None:
            self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: self, local_addr=(self._side.host, wanted)
            )
            self._port = self._transport.get_extra_info("sockname")[1]
            settings["port"] = str(self._port)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        self._answers.clear()
        self._known.clear()

    @property
    def port(self) -> int:
        assert self._port, "it listens"
        return self._port

    def of(self, username: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.username == username]

    def counted(self) -> dict[str, str]:
        """Return what `/radius incoming monitor` shows."""
        return {
            "requests": str(self.requests),
            "bad-requests": str(self.bad_requests),
            "acks": str(self.acks),
            "naks": str(self.naks),
        }

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        secret = self._secret(data, addr[0])
        if secret is None:
            self.bad_requests += 1
            return
        key = (addr[:2], data[:20])
        if key in self._answers:
            asked, answer = self._answers[key]
            asked.copies += 1
            self._send(answer, addr)
            return
        packet = wire.decode(data)
        if not self._is_timely(packet):
            self.bad_requests += 1
            return
        self.requests += 1
        kind: Literal["coa", "disconnect"] = "coa" if packet.code == wire.COA_REQUEST else "disconnect"
        if (copied := self._known.get(key)) is not None:  # of one that was left unanswered
            copied.copies += 1
            return
        asked = Asked(kind, packet.text(wire.USER_NAME), packet, (addr[0], addr[1]), time.monotonic())
        self.asked.append(asked)
        self._known[key] = asked
        self._deal_with(asked, secret, key)

    def _deal_with(self, asked: Asked, secret: bytes, key: tuple[tuple[str, int], bytes]) -> None:
        manners = self.manners if self.manners.spoils(asked.kind) else Manners()
        cause = self._refusal(asked)
        if manners.answer == "nak":
            cause = manners.error_cause if manners.error_cause is not None else 0
        elif cause is None and manners.obeys:
            self._obey(asked)
        asked.refused = cause
        if manners.answer == "silent":
            return
        answer = self._signed(asked, cause, secret + b"?" if manners.answer == "wrong_secret" else secret)
        if manners.answer == "late":
            asyncio.get_running_loop().call_later(manners.late_seconds, self._send, answer, asked.source)
            return
        self._answers[key] = asked, answer
        while len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)
        self._send(answer, asked.source)

    def _signed(self, asked: Asked, cause: int | None, secret: bytes) -> bytes:
        is_coa = asked.kind == "coa"
        code = (
            (wire.COA_ACK if is_coa else wire.DISCONNECT_ACK)
            if cause is None
            else (wire.COA_NAK if is_coa else wire.DISCONNECT_NAK)
        )
        self.acks += cause is None
        self.naks += cause is not None
        identity = self._side.router.store["/system/identity"].only.get("name").encode()
        said: list[tuple[Kind, bytes]] = [(wire.NAS_IDENTIFIER, identity)]
        if cause:
            said.append((wire.ERROR_CAUSE, number(cause)))
        return wire.signed_reply(code, asked.packet, said, secret)

    def _send(self, answer: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None:
            self._transport.sendto(answer, addr)

    def _secret(self, data: bytes, source: str) -> bytes | None:
        """Return the secret it is signed with; None where the sender is not in `/radius`, or has another."""
        try:
            if wire.decode(data).code not in {wire.COA_REQUEST, wire.DISCONNECT_REQUEST}:
                return None
        except wire.GarbageError:
            return None
        for item in self._side.router.store["/radius"].items:
            if item.get("disabled") != "true" and item.get("address").partition("@")[0] == source:
                secret = item.get("secret").encode()
                if wire.is_true_order(data, secret):
                    return secret
        return None

    def _is_timely(self, packet: Packet) -> bool:
        if packet.first(wire.EVENT_TIMESTAMP) is None:
            return True
        now = self._side.now_unix() + self._side.clock_ahead_seconds
        return abs(packet.number(wire.EVENT_TIMESTAMP) - now) <= _CLOCK_SECONDS

    # -- what it asks for ----------------------------------------------------------------------------------------------

    def _refusal(self, asked: Asked) -> int | None:
        """Return why this can't be done, or find the sessions that are meant."""
        packet = asked.packet
        said_ip = packet.first(wire.NAS_IP_ADDRESS)
        if said_ip is not None and str(IPv4Address(said_ip)) != self._side.nas_ip:
            return IDENTIFICATION_MISMATCH
        identity = self._side.router.store["/system/identity"].only.get("name")
        if packet.first(wire.NAS_IDENTIFIER) is not None and packet.text(wire.NAS_IDENTIFIER) != identity:
            return IDENTIFICATION_MISMATCH
        marks = (wire.USER_NAME, wire.ACCT_SESSION_ID, wire.FRAMED_IP_ADDRESS, wire.CALLING_STATION_ID)
        if not any(packet.first(mark) is not None for mark in marks):
            return MISSING_ATTRIBUTE
        asked.lines = [line for line in self._side.lines if _is_meant(packet, line)]
        if not asked.lines:
            return NOT_FOUND
        try:
            queue_values(packet.text(wire.MIKROTIK_RATE_LIMIT))
        except RateLimitError:
            return INVALID_VALUE
        return None

    def _obey(self, asked: Asked) -> None:
        for line in asked.lines:
            if asked.kind == "disconnect":
                self._side.end(line)
            elif asked.packet.first(wire.MIKROTIK_RATE_LIMIT) is not None:
                line.rate_limit = asked.packet.text(wire.MIKROTIK_RATE_LIMIT)
                self._side.router.shown.show(self._side.router.lines)
        asked.done = True


def _is_meant(packet: Packet, line: "Dialled") -> bool:
    """Tell whether every mark that an order bears is this session's."""
    address = packet.first(wire.FRAMED_IP_ADDRESS)
    if line.service == HOTSPOT and address is None:
        return False
    if packet.first(wire.USER_NAME) is not None and packet.text(wire.USER_NAME) != line.name:
        return False
    if address is not None and str(IPv4Address(address)) != line.address:
        return False
    said_id = packet.text(wire.ACCT_SESSION_ID).casefold().removeprefix("0x")
    if said_id and said_id != line.session_id.casefold().removeprefix("0x"):
        return False
    station = packet.text(wire.CALLING_STATION_ID)
    return not station or station.upper() == line.mac.upper()
