"""The billing run over many subscribers: seconds, peak memory, and how that compares to bare inserts of the same rows.

    python -m benchmarks.billing [--count 100000] [--databases sqlite,postgresql] [--realtime]

Each subscriber gets an invoice of two lines (a fee and a television) with its ledger entry, twice: at the first run,
when accounts are opened, and a month later. The run is a process of its own, so that its memory is its own. INCA-38:
500 invoices are made and their messages queued within 60 s; the bar of the large run is 100,000 in 60 s and 500 MiB.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select

from benchmarks.bars import Bar, at_most, print_bars
from netbilld.adapters.database.bulk import insert_rows
from netbilld.adapters.database.driver import Driver
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.migrate import upgrade
from netbilld.adapters.database.tables import (
    invoice_lines,
    invoices,
    outbox,
    plan_versions,
    plans,
    service_terms,
    services,
    subscribers,
)
from netbilld.billing.plan_file import parse_plan
from netbilld.daemon.billing import LANES, collect_seldom
from netbilld.model.actor import Actor
from netbilld.services.run_billing import RunBilling
from tests import postgres

BAR_SECONDS, BAR_MIB = 60.0, 500.0
FEW, FEW_SECONDS = 500, 60.0
BATCH = 5_000
ZONE = "Asia/Jakarta"
MONTHS = (date(2026, 1, 1), date(2026, 2, 1))
BEGAN = datetime(2026, 1, 1, 1, tzinfo=UTC)
HERE = Path(__file__).parent
PLAN = """
code = "BUNDLE"
name = "Internet dan TV"
timing = "postpaid"
charging = "flat"
[recurring]
price = 200000
period = "month"
[speed]
down = "20M"
up = "10M"
[[component]]
code = "tv"
name = "TV 60 kanal"
price = 50000
revenue = "tv"
"""
_INVOICE = (
    "id", "number", "subscriber_id", "status", "issued_on", "due_on", "period_start_on", "period_end_on", "timezone",
    "currency", "tax_minor", "total_minor", "paid_minor", "created_at", "kind", "note",
)  # fmt: skip
_LINE = (
    "invoice_id", "position", "service_id", "kind", "text", "quantity", "unit_price_minor", "per", "amount_minor",
    "tax_minor", "inclusive", "revenue",
)  # fmt: skip


async def seed(url: str, count: int) -> list[tuple[UUID, UUID]]:
    """Make `count` subscribers with a service each; return their ids."""
    database = Database(url)
    await upgrade(database)
    plan_id, version_id = uuid4(), uuid4()
    people = [(uuid4(), uuid4()) for _ in range(count)]
    async with database.write() as work:
        run = work.connection.execute
        await run(insert(plans).values(id=plan_id, code="BUNDLE", code_key="bundle", on_sale=True, created_at=BEGAN))
        await run(
            insert(plan_versions).values(
                id=version_id, plan_id=plan_id, version=1, name="Internet dan TV",
                definition=parse_plan(PLAN, "bundle.toml", "IDR"), created_at=BEGAN, actor="bench",
            )
        )  # fmt: skip
    day = MONTHS[0]
    for start in range(0, count, BATCH):
        some = list(enumerate(people))[start : start + BATCH]
        async with database.write() as work:
            on = work.connection
            await insert_rows(
                on, subscribers, ("id", "number", "name", "currency", "status", "created_at"),
                [(one, str(500_000 + n), f"Pelanggan {n}", "IDR", "active", BEGAN) for n, (one, _) in some],
            )  # fmt: skip
            await insert_rows(
                on, services,
                ("id", "subscriber_id", "plan_version_id", "status", "status_since_at", "billing_day", "timezone",
                 "activated_on", "created_at"),
                [(s, one, version_id, "active", BEGAN, 1, ZONE, day, BEGAN) for _, (one, s) in some],
            )  # fmt: skip
            await insert_rows(
                on, service_terms,
                ("service_id", "from_on", "plan_version_id", "free", "is_reset", "actor", "created_at", "applied_at"),
                [(s, day, version_id, False, False, "bench", BEGAN, BEGAN) for _, (_, s) in some],
            )  # fmt: skip
    if not database.is_sqlite:
        async with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            await connection.exec_driver_sql("VACUUM ANALYZE")
    await database.close()
    return people


async def bare(url: str, people: list[tuple[UUID, UUID]]) -> float:
    """Return how many invoices a second the same rows take with nothing else: an invoice and two lines."""
    database = Database(url)
    began = time.monotonic()
    for start in range(0, len(people), BATCH):
        some = people[start : start + BATCH]
        ids = [uuid4() for _ in some]
        async with database.write() as work:
            driver, connection = Driver(work.connection), work.connection
            documents = [
                (one, f"BARE-{start + n}", who, "draft", MONTHS[0], MONTHS[0], MONTHS[0], MONTHS[1], ZONE, "IDR", 0,
                 250_000, 0, BEGAN, "invoice", "")
                for n, (one, (who, _)) in enumerate(zip(ids, some, strict=True))
            ]  # fmt: skip
            lines = [
                (one, n, service, "recurring", "Internet dan TV, 01/01/2026 - 31/01/2026", 1, amount, 1, amount, 0,
                 True, "revenue:recurring")
                for one, (_, service) in zip(ids, some, strict=True)
                for n, amount in ((1, 200_000), (2, 50_000))
            ]  # fmt: skip
            if database.is_sqlite:
                await connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
                await driver.append(invoice_lines.name, _LINE, lines)
                await driver.append(invoices.name, _INVOICE, documents)
            else:
                await driver.append(invoices.name, _INVOICE, documents)
                await driver.append(invoice_lines.name, _LINE, lines)
    seconds = time.monotonic() - began
    await database.close()
    return len(people) / seconds


async def billed(url: str, day: date) -> dict[str, Any]:
    """Run once, in this process, as `netbilld invoice run` does, and say what it took."""
    collect_seldom()
    database = Database(url)
    steps: list[float] = []
    began, cpu = time.monotonic(), time.process_time()
    report = await RunBilling(database, due_days=10, timezone=ZONE, lanes=1 if database.is_sqlite else LANES).run(
        as_of=day,
        now=datetime(day.year, day.month, day.day, 2, tzinfo=UTC),
        actor=Actor("bench", "bench"),
        progress=lambda *_: steps.append(time.monotonic()),
    )
    seconds = time.monotonic() - began
    await database.close()
    return {
        "documents": len(report.invoices),
        "parked": len(report.parked),
        "seconds": seconds,
        "cpu": time.process_time() - cpu,
        "longest": max((b - a for a, b in zip([began, *steps], steps, strict=False)), default=0.0),
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measured(url: str, day: date, *, realtime: bool) -> dict[str, Any]:
    """Run in a process of its own."""
    wrapper = ["chrt", "-r", "5"] if realtime else []
    command = [*wrapper, sys.executable, "-m", "benchmarks.billing", "--child", url, day.isoformat()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextmanager
def fresh(kind: str, directory: Path, *, realtime: bool = False) -> Iterator[str]:
    """Give the URL of an empty database; with `realtime` the server's processes go before others too."""
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{directory / f'{uuid4().hex}.db'}"
        return
    with postgres.cluster() as cluster:
        if realtime:
            subprocess.run(["chrt", "-r", "-p", "5", str(cluster.pid)], check=True)  # inherited by what it forks
        yield cluster.new_database()


async def queued(url: str) -> int:
    """Return how many messages wait in the outbox."""
    database = Database(url)
    async with database.read() as work:
        found = await work.connection.scalar(select(func.count()).select_from(outbox))
    await database.close()
    return int(found or 0)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--realtime", action="store_true", help="run it with chrt -r 5")
    parser.add_argument("--child", nargs=2)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(asyncio.run(billed(options.child[0], date.fromisoformat(options.child[1])))))
        return 0
    bars: list[Bar] = []
    for kind in options.databases.split(","):
        bars += _of(kind, options)
    print_bars(bars)
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    target = HERE / "results" / "billing.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps([bar.as_json() for bar in bars], indent=2) + "\n")
    return 0 if all(bar.met for bar in bars) else 1


def _of(kind: str, options: argparse.Namespace) -> list[Bar]:
    count, realtime = options.count, options.realtime
    bars = []
    with tempfile.TemporaryDirectory(prefix="netbilld-billing-") as directory:
        with fresh(kind, Path(directory), realtime=realtime) as url:
            rate = asyncio.run(_bare_rate(url, count))
        with fresh(kind, Path(directory), realtime=realtime) as url:
            asyncio.run(seed(url, count))
            for name, day in zip(("first run", "a month later"), MONTHS, strict=True):
                one = measured(url, day, realtime=realtime)
                if one["documents"] != count or one["parked"]:
                    sys.exit(f"{one} and not {count} documents")
                said = f"{kind}: {count:,}, {name}"
                bars.append(at_most(f"{said}, seconds", one["seconds"], BAR_SECONDS * count / 100_000, "s"))
                bars.append(at_most(f"{said}, peak memory", one["mib"], BAR_MIB, "MiB"))
                print(
                    f"{said}: {count / one['seconds']:,.0f} a second, {one['cpu']:.1f} s of CPU of our own, longest"
                    f" transaction {one['longest']:.2f} s; bare inserts of documents and lines {rate:,.0f} a second",
                    flush=True,
                )
        with fresh(kind, Path(directory), realtime=realtime) as url:
            asyncio.run(seed(url, FEW))
            one = measured(url, MONTHS[0], realtime=realtime)
            if asyncio.run(queued(url)) != FEW:
                sys.exit("not every invoice has its message")
            bars.append(at_most(f"{kind}: {FEW} made and queued (INCA-38)", one["seconds"], FEW_SECONDS, "s"))
    return bars


async def _bare_rate(url: str, count: int) -> float:
    return await bare(url, await seed(url, count))


if __name__ == "__main__":
    sys.exit(main())
