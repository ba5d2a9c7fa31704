"""A mail server for tests (RFC 5321): it keeps what it takes, and treats recipients as their address says."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern


@dataclass
class MailServer:
    """What it has taken, in order; `ways` says what it does at RCPT or after DATA, by the recipient's local part.

    A way is an answer (`"451 later"`), or `hang_up`: no answer, the connection is closed; `mute`: no answer at all.
    """

    ways: dict[str, str] = field(default_factory=dict)
    after_data: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    password: str | None = None
    greeting: str = "220 mail.test ESMTP"
    tls: ssl.SSLContext | None = None
    taken: list[tuple[str, str, EmailMessage]] = field(default_factory=list)  # sender, recipient, mail
    connections: int = 0
    commands: list[str] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    port: int = 0
    talks: set[asyncio.Task[None]] = field(default_factory=set)

    def to(self, recipient: str) -> list[EmailMessage]:
        return [mail for _, to, mail in self.taken if to == recipient]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.talks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await self._talk(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self.talks.discard(task)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, recipient, known, secure = "", "", False, False

        async def say(*lines: str) -> None:
            writer.write("".join(f"{line}\r\n" for line in lines).encode())
            await writer.drain()

        await say(self.greeting)
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            word = line.upper().split(" ")[0].split(":")[0]
            self.commands.append("AUTH" if word == "AUTH" else line)
            if word == "EHLO":
                offers = ["250-mail.test", "250-SIZE 1000000"]
                if self.tls is not None and not secure:
                    offers.append("250-STARTTLS")
                if self.user is not None:
                    offers.append("250-AUTH PLAIN")
                await say(*offers, "250 HELP")
            elif word == "STARTTLS" and self.tls is not None:
                await say("220 go ahead")
                await writer.start_tls(self.tls)
                secure = True
            elif word == "AUTH":
                given = base64.b64decode(line.split(" ")[2]).decode().split("\0")
                known = given[1:] == [self.user, self.password]
                await say("235 welcome" if known else "535 5.7.8 who are you")
            elif word == "MAIL":
                sender = line.partition("<")[2].partition(">")[0]
                await say("530 5.7.0 log in first" if self.user is not None and not known else "250 ok")
            elif word == "RCPT":
                recipient = line.partition("<")[2].partition(">")[0]
                way = self.ways.get(recipient.partition("@")[0], "250 ok")
                if way == "hang_up":
                    return
                if way == "mute":
                    await reader.read()
                    return
                await say(way)
                if way.startswith("421"):
                    return
            elif word == "DATA":
                await say("354 go ahead")
                content = await reader.readuntil(b"\r\n.\r\n")
                self.raw.append(content)
                mail = message_from_bytes(content[:-3].replace(b"\r\n..", b"\r\n."), policy=modern)
                assert isinstance(mail, EmailMessage)
                way = self.after_data.get(recipient.partition("@")[0], "250 queued as 4711")
                if way in {"hang_up", "mute"} or way.startswith("2"):
                    self.taken.append((sender, recipient, mail))
                if way == "hang_up":
                    return
                if way == "mute":
                    await reader.read()
                    return
                await say(way)
            elif word == "QUIT":
                await say("221 bye")
                return
            else:
                await say("250 ok")


@asynccontextmanager
async def mail_server(server: MailServer, *, implicit_tls: bool = False) -> AsyncIterator[MailServer]:
    """Run it on a port of its own."""
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0, ssl=server.tls if implicit_tls else None)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.gather(*server.talks, return_exceptions=True)
