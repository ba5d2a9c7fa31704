"""`/radius incoming`: takes CoA- and Disconnect-Requests (RFC 5176) and remembers every one."""

import asyncio
import struct
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pyrad.packet import CoANAK, CoAPacket, CoARequest, DisconnectNAK, DisconnectRequest, PacketError

from netbilld.demo.nas.misbehaviour import Misbehaviour
from netbilld.demo.nas.spec import NasSpec
from netbilld.demo.nas.wire import DICTIONARY, first, text, well_formed

_REMEMBERED_REPLIES = 1_024
_CODES = (CoARequest, DisconnectRequest)


@dataclass(slots=True)
class Order:
    """One order as it arrived, and what came of it.

    Attributes:
        received_mono, received_at: when the datagram was read, on the monotonic and on the wall clock.
        duplicate: it repeats an order that was answered before.
        outcome: `silent` means carried out or not, no answer left; see the misbehaviour that was set.
        error_cause: of a NAK.
    """

    kind: Literal["coa", "disconnect"]
    received_mono: float
    received_at: datetime
    source: tuple[str, int]
    identifier: int
    username: str = ""
    acct_session_id: str = ""
    framed_ip_address: str = ""
    calling_station_id: str = ""
    nas_ip_address: str = ""
    nas_identifier: str = ""
    rate_limit: str | None = None
    address_list: str | None = None
    session_timeout_seconds: int | None = None
    message_authenticator: bool = False
    attributes: dict[str, list[Any]] = field(default_factory=dict)
    duplicate: bool = False
    outcome: Literal["ack", "nak", "silent"] = "silent"
    error_cause: int | None = None


@dataclass(slots=True)
class OrderStats:
    """What `/radius incoming monitor` shows."""

    requests: int = 0
    bad_requests: int = 0
    duplicates: int = 0
    acks: int = 0
    naks: int = 0


class OrderServer(asyncio.DatagramProtocol):
    """Verifies, answers and records orders; carrying them out is the router's.

    Args:
        carry_out: does what the order says and returns nothing, or returns the Error-Cause of its refusal.
    """

    def __init__(
        self,
        spec: NasSpec,
        misbehaviour: Misbehaviour,
        now: Callable[[], datetime],
        carry_out: Callable[[Order], int | None],
    ) -> None:
        self.orders: list[Order] = []
        self.stats = OrderStats()
        self._spec = spec
        self._misbehaviour = misbehaviour
        self._now = now
        self._carry_out = carry_out
        self._sources = {str(address) for address in spec.coa_sources or (spec.server_address,)}
        self._replies: OrderedDict[tuple[str, int, int, bytes], bytes] = OrderedDict()
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self, port: int) -> int:
        """Listen, and return the port: a free one when 0 is asked for.

        Raises:
            OSError: the address or port can't be had.
        """
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=(str(self._spec.bind_address), port)
        )
        bound: int = self._transport.get_extra_info("sockname")[1]
        return bound

    def close(self) -> None:
        """Stop listening, as a router without power does; it forgets its answers, the record of orders stays."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        self._replies.clear()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Deal with one datagram; what is not a sound order of the server gets silence and is counted."""
        received_mono = asyncio.get_running_loop().time()
        packet = self._verified(data, addr[0])
        if packet is None:
            self.stats.bad_requests += 1
            return
        try:
            order = _read_order(packet, addr, received_mono, self._now())
        except (PacketError, ValueError, struct.error):
            self.stats.bad_requests += 1
            return
        self.stats.requests += 1
        self.orders.append(order)
        if self._misbehaviour.take("silent_orders"):
            return
        key = (addr[0], addr[1], packet.id, packet.authenticator)
        answer = self._replies.get(key)
        if answer is not None:
            order.duplicate = True
            self.stats.duplicates += 1
        else:
            answer = self._answer(packet, order)
            self._remember(key, answer)
        if self._misbehaviour.take("lost_ack_orders"):
            return
        self._reply(order, answer, addr)

    def error_received(self, exc: Exception) -> None:
        """The server closed its port before the answer; it will ask again."""

    def _verified(self, data: bytes, source: str) -> Any:
        if source not in self._sources or not well_formed(data) or data[0] not in _CODES:
            return None
        try:
            packet = CoAPacket(packet=data, secret=self._spec.secret.encode(), dict=DICTIONARY)
            sound = packet.VerifyCoARequest() and (
                packet.message_authenticator is None or packet.verify_message_authenticator()
            )
        except PacketError:
            return None
        return packet if sound else None

    def _answer(self, packet: Any, order: Order) -> bytes:
        cause: int | None
        if self._misbehaviour.take("nak_orders"):
            cause = self._misbehaviour.nak_error_cause
        elif self._misbehaviour.take("ack_without_effect") or (
            order.kind == "coa" and self._misbehaviour.take("ack_coa_without_effect")
        ):
            cause = None
        else:
            cause = self._carry_out(order)
        order.error_cause = cause
        # no Proxy-State comes here, and RouterOS signs answers by the Response Authenticator alone
        reply = packet.CreateReply()
        if cause is not None:
            reply.code = DisconnectNAK if order.kind == "disconnect" else CoANAK
            reply["Error-Cause"] = cause
        reply["NAS-Identifier"] = self._spec.name
        datagram: bytes = reply.ReplyPacket()
        return datagram

    def _reply(self, order: Order, answer: bytes, addr: tuple[str, int]) -> None:
        order.outcome = "nak" if answer[0] in (DisconnectNAK, CoANAK) else "ack"
        if order.outcome == "nak":
            self.stats.naks += 1
        else:
            self.stats.acks += 1
        if self._misbehaviour.take("wrong_authenticator_orders"):
            answer = answer[:4] + bytes(octet ^ 0xFF for octet in answer[4:20]) + answer[20:]
        if self._transport is not None:
            self._transport.sendto(answer, addr)

    def _remember(self, key: tuple[str, int, int, bytes], answer: bytes) -> None:
        self._replies[key] = answer
        while len(self._replies) > _REMEMBERED_REPLIES:
            self._replies.popitem(last=False)


def identifies_nothing(order: Order) -> bool:
    """Return whether the order names no session at all (RFC 5176 section 3)."""
    return not (order.username or order.acct_session_id or order.framed_ip_address or order.calling_station_id)


def wrong_router(order: Order, spec: NasSpec) -> bool:
    """Return whether the order is meant for another router (RFC 5176 section 3)."""
    return order.nas_ip_address not in ("", str(spec.bind_address)) or order.nas_identifier not in ("", spec.name)


def _read_order(packet: Any, addr: tuple[str, int], received_mono: float, received_at: datetime) -> Order:
    if packet.code == CoARequest:
        kind: Literal["coa", "disconnect"] = "coa"
    else:
        kind = "disconnect"
    return Order(
        kind=kind,
        received_mono=received_mono,
        received_at=received_at,
        source=(addr[0], addr[1]),
        identifier=packet.id,
        username=text(packet, "User-Name"),
        acct_session_id=text(packet, "Acct-Session-Id"),
        framed_ip_address=str(first(packet, "Framed-IP-Address") or ""),
        calling_station_id=text(packet, "Calling-Station-Id"),
        nas_ip_address=str(first(packet, "NAS-IP-Address") or ""),
        nas_identifier=text(packet, "NAS-Identifier"),
        rate_limit=text(packet, "Mikrotik-Rate-Limit") if "Mikrotik-Rate-Limit" in packet else None,
        address_list=text(packet, "Mikrotik-Address-List") if "Mikrotik-Address-List" in packet else None,
        session_timeout_seconds=first(packet, "Session-Timeout"),
        message_authenticator=packet.message_authenticator is not None,
        attributes={str(name): list(packet[name]) for name in packet.keys()},  # noqa: SIM118 - pyrad's keys() gives names, iterating gives numbers
    )
