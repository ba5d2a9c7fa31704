"""A RouterOS router on a real socket: written from the manual, sharing no code with what asks it.

It speaks both ways of logging in, keeps the menus that a provider's router has, shows PPP and hotspot sessions whose
counters grow at the rate of their line, and misbehaves on demand. `radius_side` lets subscribers dial in.
"""

import asyncio
import hashlib
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final, Self

from tests.routeros.commands import Commands, trapped
from tests.routeros.factory import fill
from tests.routeros.lines import Line, Lines
from tests.routeros.store import Row, Store, TrapError
from tests.routeros.values import shown_duration
from tests.routeros.wire import Words, attributes, encode_sentence, read_sentence

__all__ = ["FakeRouter", "Faults", "Line"]

CHALLENGE: Final = bytes.fromhex("ebddd18303a54111e2dea05a92ab46b4")
VERSION: Final = "7.16.2 (stable)"
VERSION_6: Final = "6.49.17 (long-term)"


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
    forget_writes: bool = False  # what is added, set or removed is answered with !done and not done


class FakeRouter:
    """Serves until it is left.

    Attributes:
        store: its menus; a test may look into them, and change them as a person at its console would.
        asked: every sentence received after a log-in, as text.
        lines_now: gives the sessions there are; `lines` where it is not replaced.
        logins: how often somebody logged in.
        on_kick: told of a session that somebody removed.
        on_change: told after every command that may have changed a menu.
    """

    def __init__(
        self,
        *,
        user: str = "netbilld",
        password: str = "rahasia",
        max_sessions: int = 20,
        is_old: bool = False,
        tls: ssl.SSLContext | None = None,
        version: str = VERSION,
        identity: str = "pop1",
        host: str = "127.0.0.1",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.user = user
        self.now = now
        self.store = Store(version, now)
        fill(self.store, user, password)
        self.store["/system/identity"].only.values["name"] = identity
        self.store["/radius/incoming"].only.values["accept"] = "true"
        self.lines: list[Line] = []
        self.lines_now: Callable[[], list[Line]] = lambda: self.lines
        self.faults = Faults()
        self.asked: list[list[str]] = []
        self.logins = 0
        self.open = 0
        self.is_old = is_old  # before 6.43
        self.on_kick: Callable[[Line], None] | None = None
        self.on_change: list[Callable[[], None]] = []
        self.commands = Commands(self.store, says_empty=self.store.major >= 7)
        self.commands.actions["/system/reboot"] = ("reboot", self._reboot_asked)
        self.shown = Lines(self.store, now, self._kicked)
        self.host = host
        self._booted = now()
        self._max_sessions = max_sessions
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._resources(version)

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.vanish()

    async def listen(self) -> None:
        """Open the API's port, the same as before if there was one."""
        self._server = await asyncio.start_server(self._connected, self.host, self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def vanish(self) -> None:
        """Be gone from the network, connections and all."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop_connections()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        assert self._port, "it listens"
        return self._port

    @property
    def url(self) -> str:
        return f"api{'-ssl' if self._tls else ''}://{self.user}:{self.password}@{self.host}:{self.port}"

    @property
    def password(self) -> str:
        return self.store["/user"].find(self.user).get("password")

    @password.setter
    def password(self, password: str) -> None:
        self.store["/user"].find(self.user).values["password"] = password

    @property
    def incoming(self) -> dict[str, str]:
        """What `/radius incoming` is set to; to be changed in place."""
        return self.store["/radius/incoming"].only.values  # type: ignore[return-value]  # none of them is worked out

    def drop_connections(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()

    def reboot(self) -> None:
        """Forget every session and all that is dynamic; numbers are others afterwards."""
        self.drop_connections()
        self.lines.clear()
        self.shown.forget()
        self.store.reboot()
        self._booted = self.now()

    def rows(self, path: str, **said: str) -> list[Row]:
        """Return a menu's rows that have these values, as they are now: for tests, which ask no socket."""
        self.shown.show(self.lines_now())
        table = self.store[path]
        return [table.row(item) for item in table.where(**said)]

    def _reboot_asked(self, _said: Mapping[str, str]) -> list[Row]:
        asyncio.get_running_loop().call_soon(self.reboot)
        return []

    def _kicked(self, line: Line) -> None:
        if line in self.lines:
            self.lines.remove(line)
        if self.on_kick is not None:
            self.on_kick(line)

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
        policies: frozenset[str] | None = None
        source = writer.get_extra_info("peername")[0]
        while True:
            sentence = await read_sentence(reader)
            if not sentence:
                continue
            command, tag = sentence[0].decode(), [word for word in sentence if word.startswith(b".tag=")]
            if command == "/login":
                answer = self._login(sentence, source)
                if answer == [[b"!done"]]:
                    policies = self._policies(attributes(sentence)["name"])
                    self.logins += 1
                await self._say(writer, answer, tag)
                continue
            if policies is None:
                await self._say(writer, [[b"!fatal", b"not logged in"]], tag)
                return
            if command == "/quit":
                await self._say(writer, [[b"!fatal", b"session terminated on request"]], tag)
                return
            self.asked.append([word.decode("utf-8", "replace") for word in sentence])
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
            await self._say(writer, self._answer(command, sentence, policies), tag)
            if faults.break_after is not None:
                return

    def _login(self, sentence: Words, source: str) -> list[Words]:
        said = attributes(sentence)
        if self.is_old and "response" not in said:
            return [[b"!done", b"=ret=" + CHALLENGE.hex().encode()]]
        for user in self.store["/user"].where(name=said.get("name", "")):
            password = user.get("password").encode()
            if self.is_old:
                right = "00" + hashlib.md5(b"\0" + password + CHALLENGE).hexdigest()  # noqa: S324 - its protocol
                good = said["response"] == right
            else:
                good = said.get("password", "").encode("utf-8", "surrogateescape") == password
            near = not user.get("address") or any(
                ip_address(source) in ip_network(part, strict=False) for part in user.get("address").split(",")
            )
            if good and near and user.get("disabled") != "true" and "api" in self._policies(user.get("name")):
                return [[b"!done"]]
        return [[b"!trap", b"=message=invalid user name or password (6)"], [b"!done"]]

    def _policies(self, user: str) -> frozenset[str]:
        group = self.store["/user"].find(user).get("group")
        for found in self.store["/user/group"].where(name=group):
            return frozenset(word for word in found.get("policy").split(",") if not word.startswith("!"))
        return frozenset()

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

    def _answer(self, command: str, sentence: Words, policies: frozenset[str]) -> list[Words]:
        if command == self.faults.refuse_command:
            return trapped(TrapError("not enough permissions (9)"))
        is_print = command.endswith(("/print", "/monitor"))
        if self.faults.forget_writes and not is_print:
            return [[b"!done", b"=ret=*0"]] if command.endswith("/add") else [[b"!done"]]
        self.shown.show(self.lines_now())
        answer = self.commands.answer(command, sentence, policies)
        if not is_print:
            self.changed()
        return answer

    def changed(self) -> None:
        """Tell whoever wants to know that a menu may have changed."""
        for tell in self.on_change:
            tell()

    def _resources(self, version: str) -> None:
        values = self.store["/system/resource"].only.values
        values |= {
            "uptime": lambda: shown_duration(788_645 + int(self.now() - self._booted)),
            "version": version,
            "cpu-load": "7",
            "cpu-count": "4",
            "free-memory": "805306368",
            "total-memory": "1073741824",
            "architecture-name": "arm64",
            "board-name": "RB5009UG+S+",
            "platform": "MikroTik",
        }
