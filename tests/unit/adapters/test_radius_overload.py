"""A listener whose handler is slower than what arrives: what has begun goes first, and everything is accounted for."""

import asyncio
import socket
import time

from netbilld.adapters.radius_udp import RadiusListener
from netbilld.radius.server import Source

COST_SECONDS = 0.004
BEGUN, NEW = b"begun", b"new  "


async def test_behind_the_begun_go_first_and_every_datagram_is_worked_on_or_dropped() -> None:
    worked: list[bytes] = []
    dropped: list[bytes] = []

    def handler(datagram: bytes, _source: Source, _arrived_mono: float) -> bytes:
        time.sleep(COST_SECONDS)
        worked.append(datagram)
        return datagram

    listener = RadiusListener(
        "127.0.0.1",
        0,
        handler,
        has_begun=lambda datagram, _source: datagram.startswith(BEGUN),
        on_overload=lambda datagram, _source: dropped.append(datagram),
    )
    burst = [(BEGUN if number % 4 == 3 else NEW) + number.to_bytes(3, "big") + bytes(17) for number in range(400)]
    with socket.socket(type=socket.SOCK_DGRAM) as nas:
        nas.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        for datagram in burst:
            nas.sendto(datagram, ("127.0.0.1", listener.port))
        listener.start()
        try:
            async with asyncio.timeout(30):
                while len(worked) + len(dropped) + listener.kernel_drops() < len(burst):
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0)
                assert listener.kernel_drops() == 0
                assert dropped
                assert all(datagram.startswith(NEW) for datagram in dropped)
                ahead = [datagram for datagram in worked[64:] if datagram.startswith(BEGUN)]
                assert worked[64 : 64 + len(ahead)] == ahead  # once behind was seen, nothing new before them
                new = [datagram for datagram in worked if datagram.startswith(NEW)]
                assert new == sorted(new)
                assert new[-1] < min(dropped)

                # and when it has caught up it serves as ever
                while listener._is_behind:
                    await asyncio.sleep(0.01)
                nas.sendto(NEW + b"last", ("127.0.0.1", listener.port))
                while worked[-1] != NEW + b"last":
                    await asyncio.sleep(0.01)
        finally:
            listener.close()


async def test_stopping_behind_ends_the_work() -> None:
    listener = RadiusListener(
        "127.0.0.1", 0, lambda *_: time.sleep(COST_SECONDS), has_begun=lambda _datagram, _source: False
    )
    with socket.socket(type=socket.SOCK_DGRAM) as nas:
        for number in range(400):
            nas.sendto(NEW + number.to_bytes(3, "big") + bytes(17), ("127.0.0.1", listener.port))
        listener.start()
        async with asyncio.timeout(30):
            while not listener._is_behind:
                await asyncio.sleep(0)
        listener.stop()
        received = listener.counters.received
        for _ in range(5):
            await asyncio.sleep(0)
        assert listener.counters.received == received
        listener.close()
