import asyncio
import logging
import socket
from collections.abc import Callable, Iterator

import pytest

from netbilld.adapters.radius_udp import RadiusListener
from netbilld.model.errors import NetbilldError
from netbilld.radius.server import Source

DEADLINE_SECONDS = 5.0


def echo(datagram: bytes, _source: Source, _arrived_mono: float) -> bytes | None:
    return b"reply to " + datagram


@pytest.fixture
def opened() -> Iterator[Callable[..., RadiusListener]]:
    listeners: list[RadiusListener] = []

    def open_(host: str, *args: object, **options: object) -> RadiusListener:
        handler = args[0] if args else echo
        listener = RadiusListener(host, 0, handler, **options)  # type: ignore[arg-type]  # a test's shorthand
        listeners.append(listener)
        return listener

    yield open_
    for listener in listeners:
        listener.close()


def nas(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    return sock


async def asked(sock: socket.socket, host: str, port: int, datagram: bytes = b"hello") -> tuple[bytes, str]:
    """Send one datagram; return the reply and the address it came from."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendto(sock, datagram, (host, port))
    reply, source = await asyncio.wait_for(loop.sock_recvfrom(sock, 4096), DEADLINE_SECONDS)
    return reply, source[0]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("bound", "asked_at", "dual_stack"),
    [
        ("127.0.0.1", "127.0.0.1", False),
        ("127.0.0.2", "127.0.0.2", False),
        ("0.0.0.0", "127.0.0.1", False),
        ("0.0.0.0", "127.0.0.77", False),
        ("::1", "::1", False),
        ("::", "::1", False),
        ("::", "127.0.0.5", True),
    ],
)
async def test_rfc2865_3_the_reply_leaves_from_the_address_that_was_asked(
    opened: Callable[..., RadiusListener], bound: str, asked_at: str, dual_stack: bool
) -> None:
    listener = opened(bound, dual_stack=dual_stack)
    listener.start()
    with nas(asked_at) as sock:
        assert await asked(sock, asked_at, listener.port) == (b"reply to hello", asked_at)
    assert (listener.counters.received, listener.counters.sent, listener.counters.send_errors) == (1, 1, 0)


@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0"])
async def test_a_reply_may_come_later(opened: Callable[..., RadiusListener], bound: str) -> None:
    waiting: list[Source] = []

    def keep(_datagram: bytes, source: Source, _arrived_mono: float) -> None:
        waiting.append(source)

    listener = opened(bound, keep)
    listener.start()
    with nas("127.0.0.1") as sock:
        loop = asyncio.get_running_loop()
        await loop.sock_sendto(sock, b"hello", ("127.0.0.9" if bound == "0.0.0.0" else bound, listener.port))
        await until(lambda: bool(waiting))
        assert listener.send(b"later", waiting[0])
        reply, source = await asyncio.wait_for(loop.sock_recvfrom(sock, 4096), DEADLINE_SECONDS)
    assert reply == b"later"
    assert source[0] == ("127.0.0.9" if bound == "0.0.0.0" else bound)


async def test_the_same_peer_has_the_same_source_so_that_retransmissions_are_known(
    opened: Callable[..., RadiusListener],
) -> None:
    seen: list[Source] = []

    def note(datagram: bytes, source: Source, _arrived_mono: float) -> bytes:
        seen.append(source)
        return datagram

    listener = opened("0.0.0.0", note)
    listener.start()
    with nas("127.0.0.1") as sock:
        for asked_at in ("127.0.0.1", "127.0.0.1", "127.0.0.2"):
            await asked(sock, asked_at, listener.port)
    assert seen[0] == seen[1]
    assert hash(seen[0]) == hash(seen[1])
    assert seen[2] != seen[0]


async def test_a_failing_handler_is_counted_logged_once_and_the_next_packet_served(
    opened: Callable[..., RadiusListener], caplog: pytest.LogCaptureFixture
) -> None:
    failed: list[bytes] = []

    def fail(datagram: bytes, _source: Source, _arrived_mono: float) -> bytes:
        if datagram == b"bad":
            raise ZeroDivisionError
        return datagram

    def forget(datagram: bytes, _source: Source) -> None:
        failed.append(datagram)
        raise ValueError

    listener = opened("127.0.0.1", fail, name="auth", on_failure=forget)
    listener.start()
    with caplog.at_level(logging.ERROR), nas("127.0.0.1") as sock:
        for _ in range(5):
            sock.sendto(b"bad", ("127.0.0.1", listener.port))
        assert await asked(sock, "127.0.0.1", listener.port, b"good") == (b"good", "127.0.0.1")
    assert failed == [b"bad"] * 5
    assert listener.counters.handler_errors == 10  # each handler and each on_failure
    assert [record.getMessage() for record in caplog.records] == [
        "auth: working on a packet from 127.0.0.1 failed (1 since the last line): ZeroDivisionError"
    ]


async def test_a_burst_is_drained_and_nothing_is_lost(opened: Callable[..., RadiusListener]) -> None:
    seen: list[bytes] = []

    def note(datagram: bytes, _source: Source, _arrived_mono: float) -> None:
        seen.append(datagram)

    listener = opened("127.0.0.1", note)
    with nas("127.0.0.1") as sock:
        for number in range(500):  # before anybody listens: it waits in the kernel
            sock.sendto(number.to_bytes(2, "big"), ("127.0.0.1", listener.port))
    listener.start()
    await until(lambda: len(seen) == 500)
    assert seen == [number.to_bytes(2, "big") for number in range(500)]
    assert listener.kernel_drops() == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_what_the_kernel_throws_away_is_counted(opened: Callable[..., RadiusListener], host: str) -> None:
    listener = opened(host, receive_buffer_octets=4096)
    with nas(host) as sock:
        for _ in range(200):
            sock.sendto(bytes(1000), (host, listener.port))
    listener.start()
    await until(lambda: listener.counters.received > 0)
    await asyncio.sleep(0)
    dropped = listener.kernel_drops()
    assert dropped > 0
    await until(lambda: listener.counters.received + dropped == 200)


async def test_an_empty_and_an_oversized_datagram_pass_through(opened: Callable[..., RadiusListener]) -> None:
    sizes: list[int] = []

    def note(datagram: bytes, _source: Source, _arrived_mono: float) -> None:
        sizes.append(len(datagram))

    listener = opened("127.0.0.1", note)
    listener.start()
    with nas("127.0.0.1") as sock:
        for size in (0, 4096, 5000):
            sock.sendto(bytes(size), ("127.0.0.1", listener.port))
        await until(lambda: len(sizes) == 3)
    assert sizes == [0, 4096, 4096]


async def test_after_stop_nothing_is_received_but_a_reply_still_leaves(
    opened: Callable[..., RadiusListener],
) -> None:
    listener = opened("127.0.0.1")
    listener.start()
    with nas("127.0.0.1") as sock:
        await asked(sock, "127.0.0.1", listener.port)
        listener.stop()
        listener.stop()
        sock.sendto(b"too late", ("127.0.0.1", listener.port))
        assert listener.send(b"last", sock.getsockname())
        loop = asyncio.get_running_loop()
        assert await asyncio.wait_for(loop.sock_recv(sock, 100), DEADLINE_SECONDS) == b"last"
    assert listener.counters.received == 1


async def test_a_reply_that_can_t_be_sent_is_counted(opened: Callable[..., RadiusListener]) -> None:
    listener = opened("127.0.0.1")
    assert not listener.send(bytes(70_000), ("127.0.0.1", 9))
    listener.close()
    assert not listener.send(b"x", ("127.0.0.1", 9))
    assert listener.counters.send_errors == 2
    assert listener.kernel_drops() == 0


def test_a_port_in_use_says_what_to_do() -> None:
    first = RadiusListener("127.0.0.1", 0, echo)
    try:
        with pytest.raises(NetbilldError, match=rf"auth: UDP 127\.0\.0\.1:{first.port} is in use") as caught:
            RadiusListener("127.0.0.1", first.port, echo, name="auth")
        assert caught.value.code == "port_in_use"
        assert "ss -ulpn" in caught.value.hint
    finally:
        first.close()


@pytest.mark.parametrize(
    ("host", "code"), [("203.0.113.1", "address_not_here"), ("radius.example", "bad_address"), ("", "bad_address")]
)
def test_an_address_that_is_not_ours_says_what_to_do(host: str, code: str) -> None:
    with pytest.raises(NetbilldError) as caught:
        RadiusListener(host, 0, echo)
    assert caught.value.code == code


def test_the_receive_buffer_is_large() -> None:
    listener = RadiusListener("127.0.0.1", 0, echo)
    try:
        assert listener.receive_buffer_octets >= 106_496  # the kernel's default limit where we are not root
    finally:
        listener.close()
