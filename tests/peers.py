"""Real peer programs the tests speak with, and the small chores around them."""

import itertools
import os
import shutil
import socket
import time
from collections.abc import Callable

import pytest


def need(program: str) -> str:
    """Return the path of a peer; without it the test fails in CI and is skipped on a laptop."""
    for directory in ("", "/usr/sbin/", "/usr/bin/"):
        if found := shutil.which(directory + program):
            return found
    missing(program)
    raise AssertionError


def missing(program: str) -> None:
    message = f"{program} is not installed: run `make test` as root on Debian, or install it"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


_LOWEST_PORT = 10_000  # below the ports that the kernel itself gives to whoever asks for any
_PORTS_A_WORKER = 2_500
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
_first = os.getpid() % _PORTS_A_WORKER  # another test run on this machine begins elsewhere
_ports = (_LOWEST_PORT + _worker * _PORTS_A_WORKER + (_first + count) % _PORTS_A_WORKER for count in itertools.count())


def free_tcp_port() -> int:
    return _free_port(socket.SOCK_STREAM)


def free_udp_port() -> int:
    return _free_port(socket.SOCK_DGRAM)


def _free_port(kind: socket.SocketKind) -> int:
    """Return a port that nobody has, and that no other worker of this test run will name."""
    for port in _ports:
        with socket.socket(type=kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("unreachable: the ports go round")


def wait_until(condition: Callable[[], bool], what: str | Callable[[], str], timeout_seconds: float = 20) -> None:
    """Wait for a condition of another process; fail by name when it does not come."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            said = what if isinstance(what, str) else what()
            pytest.fail(f"waited {timeout_seconds} s in vain: {said}")
        time.sleep(0.02)
