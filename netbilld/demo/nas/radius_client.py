"""The router's RADIUS client: identifiers, retransmission, and trust in nothing that is not signed."""

import asyncio
import itertools
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from pyrad.packet import AccessAccept, AccessReject, AccountingResponse, PacketError

from netbilld.demo.nas.misbehaviour import Misbehaviour
from netbilld.demo.nas.packets import proves_itself
from netbilld.demo.nas.spec import NasSpec
from netbilld.demo.nas.wire import AccessReply, read_access_reply, well_formed

Kind = Literal["auth", "acct"]

_IDENTIFIERS = 256
_SOCKETS_LIMIT = 16  # of each kind; 4,096 requests in flight, then callers wait
_RECEIVE_BUFFER_OCTETS = 1 << 20
_EXPECTED = {"auth": (AccessAccept, AccessReject), "acct": (AccountingResponse,)}


@dataclass(slots=True)
class RadiusStats:
    """What `/radius monitor` shows."""

    requests: int = 0
    accepts: int = 0
    rejects: int = 0
    acknowledged: int = 0
    resends: int = 0
    timeouts: int = 0
    bad_replies: int = 0


@dataclass(slots=True, eq=False)
class _Pending:
    request: Any
    datagram: bytes
    reply: asyncio.Future[Any]


@dataclass(slots=True, eq=False)
class _Socket(asyncio.DatagramProtocol):
    """One source port of the router, with the identifiers in flight on it."""

    kind: Kind
    client: "RadiusClient"
    pending: dict[int, _Pending] = field(default_factory=dict)
    transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - connected: the kernel filters
        self.client.receive(self, data)

    def error_received(self, exc: Exception) -> None:
        """A refused port is a lost packet, no more: retransmission goes on."""


class RadiusClient:
    """Talks to one server from one source address, for as long as the router is up."""

    def __init__(self, spec: NasSpec, misbehaviour: Misbehaviour, stats: RadiusStats) -> None:
        self.stats = stats
        self.closed = False
        self._spec = spec
        self._misbehaviour = misbehaviour
        self._chance = random.Random(f"{spec.seed}/network")
        self._identifiers = itertools.count(self._chance.randrange(_IDENTIFIERS))
        self._sockets: dict[Kind, list[_Socket]] = {"auth": [], "acct": []}
        self._opening = asyncio.Lock()
        self._room: dict[Kind, asyncio.Semaphore] = {
            kind: asyncio.Semaphore(_IDENTIFIERS * _SOCKETS_LIMIT) for kind in self._sockets
        }

    async def authenticate(self, build: Callable[[int], Any]) -> AccessReply | None:
        """Return the server's verdict, or nothing when all transmissions went unanswered.

        Args:
            build: makes the Access-Request for an identifier.
        """
        reply = await self._exchange("auth", build)
        if reply is None:
            return None
        try:
            verdict = read_access_reply(reply)
        except PacketError:
            self.stats.bad_replies += 1
            return None
        if verdict.accepted:
            self.stats.accepts += 1
        else:
            self.stats.rejects += 1
        return verdict

    async def account(self, build: Callable[[int, int], Any], abandoned: Callable[[], bool]) -> bool:
        """Return True once the server has acknowledged; tries for ever, each round of transmissions as a new packet.

        Args:
            build: makes the Accounting-Request for an Acct-Delay-Time in seconds and an identifier.
            abandoned: asked between rounds; when it says so, or the router is down, the answer is False.
        """
        loop = asyncio.get_running_loop()
        began_mono = loop.time()
        for round_number in itertools.count():
            delay_seconds = int(loop.time() - began_mono)
            reply = await self._exchange("acct", partial(build, delay_seconds))
            if reply is not None:
                self.stats.acknowledged += 1
                return True
            if self.closed or abandoned():
                return False
            await asyncio.sleep(self._spec.timeout_seconds * min(2**round_number, 8))
        raise AssertionError  # pragma: no cover - the count has no end

    def close(self) -> None:
        """Drop everything: no packet leaves any more, and who waits learns that no answer comes."""
        self.closed = True
        for port in itertools.chain.from_iterable(self._sockets.values()):
            if port.transport is not None:
                port.transport.close()
            for pending in port.pending.values():
                if not pending.reply.done():
                    pending.reply.set_result(None)

    def receive(self, port: _Socket, data: bytes) -> None:
        """Take one datagram from the server; what is not a sound answer to a request in flight is only counted."""
        if self._happens(self._misbehaviour.drop_replies_percent):
            return
        pending = port.pending.get(data[1]) if len(data) >= 20 else None
        if pending is None or pending.reply.done():
            # a second answer to a duplicated request is no fault of the server
            return
        reply = self._verified(port.kind, pending.request, data)
        if reply is None:
            self.stats.bad_replies += 1
            return
        pending.reply.set_result(reply)

    def _verified(self, kind: Kind, request: Any, data: bytes) -> Any:
        if not well_formed(data) or data[0] not in _EXPECTED[kind]:
            return None
        try:
            reply = request.CreateReply(packet=data)
            sound = request.VerifyReply(reply, enforce_ma=self._spec.require_message_authenticator)
        except PacketError:
            return None
        return reply if sound and proves_itself(request, reply) else None

    async def _exchange(self, kind: Kind, build: Callable[[int], Any]) -> Any:
        async with self._room[kind]:
            if self.closed:
                return None
            port, identifier = await self._reserve(kind)
            request = build(identifier)
            pending = _Pending(request, request.RequestPacket(), asyncio.get_running_loop().create_future())
            port.pending[identifier] = pending
            self.stats.requests += 1
            try:
                return await self._transmit(port, pending)
            finally:
                del port.pending[identifier]

    async def _transmit(self, port: _Socket, pending: _Pending) -> Any:
        for transmission in range(self._spec.transmissions):
            if transmission:
                self.stats.resends += 1
            self._send(port, pending.datagram)
            await asyncio.wait({pending.reply}, timeout=self._spec.timeout_seconds)
            if pending.reply.done():
                return pending.reply.result()
        self.stats.timeouts += 1
        return None

    def _send(self, port: _Socket, datagram: bytes) -> None:
        if self.closed or port.transport is None or self._happens(self._misbehaviour.drop_requests_percent):
            return
        port.transport.sendto(datagram)
        if self._happens(self._misbehaviour.duplicate_requests_percent):
            port.transport.sendto(datagram)

    async def _reserve(self, kind: Kind) -> tuple[_Socket, int]:
        """Return a source port and an identifier that is free on it; the counter is one for both kinds."""
        async with self._opening:
            port = next((port for port in self._sockets[kind] if len(port.pending) < _IDENTIFIERS), None)
            if port is None:
                port = await self._open(kind)
                self._sockets[kind].append(port)
            # no await between here and the caller's entry in `pending`, so the identifier stays free
            return port, next(
                identifier
                for identifier in (number % _IDENTIFIERS for number in self._identifiers)
                if identifier not in port.pending
            )

    async def _open(self, kind: Kind) -> _Socket:
        server_port = self._spec.auth_port if kind == "auth" else self._spec.acct_port
        transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Socket(kind, self),
            local_addr=(str(self._spec.bind_address), 0),
            remote_addr=(str(self._spec.server_address), server_port),
        )
        protocol.transport = transport
        kernel_socket = transport.get_extra_info("socket")
        kernel_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
        if self.closed:
            transport.close()
        return protocol

    def _happens(self, percent: float) -> bool:
        return percent > 0 and self._chance.random() * 100 < percent
