"""Hands e-mails to a mail server, one after the other over a connection that is kept while there are more."""

import asyncio
import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import SecretStr

from netbilld.adapters.smtp.letter import Sender, letter
from netbilld.model.errors import InvalidInputError
from netbilld.ports.messages import Delivery, Handed, Outgoing

_MOST_A_CONNECTION: Final = 100  # servers have bounds of their own; a new one is cheap
_GREY_SECONDS: Final = 300.0  # a server that puts strangers off lets them in after some minutes
_LONGEST: Final = 4  # timeouts that one message may take in all
_WORDS: Final = 200


class Security(StrEnum):
    STARTTLS = "starttls"  # port 587; without it nothing is sent
    TLS = "tls"  # port 465, RFC 8314 §3.3
    NONE = "none"  # a server on this host


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mails are handed in; the password stays out of a repr."""

    host: str
    port: int
    security: Security = Security.STARTTLS
    user: str | None = None
    password: SecretStr | None = None
    timeout_seconds: float = 30.0
    context: ssl.SSLContext | None = None  # None: certificates the system believes


class _Smtp(smtplib.SMTP):
    """Connects when it is told to and not before, so that it can be broken off while it does."""

    def __init__(self, server: MailServer) -> None:
        super().__init__(timeout=server.timeout_seconds)
        self._host = server.host  # whom the certificate must be for


class _SmtpOverTls(smtplib.SMTP_SSL):
    def __init__(self, server: MailServer) -> None:
        super().__init__(timeout=server.timeout_seconds, context=server.context or ssl.create_default_context())
        self._host = server.host


class SmtpDriver:
    """Speaks SMTP in a thread of its own, step by step, so that it is known how far a message had got."""

    channel: Final = "email"

    def __init__(self, server: MailServer, sender: Sender, now: Callable[[], datetime]) -> None:
        self._server, self._sender, self._now = server, sender, now
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="smtp")
        self._open: smtplib.SMTP | None = None
        self._handed = 0
        self._is_told = False  # the message under way has left, as far as we are concerned

    async def send(self, message: Outgoing) -> Handed:
        """Hand an e-mail over; see `Delivery` for what may come of it."""
        try:
            mail = letter(message, self._sender, self._now())
        except InvalidInputError as error:
            return Handed(Delivery.NEVER, str(error))
        self._is_told = False
        try:
            async with asyncio.timeout(_LONGEST * self._server.timeout_seconds):
                return await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._send, message.to, mail.as_bytes()
                )
        except TimeoutError:  # each answer came in time, and all of them together did not
            self._break_off()
            said = "the mail server is too slow"
            return Handed(Delivery.UNSURE if self._is_told else Delivery.PAUSE, said)

    async def rest(self) -> None:
        """Say goodbye to the server: there is nothing to send for now."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._leave)

    def close(self) -> None:
        """Break off whatever waits for the server."""
        self._break_off()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _break_off(self) -> None:
        sock = self._open.sock if self._open is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    # -- in the thread -------------------------------------------------------------------------------------------------

    def _send(self, to: str, mail: bytes) -> Handed:
        if self._handed >= _MOST_A_CONNECTION:
            self._leave()
        if self._open is None:
            refused = self._connect()
            if refused is not None:
                return refused
        smtp = self._open
        assert smtp is not None  # noqa: S101 - it has just been opened
        try:
            return self._transaction(smtp, to, mail)
        except (OSError, smtplib.SMTPException) as error:  # before the last octet left: see `_transaction`
            self._drop()
            return Handed(Delivery.LATER, _words(error))

    def _transaction(self, smtp: smtplib.SMTP, to: str, mail: bytes) -> Handed:
        """Run one mail transaction (RFC 5321 §3.3)."""
        for command in ("MAIL", "RCPT", "DATA"):
            if command == "MAIL":
                code, said = smtp.mail(self._sender.address)
            elif command == "RCPT":
                code, said = smtp.rcpt(to)
            else:
                code, said = smtp.docmd(command)
            if code // 100 not in {2, 3}:
                self._start_over(smtp, code)
                return _refusal(code, said, command)
        try:
            self._is_told = True
            smtp.send(_content(mail))
            code, said = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            # the server may have taken it and its answer got lost (RFC 5321 §4.2.5): sent again, it could arrive twice
            self._drop()
            return Handed(Delivery.UNSURE, _words(error))
        self._handed += 1
        if code // 100 == 2:
            return Handed(Delivery.ACCEPTED, _text(code, said))
        self._start_over(smtp, code)
        return _refusal(code, said, "DATA")

    def _connect(self) -> Handed | None:
        server = self._server
        try:
            smtp: smtplib.SMTP = _SmtpOverTls(server) if server.security is Security.TLS else _Smtp(server)
            self._open, self._handed = smtp, 0
            code, said = smtp.connect(server.host, server.port)
            if code != 220:
                self._drop()
                return Handed(Delivery.PAUSE, f"the mail server takes nothing now: {_text(code, said)}")
            smtp.ehlo_or_helo_if_needed()
            if server.security is Security.STARTTLS:
                smtp.starttls(context=server.context or ssl.create_default_context())
                smtp.ehlo_or_helo_if_needed()
            if server.user is not None and server.password is not None:
                smtp.login(server.user, server.password.get_secret_value())
        except smtplib.SMTPAuthenticationError as error:
            self._drop()
            return Handed(
                Delivery.PAUSE, f"the mail server refuses our log-in: {_text(error.smtp_code, error.smtp_error)}"
            )
        except smtplib.SMTPNotSupportedError as error:
            self._drop()
            return Handed(Delivery.PAUSE, f"the mail server can't do what smtp.security or smtp.user asks for: {error}")
        except ssl.SSLError as error:
            self._drop()
            return Handed(Delivery.PAUSE, f"no TLS with the mail server: {error.reason or error}")
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return Handed(Delivery.PAUSE, f"the mail server can't be reached: {_words(error)}")
        return None

    def _start_over(self, smtp: smtplib.SMTP, code: int) -> None:
        """Forget a transaction that was refused; after 421 the server hangs up itself (RFC 5321 §3.8)."""
        if code == 421:
            self._drop()
            return
        try:
            smtp.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _leave(self) -> None:
        if self._open is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self._open.quit()
        self._drop()

    def _drop(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None


def _content(mail: bytes) -> bytes:
    """Return an e-mail as DATA is followed by it: lines that begin with a dot have two (RFC 5321 §4.5.2)."""
    end = b"" if mail.endswith(b"\r\n") else b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", mail) + end + b".\r\n"


def _refusal(code: int, said: bytes, command: str) -> Handed:
    text = f"{command}: {_text(code, said)}"
    if code in {530, 534, 535, 538}:  # RFC 4954 §6: we must log in
        return Handed(Delivery.PAUSE, text)
    if code == 421:
        return Handed(Delivery.PAUSE, text)
    if code // 100 == 4:
        return Handed(Delivery.LATER, text, _GREY_SECONDS)
    return Handed(Delivery.NEVER, text)


def _text(code: int, said: bytes | str) -> str:
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} " + " ".join(words.split())[:_WORDS]


def _words(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:_WORDS]
