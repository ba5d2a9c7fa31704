"""A connection to the API of one RouterOS router: kept for the next question, one question at a time.

Source: MikroTik's manual, page API. The wire is librouteros's; what it would cast, log or read without end is not.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import md5, sha256
from typing import Any, Final

from librouteros import async_create_transport
from librouteros.api import AsyncApi
from librouteros.exceptions import ConnectionClosed, FatalError, LibRouterosError, ProtocolError
from librouteros.protocol import AsyncApiProtocol, decode_length, determine_length, encode_sentence

from netbilld.model.api_address import ApiAddress

Row = dict[str, str]
Ask = Callable[..., Awaitable[list[Row]]]  # a command and its words

IDLE_SECONDS: Final = 30.0  # a connection that rested so long is asked for a sign of life first: NAT forgets
KEEP_SECONDS: Final = 180.0  # and is given back after so long: a router has few places (max-sessions, 20)
_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 60.0  # sessions near a limit wait for it
_MOST_WORD_OCTETS: Final = 64 * 1024
_MOST_WORDS: Final = 256
_MOST_ROWS: Final = 20_000
_ROWS_A_TURN: Final = 50  # of a long answer, before other work gets its turn


class RouterosError(Exception):
    """A router could not be asked; its text says why, in words for a person and without a secret."""


class RouterosTrapError(RouterosError):
    """The router refused one command; the connection is as good as before."""


class RouterosConnection:
    """Asks one router.

    Whatever goes wrong closes the connection: what is left unread in it would be taken for the next answer. After a
    failure the router is left alone for a while, longer each time and never in step with others.

    Attributes:
        last_error: why the last question had no answer; None when it had one.
        latency_seconds: what the last question took.
    """

    def __init__(
        self,
        address: ApiAddress,
        *,
        timeout_seconds: float,
        monotonic: Callable[[], float],
        jitter: Callable[[], float],
        errors: str = "replace",
    ) -> None:
        """Take where it is.

        Args:
            address: of the API.
            timeout_seconds: how long it may be silent.
            monotonic: tells seconds.
            jitter: gives a number in [0, 1).
            errors: what becomes of octets that are not UTF-8; `surrogateescape` keeps them.
        """
        self.address: Final = address
        self._errors = errors
        self.last_error: str | None = None
        self.latency_seconds: float | None = None
        self._timeout_seconds = timeout_seconds
        self._monotonic = monotonic
        self._jitter = jitter
        self._lock = asyncio.Lock()
        self._api: _Api | None = None
        self._used_mono = 0.0
        self._failures = 0
        self._not_before_mono = 0.0

    @property
    def is_open(self) -> bool:
        return self._api is not None

    async def rows(self, command: str, *words: str, most_seconds: float | None = None) -> list[Row]:
        """Return the rows that a command gives, as text.

        Args:
            command: such as `/ppp/active/print`.
            words: further words as they go over the wire: `=.proplist=name`, `?name=budi`.
            most_seconds: what the whole answer may take, where it is long; each of its parts has the usual time.

        Raises:
            RouterosTrapError: the router refused the command.
            RouterosError: the router can't be reached, let in or understood, or is left alone after a failure.
        """
        async with self._lock:
            return await self._rows(command, words, most_seconds)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Ask]:
        """Give several questions in a row, between which nobody else asks: to look at something and act upon it."""
        async with self._lock:
            yield self._in_turn

    async def _in_turn(self, command: str, *words: str) -> list[Row]:
        return await self._rows(command, words, None)

    async def _rows(self, command: str, words: Sequence[str], most_seconds: float | None) -> list[Row]:
        began_mono = self._monotonic()
        if self._api is None and began_mono < self._not_before_mono:
            raise RouterosError(self.last_error or "left alone after a failure")
        seconds = self._timeout_seconds if most_seconds is None else max(most_seconds, self._timeout_seconds)
        try:
            async with asyncio.timeout(seconds):
                api = await self._ready(began_mono)
                found = await api.ask(command, words, self._timeout_seconds)
        except RouterosTrapError:
            self._answered(began_mono)
            raise
        except RouterosError as error:
            raise self._failed(str(error)) from None
        except (OSError, EOFError, TimeoutError, LibRouterosError, ssl.SSLError, ValueError) as error:
            raise self._failed(_words(error, seconds)) from None
        except BaseException:
            self.close()
            raise
        self._answered(began_mono)
        return found

    def close(self) -> None:
        """Let go of the connection, at once."""
        api, self._api = self._api, None
        if api is not None:
            api.abort()

    def close_if_idle(self) -> None:
        """Let go of a connection that nobody has needed for a while."""
        if not self._lock.locked() and self._monotonic() - self._used_mono > KEEP_SECONDS:
            self.close()

    def _answered(self, began_mono: float) -> None:
        self._used_mono = self._monotonic()
        self.latency_seconds = self._used_mono - began_mono
        self.last_error = None
        self._failures = 0

    def _failed(self, why: str) -> RouterosError:
        self.close()
        self.last_error = why
        pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 16))
        self._failures += 1
        self._not_before_mono = self._monotonic() + pause * (0.5 + self._jitter())
        return RouterosError(why)

    async def _ready(self, now_mono: float) -> "_Api":
        if self._api is not None and now_mono - self._used_mono > IDLE_SECONDS:
            try:
                async with asyncio.timeout(self._timeout_seconds / 2):
                    await self._api.ask("/system/identity/print", ())
            except (OSError, EOFError, TimeoutError, LibRouterosError, RouterosError, ValueError):
                self.close()  # it died while nobody looked, which is no fault of the router
        if self._api is None:
            self._api = await _log_in(self.address, self._timeout_seconds)
            self._api.errors = self._errors
        return self._api


async def _log_in(address: ApiAddress, timeout_seconds: float) -> "_Api":
    context = _tls(address) if address.is_tls else None
    transport = await async_create_transport(
        address.host,
        port=address.port,
        saddr=None,
        timeout=timeout_seconds,
        ssl_wrapper=context,
    )
    api = _Api(_Wire(transport, encoding="latin-1"))
    try:
        if address.fingerprint is not None:
            _check_certificate(transport.writer.get_extra_info("ssl_object"), address.fingerprint)
        await api.log_in(address.user, address.password)
    except BaseException:
        api.abort()
        raise
    return api


def _check_certificate(connection: ssl.SSLObject, fingerprint: str) -> None:
    certificate = connection.getpeercert(binary_form=True)
    if certificate is None or sha256(certificate).hexdigest() != fingerprint:
        raise RouterosError("the router shows another certificate than the fingerprint says")


def _tls(address: ApiAddress) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if address.fingerprint is not None or address.is_trusted_blindly:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _Wire(AsyncApiProtocol):  # type: ignore[misc]  # untyped
    """Sentences as librouteros frames them; none of them, and so no password, goes to a log."""

    async def writeSentence(self, cmd: str, *words: str) -> None:  # noqa: N802 - its name
        octets = (_to_wire(word) for word in (cmd, *words))
        await self.transport.write(encode_sentence(*octets, encoding=self.encoding))

    async def readSentence(self) -> tuple[str, tuple[str, ...]]:  # noqa: N802 - its name
        words: list[str] = []
        while not words:  # an empty sentence says nothing
            while word := await self.readWord():
                words.append(word)
                if len(words) > _MOST_WORDS:
                    raise ProtocolError("a sentence without end")
        if words[0] == "!fatal":
            raise FatalError(words[1] if len(words) > 1 else "no reason given")
        return words[0], tuple(words[1:])

    async def readWord(self) -> str:  # noqa: N802 - its name
        first = await self.transport.read(1)
        if first == b"\0":
            return ""
        length = decode_length(first + await self.transport.read(determine_length(first)))
        if length > _MOST_WORD_OCTETS:
            raise ProtocolError("a word without end")
        octets: bytes = await self.transport.read(length)
        return octets.decode("latin-1")


class _Api(AsyncApi):  # type: ignore[misc]  # untyped
    """Commands and their rows; every value stays the text it was, since a user may be called 1001 or no."""

    errors = "replace"

    async def ask(self, command: str, words: Sequence[str], pause_seconds: float | None = None) -> list[Row]:
        """Return the rows; `pause_seconds` is how long the router may be silent, in front of them and between them."""
        loop = asyncio.get_running_loop()
        await self.protocol.writeSentence(command, *words)
        rows: list[Row] = []
        refusals: list[str] = []
        async with asyncio.timeout(pause_seconds) as patience:
            while True:
                reply, said = await self.protocol.readSentence()
                row = _row(said, self.errors)
                if reply == "!trap":
                    refusals.append(row.get("message", "no reason given"))
                elif row:
                    rows.append(row)
                    if len(rows) > _MOST_ROWS:
                        raise ProtocolError("an answer without end")
                    if len(rows) % _ROWS_A_TURN == 0:
                        await asyncio.sleep(0)  # what has arrived already is read without waiting: others come first
                if reply == "!done":
                    break
                if pause_seconds is not None:
                    patience.reschedule(loop.time() + pause_seconds)
        if refusals:
            raise RouterosTrapError("; ".join(refusals))
        return rows

    async def log_in(self, user: str, password: str) -> None:
        """Log in as RouterOS 6.43 and later want it; an older one answers with a challenge."""
        try:
            rows = await self.ask("/login", (f"=name={user}", f"=password={password}"))
            challenge = next((row["ret"] for row in rows if "ret" in row), None)
            if challenge is not None:
                digest = md5(b"\0" + password.encode() + bytes.fromhex(challenge)).hexdigest()  # noqa: S324 - its protocol
                await self.ask("/login", (f"=name={user}", f"=response=00{digest}"))
        except RouterosTrapError as trap:
            raise RouterosError(f"the router does not let {user} log in: {trap}") from None
        except ConnectionClosed:
            raise RouterosError(
                "the router closes the connection at log-in: `/ip service` of it limits max-sessions and addresses"
            ) from None

    def abort(self) -> None:
        with suppress(Exception):  # gone is gone
            self.protocol.transport.writer.transport.abort()


def _row(words: Sequence[str], errors: str) -> Row:
    row: Row = {}
    for word in words:
        if word[:1] == "=":
            name, _, value = word[1:].partition("=")
            row[name] = value.encode("latin-1").decode("utf-8", errors)
    return row


def _to_wire(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _words(error: Any, timeout_seconds: float) -> str:
    match error:
        case TimeoutError():
            return f"no answer within {timeout_seconds:g} s"
        case ConnectionClosed() | EOFError():
            return "the router closed the connection"
        case FatalError():
            return f"the router ended the connection: {error}"
        case ssl.SSLCertVerificationError():
            return "the router's certificate can't be verified; `?fingerprint=SHA256` names it"
        case ssl.SSLError():
            return "no TLS: api-ssl needs a certificate on the router"
        case ProtocolError() | ValueError():
            return "the answer is no RouterOS API"
        case _:
            return f"it can't be reached: {error.strerror or type(error).__name__}"
