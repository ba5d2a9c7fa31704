"""A RouterOS router as its API shows it, on a real socket: written from the manual, sharing no code with what asks it.

It speaks both ways of logging in, has PPP and hotspot sessions whose counters grow at the rate of their line, and
misbehaves on demand.
"""

import asyncio
import hashlib
import itertools
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Self

Words = list[bytes]
CHALLENGE: Final = bytes.fromhex("ebddd18303a54111e2dea05a92ab46b4")


@dataclass
class Line:
    """One session: its counters begin at zero and grow at the rate of its line, from the router's point of view.

    Attributes:
        service: pppoe, l2tp and so on; `hotspot` for one of the hotspot.
        rx_bps, tx_bps: what the router receives and sends: the subscriber's upload and download.
        rx_octets, tx_octets: set by hand instead where they are not None.
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

    def counters(self) -> tuple[int, int]:
        elapsed = time.monotonic() - self.began
        rx = int(elapsed * self.rx_bps / 8) if self.rx_octets is None else self.rx_octets
        tx = int(elapsed * self.tx_bps / 8) if self.tx_octets is None else self.tx_octets
        return rx, tx

    @property
    def interface(self) -> str:
        return f"<{self.service}-{self.name}{f'-{self.number}' if self.number else ''}>"


@dataclass
class Faults:
    """What goes wrong."""

    refuse_command: str | None = None  # a command answered with !trap
    fatal: bool = False  # !fatal instead of an answer
    silent: bool = False
    delay_seconds: float = 0.0
    dribble: bool = False  # an octet at a time
    break_after: int | None = None  # octets of the next answer, then the connection is gone
    garbage: bytes | None = None  # instead of an answer
    empty_sentences: bool = False


class FakeRouter:
    """Serves until it is left.

    Attributes:
        asked: every sentence received after a log-in, as text.
        lines_now: gives the sessions there are; `lines` where it is not replaced.
        logins: how often somebody logged in.
    """

    def __init__(
        self,
        *,
        user: str = "netbilld",
        password: str = "rahasia",
        max_sessions: int = 20,
        is_old: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.user, self.password = user, password
        self.lines: list[Line] = []
        self.lines_now: Callable[[], list[Line]] = lambda: self.lines
        self.faults = Faults()
        self.incoming = {"accept": "true", "port": "3799", "vrf": "main"}
        self.asked: list[list[str]] = []
        self.logins = 0
        self.open = 0
        self.is_old = is_old  # before 6.43
        self._max_sessions = max_sessions
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ids = itertools.count(1)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"api{'-ssl' if self._tls else ''}://{self.user}:{self.password}@127.0.0.1:{self.port}"

    def drop_connections(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()

    # -- a connection --------------------------------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.open += 1
        try:
            if self.open <= self._max_sessions:
                await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        logged_in = False
        while True:
            sentence = await read_sentence(reader)
            if not sentence:
                continue
            command, tag = sentence[0].decode(), [word for word in sentence if word.startswith(b".tag=")]
            if command == "/login":
                answer = self._login(sentence)
                logged_in = answer == [[b"!done"]]
                self.logins += logged_in
                await self._say(writer, answer, tag)
                continue
            if not logged_in:
                await self._say(writer, [[b"!fatal", b"not logged in"]], tag)
                return
            self.asked.append([word.decode() for word in sentence])
            faults = self.faults
            if faults.silent:
                await asyncio.sleep(3600)
            if faults.delay_seconds:
                await asyncio.sleep(faults.delay_seconds)
            if faults.fatal:
                await self._say(writer, [[b"!fatal", b"session terminated on request"]], tag)
                return
            if faults.garbage is not None:
                writer.write(faults.garbage)
                await writer.drain()
                await asyncio.sleep(3600)
            await self._say(writer, self._answer(command, sentence), tag)
            if faults.break_after is not None:
                return

    def _login(self, sentence: Words) -> list[Words]:
        said = _attributes(sentence)
        if self.is_old:
            if b"response" not in said:
                return [[b"!done", b"=ret=" + CHALLENGE.hex().encode()]]
            right = hashlib.md5(b"\0" + self.password.encode() + CHALLENGE).hexdigest()  # noqa: S324 - its protocol
            good = said[b"response"] == b"00" + right.encode()
        else:
            good = said.get(b"password") == self.password.encode()
        if good and said.get(b"name") == self.user.encode():
            return [[b"!done"]]
        return [[b"!trap", b"=message=invalid user name or password (6)"], [b"!done"]]

    async def _say(self, writer: asyncio.StreamWriter, sentences: Iterable[Words], tag: Words) -> None:
        octets = b"".join(encode_sentence([*sentence, *tag]) for sentence in sentences)
        faults = self.faults
        if faults.empty_sentences:
            octets = b"\0" + octets
        if faults.break_after is not None:
            octets = octets[: faults.break_after]
        if faults.dribble:
            for octet in octets:
                writer.write(bytes([octet]))
                await writer.drain()
                await asyncio.sleep(0)
        else:
            half = len(octets) // 2  # in two segments, wherever that cuts
            for part in (octets[:half], octets[half:]):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)

    # -- commands ------------------------------------------------------------------------------------------------------

    def _answer(self, command: str, sentence: Words) -> list[Words]:
        if command == self.faults.refuse_command:
            return [[b"!trap", b"=category=4", b"=message=not enough permissions (9)"], [b"!done"]]
        tables: dict[str, Callable[[], list[dict[str, str]]]] = {
            "/system/identity/print": lambda: [{"name": "pop1"}],
            "/system/resource/print": lambda: [{"version": "7.16.2 (stable)", "uptime": "1w2d", "cpu-load": "7"}],
            "/radius/incoming/print": lambda: [self.incoming],
            "/ppp/active/print": self._ppp_active,
            "/interface/print": self._interfaces,
            "/ip/hotspot/active/print": self._hotspot_active,
        }
        table = tables.get(command)
        if table is None:
            return [[b"!trap", b"=category=0", b"=message=no such command prefix"], [b"!done"]]
        rows = [row for row in table() if _passes(row, sentence)]
        wanted = _attributes(sentence).get(b".proplist")
        names = wanted.decode().split(",") if wanted else None
        if not rows:
            return [[b"!empty"], [b"!done"]]
        said = [
            [b"!re", *(f"={name}={value}".encode() for name, value in row.items() if names is None or name in names)]
            for row in rows
        ]
        return [*said, [b"!done"]]

    def _ppp_active(self) -> list[dict[str, str]]:
        return [
            {
                ".id": f"*{next(self._ids):X}",
                "name": line.name,
                "service": line.service,
                "caller-id": line.mac,
                "address": line.address,
                "uptime": line.uptime or _duration(int(time.monotonic() - line.began)),
                **({"session-id": line.session_id} if line.session_id else {}),
                "limit-bytes-in": "0",
                "limit-bytes-out": "0",
                "radius": "true",
            }
            for line in self.lines_now()
            if line.service != "hotspot"
        ]

    def _interfaces(self) -> list[dict[str, str]]:
        found = [{".id": "*1", "name": "ether1", "type": "ether", "rx-byte": "1", "tx-byte": "2"}]
        for line in self.lines_now():
            if line.service != "hotspot":
                rx, tx = line.counters()
                found.append({".id": "*F00001", "name": line.interface, "rx-byte": str(rx), "tx-byte": str(tx)})
        return found

    def _hotspot_active(self) -> list[dict[str, str]]:
        found = []
        for line in self.lines_now():
            if line.service == "hotspot":
                rx, tx = line.counters()
                found.append(
                    {
                        ".id": "*A",
                        "user": line.name,
                        "address": line.address,
                        "mac-address": line.mac,
                        "uptime": line.uptime or _duration(int(time.monotonic() - line.began)),
                        "bytes-in": str(rx),
                        "bytes-out": str(tx),
                    }
                )
        return found


def _attributes(sentence: Words) -> dict[bytes, bytes]:
    found = {}
    for word in sentence[1:]:
        if word[:1] == b"=":
            name, _, value = word[1:].partition(b"=")
            found[name] = value
    return found


def _passes(row: dict[str, str], sentence: Words) -> bool:
    """Run the stack machine of query words over a row."""
    stack: list[bool] = []
    for word in (word.decode() for word in sentence[1:] if word[:1] == b"?"):
        if word.startswith("?#"):
            for operation in word[2:]:
                if operation == "!":
                    stack.append(not stack.pop())
                else:
                    one, other = stack.pop(), stack.pop()
                    stack.append(one or other if operation == "|" else one and other)
        else:
            name, has_value, value = word[1:].lstrip("=").partition("=")
            stack.append(row.get(name) == value if has_value else name in row)
    return all(stack)


def _duration(seconds: int) -> str:
    parts = []
    for unit, length in (("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            parts.append(f"{seconds // length}{unit}")
            seconds %= length
    return "".join([*parts, f"{seconds}s" if seconds or not parts else ""])


def encode_length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    if length < 0x4000:
        return (length | 0x8000).to_bytes(2, "big")
    if length < 0x200000:
        return (length | 0xC00000).to_bytes(3, "big")
    if length < 0x10000000:
        return (length | 0xE0000000).to_bytes(4, "big")
    return b"\xf0" + length.to_bytes(4, "big")


def encode_sentence(words: Iterable[bytes]) -> bytes:
    return b"".join(encode_length(len(word)) + word for word in words) + b"\0"


async def read_sentence(reader: asyncio.StreamReader) -> Words:
    words: Words = []
    while word := await _read_word(reader):
        words.append(word)
    return words


async def _read_word(reader: asyncio.StreamReader) -> bytes:
    first = (await reader.readexactly(1))[0]
    for more, limit, mask in ((0, 0x80, 0x7F), (1, 0xC0, 0x3F), (2, 0xE0, 0x1F), (3, 0xF0, 0x0F)):
        if first < limit:
            rest = await reader.readexactly(more)
            length = int.from_bytes(bytes([first & mask]) + rest, "big")
            break
    else:
        length = int.from_bytes(await reader.readexactly(4), "big")
    return await reader.readexactly(length)
