"""The three servers side by side: netbilld and FreeRADIUS on one PostgreSQL, and FreeRADIUS from a file."""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import asyncpg

from benchmarks.freeradius import REPLY, FreeRadius
from benchmarks.seed import PLAN, SECRET, seed_database, seed_freeradius, write_responses
from tests.daemon_process import DaemonProcess
from tests.postgres import Cluster, cluster

# as an ISP would run it: nothing is acknowledged before it is on the disk
POSTGRESQL = {
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "512MB",
    "max_connections": "100",
}
FIRST_SOURCE = 11


def sources(count: int) -> list[str]:
    """Return the addresses that the load clients send from."""
    return [f"127.0.0.{FIRST_SOURCE + number}" for number in range(count)]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of PostgreSQL that must have a row for every log-in."""

    runner: asyncio.Runner
    connection: Any
    name: str

    def newest(self) -> int:
        return int(self.runner.run(self.connection.fetchval(f"SELECT coalesce(max(id), 0) FROM {self.name}")))

    def rows_after(self, number: int) -> int:
        query = f"SELECT count(*) FROM {self.name} WHERE id > $1"
        return int(self.runner.run(self.connection.fetchval(query, number)))

    def wait_for(self, number: int, seconds: float) -> float:
        """Wait until the row of that number is there, at most so long; return how long it took."""
        started = time.monotonic()
        while self.newest() < number and time.monotonic() - started < seconds:
            time.sleep(0.1)
        return time.monotonic() - started


@dataclass(frozen=True, slots=True)
class Contender:
    """One server that runs. `log` is None where it keeps none; `client` is what the load clients are told besides."""

    key: str
    name: str
    pid: int
    auth_port: int
    acct_port: int
    log: Table | None
    client: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """Everybody, and what they share."""

    contenders: list[Contender]
    cluster: Cluster
    daemon: DaemonProcess
    netbilld: Table
    responses: Path

    def client_options(self, contender: Contender, subscribers: int, count: int) -> list[str]:
        """Return what every load client is told: whom to ask, as whom, from how many addresses."""
        return [
            *("-k", SECRET, "-u", str(subscribers), "-s", str(count), "-r", str(self.responses)),
            *("-p", str(contender.auth_port)),
            *contender.client,
        ]


@contextmanager
def netbilld_on_postgresql(
    directory: Path, running: Cluster, subscribers: int, source_count: int, plan: str = PLAN, **settings: str
) -> Iterator[DaemonProcess]:
    """Give a daemon, seeded and not yet started; all its subscribers have that plan."""
    with DaemonProcess(directory, running.new_database(), **settings) as daemon:
        daemon.init()
        key_file = daemon.data_dir / "secret.key"
        asyncio.run(
            seed_database(
                daemon.environment["NETBILLD_DATABASE_URL"], key_file, subscribers, sources(source_count), plan
            )
        )
        yield daemon


@contextmanager
def postgresql(directory: Path) -> Iterator[Cluster]:
    """Give a cluster whose socket is in `directory`."""
    sockets = directory / "sockets"
    sockets.mkdir(mode=0o777)
    directory.chmod(0o755)
    sockets.chmod(0o777)  # whatever the umask says
    with cluster(unix_socket_directories=str(sockets), **POSTGRESQL) as running:
        yield running


@contextmanager
def everybody(
    directory: Path,
    subscribers: int,
    source_count: int,
    wanted: set[str],
    workers: int,
    plan: str = PLAN,
    pools: Mapping[str, str] = MappingProxyType({}),
    *,
    challenges: bool = True,
) -> Iterator[Field]:
    """Start those wanted of netbilld, freeradius-sql and freeradius-files, with the same subscribers.

    `workers` is netbilld's radius.workers, `pools` networks by name that it gives addresses from; FreeRADIUS has its
    default pool of threads. Without `challenges` nothing is prepared for MS-CHAPv2.
    """
    with ExitStack() as stack:
        running = stack.enter_context(postgresql(directory))
        runner = stack.enter_context(asyncio.Runner())

        def table(url: str, name: str) -> Table:
            connection = runner.run(asyncpg.connect(url.replace("+asyncpg", "")))
            stack.callback(lambda: runner.run(connection.close()))
            return Table(runner, connection, name)

        responses = directory / "responses"
        write_responses(responses, subscribers if challenges else 0)
        settings = {"NETBILLD_RADIUS__WORKERS": str(workers)}
        daemon = stack.enter_context(
            netbilld_on_postgresql(directory / "netbilld", running, subscribers, source_count, plan, **settings)
        )
        for name, network in pools.items():
            daemon.cli("pool", "add", name, network)
        daemon.start()
        log = table(daemon.environment["NETBILLD_DATABASE_URL"], "auth_attempts")
        found = [Contender("netbilld", "netbilld", daemon.pid, daemon.auth_port, daemon.acct_port, log)]
        old = ("-o",)  # Debian's build answers without Message-Authenticator
        if "freeradius-sql" in wanted:
            url = running.new_database()
            runner.run(seed_freeradius(url.replace("+asyncpg", ""), subscribers, REPLY))
            words = f"host={directory}/sockets port={running.port} user=netbilld dbname={url.rpartition('/')[2]}"
            radius = stack.enter_context(
                FreeRadius(directory / "freeradius-sql", sources(source_count), words, subscribers)
            )
            posted = table(url, "radpostauth")
            found.append(
                Contender("freeradius-sql", radius.name, radius.pid, radius.auth_port, radius.acct_port, posted, old)
            )
        if "freeradius-files" in wanted:
            radius = stack.enter_context(
                FreeRadius(directory / "freeradius-files", sources(source_count), None, subscribers)
            )
            found.append(
                Contender("freeradius-files", radius.name, radius.pid, radius.auth_port, radius.acct_port, None, old)
            )
        yield Field(found, running, daemon, log, responses)


def core_count() -> int:
    """Return how many processors everybody shares."""
    return len(os.sched_getaffinity(0))
