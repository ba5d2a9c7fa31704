"""Whether rating keeps up: usage slices a second with a wallet or an allowance each, and how soon thresholds are told.

    .venv/bin/python -m benchmarks.rating [--subscribers N] [--a-second N] [--seconds N] [--sqlite] [--profile FILE]

A whole daemon without its sockets takes Interim-Updates from the journal at an even pace, on PostgreSQL unless told
otherwise. Half of the subscribers pay by use from a wallet (tiers; one in five of them with happy hours), the others
have an allowance with steps, one in ten of a size that is passed in the run: a few dozen a second. From a report's
entering the journal to its threshold's being seen in the database counts; afterwards each wallet must have paid what
the whole period costs. Packets are made before.
"""

import argparse
import asyncio
import gc
import json
import os
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select, update

from benchmarks.bars import Bar, at_least, at_most, print_bars
from benchmarks.contenders import postgresql, sources
from benchmarks.fold import INTERIM, KEY_FILE, NAS, START, Daemon, Town, composed, profiled
from benchmarks.seed import seed_database
from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.migrate import upgrade
from netbilld.adapters.database.tables import (
    accounts,
    allowance_thresholds,
    credentials,
    nas,
    plan_versions,
    plans,
    services,
    subscribers,
    usage_periods,
)
from netbilld.adapters.secretbox import create_key_file
from netbilld.billing.chart import Payer
from netbilld.billing.hours import parse_hours
from netbilld.billing.plan_file import parse_plan
from netbilld.billing.postings import payment_received
from netbilld.billing.rating.threshold import Mark, marks_of
from netbilld.daemon.authentication import YOUNG_OBJECTS
from netbilld.model.actor import METER
from netbilld.model.periods import monthly_period
from netbilld.services.rate_usage import rated

PER_USE = """
code = "{code}"
name = "Bayar sesuai pakai"
timing = "prepaid"
charging = "per_use"
[speed]
down = "100M"
up = "50M"
[usage]
price_per_gb = 3000
"""
FUP = """
code = "{code}"
name = "Kuota"
timing = "postpaid"
charging = "flat"
[recurring]
price = 200000
period = "month"
[speed]
down = "100M"
up = "50M"
[allowance]
data = "{data}MB"
after = "throttle"
throttled = {{ down = "2M", up = "1M" }}
"""
SIZES = 12  # of allowances
WALLET_MINOR = 1_000_000
ZONE = "Asia/Jakarta"
POLL_SECONDS = 0.05
OVERLAP = timedelta(seconds=2)  # a batch is committed after its instant
WARMING = 2  # reports of everybody before it counts: all but the first minutes of a session are like that
SAMPLE = 500  # services whose charges are reckoned anew
RESULTS = Path("benchmarks/results/rating.json")


@dataclass
class Told:
    """When a share of an allowance was passed by what had entered the journal, and when it was seen told."""

    passed: dict[tuple[UUID, int], float] = field(default_factory=dict)
    seen: dict[tuple[UUID, int], float] = field(default_factory=dict)

    def seconds(self) -> list[float]:
        return sorted(self.seen[key] - at for key, at in self.passed.items() if key in self.seen)


def definitions() -> list[dict[str, Any]]:
    """Return the plans: two by use, and allowances of several sizes."""
    tiered: dict[str, Any] = parse_plan(PER_USE.format(code="TIERS"), "bench.toml", "IDR")
    tiers = [{"up_to_units": 10**8, "price_minor": 5_000}, {"up_to_units": None, "price_minor": 3_000}]
    tiered["usage"] = {"tiers": tiers, "units_per_price": 10**9, "cap_minor": None}
    happy: dict[str, Any] = parse_plan(PER_USE.format(code="HAPPY"), "bench.toml", "IDR")
    spans = [list(span) for span in parse_hours(["daily 00:00-12:00"])]
    happy["happy_hours"] = [{"name": "pagi", "spans": spans, "weight": [1, 2]}]
    found = [tiered, happy]
    for size in range(SIZES):
        fup: dict[str, Any] = parse_plan(
            FUP.format(code=f"FUP{size}", data=100 + 40 * size if size < SIZES - 1 else 300_000), "bench.toml", "IDR"
        )
        fup["allowance"]["steps"] = [{"from_percent": 60, "down_bps": 20_000_000, "up_bps": 10_000_000}]
        found.append(fup)
    return found


async def arrange(database: Database) -> dict[UUID, tuple[Mark, ...]]:
    """Give everybody a plan and money; return the marks of those with an allowance."""
    marks: dict[UUID, tuple[Mark, ...]] = {}
    versions = []
    async with database.write() as work:
        now = SystemClock().now()
        for definition in definitions():
            plan_id, version_id = uuid4(), uuid4()
            code = definition["code"]
            await work.connection.execute(
                insert(plans).values(id=plan_id, code=code, code_key=code.lower(), on_sale=True, created_at=now)
            )
            await work.connection.execute(
                insert(plan_versions).values(
                    id=version_id,
                    plan_id=plan_id,
                    version=1,
                    name=code,
                    definition=definition,
                    created_at=now,
                    actor="bench",
                )
            )
            versions.append(version_id)
        known = await work.plans.plans_by_version()
        of_service = list(
            await work.connection.execute(
                select(services.c.id, subscribers.c.id, subscribers.c.number)
                .join(subscribers, subscribers.c.id == services.c.subscriber_id)
                .order_by(subscribers.c.number)
            )
        )
        chosen: dict[UUID, list[UUID]] = {}
        entries = []
        for number, (service_id, subscriber_id, subscriber_no) in enumerate(of_service):
            if number % 2:
                version_id = versions[1] if number % 10 == 1 else versions[0]
                payer = Payer(subscriber_id, subscriber_no, "IDR")
                entries.append(
                    payment_received(payer, uuid4(), "cash", settled_minor=0, credited_minor=WALLET_MINOR, memo="")
                )
            else:
                size = number // 2 % (10 * SIZES)  # one in ten passes something in this run
                version_id = versions[2 + min(size, SIZES - 1)]
                plan = known[version_id]
                marks[service_id] = marks_of(plan, plan.allowance.data_octets if plan.allowance else 0)
            chosen.setdefault(version_id, []).append(service_id)
        for version_id, ids in chosen.items():
            for start in range(0, len(ids), 5_000):
                part = ids[start : start + 5_000]
                await work.connection.execute(
                    update(services).where(services.c.id.in_(part)).values(plan_version_id=version_id)
                )
        await work.ledger.post_many(entries, at=now, booked_on=now.date(), actor=METER)
    return marks


async def look(database: Database, told: Told) -> None:
    """Take note of when thresholds are there for others to see."""
    table = allowance_thresholds.c
    newest = SystemClock().now()
    while True:
        async with database.read() as work:
            query = select(table.service_id, table.percent, table.at).where(table.at >= newest - OVERLAP)
            rows = list(await work.connection.execute(query))
        seen_at = time.perf_counter()
        for service_id, percent, at in rows:
            told.seen.setdefault((service_id, percent), seen_at)
            newest = max(newest, at)
        await asyncio.sleep(POLL_SECONDS)


async def say_all(running: Daemon, town: Town, status: int, count: int, clock: SystemClock) -> None:
    for number in range(count):
        nas_id, source, packet = town.say(status, number)
        at_us = int(clock.now().timestamp() * 1e6)
        running.journal.append(nas_id, source, False, at_us, packet, lambda *_: None, None)
        if number % 5_000 == 0:
            await running.journal.drain()
    await running.journal.drain()


async def keep_pace(
    running: Daemon,
    town: Town,
    marks: dict[int, tuple[UUID, tuple[Mark, ...]]],
    told: Told,
    options: argparse.Namespace,
) -> tuple[float, float, int]:
    """Let reports come in at an even pace; return since when, with how much CPU then, and how many."""
    clock = SystemClock()
    used = [WARMING * (40_000_000 + number) for number in range(options.subscribers)]
    at_mark: Counter[int] = Counter()
    for number, (_, of_service) in marks.items():
        total = used[number] + used[number] // 10
        at_mark[number] = sum(total >= mark.units for mark in of_service)
    packets = [
        town.say(INTERIM, number % options.subscribers) for number in range(int(options.seconds * options.a_second))
    ]
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
    own = time.process_time()
    began, said = time.perf_counter(), 0
    while (now := time.perf_counter()) - began < options.seconds:
        due = int((now - began) * options.a_second)
        while said < due:
            number = said % options.subscribers
            nas_id, source, packet = packets[said]
            running.journal.append(
                nas_id, source, False, int(clock.now().timestamp() * 1e6), packet, lambda *_: None, None
            )
            said += 1
            if number in marks:
                octets = 40_000_000 + number
                used[number] += octets
                service_id, of_service = marks[number]
                total = used[number] + used[number] // 10
                while at_mark[number] < len(of_service) and total >= of_service[at_mark[number]].units:
                    told.passed[service_id, of_service[at_mark[number]].percent] = time.perf_counter()
                    at_mark[number] += 1
        await asyncio.sleep(0.005)
    await running.journal.drain()
    return began, own, said


async def charged_as_rated(database: Database, service_ids: list[UUID]) -> tuple[int, int, int]:
    """Return how many services were charged, how many otherwise than the whole period costs, and the sum charged."""
    period = monthly_period(SystemClock().now(), 1, ZONE)
    async with database.read() as work:
        found = await rated(work, dict.fromkeys(service_ids, period))
        query = select(usage_periods.c.service_id, usage_periods.c.charged_minor).where(
            usage_periods.c.service_id.in_(service_ids), usage_periods.c.start_on == period.start_on
        )
        charged = {row.service_id: row.charged_minor for row in await work.connection.execute(query)}
        total = await work.connection.scalar(select(func.sum(usage_periods.c.charged_minor)))
        held = await work.connection.scalar(
            select(func.sum(accounts.c.balance_minor)).where(accounts.c.code.like("wallet:%"))
        )
    wrong = sum(charged.get(service_id, 0) != one.amount_minor for service_id, one in found.items())
    return len(charged), wrong, int(held or 0) + int(total or 0)


async def measure(directory: Path, url: str, options: argparse.Namespace) -> list[Bar]:
    """Return the figures beside their bars."""
    database, clock = Database(url), SystemClock()
    told = Told()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        await upgrade(database)
        create_key_file(directory / KEY_FILE)
        await seed_database(url, directory / KEY_FILE, options.subscribers, sources(NAS))
        marks_of_service = await arrange(database)
        running = await stack.enter_async_context(composed(database, directory, clock))
        async with database.read() as work:
            nas_ids = list(await work.connection.scalars(select(nas.c.id).order_by(nas.c.address)))
            named = select(credentials.c.service_id).order_by(credentials.c.name_key)
            service_ids = list(await work.connection.scalars(named))
        town = Town(nas_ids, service_ids)
        town.interval_seconds = max(1, options.subscribers // options.a_second)
        marks = {
            number: (service_id, marks_of_service[service_id])
            for number, service_id in enumerate(service_ids)
            if service_id in marks_of_service
        }
        await say_all(running, town, START, options.subscribers, clock)
        await running.apply(options.subscribers)
        for _ in range(WARMING):
            await say_all(running, town, INTERIM, options.subscribers, clock)
            await running.apply(options.subscribers)
        if not database.is_sqlite:  # as autovacuum would a minute later
            async with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
                await connection.exec_driver_sql("ANALYZE")
        watching = asyncio.create_task(look(database, told))
        metering = asyncio.create_task(running.metering.run())
        before, load_before = running.metering.applied, os.getloadavg()[0]
        with profiled(options.profile):
            began, own, said = await keep_pace(running, town, marks, told, options)
            paced = time.perf_counter() - began
            while running.metering.applied - before < said:  # noqa: ASYNC110 - nothing in a daemon waits for this
                await asyncio.sleep(0.01)
        took, own = time.perf_counter() - began, time.process_time() - own
        await asyncio.sleep(1.0)
        for task in (watching, metering):
            task.cancel()
        await asyncio.gather(watching, metering, return_exceptions=True)
        paying = [service_id for service_id in service_ids if service_id not in marks_of_service]
        services_charged, wrong, held = await charged_as_rated(database, paying[:: max(1, len(paying) // SAMPLE)])
    seconds = told.seconds()
    missing = len(told.passed) - len(seconds)
    put_in = WALLET_MINOR * len(paying)
    print(
        f"{said:,} reports in {paced:.1f} s, applied after {took:.1f} s; {own / took:.2f} cores of this process; "
        f"load {load_before:.1f} to {os.getloadavg()[0]:.1f}\n"
        f"{len(told.passed):,} thresholds passed, {missing} not told; {services_charged} services reckoned anew"
    )
    last = len(seconds) - 1
    return [
        at_least("slices rated a second", said / took, options.a_second * 0.98, "/s"),
        at_most("behind when the last report had come", took - paced, 1.0, "s"),
        at_most("thresholds told, median", seconds[last // 2] if seconds else 99.0, 1.0, "s"),
        at_most("thresholds told, 99 %", seconds[int(last * 0.99)] if seconds else 99.0, 1.0, "s"),
        at_most("thresholds told, the latest", seconds[last] if seconds else 99.0, 1.0, "s"),
        at_most("thresholds not told", missing, 0),
        at_most("services charged otherwise than rated anew", wrong, 0),
        at_most("rupiah lost between wallets and charges", abs(held - put_in), 0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=20_000)
    parser.add_argument("--a-second", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--sqlite", action="store_true")
    parser.add_argument("--profile", help="where to write what cProfile saw")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="netbilld-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        if options.sqlite:
            url = sqlite_url(directory / "netbilld.db")
        else:
            url = stack.enter_context(postgresql(directory)).new_database()
        bars = asyncio.run(measure(directory, url, options))
    print_bars(bars)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps([bar.as_json() for bar in bars], indent=1) + "\n")


if __name__ == "__main__":
    main()
