"""One NAS with a home or a few behind it."""

import asyncio
from collections.abc import Callable
from typing import Any

from netbilld.demo.nas.spec import Demand, NasSpec, SubscriberSpec
from tests.simulation.radius_stub import RadiusStub

GIB = 1 << 30
STEADY = Demand(profile="steady", upload_bps=800_000, download_bps=8_000_000)
NAK_OF = {"coa": 45, "disconnect": 42}
ACK_OF = {"coa": 44, "disconnect": 41}


def home(username: str = "budi", **changes: Any) -> SubscriberSpec:
    values: dict[str, Any] = {
        "username": username,
        "password": "rahasia",
        "demand": STEADY,
        "redial_seconds": (0, 0.05),
    }
    return SubscriberSpec(**(values | changes))


def one(stub: RadiusStub, *homes: SubscriberSpec, **changes: Any) -> NasSpec:
    return stub.spec(subscribers=homes or (home(),), **changes)


async def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
