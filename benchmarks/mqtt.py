"""What MQTT costs: everything published to a broker that knows nothing, then a usual load of reports, with and without.

    .venv/bin/python -m benchmarks.mqtt [--services N] [--seconds S] [--rate MESSAGES] [--sqlite]

A real daemon in a process of its own, a real Mosquitto and PostgreSQL. Every service has an open session. `answers` are
the times in which Accounting-Requests were answered meanwhile, one at a time.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, literal, select

from benchmarks.contenders import postgresql
from benchmarks.latency import percentile
from benchmarks.processes import memory_mib, tree_cpu_seconds
from benchmarks.seed import SECRET, name_and_password, seed_database
from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import (
    credentials,
    desired,
    mqtt_retained,
    nas,
    observed,
    pending_orders,
    sessions,
)
from tests.daemon_process import DaemonProcess
from tests.mosquitto import Mosquitto
from tests.nas_socket import NasSocket

INTERIM_SECONDS = 300
CHUNK = 5_000
_COLUMNS = (
    "id", "nas_id", "service_id", "username", "acct_session_id", "acct_session_key", "state", "framed_ip", "mac",
    "started_at", "updated_at", "session_seconds", "interval_seconds", "upload_octets", "download_octets",
    "counter_upload_octets", "counter_download_octets", "swapped", "upload_bps", "download_bps",
)  # fmt: skip


async def open_sessions(url: str, count: int) -> None:
    """Give every service an open session."""
    database = Database(url)
    now = datetime.now(UTC)
    try:
        async with database.read() as work:
            nas_id = await work.connection.scalar(select(nas.c.id))
            query = select(credentials.c.service_id).order_by(credentials.c.name)
            services = list((await work.connection.execute(query)).scalars())
        for start in range(0, count, CHUNK):
            part = list(enumerate(services))[start : start + CHUNK]
            async with database.write() as work:
                await insert_rows(
                    work.connection, sessions, _COLUMNS, [_session(number, one, nas_id, now) for number, one in part]
                )
    finally:
        await database.close()


def _session(number: int, service_id: UUID, nas_id: UUID | None, now: datetime) -> tuple[Any, ...]:
    acct_session_id = f"{number:08x}"
    name, _ = name_and_password(number)
    return (
        number + 1, nas_id, service_id, name, acct_session_id, acct_session_id, "live", _address(number), None,
        now, now, 0, INTERIM_SECONDS, 0, 0, 0, 0, False, 0, 0,
    )  # fmt: skip


def _address(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


async def everybody_is_due(url: str, count: int) -> None:
    """Return when everything due is on record."""
    database = Database(url)
    known = 0
    try:
        while known < count:
            await asyncio.sleep(1)
            async with database.read() as work:
                known = int(await work.connection.scalar(select(func.count()).select_from(desired)) or 0)
    finally:
        await database.close()


async def agree(url: str) -> None:
    """Have every session seen as it is due, or ordering that would be measured too."""
    database = Database(url)
    try:
        async with database.write() as work:
            due = select(
                sessions.c.id, sessions.c.service_id, desired.c.access, desired.c.profile_key, literal("login"),
                desired.c.since_at,
            ).join(desired, desired.c.service_id == sessions.c.service_id)  # fmt: skip
            await work.connection.execute(delete(observed))
            columns = ["session_id", "service_id", "access", "profile_key", "evidence", "observed_at"]
            await work.connection.execute(insert(observed).from_select(columns, due))
            await work.connection.execute(delete(pending_orders))
    finally:
        await database.close()


async def retained(url: str) -> int:
    database = Database(url)
    try:
        async with database.read() as work:
            return int(await work.connection.scalar(select(func.count()).select_from(mqtt_retained)) or 0)
    finally:
        await database.close()


def published(daemon: DaemonProcess) -> float:
    return daemon.metrics().get('netbilld_mqtt_published_total{what="state"}', 0.0)


def waits(daemon: DaemonProcess) -> bool:
    """Tell whether anything is still to be published."""
    sent = published(daemon)
    time.sleep(2)
    return published(daemon) > sent


def reports(nas_socket: NasSocket, count: int, began_at: float, seconds: float) -> Iterator[float]:
    """Report one session after the other at the rate of `count` in an interim's time; yield what each answer took."""
    gap = INTERIM_SECONDS / count
    number = 0
    while time.monotonic() - began_at < seconds:
        due = began_at + number * gap
        time.sleep(max(0.0, due - time.monotonic()))
        which = number % count
        name, _ = name_and_password(which)
        request = nas_socket.accounting_request(
            "interim",
            session_id=f"{which:08x}",
            user=name,
            ip=_address(which),
            mac=None,
            up=1_000_000 + number,
            down=9_000_000 + number,
            seconds=INTERIM_SECONDS,
        )
        asked = time.perf_counter()
        assert nas_socket.ask(request, accounting=True) is not None
        yield time.perf_counter() - asked
        number += 1


def measure(daemon: DaemonProcess, count: int, seconds: float, what: str) -> None:
    """Report for so long; print the daemon's CPU and the answers."""
    cpu, sent = tree_cpu_seconds(daemon.pid), published(daemon)
    began = time.monotonic()
    with NasSocket(daemon, secret=SECRET) as nas_socket:
        answers = list(reports(nas_socket, count, began, seconds))
    took = time.monotonic() - began
    cpu, sent = tree_cpu_seconds(daemon.pid) - cpu, published(daemon) - sent
    print(
        f"{what:<34}{len(answers) / took:7.0f} reports/s{sent / took:8.0f} messages/s{100 * cpu / took:7.1f} % CPU"
        f"   answers p50 {1000 * percentile(answers, 0.5):.1f} ms, p99 {1000 * percentile(answers, 0.99):.1f} ms, "
        f"longest {1000 * max(answers):.0f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--services", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=int, default=300)
    parser.add_argument("--sqlite", action="store_true")
    options = parser.parse_args()
    count: int = options.services
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="netbilld-mqtt-")))
        url = None if options.sqlite else stack.enter_context(postgresql(directory)).new_database()
        broker = stack.enter_context(Mosquitto(directory / "broker"))
        daemon = stack.enter_context(DaemonProcess(directory, url))
        daemon.init()
        url = url or f"sqlite+aiosqlite:///{daemon.data_dir / 'netbilld.db'}"
        asyncio.run(seed_database(url, daemon.data_dir / "secret.key", count, ["127.0.0.1/32"]))
        asyncio.run(open_sessions(url, count))
        daemon.start()
        asyncio.run(everybody_is_due(url, count))
        asyncio.run(agree(url))
        daemon.terminate()
        daemon.start()
        time.sleep(5)
        measure(daemon, count, options.seconds, "without MQTT")
        print(f"{memory_mib(daemon.pid):.0f} MiB resident")
        daemon.terminate()
        daemon.environment["NETBILLD_MQTT__URL"] = broker.url
        daemon.environment["NETBILLD_MQTT__MESSAGES_PER_SECOND"] = str(options.rate)
        daemon.start()
        began = time.monotonic()
        time.sleep(20)
        measure(daemon, count, options.seconds, "while everything is published")
        cpu, sent, since = tree_cpu_seconds(daemon.pid), published(daemon), time.monotonic()
        time.sleep(20)
        cpu, sent, since = tree_cpu_seconds(daemon.pid) - cpu, published(daemon) - sent, time.monotonic() - since
        print(f"publishing alone: {sent / since:.0f} messages/s, {1e6 * cpu / max(1, sent):.0f} us of CPU a message")
        while asyncio.run(retained(url)) < 3 * count or waits(daemon):
            time.sleep(2)
        took = time.monotonic() - began
        print(f"everything published after {took:.0f} s, {asyncio.run(retained(url))} topics retained")
        time.sleep(30)
        measure(daemon, count, options.seconds, "with MQTT, everything published")
        print(f"{memory_mib(daemon.pid):.0f} MiB resident")
        daemon.terminate()


if __name__ == "__main__":
    main()
