"""RadSec connections: every time limit, every bound, and what is left when a peer goes."""

import asyncio
import functools
import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbilld.adapters import radsec
from netbilld.adapters.certificate_authority import CertificateAuthority
from netbilld.adapters.certificates import CertificateFiles, read_certificates
from netbilld.adapters.radsec import Closed, RadsecConnection, RadsecLimits, RadsecListener
from netbilld.adapters.radsec_tls import TlsChannel, TlsContexts, why_it_failed
from netbilld.model.errors import NetbilldError

DEADLINE_SECONDS = 10
FRAME = b"\x01\x07\x00\x18" + bytes(20)


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    files = CertificateFiles.of(tmp_path_factory.mktemp("radsec"))
    authority = CertificateAuthority(files)
    authority.make("Tests", datetime.now(UTC))
    authority.make_server(["localhost"], datetime.now(UTC))
    authority.issue("pop1", datetime.now(UTC))
    return files


@pytest.fixture(autouse=True)
def _sweep_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(radsec, "SWEEP_SECONDS", 0.02)


class Echo:
    """A handler that knows everybody and sends packets back, doing otherwise on demand."""

    def __init__(self) -> None:
        self.expected: bool | None = True
        self.welcome: Closed | None = None
        self.answer: Callable[[RadsecConnection, bytes], bytes | Closed | None] = lambda _connection, frame: frame
        self.open: list[RadsecConnection] = []
        self.ended = 0
        self.failures: list[Exception] = []
        self.words: list[tuple[Closed, str]] = []

    def expects(self, host: str) -> bool | None:
        assert host == "127.0.0.1"
        return self.expected

    def opened(self, connection: RadsecConnection) -> Closed | None:
        if self.welcome is None:
            self.open.append(connection)
        return self.welcome

    def frame(self, connection: RadsecConnection, frame: bytes, arrived_mono: float) -> bytes | Closed | None:
        del arrived_mono
        return self.answer(connection, frame)

    def failed(self, connection: RadsecConnection, frame: bytes, error: Exception) -> None:
        del connection, frame
        self.failures.append(error)

    def closed(self, connection: RadsecConnection) -> None:
        self.open.remove(connection)
        self.ended += 1

    def refused(self, host: str, why: Closed, detail: str) -> None:
        del host
        self.words.append((why, detail))


@asynccontextmanager
async def listening(
    certs: CertificateFiles, echo: Echo, now: Callable[[], datetime] = lambda: datetime.now(UTC), **limits: Any
) -> AsyncIterator[RadsecListener]:
    contexts = TlsContexts(certs, now)
    contexts.load()
    listener = RadsecListener(("127.0.0.1",), 0, contexts, echo, RadsecLimits(**limits), now)
    await listener.open()
    try:
        yield listener
    finally:
        listener.close()
        await asyncio.sleep(0)


@functools.cache
def bare_context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def client_context(certs: CertificateFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certs.ca))
    context.load_cert_chain(certs.client("pop1"), certs.client_key("pop1"))
    return context


class Nas:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, octets: bytes, answer_octets: int | None = None) -> bytes:
        self.writer.write(octets)
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.reader.readexactly(len(octets) if answer_octets is None else answer_octets)

    async def is_ended(self) -> bool:
        async with asyncio.timeout(DEADLINE_SECONDS):
            try:
                return not await self.reader.read()
            except (ConnectionError, ssl.SSLError):
                return True


@asynccontextmanager
async def connected(certs: CertificateFiles, listener: RadsecListener, *, tls: bool = True) -> AsyncIterator[Nas]:
    context = client_context(certs) if tls else None
    name = "localhost" if tls else None
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, ssl=context, server_hostname=name)
    try:
        yield Nas(reader, writer)
    finally:
        writer.transport.abort()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_peer_that_never_finishes_its_handshake_is_dropped(certs: CertificateFiles) -> None:
    echo = Echo()
    async with (
        listening(certs, echo, handshake_seconds=0.1) as listener,
        connected(certs, listener, tls=False) as nas,
    ):
        nas.writer.write(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a ClientHello, and then silence
        assert await nas.is_ended()
        assert listener.counters.closed[Closed.HANDSHAKE_TIMEOUT] == 1
        assert not listener.connections


async def test_a_packet_must_be_whole_in_time_however_slowly_it_drips(certs: CertificateFiles) -> None:
    echo = Echo()
    async with listening(certs, echo, frame_seconds=0.2) as listener, connected(certs, listener) as nas:
        assert await nas.ask(FRAME) == FRAME

        nas.writer.write(b"\x01\x07\x10\x00")
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not nas.reader.at_eof() and listener.connections:
                nas.writer.write(b"\x00")
                await asyncio.sleep(0.01)
        assert listener.counters.closed[Closed.FRAME_TIMEOUT] == 1


async def test_a_connection_without_packets_ends_after_its_time(certs: CertificateFiles) -> None:
    echo = Echo()
    async with listening(certs, echo, idle_seconds=0.2) as listener, connected(certs, listener) as nas:
        assert await nas.is_ended()
        assert listener.counters.closed[Closed.IDLE] == 1
        assert echo.ended == 1


async def test_a_connection_does_not_outlive_its_certificate(certs: CertificateFiles) -> None:
    echo = Echo()
    offset = timedelta()
    async with (
        listening(certs, echo, lambda: datetime.now(UTC) + offset) as listener,
        connected(certs, listener) as nas,
    ):
        assert await nas.ask(FRAME) == FRAME
        offset = timedelta(days=731)
        assert await nas.is_ended()
        assert listener.counters.closed[Closed.EXPIRED] == 1


async def test_a_peer_that_never_reads_its_answers_is_dropped(certs: CertificateFiles) -> None:
    echo = Echo()
    echo.answer = lambda _connection, _frame: bytes(4096)
    async with listening(certs, echo, stall_seconds=0.2) as listener, connected(certs, listener) as nas:
        nas.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport has it
        while not listener.counters.closed[Closed.UNREAD]:
            nas.writer.write(FRAME * 1000)
            await asyncio.sleep(0.01)
        assert listener.counters.sent * 4096 < 64 * 1024 * 1024


async def test_connections_are_bounded_in_all_and_for_each_source(certs: CertificateFiles) -> None:
    for most, most_a_source in ((2, 9), (9, 2)):
        echo = Echo()
        async with listening(certs, echo, connections=most, connections_a_source=most_a_source) as listener:
            async with connected(certs, listener) as first, connected(certs, listener) as second:
                assert await first.ask(FRAME) == await second.ask(FRAME) == FRAME
                with pytest.raises((ConnectionError, ssl.SSLError)):
                    async with connected(certs, listener):
                        pass
                assert listener.counters.closed[Closed.TOO_MANY] == 1
                assert echo.words == [(Closed.TOO_MANY, "")]
            await until(lambda: not listener.connections)
            async with connected(certs, listener) as third:
                assert await third.ask(FRAME) == FRAME


async def test_a_revoked_certificate_is_turned_away(certs: CertificateFiles) -> None:
    echo = Echo()
    serial = read_certificates(certs.client("pop1"))[0].serial_number
    async with listening(certs, echo, revoked=frozenset({serial})) as listener, connected(certs, listener) as nas:
        nas.writer.write(FRAME)
        assert await nas.is_ended()
        assert listener.counters.closed[Closed.REVOKED] == 1
        assert echo.words == [(Closed.REVOKED, "its certificate is revoked")]
        assert echo.open == []


async def test_strangers_are_bounded_until_their_certificate_says_who_they_are(certs: CertificateFiles) -> None:
    echo = Echo()
    echo.expected = None
    async with listening(certs, echo, strangers=1) as listener, connected(certs, listener) as nas:
        assert await nas.ask(FRAME) == FRAME  # no stranger any more
        async with connected(certs, listener, tls=False):
            await until(lambda: len(listener.connections) == 2)
            with pytest.raises((ConnectionError, ssl.SSLError)):
                async with connected(certs, listener):
                    pass
        await until(lambda: len(listener.connections) == 1)
        async with connected(certs, listener) as other:
            assert await other.ask(FRAME) == FRAME


async def test_an_address_of_no_nas_does_not_get_as_far_as_tls(certs: CertificateFiles) -> None:
    echo = Echo()
    echo.expected = False
    async with listening(certs, echo) as listener:
        with pytest.raises((ConnectionError, ssl.SSLError)):
            async with connected(certs, listener):
                pass
        assert listener.counters.closed[Closed.UNKNOWN_CLIENT] == 1
        assert listener.counters.accepted == 0


async def test_a_packet_that_fails_inside_harms_neither_the_next_nor_the_connection(certs: CertificateFiles) -> None:
    echo = Echo()

    def answer(_connection: RadsecConnection, frame: bytes) -> bytes:
        if frame[0] == 2:
            raise ZeroDivisionError
        return frame

    echo.answer = answer
    async with listening(certs, echo) as listener, connected(certs, listener) as nas:
        assert await nas.ask(b"\x02" + FRAME[1:] + FRAME, len(FRAME)) == FRAME
        assert listener.counters.handler_errors == 1
        assert [type(error) for error in echo.failures] == [ZeroDivisionError]


async def test_a_burst_from_one_peer_leaves_turns_to_the_others(certs: CertificateFiles) -> None:
    echo = Echo()
    async with (
        listening(certs, echo) as listener,
        connected(certs, listener) as busy,
        connected(certs, listener) as nas,
    ):
        await busy.ask(FRAME)
        order: list[int] = []
        first = echo.open[0]

        def answer(connection: RadsecConnection, frame: bytes) -> bytes:
            order.append(int(connection is first))
            return frame

        echo.answer = answer
        busy.writer.write(FRAME * 5000)
        nas.writer.write(FRAME)
        await until(lambda: len(order) == 5001)
        assert order.index(0) < 5000
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await busy.reader.readexactly(len(FRAME) * 5000) == FRAME * 5000


async def test_after_stop_nothing_is_read_but_an_answer_still_leaves(certs: CertificateFiles) -> None:
    echo = Echo()
    echo.answer = lambda _connection, _frame: None
    async with listening(certs, echo) as listener, connected(certs, listener) as nas:
        nas.writer.write(FRAME)
        await until(lambda: listener.counters.received == 1)
        listener.stop()
        listener.stop()
        nas.writer.write(FRAME)
        assert echo.open[0].send(FRAME)
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await nas.reader.readexactly(len(FRAME)) == FRAME
        assert listener.counters.received == 1
        with pytest.raises(ConnectionError):
            async with connected(certs, listener):
                pass
        connection = echo.open[0]
        listener.close()
        assert await nas.is_ended()
        assert not connection.send(FRAME)
        assert listener.counters.closed[Closed.STOPPED] == 1


async def test_without_certificates_nobody_gets_in_and_the_port_is_given_back(
    certs: CertificateFiles, tmp_path: Path
) -> None:
    contexts = TlsContexts(CertificateFiles.of(tmp_path), lambda: datetime.now(UTC))
    listener = RadsecListener(("127.0.0.1",), 0, contexts, Echo(), RadsecLimits(), lambda: datetime.now(UTC))
    with pytest.raises(NetbilldError, match=r"server\.pem is missing"):
        contexts.load()
    with pytest.raises(ConnectionError):
        async with connected(certs, listener):
            pass
    listener.close()
    again = RadsecListener(("127.0.0.1",), listener.port, contexts, Echo(), RadsecLimits(), lambda: datetime.now(UTC))
    again.close()


def test_a_pair_that_is_replaced_half_way_leaves_the_old_one_in_use(certs: CertificateFiles, tmp_path: Path) -> None:
    shutil.copytree(certs.directory, tmp_path / "certs")
    files = CertificateFiles.of(tmp_path)
    contexts = TlsContexts(files, lambda: datetime.now(UTC))
    contexts.load()
    before = contexts.current()
    assert contexts.current() is before
    key = files.server_key.read_bytes()
    shutil.copy(files.client_key("pop1"), files.server_key)
    assert contexts.current() is before
    files.server_key.write_bytes(key)
    CertificateAuthority(files).make_server((), datetime.now(UTC), renew=True)
    after = contexts.current()
    assert after is not before
    assert contexts.current() is after


@given(st.lists(st.binary(min_size=1, max_size=600), max_size=8), st.sampled_from([b"", b"\x16\x03\x01"]))
def test_garbage_before_a_handshake_is_a_tls_error_and_nothing_else(chunks: list[bytes], head: bytes) -> None:
    channel = TlsChannel(bare_context())
    said = ""
    for chunk in chunks:
        try:
            assert channel.receive(head + chunk) == b""
        except ssl.SSLError as error:
            said = why_it_failed(error)
            break
    channel.end()
    assert not channel.is_established
    assert bool(channel.wire()) <= bool(said)


async def test_a_wildcard_takes_ipv4_too_and_tells_its_addresses_plainly(certs: CertificateFiles) -> None:
    contexts = TlsContexts(certs, lambda: datetime.now(UTC))
    contexts.load()
    echo = Echo()
    listener = RadsecListener(("::",), 0, contexts, echo, RadsecLimits(), lambda: datetime.now(UTC))
    try:
        await listener.open()
        async with connected(certs, listener) as nas:
            assert await nas.ask(FRAME) == FRAME
            assert echo.open[0].source[0] == "127.0.0.1"
    finally:
        listener.close()
        await asyncio.sleep(0)


@pytest.mark.parametrize(("host", "code"), [("203.0.113.1", "bind_failed"), ("127.0.0.1", "port_in_use")])
async def test_a_port_that_can_t_be_bound_says_what_to_do(certs: CertificateFiles, host: str, code: str) -> None:
    async with listening(certs, Echo()) as listener:
        with pytest.raises(NetbilldError, match="RadSec can't listen on TCP") as caught:
            RadsecListener((host,), listener.port, listener.contexts, Echo(), RadsecLimits(), listener.now)
        assert caught.value.code == code
        assert caught.value.hint
