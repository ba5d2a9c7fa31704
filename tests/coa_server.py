"""A CoA server that does as it is told, for tests: written from RFC 5176 with pyrad, apart from the client under test."""

import asyncio
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from pyrad.packet import CoANAK, CoAPacket, DisconnectNAK, DisconnectRequest

USER_NAME, ACCT_SESSION_ID, FRAMED_IP_ADDRESS, ERROR_CAUSE = 1, 44, 8, 101
VENDOR_SPECIFIC = 26
RATE_LIMIT = (14988, 8)


@dataclass(slots=True)
class Received:
    """One datagram that was a sound request."""

    kind: str
    identifier: int
    raw: bytes
    attributes: dict[object, list[bytes]]
    source: tuple[str, int]
    at_mono: float

    @property
    def username(self) -> str:
        return self.attributes[USER_NAME][0].decode()

    @property
    def rate(self) -> str | None:
        values = self.attributes.get(RATE_LIMIT)
        return values[0].decode() if values else None


@dataclass
class CoaServer(asyncio.DatagramProtocol):
    """`answer` is what it does: ack, nak (with `error_cause`), silent, wrong_secret, late_ack (the second try on)."""

    secret: bytes = b"testing123"
    host: str = "127.0.0.1"
    answer: str = "ack"
    error_cause: int | None = 503
    disconnect_answer: str | None = None
    received: list[Received] = field(default_factory=list)
    unsound: int = 0
    port: int = 0

    async def __aenter__(self) -> Self:
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=(self.host, self.port)
        )
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()

    @property
    def orders(self) -> list[Received]:
        """What was asked, retransmissions left out."""
        seen: dict[bytes, Received] = {}
        for request in self.received:
            seen.setdefault(request.raw, request)
        return list(seen.values())

    def of(self, username: str) -> list[Received]:
        return [order for order in self.orders if order.username == username]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        at_mono = time.monotonic()
        packet = CoAPacket(packet=data, secret=self.secret)
        if not packet.VerifyCoARequest() or (80 in packet and not packet.verify_message_authenticator()):
            self.unsound += 1
            return
        kind = "disconnect" if packet.code == DisconnectRequest else "coa"
        attributes = _attributes(data)
        self.received.append(Received(kind, packet.id, data, attributes, addr, at_mono))
        answer = self.disconnect_answer if kind == "disconnect" and self.disconnect_answer else self.answer
        if answer == "silent":
            return
        if answer == "late_ack" and sum(request.raw == data for request in self.received) < 2:
            return
        reply = packet.CreateReply()
        if answer == "nak":
            reply.code = DisconnectNAK if kind == "disconnect" else CoANAK
            if self.error_cause is not None:
                reply[ERROR_CAUSE] = [self.error_cause.to_bytes(4, "big")]
        if answer == "wrong_secret":
            reply.secret = b"another secret"
        self._transport.sendto(reply.ReplyPacket(), addr)


def _attributes(datagram: bytes) -> dict[object, list[bytes]]:
    """Read attributes in wire order; a vendor's go by (vendor, type)."""
    found: dict[object, list[bytes]] = {}
    at = 20
    while at < len(datagram):
        kind, end = datagram[at], at + datagram[at + 1]
        value = datagram[at + 2 : end]
        if kind == VENDOR_SPECIFIC:
            found.setdefault((int.from_bytes(value[:4], "big"), value[4]), []).append(value[6:])
        else:
            found.setdefault(kind, []).append(value)
        at = end
    return found
