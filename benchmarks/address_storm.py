"""A power cut's worth of log-ins that all want an address at once: how long it takes, and that none is doubled.

    .venv/bin/python -m benchmarks.address_storm [LOG-INS] [--sqlite]

In one process, without the network: the pool, the row for every address, and the answers.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.migrate import upgrade
from tests import postgres
from tests.address_world import World, pool, said

NODES = 2  # AssignAddresses beside each other, as on two nodes: the pool is the same, what they know is not
OUTSTANDING = 5_120  # 20 NAS with 256 each


async def storm(url: str, logins: int, nodes: int) -> None:
    database = Database(url)
    await upgrade(database)
    world = World(database)
    await world.fill(logins, pool("home", "10.0.0.0/16"))
    running = [world.node(start=number / nodes) for number in range(nodes)]
    room = asyncio.Semaphore(OUTSTANDING)
    for node in running:
        await node.start()
    for name in ("first log-ins", "the same again, all remembered"):
        given: list[str] = []
        latencies: list[float] = []

        async def log_in(number: int, into: list[str] = given, taking: list[float] = latencies) -> None:
            async with room:
                started = time.perf_counter()
                decision = await running[number % nodes].ask(world.service_ids[number], "AA:00:00:00:00:01")
                taking.append(time.perf_counter() - started)
                into.append(said(decision))

        started, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(log_in(number) for number in range(logins)))
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        latencies.sort()
        refused = sum(not address.startswith("10.") for address in given)
        doubled = len(given) - refused - len({address for address in given if address.startswith("10.")})
        lost = sum(node.assign.counters.lost_races for node in running)
        print(
            f"{name}: {logins} in {seconds:.2f} s ({logins / seconds:.0f}/s, {cpu / logins * 1e6:.0f} µs CPU each), "
            f"p50 {latencies[logins // 2] * 1000:.0f} ms, longest {latencies[-1] * 1000:.0f} ms, "
            f"{refused} refused, {doubled} doubled, {lost} lost races"
        )
    for node in running:
        await node.stop()
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logins", type=int, nargs="?", default=20_000)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--nodes", type=int, default=NODES)
    options = parser.parse_args()
    if options.sqlite:
        with tempfile.TemporaryDirectory() as directory:
            asyncio.run(storm(sqlite_url(Path(directory) / "storm.db"), options.logins, 1))
        return
    with postgres.cluster(max_connections="60") as cluster:
        asyncio.run(storm(cluster.new_database(), options.logins, options.nodes))


if __name__ == "__main__":
    main()
