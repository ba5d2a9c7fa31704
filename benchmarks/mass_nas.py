"""Some NAS in a process of their own, for benchmarks/mass.py: they dial subscribers in, and end them when told to.

Written from RFC 2865, 2866 and 5176, without any of netbilld's code. What happens is appended to a file, a JSON object
a line, with the machine's monotonic clock; commands are lines on standard input: `dial`, `dead ADDRESS`,
`alive ADDRESS`, `quit`. A dead NAS hears everything and answers nothing.
"""

import asyncio
import hashlib
import hmac
import json
import os
import random
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

COA_PORT: Final = 3799
UNDER_WAY: Final = 32
_ANSWER_SECONDS: Final = 1.0
_TRIES: Final = 20
ACCESS_REQUEST, ACCESS_ACCEPT, ACCOUNTING_REQUEST = 1, 2, 4
DISCONNECT_REQUEST, DISCONNECT_ACK, DISCONNECT_NAK, COA_REQUEST, COA_ACK, COA_NAK = 40, 41, 42, 43, 44, 45
USER_NAME, USER_PASSWORD, NAS_IP_ADDRESS, FRAMED_IP_ADDRESS, CLASS, ACCT_STATUS_TYPE = 1, 2, 4, 8, 25, 40
ACCT_SESSION_ID, MESSAGE_AUTHENTICATOR, FRAMED_POOL, ERROR_CAUSE = 44, 80, 88, 101
START, STOP = 1, 2


def attribute(kind: int, value: bytes) -> bytes:
    return bytes((kind, len(value) + 2)) + value


def attributes(datagram: bytes) -> dict[int, bytes]:
    """Return the first value of each attribute."""
    found: dict[int, bytes] = {}
    at = 20
    while at + 2 <= len(datagram):
        found.setdefault(datagram[at], datagram[at + 2 : at + datagram[at + 1]])
        at += max(2, datagram[at + 1])
    return found


def hidden(password: bytes, secret: bytes, authenticator: bytes) -> bytes:
    """RFC 2865 section 5.2."""
    padded = password + bytes(-len(password) % 16)
    out, before = b"", authenticator
    for at in range(0, len(padded), 16):
        pad = hashlib.md5(secret + before).digest()
        before = bytes(a ^ b for a, b in zip(padded[at : at + 16], pad, strict=True))
        out += before
    return out


def access_request(identifier: int, secret: bytes, name: str, password: str, address: str) -> bytes:
    """Return an Access-Request with PAP and Message-Authenticator."""
    authenticator = os.urandom(16)
    body = attribute(MESSAGE_AUTHENTICATOR, bytes(16)) + attribute(USER_NAME, name.encode())
    body += attribute(USER_PASSWORD, hidden(password.encode(), secret, authenticator))
    body += attribute(NAS_IP_ADDRESS, socket.inet_aton(address))
    packet = struct.pack("!BBH", ACCESS_REQUEST, identifier, 20 + len(body)) + authenticator + body
    signature = hmac.new(secret, packet, hashlib.md5).digest()
    return packet[:22] + signature + packet[38:]


class Asker(asyncio.DatagramProtocol):
    """Asks one port of the server from one address; sends again what is not answered."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._next = 0
        self._room = asyncio.Semaphore(200)
        self.transport: asyncio.DatagramTransport | None = None

    async def open(self, address: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(address, 0), remote_addr=("127.0.0.1", port))

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        del addr
        waiting = self._waiting.get(data[1])
        if waiting is not None and not waiting.done():
            waiting.set_result(data)

    async def ask(self, make: Callable[[int], bytes]) -> bytes:
        """Return the answer to what `make` makes for an identifier."""
        async with self._room:
            while self._next in self._waiting:
                self._next = (self._next + 1) % 256
            identifier, self._next = self._next, (self._next + 1) % 256
            answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            self._waiting[identifier] = answer
            request = make(identifier)
            try:
                assert self.transport is not None
                for _ in range(_TRIES):
                    self.transport.sendto(request)
                    done, _pending = await asyncio.wait((answer,), timeout=_ANSWER_SECONDS)
                    if done:
                        return answer.result()
                raise TimeoutError("the server does not answer")
            finally:
                del self._waiting[identifier]


@dataclass
class Nas(asyncio.DatagramProtocol):
    """One router."""

    address: str
    secret: bytes
    users: list[tuple[str, str]]
    redial_seconds: tuple[float, float]
    tell: Callable[..., None]
    is_dead: bool = False
    number: int = 0
    online: dict[str, tuple[str, bytes, str]] = field(default_factory=dict)  # session id: name, Class, password
    replies: dict[bytes, bytes] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self, auth_port: int, acct_port: int) -> None:
        loop = asyncio.get_running_loop()
        self.auth, self.acct = Asker(), Asker()
        for asker, port in ((self.auth, auth_port), (self.acct, acct_port)):
            await asker.open(self.address, port)
        self.coa, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, COA_PORT))

    async def dial_everybody(self) -> None:
        room = asyncio.Semaphore(UNDER_WAY)

        async def one(name: str, password: str) -> None:
            async with room:
                await self.dial(name, password)

        await asyncio.gather(*(one(name, password) for name, password in self.users))

    async def dial(self, name: str, password: str) -> None:
        """Log in and start accounting."""
        answer = await self.auth.ask(lambda number: access_request(number, self.secret, name, password, self.address))
        if answer[0] != ACCESS_ACCEPT:
            self.tell("rejected", name)
            return
        granted = attributes(answer)
        self.number += 1
        session_id = f"81{self.number:06x}"
        self.online[session_id] = (name, granted.get(CLASS, b""), password)
        await self.account(START, session_id)
        self.tell("in", name, walled=granted.get(FRAMED_POOL) == b"isolir", nas=self.address)

    async def account(self, status: int, session_id: str) -> None:
        name, granted, _ = self.online[session_id]
        body = attribute(USER_NAME, name.encode()) + attribute(NAS_IP_ADDRESS, socket.inet_aton(self.address))
        body += attribute(ACCT_STATUS_TYPE, struct.pack("!I", status)) + attribute(ACCT_SESSION_ID, session_id.encode())
        number, last = int(session_id, 16) & 0xFFFF, int(self.address.rpartition(".")[2])
        body += attribute(FRAMED_IP_ADDRESS, bytes((10, last, number >> 8, number & 0xFF)))
        if granted:
            body += attribute(CLASS, granted)

        def make(identifier: int) -> bytes:
            head = struct.pack("!BBH", ACCOUNTING_REQUEST, identifier, 20 + len(body))
            return head + hashlib.md5(head + bytes(16) + body + self.secret).digest() + body

        await self.acct.ask(make)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self.is_dead or len(data) < 20:
            return
        if hashlib.md5(data[:4] + bytes(16) + data[20:] + self.secret).digest() != data[4:20]:
            return
        known = self.replies.get(data)
        if known is None:
            known = self.replies[data] = self.answer(data)
        self.coa.sendto(known, addr)

    def answer(self, data: bytes) -> bytes:
        asked = attributes(data)
        session_id = asked.get(ACCT_SESSION_ID, b"").decode()
        name = asked.get(USER_NAME, b"").decode()
        is_cut = data[0] == DISCONNECT_REQUEST
        there = session_id in self.online
        self.tell("order", name, cut=is_cut, there=there, nas=self.address)
        body = b""
        if there:
            code = DISCONNECT_ACK if is_cut else COA_ACK
            if is_cut:
                task = asyncio.get_running_loop().create_task(self.cut(session_id))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
        else:
            code = DISCONNECT_NAK if is_cut else COA_NAK
            body = attribute(ERROR_CAUSE, struct.pack("!I", 503))
        head = struct.pack("!BBH", code, data[1], 20 + len(body))
        return head + hashlib.md5(head + data[4:20] + body + self.secret).digest() + body

    async def cut(self, session_id: str) -> None:
        """End a session; its modem dials again."""
        name, _, password = self.online[session_id]
        await self.account(STOP, session_id)
        self.online.pop(session_id, None)
        self.tell("out", name, nas=self.address)
        await asyncio.sleep(random.uniform(*self.redial_seconds))
        await self.dial(name, password)


async def log_ins(spec: dict[str, Any], tell: Callable[..., None]) -> None:
    """Send log-ins at an even rate, and tell how long each took."""
    loop = asyncio.get_running_loop()
    asker = Asker()
    address, secret = spec["address"], spec["secret"].encode()
    await asker.open(address, spec["auth_port"])
    tasks: set[asyncio.Task[None]] = set()

    async def one(name: str, password: str) -> None:
        began = time.monotonic()
        await asker.ask(lambda number: access_request(number, secret, name, password, address))
        tell("took", name, seconds=time.monotonic() - began)

    began, number = loop.time(), 0
    while True:
        name, password = spec["users"][number % len(spec["users"])]
        task = loop.create_task(one(name, password))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        number += 1
        await asyncio.sleep(max(0.0, began + number / spec["per_second"] - loop.time()))


async def main(spec: dict[str, Any], out: TextIO) -> None:
    """Run until told to quit, or standard input ends."""

    def tell(kind: str, name: str, **more: Any) -> None:
        out.write(json.dumps({"at": time.monotonic(), "kind": kind, "name": name, **more}) + "\n")

    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    background: list[asyncio.Task[Any]] = []
    routers: dict[str, Nas] = {}
    if "per_second" in spec:
        background.append(loop.create_task(log_ins(spec, tell)))
    for one in spec.get("nas", ()):
        users = [(name, password) for name, password in one["users"]]
        router = Nas(one["address"], spec["secret"].encode(), users, tuple(spec["redial_seconds"]), tell)
        await router.open(spec["auth_port"], spec["acct_port"])
        routers[router.address] = router
    print("ready", flush=True)
    while line := (await reader.readline()).decode().split():
        if line[0] == "quit":
            break
        if line[0] == "dial":
            await asyncio.gather(*(router.dial_everybody() for router in routers.values()))
            print("dialled", flush=True)
        else:
            routers[line[1]].is_dead = line[0] == "dead"
    for task in background:
        task.cancel()


if __name__ == "__main__":
    with Path(sys.argv[2]).open("a", buffering=1, encoding="utf-8") as file:
        asyncio.run(main(json.loads(Path(sys.argv[1]).read_bytes()), file))
