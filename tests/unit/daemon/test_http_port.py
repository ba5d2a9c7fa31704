import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from netbilld.daemon.http_port import HttpPort, source_of
from netbilld.daemon.logs import is_of_interest
from netbilld.daemon.pages.doors import bound
from tests.peers import free_tcp_port

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def opened(**bounds: object) -> AsyncIterator[tuple[HttpPort, int]]:
    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    http = HttpPort("portal", web.AppRunner(app, access_log=None), **bounds)  # type: ignore[arg-type]
    port = free_tcp_port()
    await http.listen(await bound("127.0.0.1", port, "portal.port"))
    try:
        yield http, port
    finally:
        await http.close()


async def _half_a_request(port: int) -> Stream:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: ")
    await writer.drain()
    return reader, writer


async def _ask(port: int) -> bytes:
    """Return the first line of the answer, nothing where the connection is closed at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(REQUEST)
        return (await reader.readline()).strip()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def _holds(http: HttpPort, connections: int) -> None:
    async with asyncio.timeout(10):
        while http.connections != connections:
            await asyncio.sleep(0.01)


async def test_one_source_that_holds_many_connections_gets_no_more_until_it_lets_go() -> None:
    async with opened(most_a_source=3) as (http, port):
        held = [await _half_a_request(port) for _ in range(3)]
        await _holds(http, 3)
        assert await _ask(port) == b""
        assert http.refused == 1
        for _, writer in held:
            writer.close()
        await _holds(http, 0)
        assert await _ask(port) == b"HTTP/1.1 200 OK"


async def test_all_sources_together_are_bounded_too() -> None:
    async with opened(most=2, most_a_source=2) as (http, port):
        held = [await _half_a_request(port) for _ in range(2)]
        await _holds(http, 2)
        assert await _ask(port) == b""
        for _, writer in held:
            writer.close()


async def test_a_trusted_proxy_carries_everybody_and_is_bounded_as_all_are() -> None:
    async with opened(most_a_source=1, most=3, trusted_proxies=("127.0.0.0/8",)) as (http, port):
        held = [await _half_a_request(port) for _ in range(2)]
        await _holds(http, 2)
        assert await _ask(port) == b"HTTP/1.1 200 OK"
        for _, writer in held:
            writer.close()


async def test_a_connection_on_which_no_request_comes_is_closed_and_one_that_asked_stays() -> None:
    async with opened(head_seconds=0.2) as (http, port):
        asked_reader, asked = await asyncio.open_connection("127.0.0.1", port)
        for piece in (b"GET / HTTP/1.1\r\nHost: x\r", b"\n\r", b"\n"):
            asked.write(piece)
            await asked.drain()
        assert (await asked_reader.readline()).strip() == b"HTTP/1.1 200 OK"
        slow, writer = await _half_a_request(port)
        async with asyncio.timeout(10):
            with suppress(ConnectionError):
                assert await slow.read() == b""
        await _holds(http, 1)  # that which asked is kept for its next request
        assert http.refused == 1
        asked.write(REQUEST)
        assert b"200 OK" in await asked_reader.read()
        for one in (asked, writer):
            one.close()


async def test_empty_lines_are_no_request_and_hold_no_connection() -> None:
    async with opened(head_seconds=0.2) as (http, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\r\n\r\n")
        async with asyncio.timeout(10):
            with suppress(ConnectionError):
                assert await reader.read() == b""
        assert http.refused == 1
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\r\n" + REQUEST)
        assert (await reader.readline()).strip() == b"HTTP/1.1 200 OK"
        writer.close()


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::1"),
        ("", ""),
    ],
)
def test_a_home_is_one_source_however_many_addresses_it_has(peer: str, source: str) -> None:
    assert source_of(peer) == source


def test_what_is_no_http_or_went_away_fills_no_log() -> None:
    def record(wrong: BaseException | None) -> logging.LogRecord:
        trace = None if wrong is None else (type(wrong), wrong, None)
        return logging.LogRecord("aiohttp.server", logging.ERROR, "x", 1, "said", None, trace)

    assert [is_of_interest(record(one)) for one in (None, KeyError("ours"))] == [True, True]
    assert [is_of_interest(record(one)) for one in (LineTooLong("x"), ConnectionResetError())] == [False, False]
