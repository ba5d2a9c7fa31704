"""How long 500 lines of static subscribers take on one router: made, throttled, walled, restored, removed.

    python -m benchmarks.static_lines [--lines 500] [--hand-made 500]

Database, netbilld's part and the simulated router share one process, and no pause is made between two changes: what is
measured is our own speed. At the default pace of 20 changes a second, changes are what counts.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.migrate import upgrade
from netbilld.adapters.database.tables import services
from netbilld.adapters.secretbox import SecretBox
from tests.static_town import ANI, fill_by_hand, static_town, take_in

MENUS = ("/queue/simple", "/ip/firewall/address-list")


async def measure(lines: int, hand_made: int) -> None:
    """Take all lines through everything that they can be due, and print how long each step took."""
    with tempfile.TemporaryDirectory() as directory:
        database = Database(sqlite_url(Path(directory) / "netbilld.db"))
        await upgrade(database)
        async with static_town(database, SecretBox(bytes(range(32)))) as town:
            fill_by_hand(town, hand_made)
            before = town.router.store.image(*MENUS)
            await take_in(town, lines)

            async def step(name: str, change: Callable[[], Awaitable[None]]) -> None:
                await change()
                wrote, began = len(town.writes()), time.monotonic()
                town.keep.look_again()
                await town.turn(1)
                seconds, changes = time.monotonic() - began, len(town.writes()) - wrote
                differ = sum(router.differ for router in town.keep.routers())
                print(f"{name:<10}{seconds:7.2f} s  {changes:5} changes  {differ:4} differ", flush=True)

            async def nothing() -> None:
                """They are due something already."""

            async def throttle() -> None:
                for service_id in town.services.values():
                    await town.world.use(service_id, 10**9)
                await town.decide(*town.services)

            async def wall() -> None:
                await town.world.set(services, services.c.ended_at.is_(None), status="suspended")
                await town.decide(*town.services)

            async def restore() -> None:
                await town.world.set(services, services.c.ended_at.is_(None), status="active")
                for service_id in town.services.values():
                    await town.world.forget_usage(service_id)
                await town.decide(*town.services)

            async def remove() -> None:
                for name in town.services:
                    await town.manage.remove(name, ANI, town.clock.now() + timedelta(seconds=1))

            await step("made", nothing)
            await step("looked at", nothing)
            await step("throttled", throttle)
            await step("walled", wall)
            await step("restored", restore)
            await step("removed", remove)
            untouched = town.router.store.image(*MENUS) == before
            print(f"made by hand: {'untouched' if untouched else 'CHANGED'}; load {os.getloadavg()[0]:.1f}")
        await database.close()


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--lines", type=int, default=500)
    options.add_argument("--hand-made", type=int, default=500)
    chosen = options.parse_args()
    asyncio.run(measure(chosen.lines, chosen.hand_made))
