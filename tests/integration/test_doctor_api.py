"""What `netbilld doctor` says of routers' APIs."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess
from tests.routeros.fake_router import FakeRouter


@contextmanager
def serving(change: Callable[[FakeRouter], None]) -> Iterator[FakeRouter]:
    """Serve a router from a thread of its own: the command that asks it has a loop of its own too."""
    ready, over = threading.Event(), threading.Event()
    made: list[FakeRouter] = []

    async def serve() -> None:
        async with FakeRouter() as router:
            change(router)
            made.append(router)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield made[0]
    finally:
        over.set()
        thread.join(10)


def doctor(daemon: DaemonProcess) -> list[tuple[str, str]]:
    done = daemon.run("doctor", "--json")
    return [(one["result"], one["detail"]) for one in json.loads(done.stdout)["checks"] if one["name"] == "api pop1"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: None, [("ok", "RouterOS 7.16.2 (stable)")]),
        (
            lambda router: router.incoming.update(accept="false"),
            [("ok", "RouterOS"), ("fail", "it takes no orders: RADIUS incoming is off")],
        ),
        (
            lambda router: router.incoming.update(port="1700"),
            [("ok", "RouterOS"), ("fail", "it takes orders at port 1700, not 3799")],
        ),
        (
            lambda router: setattr(router.faults, "refuse_command", "/radius/incoming/print"),
            [("warn", "it refuses a command: not enough permissions (9)")],
        ),
        (lambda router: setattr(router, "password", "another"), [("warn", "the router does not let netbilld log in")]),
    ],
)
def test_doctor_asks_each_routers_api(
    tmp_path: Path, change: Callable[[FakeRouter], None], said: list[tuple[str, str]]
) -> None:
    with serving(lambda _: None) as router:
        daemon = DaemonProcess(tmp_path)
        daemon.init()
        daemon.nas("pop1", "127.0.0.1", "--api-url", router.url)
        change(router)
        found = doctor(daemon)
    assert [result for result, _ in found] == [result for result, _ in said]
    for (_, detail), (_, expected) in zip(found, said, strict=True):
        assert detail.startswith(expected)
        assert "rahasia" not in detail
