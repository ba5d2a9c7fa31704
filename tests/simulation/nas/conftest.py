"""The server that a simulated NAS speaks with, and the port that orders come from."""

from collections.abc import AsyncIterator

import pytest

from tests.simulation.radius_stub import OrderPort, RadiusStub, User


@pytest.fixture
async def stub() -> AsyncIterator[RadiusStub]:
    async with RadiusStub(users={"budi": User()}) as server:
        yield server


@pytest.fixture
async def orders() -> AsyncIterator[OrderPort]:
    port = await OrderPort.open()
    yield port
    port.transport.close()
