"""Messages between the daemon and its workers, over a socket pair that both were born with.

All that is said within one turn of the event loop travels in one write. A log-in that a worker asks about and the
answer to it are packed as they are, since after a power cut thousands a second go to and fro; all else is JSON.
"""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final

from netbilld.radius.access import Decision, Method

Message = dict[str, Any]

_READ_OCTETS: Final = 256 * 1024
_TURN_LOG_INS: Final = 64  # then the rest of the loop has its turn
_NONE: Final = 0xFFFF  # length of a detail that is not there
_JSON, _QUESTION, _ANSWER, _UNDECIDED = range(4)
_FRAME: Final = Struct("!BI")  # kind, octets that follow
_NUMBER: Final = Struct("!Q")
# number, arrived_mono, port, lengths of host, name and datagram
_ASKED: Final = Struct("!QdHBHH")
# code, lengths of attributes, reason, method and detail
_DECIDED: Final = Struct("!BHBBH")
logger = logging.getLogger("netbilld.workers")


@dataclass(slots=True)
class LogInQuestion:
    """A log-in whose service has limits, with what the worker would answer: may it come in?"""

    number: int
    name: str
    datagram: bytes
    source: tuple[str, int]
    arrived_mono: float
    decision: Decision


@dataclass(slots=True)
class LogInAnswer:
    """What the owner says to the question of that number; `decision` is None where nobody can say anything yet."""

    number: int
    decision: Decision | None


class Channel:
    """One end of the pair.

    Attributes:
        on_question: takes a log-in that is asked about.
        on_answer: takes the answer to one.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._unsent: list[bytes] = []
        self.on_question: Callable[[LogInQuestion], object] | None = None
        self.on_answer: Callable[[LogInAnswer], object] | None = None

    @classmethod
    async def over(cls, sock: socket.socket) -> "Channel":
        """Return the channel over a connected socket, which it then owns."""
        return cls(*await asyncio.open_unix_connection(sock=sock))

    def send(self, message: Message) -> None:
        """Send without waiting; what the other end no longer hears is lost, as is what it would have done with it."""
        said = json.dumps(message, separators=(",", ":")).encode()
        self._say(_FRAME.pack(_JSON, len(said)) + said)

    def ask(self, question: LogInQuestion) -> None:
        """Send a log-in to be decided, likewise."""
        host, port = question.source
        said_host, name = host.encode(), question.name.encode("utf-8", "surrogateescape")
        asked = _ASKED.pack(
            question.number, question.arrived_mono, port, len(said_host), len(name), len(question.datagram)
        )
        said = b"".join((asked, said_host, name, question.datagram, _packed(question.decision)))
        self._say(_FRAME.pack(_QUESTION, len(said)) + said)

    def answer(self, answer: LogInAnswer) -> None:
        """Send what was decided, likewise."""
        said = _NUMBER.pack(answer.number)
        if answer.decision is None:
            self._say(_FRAME.pack(_UNDECIDED, len(said)) + said)
            return
        said += _packed(answer.decision)
        self._say(_FRAME.pack(_ANSWER, len(said)) + said)

    async def messages(self) -> AsyncIterator[Message]:
        """Yield what the other end says until it is gone; questions and answers go where the attributes say."""
        unread = b""
        log_ins = 0
        while True:
            try:
                read = await self._reader.read(_READ_OCTETS)
            except ConnectionError:
                return
            if not read:
                return
            unread += read
            at = 0
            while at + _FRAME.size <= len(unread):
                kind, octets = _FRAME.unpack_from(unread, at)
                end = at + _FRAME.size + octets
                if end > len(unread):
                    break
                said = unread[at + _FRAME.size : end]
                at = end
                if kind == _JSON:
                    yield json.loads(said)
                    continue
                self._log_in(kind, said)
                log_ins += 1
                if log_ins % _TURN_LOG_INS == 0:
                    await asyncio.sleep(0)
            unread = unread[at:]

    def close(self) -> None:
        """Hang up, once all is sent."""
        self._flush()
        self._writer.close()

    def _say(self, frame: bytes) -> None:
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(frame)

    def _flush(self) -> None:
        if self._unsent and not self._writer.is_closing():
            self._writer.write(b"".join(self._unsent))
        self._unsent.clear()

    def _log_in(self, kind: int, said: bytes) -> None:
        """Hand a question or answer on; one log-in's fault is nobody else's."""
        try:
            if kind == _QUESTION:
                if self.on_question is not None:
                    self.on_question(_question(said))
            elif self.on_answer is not None:
                (number,) = _NUMBER.unpack_from(said)
                decision = _unpacked(said, _NUMBER.size) if kind == _ANSWER else None
                self.on_answer(LogInAnswer(number, decision))
        except Exception:
            logger.exception("a log-in with limits could not be decided or answered")


def _question(said: bytes) -> LogInQuestion:
    number, arrived_mono, port, host_octets, name_octets, datagram_octets = _ASKED.unpack_from(said)
    name_at = _ASKED.size + host_octets
    datagram_at = name_at + name_octets
    decision_at = datagram_at + datagram_octets
    return LogInQuestion(
        number,
        said[name_at:datagram_at].decode("utf-8", "surrogateescape"),
        said[datagram_at:decision_at],
        (said[_ASKED.size : name_at].decode(), port),
        arrived_mono,
        _unpacked(said, decision_at),
    )


def _packed(decision: Decision) -> bytes:
    reason, method = decision.reason.encode(), decision.method.encode()
    detail = b"" if decision.detail is None else decision.detail.encode("utf-8", "surrogateescape")
    lengths = _DECIDED.pack(
        decision.code,
        len(decision.attributes),
        len(reason),
        len(method),
        _NONE if decision.detail is None else len(detail),
    )
    return b"".join((lengths, decision.attributes, reason, method, detail))


def _unpacked(said: bytes, at: int) -> Decision:
    code, attributes_octets, reason_octets, method_octets, detail_octets = _DECIDED.unpack_from(said, at)
    at += _DECIDED.size
    reason_at = at + attributes_octets
    method_at = reason_at + reason_octets
    detail_at = method_at + method_octets
    method: Method = said[method_at:detail_at].decode()  # type: ignore[assignment]  # as it was packed
    detail = None if detail_octets == _NONE else said[detail_at : detail_at + detail_octets]
    return Decision(
        code,
        said[at:reason_at],
        said[reason_at:method_at].decode(),
        method,
        None if detail is None else detail.decode("utf-8", "surrogateescape"),
    )
