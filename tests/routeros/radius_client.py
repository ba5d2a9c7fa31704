"""The sockets a router asks its RADIUS server through: three transmissions, the same octets each time."""

import asyncio
from typing import Any, Final

from tests.routeros import radius_wire as wire
from tests.routeros.fake_router import FakeRouter
from tests.routeros.radius_wire import Packet
from tests.routeros.store import Item
from tests.routeros.values import float_seconds

TRANSMISSIONS: Final = 3


class NoAnswerError(Exception):
    """No server answered in time, or none that can be believed."""


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, client: "RadiusClient") -> None:
        self.waiting: dict[tuple[int, tuple[str, int]], tuple[Packet, bytes, asyncio.Future[Packet]]] = {}
        self.transport: Any = None
        self._client = client

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        found = self.waiting.get((data[1] if len(data) > 1 else 0, (addr[0], addr[1])))
        if found is None:
            return
        request, secret, answer = found
        try:
            good = wire.is_true_reply(data, request, secret) and self._client.is_signed_well(request, wire.decode(data))
        except wire.GarbageError:
            good = False
        if not good:
            self._client.bad_replies += 1
        elif not answer.done():
            answer.set_result(wire.decode(data))

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there; it is tried again."""


class RadiusClient:
    """Asks the servers of `/radius`."""

    def __init__(self, router: FakeRouter, host: str) -> None:
        self.requests = self.accepts = self.rejects = self.resends = self.timeouts = self.bad_replies = 0
        self._router = router
        self._host = host
        self._sockets: dict[str, _Socket] = {}
        self._identifier = 0
        self._opening = asyncio.Lock()

    def close(self) -> None:
        for socket in self._sockets.values():
            socket.transport.close()
        self._sockets.clear()

    def counted(self) -> dict[str, str]:
        """Return what `/radius monitor` shows."""
        return {
            "pending": "0",
            "requests": str(self.requests),
            "accepts": str(self.accepts),
            "rejects": str(self.rejects),
            "resends": str(self.resends),
            "timeouts": str(self.timeouts),
            "bad-replies": str(self.bad_replies),
            "last-request-rtt": "10ms",
        }

    def source(self, entry: Item) -> str:
        said = entry.get("src-address")
        return self._host if said in {"", "0.0.0.0", "::"} else said

    def is_signed_well(self, request: Packet, reply: Packet) -> bool:
        if request.code != wire.ACCESS_REQUEST or not self._wants_message_authenticator():
            return True
        return reply.first(wire.MESSAGE_AUTHENTICATOR) is not None

    def _wants_message_authenticator(self) -> bool:
        """Tell whether it signs its requests and drops answers that are not: from 7.15 on, unless turned off."""
        entries = self._router.store["/radius"].items
        return self._router.store.major >= 7 and any(item.get("require-message-auth") != "no" for item in entries)

    async def log_in(self, entry: Item, request: Packet) -> Packet:
        """Return the server's word.

        Raises:
            NoAnswerError: there was none.
        """
        secret = entry.get("secret").encode()
        request.identifier = self._next()
        octets = wire.signed_access_request(
            request, secret, with_message_authenticator=self._wants_message_authenticator()
        )
        self.requests += 1
        reply = await self._ask(entry, int(entry.get("authentication-port")), request, octets, secret)
        if reply.code == wire.ACCESS_ACCEPT:
            self.accepts += 1
        else:
            self.rejects += 1
        return reply

    async def account(self, entry: Item, request: Packet) -> None:
        """Report something until it is acknowledged.

        Raises:
            NoAnswerError: it was not.
        """
        secret = entry.get("secret").encode()
        request.identifier = self._next()
        octets = wire.signed_accounting_request(request, secret)
        await self._ask(entry, int(entry.get("accounting-port")), request, octets, secret)

    async def _ask(self, entry: Item, port: int, request: Packet, octets: bytes, secret: bytes) -> Packet:
        socket = await self._socket(self.source(entry))
        server = entry.get("address").partition("@")[0], port
        key = request.identifier, server
        answer: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        socket.waiting[key] = request, secret, answer
        wait_seconds = float_seconds(entry.get("timeout"))
        try:
            for transmission in range(TRANSMISSIONS):
                self.resends += transmission > 0
                socket.transport.sendto(octets, server)
                try:
                    async with asyncio.timeout(wait_seconds):
                        return await asyncio.shield(answer)
                except TimeoutError:
                    continue
        finally:
            socket.waiting.pop(key, None)
            answer.cancel()
        self.timeouts += 1
        raise NoAnswerError("the RADIUS server does not answer")

    async def _socket(self, source: str) -> _Socket:
        async with self._opening:
            if source not in self._sockets:
                made = _Socket(self)
                loop = asyncio.get_running_loop()
                made.transport, _ = await loop.create_datagram_endpoint(lambda: made, local_addr=(source, 0))
                self._sockets[source] = made
            return self._sockets[source]

    def _next(self) -> int:
        self._identifier = (self._identifier + 1) % 256
        return self._identifier
