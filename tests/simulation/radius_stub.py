"""A very small RADIUS server, enough to prove the simulated NAS against something that is not netbilld.

It reads attributes by number, so it does not lean on the NAS's dictionary.
"""

import asyncio
import hashlib
import hmac
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address
from typing import Any, Self, cast

from pyrad.packet import (
    AccessAccept,
    AccessReject,
    AcctPacket,
    AuthPacket,
    CoAPacket,
    CoARequest,
    DisconnectRequest,
)

from netbilld.demo.nas.spec import NasSpec

SECRET = b"a-secret-of-sixteen"
LOOPBACK = IPv4Address("127.0.0.1")


def md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).digest()


def attribute(number: int, value: bytes | int | str) -> bytes:
    octets = value.encode() if isinstance(value, str) else value
    octets = struct.pack("!I", octets) if isinstance(octets, int) else octets
    return bytes([number, len(octets) + 2]) + octets


def mikrotik(number: int, value: bytes | int | str) -> bytes:
    return attribute(26, struct.pack("!I", 14988) + attribute(number, value))


@dataclass
class User:
    password: str = "rahasia"
    reply: bytes = b""
    refused: bool = False


@dataclass
class Request:
    """One datagram as it arrived."""

    datagram: bytes
    source: tuple[str, int]
    received_mono: float

    @property
    def attributes(self) -> list[tuple[int, bytes]]:
        found, at = [], 20
        while at < len(self.datagram):
            length = self.datagram[at + 1]
            found.append((self.datagram[at], self.datagram[at + 2 : at + length]))
            at += length
        return found

    def all(self, number: int) -> list[bytes]:
        return [value for found, value in self.attributes if found == number]

    def text(self, number: int) -> str:
        return self.all(number)[0].decode()

    def number(self, number: int) -> int:
        return int.from_bytes(self.all(number)[0])

    @property
    def status(self) -> str:
        return {1: "start", 2: "stop", 3: "interim", 7: "on"}[self.number(40)]

    @property
    def upload_octets(self) -> int:
        return (self.number(52) << 32) + self.number(42)

    @property
    def download_octets(self) -> int:
        return (self.number(53) << 32) + self.number(43)


Send = Callable[[bytes], None]


class _Port(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[Request, Send], None]) -> None:
        self._take = take
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._take(Request(data, addr, asyncio.get_running_loop().time()), partial(self.transport.sendto, addr=addr))


@dataclass
class RadiusStub:
    users: dict[str, User] = field(default_factory=dict)
    access: list[Request] = field(default_factory=list)
    accounting: list[Request] = field(default_factory=list)
    ignore_access: int = 0
    ignore_accounting: int = 0
    hold_access: int = 0  # log-ins are answered only once so many of them have come
    sign_replies: bool = True
    wrong_replies: bool = False
    auth_port: int = 0
    acct_port: int = 0
    _ports: list[asyncio.DatagramTransport] = field(default_factory=list)
    _held: list[Callable[[], None]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self.auth_port = await self._listen(self._authenticate)
        self.acct_port = await self._listen(self._account)
        return self

    async def __aexit__(self, *_: object) -> None:
        for port in self._ports:
            port.close()

    def spec(self, **changes: Any) -> NasSpec:
        values: dict[str, Any] = {
            "bind_address": IPv4Address("127.0.0.77"),
            "secret": SECRET.decode(),
            "auth_port": self.auth_port,
            "acct_port": self.acct_port,
            "coa_port": 0,
            "timeout_seconds": 0.15,
            "tick_milliseconds": 20,
        }
        return NasSpec(**(values | changes))

    def of(self, status: str) -> list[Request]:
        return [request for request in self.accounting if request.status == status]

    async def _listen(self, take: Callable[[Request, Send], None]) -> int:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Port(take), local_addr=("127.0.0.1", 0)
        )
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._ports.append(transport)
        port: int = transport.get_extra_info("sockname")[1]
        return port

    def _authenticate(self, request: Request, send: Send) -> None:
        self.access.append(request)
        if self.ignore_access > 0:
            self.ignore_access -= 1
            return
        packet = AuthPacket(packet=request.datagram, secret=SECRET)
        assert packet.message_authenticator is None or packet.verify_message_authenticator()
        user = self.users.get(request.text(1))
        accepted = user is not None and not user.refused and self._right_password(packet, request, user.password)
        attributes = user.reply if user is not None and accepted else attribute(18, "Access denied")
        self._held.append(partial(send, self._sign(request, AccessAccept if accepted else AccessReject, attributes)))
        if len(self.access) >= self.hold_access:
            held, self._held = self._held, []
            for answer in held:
                answer()

    def _right_password(self, packet: Any, request: Request, password: str) -> bool:
        if request.all(3):
            chap = request.all(3)[0]
            return chap[1:] == md5(chap[:1] + password.encode() + request.all(60)[0])
        return bool(packet.PwDecrypt(request.all(2)[0]) == password)

    def _account(self, request: Request, send: Send) -> None:
        assert AcctPacket(packet=request.datagram, secret=SECRET).VerifyAcctRequest()
        self.accounting.append(request)
        if self.ignore_accounting > 0:
            self.ignore_accounting -= 1
            return
        send(self._sign(request, 5, b""))

    def _sign(self, request: Request, code: int, attributes: bytes) -> bytes:
        authenticator, identifier = request.datagram[4:20], request.datagram[1]
        signed = code != 5 and self.sign_replies
        body = (attribute(80, bytes(16)) if signed else b"") + attributes
        header = struct.pack("!BBH", code, identifier, 20 + len(body))
        if signed:
            digest = hmac.digest(SECRET, header + authenticator + body, "md5")
            body = attribute(80, digest) + attributes
        response = md5(header + authenticator + body + SECRET)
        if self.wrong_replies:
            response = bytes(16)
        return header + response + body


class OrderPort(asyncio.DatagramProtocol):
    """Sends orders to a NAS from one source port, and keeps what comes back."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport

    @classmethod
    async def open(cls, source: str = "127.0.0.1") -> "OrderPort":
        _, port = await asyncio.get_running_loop().create_datagram_endpoint(cls, local_addr=(source, 0))
        return port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 - one NAS only
        self.answers.put_nowait(data)

    def send(self, datagram: bytes, port: int) -> None:
        self.transport.sendto(datagram, ("127.0.0.77", port))

    async def answer(self) -> Request:
        return Request(await asyncio.wait_for(self.answers.get(), 5), ("", 0), 0.0)


def order(
    kind: str, attributes: bytes, *, secret: bytes = SECRET, identifier: int = 9, signed: bool | None = None
) -> bytes:
    """An order; `signed` adds a Message-Authenticator, a right or a wrong one."""
    code = {"coa": CoARequest, "disconnect": DisconnectRequest}[kind]
    if signed is not None:
        unsigned = struct.pack("!BBH", code, identifier, 38 + len(attributes)) + bytes(16)
        key = secret if signed else b"another key"
        attributes = (
            attribute(80, hmac.digest(key, unsigned + attribute(80, bytes(16)) + attributes, "md5")) + attributes
        )
    header = struct.pack("!BBH", code, identifier, 20 + len(attributes))
    authenticator = md5(header + bytes(16) + attributes + secret)
    return header + authenticator + attributes


def answer_is_sound(answer: bytes, request: bytes, secret: bytes = SECRET) -> bool:
    return bool(CoAPacket(packet=request, secret=secret).VerifyReply(CoAPacket(packet=answer, secret=secret), answer))
