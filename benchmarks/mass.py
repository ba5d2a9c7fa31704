"""Everybody is walled at once: 5,000 subscribers over ten NAS, of which one is dead and comes back.

    python -m benchmarks.mass [--paces off,default]

A real daemon on PostgreSQL, NAS in processes of their own (mass_nas.py), log-ins at 200 a second all the while, and a
payment in the middle. Once with pacing off, which shows the engine's own speed, and once at the default pace, where all
must be done within the window that /metrics computes.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import select

from benchmarks.bars import Bar, at_least, at_most, print_bars
from benchmarks.contenders import netbilld_on_postgresql, postgresql, sources
from benchmarks.seed import PLAN, SECRET, name_and_password
from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import credentials, invoices, services
from netbilld.adapters.database.tables import nas as nas_table
from netbilld.model.actor import Actor
from tests.daemon_process import DaemonProcess

NAS = 10
SUBSCRIBERS = 5_000
PASSERS_BY = 1_000  # who log in meanwhile
LOG_INS_A_SECOND = 200
REDIAL_SECONDS = (0.5, 3.0)
NINE_DONE_SECONDS = 30.0
RETURN_STARTS_SECONDS = 10.0
RETURN_ENDS_SECONDS = 30.0
LOG_IN_P99_MS = 50.0
PAYMENT_ORDER_SECONDS = 1.0
DEBT_MINOR = 200_000
PATIENCE_SECONDS = 600.0
# nobody is asked whether everybody is really to be walled
ALWAYS = {"NETBILLD_ENFORCEMENT__BRAKE_LEAST": "1000000"}
OFF = {"NETBILLD_ENFORCEMENT__COA_PER_SECOND": "0", "NETBILLD_ENFORCEMENT__DISCONNECTS_PER_SECOND": "0"}

Event = dict[str, Any]

_DIFFER = """SELECT count(*) FROM sessions JOIN nas ON nas.id = sessions.nas_id
    JOIN desired ON desired.service_id = sessions.service_id
    LEFT JOIN observed ON observed.session_id = sessions.id
    WHERE sessions.stopped_at IS NULL AND nas.address = ANY ($1::text[]) AND (observed.session_id IS NULL
      OR observed.profile_key <> desired.profile_key OR observed.evidence = 'unsure')"""


def measure(directory: Path, options: argparse.Namespace) -> tuple[dict[str, Any], list[Bar]]:
    """Return what happened at each pace, and the bars."""
    figures: dict[str, Any] = {"subscribers": SUBSCRIBERS, "nas": NAS}
    bars: list[Bar] = []
    for pace in options.paces.split(","):
        part = directory / pace
        part.mkdir()
        directory.chmod(0o755)  # PostgreSQL runs as somebody else
        with (
            postgresql(part) as running,
            netbilld_on_postgresql(
                part / "netbilld",
                running,
                SUBSCRIBERS + PASSERS_BY,
                NAS + 1,
                PLAN,
                **ALWAYS,
                **(OFF if pace == "off" else {}),
            ) as daemon,
        ):
            run = figures[pace] = asyncio.run(_Run(part, daemon, NAS).all())
        print(json.dumps({pace: run}), file=sys.stderr)
        bars += _bars(pace, run)
    return figures, bars


def _bars(pace: str, run: dict[str, Any]) -> list[Bar]:
    name = f"mass, pacing {pace}"
    bars = [
        at_least(f"{name}: subscribers of the living NAS walled", run["walled"], SUBSCRIBERS * (NAS - 1) / NAS - 1),
        at_most(f"{name}: orders more than one for a service", run["repeated"], 0),
        at_most(f"{name}: payment recorded to order at the NAS", run["payment_seconds"], PAYMENT_ORDER_SECONDS, "s"),
        at_most(f"{name}: log-ins meanwhile, p99", run["log_in_p99_ms"], LOG_IN_P99_MS, "ms"),
        at_most(f"{name}: the dead one's start after its return", run["return_start_seconds"], RETURN_STARTS_SECONDS),
    ]
    if pace == "off":
        return [
            *bars,
            at_most(f"{name}: nine NAS are done", run["nine_seconds"], NINE_DONE_SECONDS, "s"),
            at_most(f"{name}: the dead one is done after its return", run["return_seconds"], RETURN_ENDS_SECONDS, "s"),
        ]
    return [
        *bars,
        at_most(f"{name}: last order of the nine, of the window", run["window_share"], 1.0),
        at_most(f"{name}: last order of the tenth, of its window", run["return_window_share"], 1.0),
    ]


@contextmanager
def _process(directory: Path, name: str, spec: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    path = directory / f"{name}.json"
    path.write_text(json.dumps(spec))
    process = subprocess.Popen(
        [
            *(_before_others(2) if "per_second" in spec else ()),
            sys.executable,
            str(Path(__file__).with_name("mass_nas.py")),
            str(path),
            str(directory / f"{name}.events"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", f"{name} did not start"
        yield process
    finally:
        process.kill()
        process.wait()


def _before_others(steps: int) -> tuple[str, ...]:
    """Return how a command is started so that it goes before this process, where that runs by `chrt -r`.

    Daemon, database, routers and log-ins share a few processors here, and those of one priority take turns of a tenth
    of a second; who asks and who answers must not wait for such a turn of the others.
    """
    if os.sched_getscheduler(0) != os.SCHED_RR:
        return ()
    return ("chrt", "-r", str(os.sched_getparam(0).sched_priority + steps))


def _say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


class _Run:
    """One daemon, its ten NAS, and what became of everybody."""

    def __init__(self, directory: Path, daemon: DaemonProcess, count: int) -> None:
        self._directory = directory
        self._daemon = daemon
        self._addresses = sources(count)
        self._dead = self._addresses[-1]
        self._read: dict[str, int] = {}
        self.events: list[Event] = []
        self._database: Any = None
        self._windows: list[tuple[float, str, float]] = []

    async def all(self) -> dict[str, Any]:
        """Wall everybody, let one pay, bring the dead one back; return the figures."""
        daemon = self._daemon
        daemon.wrapper = _before_others(1)
        daemon.start()
        url = daemon.environment["NETBILLD_DATABASE_URL"]
        self._database = await asyncpg.connect(url.replace("+asyncpg", ""))
        await self._until(self._rows("desired", SUBSCRIBERS + PASSERS_BY), "everything due is on record")
        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(2))
            loop = asyncio.get_running_loop()
            halves = []
            for number, part in enumerate((self._addresses[:5], self._addresses[5:])):
                routers = [
                    {
                        "address": address,
                        "users": [name_and_password(user) for user in self._of(address)],
                    }
                    for address in part
                ]
                spec: dict[str, Any] = {"nas": routers, "redial_seconds": REDIAL_SECONDS, "secret": SECRET}
                spec |= {"auth_port": daemon.auth_port, "acct_port": daemon.acct_port}
                halves.append(stack.enter_context(_process(self._directory, f"nas{number}", spec)))
            for half in halves:
                _say(half, "dial")
            for half in halves:
                assert half.stdout is not None
                assert await loop.run_in_executor(pool, half.stdout.readline) == "dialled\n"
            await self._until(self._rows("observed", SUBSCRIBERS), "everybody is online")
            await self._database.execute("VACUUM ANALYZE")
            _say(halves[1], f"dead {self._dead}")
            users = [name_and_password(user) for user in range(SUBSCRIBERS, SUBSCRIBERS + PASSERS_BY)]
            of_passers: dict[str, Any] = {
                "address": sources(NAS + 1)[-1],
                "secret": SECRET,
                "auth_port": daemon.auth_port,
                "users": users,
            }
            of_passers["per_second"] = LOG_INS_A_SECOND
            stack.enter_context(_process(self._directory, "log-ins", of_passers))
            await asyncio.sleep(3)
            began = await self._wall_everybody(url)
            sampling = loop.create_task(self._sample(pool))
            payment = loop.create_task(self._payment(pool))
            await self._until(self._done(self._addresses[:-1], began), "nine NAS are done")
            nine_done = time.monotonic()
            payment_seconds = await payment
            _say(halves[1], f"alive {self._dead}")
            returned = time.monotonic()
            await self._until(self._done([self._dead], returned), "the tenth is done")
            tenth_done = time.monotonic()
            sampling.cancel()
        await self._database.close()
        return self._figures(began, nine_done, returned, tenth_done, payment_seconds)

    def _of(self, address: str) -> range:
        each = SUBSCRIBERS // NAS
        first = self._addresses.index(address) * each
        return range(first, first + each)

    async def _wall_everybody(self, url: str) -> float:
        """Put on record a debt of everybody's that is long overdue; return the moment."""
        database = Database(url)
        now = datetime.now(UTC)
        long_ago = now.date() - timedelta(days=60)
        names = [name_and_password(user)[0] for user in range(SUBSCRIBERS)]
        try:
            async with database.write() as work:
                query = select(services.c.id, services.c.subscriber_id).where(
                    services.c.id.in_(select(credentials.c.service_id).where(credentials.c.name.in_(names)))
                )
                owners = (await work.connection.execute(query)).all()
                columns = (
                    "id", "number", "subscriber_id", "status", "issued_on", "due_on", "period_start_on",
                    "period_end_on", "timezone", "currency", "tax_minor", "total_minor", "paid_minor", "created_at",
                )  # fmt: skip
                rows = [
                    (
                        uuid4(), f"BENCH-{number}", subscriber_id, "issued", long_ago, long_ago, long_ago, long_ago,
                        "Asia/Jakarta", "IDR", 0, DEBT_MINOR, 0, now,
                    )
                    for number, (_, subscriber_id) in enumerate(owners)
                ]  # fmt: skip
                await insert_rows(work.connection, invoices, columns, rows)
                ids: list[UUID] = [service_id for service_id, _ in owners]
                details = {"service_ids": [str(service_id) for service_id in ids]}
                await work.changes.record(Actor("bench", "cli"), now, "invoice.run", "service", ids[0], details)
        finally:
            await database.close()
        return time.monotonic()

    async def _payment(self, pool: ThreadPoolExecutor) -> float:
        """Let one who is walled already pay, while others wait to be walled; return how long until its NAS is told."""

        def inside() -> list[Event]:
            return [one for one in self.events if one["kind"] == "in" and one["walled"]]

        await self._until(lambda: len(inside()) >= 20, "the first are walled")
        name = inside()[0]["name"]
        await asyncio.sleep(1)  # its Start is on record
        arguments = ("payment", "add", name, str(DEBT_MINOR), "--method", "cash")
        finished = await asyncio.get_running_loop().run_in_executor(pool, lambda: self._daemon.program(*arguments))
        recorded = time.monotonic()
        assert finished.returncode == 0, finished.stderr

        def orders() -> list[Event]:
            return [one for one in self.events if one["kind"] == "order" and one["name"] == name]

        await self._until(lambda: len(orders()) >= 2, "who paid is restored")
        self._paid = name
        return max(0.0, float(orders()[1]["at"]) - recorded)

    async def _sample(self, pool: ThreadPoolExecutor) -> None:
        """Note what /metrics says of the windows."""
        loop = asyncio.get_running_loop()
        rows = await self._database.fetch(f"SELECT id, address FROM {nas_table.name}")
        address_of = {f'netbilld_orders_window_seconds{{nas="{row["id"]}"}}': row["address"] for row in rows}
        while True:
            found = await loop.run_in_executor(pool, self._daemon.metrics)
            for name, value in found.items():
                if name in address_of:
                    self._windows.append((time.monotonic(), address_of[name], value))
            await asyncio.sleep(1)

    def _done(self, addresses: list[str], since: float) -> Callable[[], Any]:
        each = SUBSCRIBERS // NAS

        async def done() -> bool:
            cut = {one["name"] for one in self._orders(addresses, since)}
            if len(cut) < len(addresses) * each:
                return False
            inside = {
                one["name"]
                for one in self.events
                if one["kind"] == "in" and one["at"] > since and one["nas"] in addresses
            }
            return len(inside) >= len(cut) and not await self._database.fetchval(_DIFFER, addresses)

        return done

    def _orders(self, addresses: list[str], since: float) -> list[Event]:
        return [one for one in self.events if one["kind"] == "order" and one["nas"] in addresses and one["at"] >= since]

    def _rows(self, table: str, count: int) -> Callable[[], Any]:
        async def enough() -> bool:
            return bool(await self._database.fetchval(f"SELECT count(*) FROM {table}") >= count)

        return enough

    async def _until(self, condition: Callable[[], Any], what: str) -> None:
        began = time.monotonic()
        deadline = began + PATIENCE_SECONDS
        while True:
            self._read_events()
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                print(f"{what}: after {time.monotonic() - began:.1f} s", file=sys.stderr)
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited in vain: {what}")
            await asyncio.sleep(0.25)

    def _read_events(self) -> None:
        for path in self._directory.glob("*.events"):
            with path.open("rb") as file:
                file.seek(self._read.get(path.name, 0))
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._read[path.name] = self._read.get(path.name, 0) + len(line)
                    self.events.append(json.loads(line))

    def _figures(
        self, began: float, nine_done: float, returned: float, tenth_done: float, payment_seconds: float
    ) -> dict[str, Any]:
        nine = self._addresses[:-1]
        orders = self._orders(nine, began)
        tenth = self._orders([self._dead], returned)
        took = sorted(one["seconds"] for one in self.events if one["kind"] == "took" and began <= one["at"])
        often = Counter(one["name"] for one in orders + tenth)
        often[self._paid] -= 1
        return {
            "nine_seconds": round(nine_done - began, 2),
            "first_order_seconds": round(min(one["at"] for one in orders) - began, 2),
            "last_order_seconds": round(max(one["at"] for one in orders) - began, 2),
            "walled": len({one["name"] for one in orders}),
            "repeated": sum(number - 1 for number in often.values() if number > 1),
            "payment_seconds": round(payment_seconds, 3),
            "return_start_seconds": round(min(one["at"] for one in tenth) - returned, 2),
            "return_seconds": round(tenth_done - returned, 2),
            "log_ins": len(took),
            "log_in_p50_ms": round(took[len(took) // 2] * 1e3, 1),
            "log_in_p99_ms": round(took[int(len(took) * 0.99)] * 1e3, 1),
            "log_in_most_ms_by_second": self._slowest(began),
            "window_share": self._window_share(nine, began),
            "return_window_share": self._window_share([self._dead], returned),
        }

    def _slowest(self, since: float) -> list[float]:
        worst: dict[int, float] = {}
        for one in self.events:
            if one["kind"] == "took" and one["at"] - one["seconds"] >= since:
                second = int(one["at"] - one["seconds"] - since)
                worst[second] = max(worst.get(second, 0.0), one["seconds"])
        return [round(worst[second] * 1e3) for second in sorted(worst)]

    def _window_share(self, addresses: list[str], since: float) -> float | None:
        """Return how much of the longest window that was computed for a NAS its orders took, of the worst of them.

        Who pays meanwhile goes before those whose wait was computed: it gets longer by as many orders.
        """
        shares = []
        for address in addresses:
            known = [(at, seconds) for at, one, seconds in self._windows if one == address and at >= since]
            if not known:
                continue
            at, window_seconds = max(known, key=lambda sample: sample[1])
            left = [one for one in self._orders([address], since) if one["at"] >= at]
            foreseen = [one["at"] for one in left if one["name"] != self._paid]
            if foreseen:
                window_seconds *= len(left) / len(foreseen)
                shares.append((max(foreseen) - at) / max(window_seconds, 1.0))
        return round(max(shares), 3) if shares else None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paces", default="off,default")
    with tempfile.TemporaryDirectory(prefix="netbilld-mass-") as place:
        _, results = measure(Path(place), parser.parse_args())
    print_bars(results)
    sys.exit(0 if all(bar.met for bar in results) else 1)
