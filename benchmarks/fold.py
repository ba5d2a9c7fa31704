"""How fast accounting that is safe in the journal gets into the database: records a second, and their CPU.

    .venv/bin/python -m benchmarks.fold [--subscribers N] [--sqlite] [--follow] [--profile FILE]

In one process, without the network: everyone's Start as after a power cut, everyone's Interim-Update four times, then a
mix in which a fifth of the sessions stop and begin anew. With --follow what a running daemon does after a batch is done
as well: entitlement, the reconciler, the leases. `slept` is the longest time for which nothing else had its turn.
"""

import argparse
import asyncio
import cProfile
import gc
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select

from benchmarks.contenders import postgresql, sources
from benchmarks.processes import tree_cpu_seconds
from benchmarks.seed import name_and_password, seed_database
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.migrate import upgrade
from netbilld.adapters.database.tables import credentials, desired, nas, sessions
from netbilld.adapters.journal import Journal
from netbilld.adapters.secretbox import create_key_file, read_key_file
from netbilld.daemon.authentication import YOUNG_OBJECTS, load_access
from netbilld.daemon.compose import Parts, compose
from netbilld.daemon.settings import load_settings
from netbilld.radius import attributes as a
from netbilld.radius.grant import Grant, encode_grant
from netbilld.radius.packet import encode, encode_attributes
from netbilld.radius.values import encode_integer
from netbilld.services.book_usage import RememberedServices
from netbilld.services.initialise import KEY_CHECK
from netbilld.services.meter_usage import MeterUsage
from tests.peers import free_udp_port

NAS = 20
KEY_FILE = "secret.key"
START, STOP, INTERIM = 1, 2, 3
Record = tuple[UUID, str, bytes]  # of which NAS, from where, the packet


class Town:
    """Subscribers, their NAS, and what those would send."""

    def __init__(self, nas_ids: list[UUID], service_ids: list[UUID]) -> None:
        self._nas_ids, self._service_ids = nas_ids, service_ids
        self.profile_key = "0badcafe"
        self.interval_seconds = 300
        self._generation = [0] * len(service_ids)
        self._seconds = [0] * len(service_ids)
        self._octets = [0] * len(service_ids)

    def say(self, status: int, number: int) -> Record:
        """Return what the NAS of a subscriber says next: 20 attributes and the Class that an Accept has given."""
        if status == START:
            self._generation[number] += 1
            self._seconds[number] = self._octets[number] = 0
        else:
            self._seconds[number] += self.interval_seconds
            self._octets[number] += 40_000_000 + number
        octets = self._octets[number]
        source = number % NAS
        name, _ = name_and_password(number)
        pairs = [
            (a.ACCT_STATUS_TYPE, encode_integer(status)),
            (a.SERVICE_TYPE, encode_integer(2)),
            (a.FRAMED_PROTOCOL, encode_integer(1)),
            (a.NAS_PORT, encode_integer(15_728_640 + number)),
            (a.NAS_PORT_TYPE, encode_integer(15)),
            (a.USER_NAME, name.encode()),
            (a.CALLING_STATION_ID, b"02:00:%02X:%02X:%02X:%02X" % tuple(number.to_bytes(4, "big"))),
            (a.CALLED_STATION_ID, b"service1"),
            (a.NAS_PORT_ID, b"ether5-olt"),
            (a.ACCT_SESSION_ID, b"8%x%06d" % (self._generation[number] % 16, number)),
            (a.FRAMED_IP_ADDRESS, IPv4Address(0x6440_0000 + number).packed),
            (a.CLASS, encode_grant(Grant(self._service_ids[number], "active", self.profile_key))),
            (a.EVENT_TIMESTAMP, encode_integer(int(time.time()))),
            (a.ACCT_DELAY_TIME, encode_integer(0)),
        ]
        if status != START:
            pairs += [
                (a.ACCT_SESSION_TIME, encode_integer(self._seconds[number])),
                (a.ACCT_INPUT_OCTETS, encode_integer(octets // 10 & 0xFFFFFFFF)),
                (a.ACCT_OUTPUT_OCTETS, encode_integer(octets & 0xFFFFFFFF)),
                (a.ACCT_INPUT_GIGAWORDS, encode_integer(octets // 10 >> 32)),
                (a.ACCT_OUTPUT_GIGAWORDS, encode_integer(octets >> 32)),
                (a.ACCT_INPUT_PACKETS, encode_integer(octets // 7000)),
                (a.ACCT_OUTPUT_PACKETS, encode_integer(octets // 1000)),
            ]
        if status == STOP:
            pairs.append((a.ACCT_TERMINATE_CAUSE, encode_integer(1)))
        pairs += [(a.NAS_IDENTIFIER, b"MikroTik"), (a.NAS_IP_ADDRESS, IPv4Address("192.0.2.1").packed)]
        packet = encode(4, number & 255, bytes(16), encode_attributes(pairs))
        return self._nas_ids[source], sources(NAS)[source], packet


def phases(town: Town, subscribers: int) -> Iterator[tuple[str, list[Record]]]:
    """Yield what happens, by name."""
    everyone = range(subscribers)
    yield "starts", [town.say(START, number) for number in everyone]
    for _ in range(4):
        yield "interims", [town.say(INTERIM, number) for number in everyone]
    mixed: list[Record] = []
    for number in everyone:
        if number % 5:
            mixed.append(town.say(INTERIM, number))
        else:
            mixed += [town.say(STOP, number), town.say(START, number)]
    yield "mix", mixed


class Gaps:
    """The longest time for which the event loop did not come round."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        before = time.perf_counter()
        while True:
            await asyncio.sleep(0.002)
            now = time.perf_counter()
            self.longest = max(self.longest, now - before - 0.002)
            before = now


class Meter:
    """The meter alone."""

    def __init__(self, database: Database, journal: Journal, clock: SystemClock) -> None:
        self.journal = journal
        self._meter = MeterUsage(database, journal, clock, "Asia/Jakarta", services=RememberedServices())

    async def apply(self, records: int) -> float:  # noqa: ARG002 - whatever the journal holds
        """Apply everything and return how long it took."""
        started = time.perf_counter()
        while (await self._meter.run_batch()).behind:
            pass
        return time.perf_counter() - started


class Daemon:
    """The meter with all that follows a batch in a daemon."""

    def __init__(self, parts: Parts) -> None:
        self.journal = parts.journal
        self.metering = parts.metering
        self.metering.is_ours = lambda: True  # there is no other node

    async def apply(self, records: int) -> float:
        started, before = time.perf_counter(), self.metering.applied
        task = asyncio.create_task(self.metering.run())
        while self.metering.applied - before < records:  # noqa: ASYNC110 - nothing in a daemon waits for this
            await asyncio.sleep(0.01)
        seconds = time.perf_counter() - started
        await asyncio.sleep(0.3)  # what follows the last batch costs CPU too
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return seconds


@asynccontextmanager
async def alone(database: Database, directory: Path, clock: SystemClock) -> AsyncIterator[Meter]:
    journal = Journal(directory / "journal", commit_seconds=0)
    journal.open()
    journal.start(asyncio.get_running_loop())
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
    try:
        yield Meter(database, journal, clock)
    finally:
        await journal.close()


@asynccontextmanager
async def composed(database: Database, directory: Path, clock: SystemClock) -> AsyncIterator[Daemon]:
    box = read_key_file(directory / KEY_FILE)
    async with database.write() as work:
        await work.meta.put_new(KEY_CHECK, box.check_value())
    os.environ |= {
        "NETBILLD_DATA_DIR": str(directory),
        "NETBILLD_DATABASE_URL": database.url.render_as_string(hide_password=False),
        "NETBILLD_SECRET_KEY_FILE": str(directory / KEY_FILE),
        "NETBILLD_RADIUS__HOST": "127.0.0.1",
        "NETBILLD_RADIUS__AUTH_PORT": str(free_udp_port()),
        "NETBILLD_RADIUS__ACCT_PORT": str(free_udp_port()),
    }
    parts = await compose(load_settings(None), lambda: None)
    parts.journal.start(asyncio.get_running_loop())
    await parts.addressing.load()
    await parts.keep_admissions.sync()
    await load_access(parts.entitle, parts.clock)
    await parts.entitle.run(None, "start", clock.now())
    tasks = [asyncio.create_task(parts.reconcile.run())]
    tasks += [asyncio.ensure_future(loop()) for loop in parts.addressing.loops().values()]
    try:
        yield Daemon(parts)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await parts.close()


@contextmanager
def profiled(file: str | None) -> Iterator[None]:
    profile = cProfile.Profile() if file else None
    if profile is not None:
        profile.enable()
    yield
    if profile is not None:
        profile.disable()
        profile.dump_stats(file or "")


async def measure(directory: Path, url: str, postgres: int | None, options: argparse.Namespace) -> None:
    """Print one line for each phase."""
    database, clock = Database(url), SystemClock()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        await upgrade(database)
        create_key_file(directory / KEY_FILE)
        await seed_database(url, directory / KEY_FILE, options.subscribers, sources(NAS))
        running: Meter | Daemon
        if options.follow:
            running = await stack.enter_async_context(composed(database, directory, clock))
        else:
            running = await stack.enter_async_context(alone(database, directory, clock))
        async with database.read() as work:
            nas_ids = list(await work.connection.scalars(select(nas.c.id).order_by(nas.c.address)))
            named = select(credentials.c.service_id).order_by(credentials.c.name_key)
            town = Town(nas_ids, list(await work.connection.scalars(named)))
            town.profile_key = await work.connection.scalar(select(desired.c.profile_key).limit(1)) or town.profile_key
        print(f"{'':<10}{'records':>9}{'a second':>10}{'Python us':>11}{'database us':>13}{'slept ms':>10}")
        at_us = (int(clock.now().timestamp()) - 3 * 3600) * 1_000_000
        for name, records in phases(town, options.subscribers):
            at_us += 300_000_000
            for number, (nas_id, source, packet) in enumerate(records):
                running.journal.append(nas_id, source, False, at_us + number, packet, lambda *_: None, None)
                if number % 10_000 == 0:
                    await running.journal.drain()
            await running.journal.drain()
            gaps = Gaps()
            watching = asyncio.create_task(gaps.watch())
            own, theirs = time.process_time(), tree_cpu_seconds(postgres) if postgres else 0.0
            with profiled(options.profile and f"{options.profile}.{name}"):
                seconds = await running.apply(len(records))
            own = time.process_time() - own
            theirs = tree_cpu_seconds(postgres) - theirs if postgres else 0.0
            watching.cancel()
            count = len(records)
            print(
                f"{name:<10}{count:>9,}{count / seconds:>10,.0f}{own / count * 1e6:>11.1f}{theirs / count * 1e6:>13.1f}"
                f"{gaps.longest * 1000:>10.1f}"
            )
        async with database.read() as work:
            total = await work.connection.scalar(select(func.sum(sessions.c.download_octets)))
            print(f"{total} octets of download in the database")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=20_000)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--follow", action="store_true")
    parser.add_argument("--profile", help="where to write what cProfile saw, one file a phase")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="netbilld-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        if options.sqlite:
            asyncio.run(measure(directory, sqlite_url(directory / "netbilld.db"), None, options))
            return
        running = stack.enter_context(postgresql(directory))
        asyncio.run(measure(directory, running.new_database(), running.pid, options))


if __name__ == "__main__":
    main()
