"""A fake router of either version, and connections to it that end with the test."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from netbilld.adapters.nas.routeros import RouterosConnection
from netbilld.model.api_address import parse_api_address
from tests.routeros.fake_router import VERSION_6, FakeRouter

_made: list[RouterosConnection] = []


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    """End every connection of a test, whatever came of it."""
    yield
    for made in _made:
        made.close()
    _made.clear()
    await asyncio.sleep(0)


@pytest.fixture(params=["7", "6"])
async def router(request: pytest.FixtureRequest) -> AsyncIterator[FakeRouter]:
    versions: dict[str, Any] = {"6": {"version": VERSION_6}, "7": {}}
    async with FakeRouter(**versions[request.param]) as router:
        yield router


def connected(router: FakeRouter, timeout_seconds: float) -> RouterosConnection:
    """Return a connection to a router, as the daemon has one."""
    address = parse_api_address(router.url)
    assert address is not None
    made = RouterosConnection(address, timeout_seconds=timeout_seconds, monotonic=time.monotonic, jitter=lambda: 0.5)
    _made.append(made)
    return made
