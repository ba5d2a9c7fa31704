"""Real peer programs the tests speak with, and the small chores around them."""

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


def free_tcp_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_udp_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], what: str | Callable[[], str], timeout_seconds: float = 20) -> None:
    """Wait for a condition of another process; fail by name when it does not come."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            said = what if isinstance(what, str) else what()
            pytest.fail(f"waited {timeout_seconds} s in vain: {said}")
        time.sleep(0.02)
